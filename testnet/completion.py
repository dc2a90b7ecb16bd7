"""Scripts that complete a program in a shell, made from its argparse parser, so that they never lag behind it. For every program that has such a parser."""

import argparse
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

SHELLS: Final = ("bash", "zsh", "fish")
TAKES_FILE: Final = ("FILE", "DIR")
"""How the stand-in for a path begins: also FILE.cast, FILE.ttf."""


@dataclass(frozen=True, slots=True)
class Word:
    """One option, or the name of a subcommand. `values` are what may follow it; `takes_file`: a path does."""

    text: str
    meaning: str
    values: tuple[str, ...] = ()
    takes_file: bool = False


@dataclass(frozen=True, slots=True)
class Place:
    """A program, or one of its subcommands: its options, its own subcommands, and what may stand there besides. `path` are the names that lead to it."""

    path: tuple[str, ...]
    options: tuple[Word, ...]
    values: tuple[str, ...]
    takes_file: bool
    subcommands: tuple[Word, ...] = ()
    inner: tuple["Place", ...] = field(default=())

    @property
    def words(self) -> tuple[Word, ...]:
        """Everything that may be typed there, but paths."""
        return (*self.options, *self.subcommands, *(Word(value, "") for value in self.values))

    def all(self) -> Iterator["Place"]:
        """This and every one inside."""
        yield self
        for place in self.inner:
            yield from place.all()


def completion_script(shell: str, parser: argparse.ArgumentParser, values: Mapping[str, tuple[str, ...]] | None = None) -> str:
    """The script for a shell of SHELLS. `values` are words for an option, or for a stand-in (`V3`), that the parser does not name itself."""
    top = _read(parser, (), values or {})
    makers = {"bash": _bash, "zsh": _zsh, "fish": _fish}
    return makers[shell](parser.prog, top)


def add_completion(parser: argparse.ArgumentParser) -> None:
    """The argument of a `completion` subcommand."""
    parser.description = "Completion for a shell."
    parser.add_argument("shell", choices=SHELLS)


# --- What a parser has -----------------------------------------------------------------------------------------------------------------------------


def _read(parser: argparse.ArgumentParser, path: tuple[str, ...], values: Mapping[str, tuple[str, ...]]) -> Place:
    options: list[Word] = []
    here: list[str] = []
    subcommands: list[Word] = []
    inner: list[Place] = []
    takes_file = False
    for action in parser._actions:  # noqa: SLF001 - argparse has no public list of its options
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001 - nor a public name for this
            helps = {choice.dest: choice.help or "" for choice in action._choices_actions}  # noqa: SLF001
            subcommands += [Word(name, helps.get(name) or sub.description or "") for name, sub in action.choices.items()]
            inner += [_read(sub, (*path, name), values) for name, sub in action.choices.items()]
        elif action.help != argparse.SUPPRESS:
            known = _values(action, values)
            is_path = str(action.metavar).startswith(TAKES_FILE)
            options += [Word(option, _meaning(action, parser), known, is_path) for option in action.option_strings if option.startswith("--")]
            if not action.option_strings:
                here += known
                takes_file = takes_file or is_path
    return Place(path, tuple(options), tuple(dict.fromkeys(here)), takes_file, tuple(subcommands), tuple(inner))


