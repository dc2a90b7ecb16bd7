"""Scripts that complete `mesh-app` in a shell, made from the parser itself, so that they never lag behind it."""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

SHELLS: Final = ("bash", "zsh", "fish")
TAKES_FILE: Final = ("FILE", "DIR")
"""How the stand-in for a path begins: also FILE.cast, FILE.ttf."""
SCENARIOS: Final = Path(__file__).with_name("demo") / "scenarios"


@dataclass(frozen=True, slots=True)
class Word:
    """One option, or the name of a subcommand. `values` are what may follow it; `takes_file`: a path does."""

    text: str
    meaning: str
    values: tuple[str, ...] = ()
    takes_file: bool = False


def completion_script(shell: str, parser: argparse.ArgumentParser) -> str:
    """The script for a shell of SHELLS."""
    words = _words(parser)
    commands = {name: _words(sub) + _values(sub) for name, sub in _commands(parser).items()}
    match shell:
        case "bash":
            return _bash(words, commands)
        case "zsh":
            return _zsh(words, commands)
        case _:
            return _fish(words, commands)


def _words(parser: argparse.ArgumentParser) -> list[Word]:
    words = []
    for action in _actions(parser):
        for option in action.option_strings:
            if option.startswith("--"):
                values = _demonstrations() if option == "--demo" else tuple(str(choice) for choice in action.choices or ())
                words.append(Word(option, _meaning(action), values, takes_file=str(action.metavar).startswith(TAKES_FILE)))
    words += [Word(name, sub.description or "") for name, sub in _commands(parser).items()]
    return words


def _demonstrations() -> tuple[str, ...]:
    return ("list", *sorted(path.stem for path in SCENARIOS.glob("*.toml")))


def _values(parser: argparse.ArgumentParser) -> list[Word]:
    """What may stand at the place of a positional argument."""
    return [
        Word(str(choice), "")
        for action in _actions(parser)
        if not action.option_strings and not isinstance(action, argparse._SubParsersAction)  # noqa: SLF001 - argparse has no public name for it
        for choice in action.choices or ()
    ]


def _actions(parser: argparse.ArgumentParser) -> Sequence[argparse.Action]:
    return [action for action in parser._actions if action.help != argparse.SUPPRESS]  # noqa: SLF001 - nor a public list of its options


def _commands(parser: argparse.ArgumentParser) -> Mapping[str, argparse.ArgumentParser]:
    found: dict[str, argparse.ArgumentParser] = {}
    for action in _actions(parser):
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001
            found.update(action.choices)
    return found


def _meaning(action: argparse.Action) -> str:
    values: dict[str, Any] = {"default": action.default, "prog": "mesh-app"}
    return (action.help or "") % values


def _bash(words: Sequence[Word], commands: Mapping[str, Sequence[Word]]) -> str:
    after = []
    for word in words:
        if word.values:
            after.append(f'        {word.text}) COMPREPLY=($(compgen -W "{" ".join(word.values)}" -- "$current")); return ;;')
        elif word.takes_file:
            after.append(f'        {word.text}) COMPREPLY=($(compgen -f -- "$current")); return ;;')
    inside = [
        f'        {name}) COMPREPLY=($(compgen -W "{" ".join(word.text for word in found)}" -- "$current")); return ;;' for name, found in commands.items()
    ]
    return "\n".join(
        [
            "# bash completion of mesh-app: mesh-app completion bash > ~/.local/share/bash-completion/completions/mesh-app",
            "_mesh_app() {",
            '    local current="${COMP_WORDS[COMP_CWORD]}" previous="${COMP_WORDS[COMP_CWORD-1]}"',
            '    case "$previous" in',
            *after,
            "    esac",
            '    case "${COMP_WORDS[1]}" in',
            *inside,
            "    esac",
            f'    COMPREPLY=($(compgen -W "{_joined(words)}" -- "$current"))',
            "}",
            "complete -F _mesh_app mesh-app",
            "",
        ]
    )


def _joined(words: Sequence[Word]) -> str:
    return " ".join(word.text for word in words)


def _zsh(words: Sequence[Word], commands: Mapping[str, Sequence[Word]]) -> str:
    def quoted(text: str) -> str:
        return text.replace("'", "").replace("[", "(").replace("]", ")").replace(":", ",")

    lines = []
    for word in words:
        if word.text.startswith("--"):
            argument = f":value:({' '.join(word.values)})" if word.values else ":file:_files" if word.takes_file else ""
            lines.append(f"    '{word.text}[{quoted(word.meaning)}]{argument}' \\")
    inside = [f"        {name}) _values '{name}' {' '.join(repr(word.text) for word in found) or repr('--help')} ;;" for name, found in commands.items()]
    return "\n".join(
        [
            "#compdef mesh-app",
            "# zsh completion of mesh-app: mesh-app completion zsh > a folder of $fpath, as _mesh-app",
            "_arguments \\",
            *lines,
            f"    '1:command:({' '.join(commands)})' \\",
            "    '*::argument:->rest'",
            'if [[ "$state" == rest ]]; then',
            '    case "$words[1]" in',
            *inside,
            "    esac",
            "fi",
            "",
        ]
    )


def _fish(words: Sequence[Word], commands: Mapping[str, Sequence[Word]]) -> str:
    def quoted(text: str) -> str:
        return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"

    lines = ["# fish completion of mesh-app: mesh-app completion fish > ~/.config/fish/completions/mesh-app.fish", "complete -c mesh-app -f"]
    for word in words:
        if word.text.startswith("--"):
            argument = f" -x -a {quoted(' '.join(word.values))}" if word.values else " -r -F" if word.takes_file else ""
            lines.append(f"complete -c mesh-app -l {word.text[2:]}{argument} -d {quoted(word.meaning)}")
    for name, found in commands.items():
        lines.append(f"complete -c mesh-app -n __fish_use_subcommand -a {name}")
        lines += [f"complete -c mesh-app -n '__fish_seen_subcommand_from {name}' -a {quoted(word.text)}" for word in found if not word.text.startswith("--")]
        lines += [f"complete -c mesh-app -n '__fish_seen_subcommand_from {name}' -l {word.text[2:]}" for word in found if word.text.startswith("--")]
    return "\n".join([*lines, ""])
