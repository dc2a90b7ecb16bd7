"""What a command asks the person at the terminal: passphrases, recovery phrases, confirmations. Secrets are never taken from the command line."""

import getpass
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import click

from mesh_core.errors import ErrorCode, LocalFault
from mesh_core.storage.files import read_at_most
from mesh_core.storage.key_file import Sealing

PASSPHRASE_VARIABLE: Final = "MESH_PASSPHRASE"  # noqa: S105 the name of a variable
WORDS_ASKED: Final = 3
TRIES: Final = 3
WORDS_IN_A_ROW: Final = 4
ALTERNATE_SCREEN: Final = ("\x1b[?1049h\x1b[H", "\x1b[?1049l")
"""What is shown between the two leaves no trace on the screen nor above it."""
CLEAR_SCREEN: Final = "\x1b[2J\x1b[H"
STDIN_LIMIT_BYTES: Final = 4096


def has_terminal() -> bool:
    """Whether somebody can be asked."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def ask_passphrase(wallet: str) -> str:
    """The passphrase of a wallet (secret), from MESH_PASSPHRASE or the terminal. LocalFault (WALLET_SEALED) where there is neither."""
    given = os.environ.get(PASSPHRASE_VARIABLE)
    if given is not None:
        return given
    if not has_terminal():
        text = f"the wallet '{wallet}' is sealed with a passphrase: set {PASSPHRASE_VARIABLE}, or run this at a terminal"
        raise LocalFault(ErrorCode.WALLET_SEALED, text)
    with _interruptible():
        return str(click.prompt(f"Passphrase of '{wallet}'", hide_input=True, err=True))


def ask_new_sealing(wallet: str, *, no_passphrase: bool) -> Sealing | None:
    """How a new wallet's seed is sealed; None for not at all. UsageError where nobody can be asked, LocalFault (PASSPHRASE) for an empty one."""
    if no_passphrase:
        return None
    given = os.environ.get(PASSPHRASE_VARIABLE)
    if given is None and not has_terminal():
        raise click.UsageError(f"nobody can be asked for a passphrase here: set {PASSPHRASE_VARIABLE}, or leave the seed unsealed with --no-passphrase")
    if given is None:
        given = str(
            click.prompt(f"New passphrase for '{wallet}'", hide_input=True, confirmation_prompt="The same again", err=True, default="", show_default=False)
        )
    if not given:
        raise LocalFault(ErrorCode.PASSPHRASE, "the passphrase is empty: choose one, or leave the seed unsealed with --no-passphrase")
    return Sealing(given)


def read_phrase() -> str:
    """A recovery phrase (secret): typed without echo, or from standard input where that is no terminal. Abort where the typing is broken off.

    Standard input alone decides: whoever types is not to see the words on the screen because standard error goes to a file.
    """
    if not sys.stdin.isatty():
        return sys.stdin.buffer.read(STDIN_LIMIT_BYTES).decode("utf-8", "replace")
    try:
        # It asks on the terminal itself, wherever the other streams lead.
        return getpass.getpass("Recovery phrase (24 words, not shown): ")
    except (KeyboardInterrupt, EOFError):
        raise click.Abort from None


def read_named(path: Path, limit_bytes: int) -> bytes:
    """The first bytes of a file that was named on the command line; - is standard input. Raises OSError."""
    if str(path) == "-":
        return sys.stdin.buffer.read(limit_bytes)
    return read_at_most(path, limit_bytes)


def phrase_lines(phrase: str) -> list[str]:
    """The words of a phrase (secret), numbered, four a line."""
    words = [f"{number:>2} {word:<10}" for number, word in enumerate(phrase.split(), 1)]
    return ["  ".join(words[start : start + WORDS_IN_A_ROW]).rstrip() for start in range(0, len(words), WORDS_IN_A_ROW)]


def show_and_confirm(lines: Sequence[str], phrase: str) -> None:
    """Show a phrase (secret) on a screen of its own, then ask for three of its words. LocalFault (CONFIRMATION_MISSING) after three wrong answers."""
    begin, end = ALTERNATE_SCREEN
    click.echo(begin + "\n".join(lines), nl=False)
    try:
        click.prompt("\n\nPress Enter when you have written the words down; they are not shown again", default="", show_default=False, err=True)
        click.echo(CLEAR_SCREEN, nl=False)
        # What is typed is on that screen, too.
        _ask_words(phrase.split())
    finally:
        click.echo(end, nl=False)


def _ask_words(words: Sequence[str]) -> None:
    for number in _draw_numbers(len(words), WORDS_ASKED):
        for _ in range(TRIES):
            if str(click.prompt(f"Word {number}", err=True)).strip().lower() == words[number - 1]:
                break
            click.echo(f"That is not word {number}.", err=True)
        else:
            raise LocalFault(ErrorCode.CONFIRMATION_MISSING, "the words were not confirmed: no wallet was made, and this phrase is worth nothing")


def ask_sentence(sentence: str, given: str | None) -> str:
    """What the owner confirms with: `--confirm`, else typed. UsageError where nobody can be asked."""
    if given is not None:
        return given
    if not has_terminal():
        raise click.UsageError(f'nobody can be asked here: give --confirm "{sentence}"')
    with _interruptible():
        return str(click.prompt(f"To go on, type: {sentence}\n", prompt_suffix="> ", err=True)).strip()


@contextmanager
def _interruptible() -> Iterator[None]:
    """Ctrl-C ends a question at once. While an event loop runs, the first one would only be noted, and the question would stay."""
    before: Any = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _draw_numbers(of: int, count: int) -> list[int]:
    drawn: list[int] = []
    while len(drawn) < count:
        number = int.from_bytes(os.urandom(4), "big") % of + 1
        if number not in drawn:
            drawn.append(number)
    return sorted(drawn)