def _values(action: argparse.Action, values: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    for name in (*action.option_strings, str(action.metavar)):
        if name in values:
            return values[name]
    return tuple(str(choice) for choice in action.choices or ())


def _meaning(action: argparse.Action, parser: argparse.ArgumentParser) -> str:
    known: dict[str, Any] = {"default": action.default, "prog": parser.prog}
    return (action.help or "") % known


# --- Scripts ---------------------------------------------------------------------------------------------------------------------------------------
# Bash and zsh walk over what was typed so far: `at` is where that has led to, " link cut", in the words of the parser.


def _name(program: str) -> str:
    return "_" + program.replace("-", "_")


def _case(place: Place) -> str:
    """The pattern of a place in a `case`: all but the program's own begin with a space."""
    return f'"{"".join(f" {name}" for name in place.path)}"'


def _walk(top: Place) -> str:
    return "|".join(_case(place) for place in top.all() if place.path)


def _joined(words: tuple[Word, ...]) -> str:
    return " ".join(word.text for word in words)


def _bash(program: str, top: Place) -> str:
    after, inside = [], []
    for place in top.all():
        pattern = _case(place)
        for word in place.options:
            if word.values:
                after.append(f'        {pattern[:-1]}|{word.text}") COMPREPLY=($(compgen -W "{" ".join(word.values)}" -- "$current")); return ;;')
            elif word.takes_file:
                after.append(f'        {pattern[:-1]}|{word.text}") COMPREPLY=($(compgen -f -- "$current")); return ;;')
        files = ' $(compgen -f -- "$current")' if place.takes_file else ""
        inside.append(f'        {pattern}) COMPREPLY=($(compgen -W "{_joined(place.words)}" -- "$current"){files}) ;;')
    return "\n".join(
        [
            f"# bash completion of {program}: {program} completion bash > ~/.local/share/bash-completion/completions/{program}",
            f"{_name(program)}() {{",
            '    local current="${COMP_WORDS[COMP_CWORD]}" previous="${COMP_WORDS[COMP_CWORD-1]}" at="" word',
            '    for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do',
            '        case "$at $word" in',
            f'            {_walk(top)}) at="$at $word" ;;',
            "        esac",
            "    done",
            '    case "$at|$previous" in',
            *after,
            "    esac",
            '    case "$at" in',
            *inside,
            "    esac",
            "}",
            f"complete -o filenames -F {_name(program)} {program}",
            "",
        ]
    )


def _zsh(program: str, top: Place) -> str:
    def entry(word: Word) -> str:
        meaning = word.meaning.replace("'", "’")
        return f"'{word.text}{':' + meaning if meaning else ''}'"

    after, inside = [], []
    for place in top.all():
        pattern = _case(place)
        for word in place.options:
            if word.values:
                after.append(f'    {pattern[:-1]}|{word.text}") compadd -- {" ".join(word.values)}; return ;;')
            elif word.takes_file:
                after.append(f'    {pattern[:-1]}|{word.text}") _files; return ;;')
        inside.append(f"    {pattern}) entries=({' '.join(entry(word) for word in place.words)}){'; _files' if place.takes_file else ''} ;;")
    return "\n".join(
        [
            f"#compdef {program}",
            f"# zsh completion of {program}: {program} completion zsh > a folder of $fpath, as _{program}",
            'local at="" word previous="${words[CURRENT-1]}"',
            "local -a entries",
            'for word in "${(@)words[2,CURRENT-1]}"; do',
            '    case "$at $word" in',
            f'    ({_walk(top)}) at="$at $word" ;;',
            "    esac",
            "done",
            'case "$at|$previous" in',
            *after,
            "esac",
            'case "$at" in',
            *inside,
            "esac",
            f"_describe '{program}' entries",
            "",
        ]
    )


def _fish(program: str, top: Place) -> str:
    def quoted(text: str) -> str:
        return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"

    lines = [
        f"# fish completion of {program}: {program} completion fish > ~/.config/fish/completions/{program}.fish",
        f"complete -c {program} -f",
    ]
    for place in top.all():
        seen = [f"__fish_seen_subcommand_from {name}" for name in place.path]
        unseen = [f"not __fish_seen_subcommand_from {_joined(place.subcommands)}"] if place.subcommands else []
        when = f" -n {quoted('; and '.join((*seen, *unseen)))}" if seen or unseen else ""
        always = f" -n {quoted('; and '.join(seen))}" if seen else ""
        for word in place.options:
            argument = f" -x -a {quoted(' '.join(word.values))}" if word.values else " -r -F" if word.takes_file else ""
            lines.append(f"complete -c {program}{always} -l {word.text[2:]}{argument} -d {quoted(word.meaning)}")
        lines += [f"complete -c {program}{when} -a {word.text} -d {quoted(word.meaning)}" for word in place.subcommands]
        lines += [f"complete -c {program}{always} -a {quoted(value)}" for value in place.values]
        if place.takes_file:
            lines.append(f"complete -c {program}{always} -F")
    return "\n".join([*lines, ""])
