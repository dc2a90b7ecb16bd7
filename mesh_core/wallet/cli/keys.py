"""`mesh-wallet keygen`, `show-address`, `list`, `use`, `export-view-key`, `import-view-key`: wallets and their keys. No network is asked."""

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import click

from mesh_core.crypto.keys import ViewOnlyKeys, WalletKeys
from mesh_core.crypto.phrase import seed_to_phrase
from mesh_core.errors import ErrorCode, LocalFault
from mesh_core.storage.files import write_atomically
from mesh_core.storage.key_file import KeyKind, format_view_key, parse_view_key, read_keys
from mesh_core.storage.wallet_store import (
    SEED_SIZE_BYTES,
    WALLET_NAME,
    WalletStore,
    find_key_kind,
    find_wallet_address,
    list_wallets,
    require_wallet,
)
from mesh_core.types.address import Address, format_address
from mesh_core.wallet.choosing import choose_wallet, current_wallet, use_wallet
from mesh_core.wallet.cli.output import field_lines, table_lines
from mesh_core.wallet.cli.prompts import ask_new_sealing, ask_passphrase, has_terminal, phrase_lines, read_named, show_and_confirm
from mesh_core.wallet.cli.qr import draw_qr
from mesh_core.wallet.cli.settings import Settings, WalletCommand, pass_settings

VIEW_KEY_LIMIT_BYTES: Final = 4096
PHRASE_ADVICE: Final = (
    "These 24 words are the wallet. Whoever has them has its money; without them a lost disk",
    "is lost money. Write them on paper, in this order, and keep them where nobody else looks.",
    "",
)
IN_A_SCRIPT: Final = """\b
In a script:
  MESH_PASSPHRASE=... mesh-wallet keygen alice --show-phrase --no-confirm --json"""
SEALED_WORDS: Final = {KeyKind.PLAIN: "not sealed", KeyKind.SEALED: "sealed", KeyKind.VIEW_ONLY: "view-only"}


@click.command(cls=WalletCommand, epilog=IN_A_SCRIPT)
@click.argument("name")
@click.option(
    "--no-passphrase", is_flag=True, help="Leave the seed unsealed: whoever reads the file has the money. For tests and for disks that are encrypted."
)
@click.option("--show-phrase", is_flag=True, help="Print the recovery phrase although nobody may be looking. For scripts, which keep it safe themselves.")
@click.option("--no-confirm", is_flag=True, help="Do not ask for words of the phrase.")
@pass_settings
def keygen(settings: Settings, name: str, *, no_passphrase: bool, show_phrase: bool, no_confirm: bool) -> None:
    """Make a new wallet called NAME.

    Its recovery phrase of 24 words is shown once, on a terminal, and three of the words are asked for before the wallet is made. The key file is sealed with
    a passphrase (Argon2id and secretbox), from $MESH_PASSPHRASE or the terminal. The phrase restores everything on any machine; the passphrase guards this
    file alone, and cannot be had back.
    """
    refuse_taken(settings, name)
    can_show = sys.stdout.isatty() and has_terminal()
    if not show_phrase and not can_show:
        raise click.UsageError("the recovery phrase is shown once, and nobody is looking: run this at a terminal, or give --show-phrase")
    if not no_confirm and not can_show:
        raise click.UsageError("nobody can be asked for words of the phrase here: give --no-confirm")
    if settings.as_json and no_confirm and not show_phrase:
        raise click.UsageError("with --json and --no-confirm the phrase would never be shown: give --show-phrase, which puts it into the answer")
    sealing = ask_new_sealing(name, no_passphrase=no_passphrase)
    seed = os.urandom(SEED_SIZE_BYTES)
    phrase = seed_to_phrase(seed)
    if no_confirm:
        shown = ["", *PHRASE_ADVICE, *phrase_lines(phrase)]
    else:
        show_and_confirm([*PHRASE_ADVICE, *phrase_lines(phrase)], phrase)
        shown = []
    WalletStore.make(settings.home.wallets, name, seed, sealing=sealing)
    address = WalletKeys.from_seed(seed).address
    form: dict[str, Any] = {"wallet": name, "address": format_address(address), "sealed": sealing is not None}
    if show_phrase:
        form["phrase"] = phrase
    lines = field_lines([("wallet", name), ("address", format_address(address)), ("key file", "not sealed" if sealing is None else "sealed")])
    settings.output.tell(form, [*lines, *shown])


@click.command(name="show-address", cls=WalletCommand)
@click.option("--qr", is_flag=True, help="Draw the address for a camera, in the terminal.")
@pass_settings
def show_address(settings: Settings, *, qr: bool) -> None:
    """Show the wallet's address and public keys.

    The address is what others need to pay this wallet: bech32m, 115 characters with a checksum. It can be given to anybody.
    """
    name = choose_wallet(settings.home, settings.wallet_option)
    address = find_wallet_address(settings.home.wallets, name)
    if address is None:
        address = read_keys(require_wallet(settings.home.wallets, name), ask_passphrase).address
    form = {"wallet": name, "address": format_address(address), "owner": address.owner, "view_key": address.view_pk}
    lines = field_lines([("wallet", name), ("address", format_address(address)), ("owner key", address.owner.hex()), ("view key", address.view_pk.hex())])
    settings.output.tell(form, lines)
    if qr and not settings.as_json:
        click.echo()
        # In capital letters a QR code is a fifth smaller; bech32m takes either case.
        click.echo(draw_qr(format_address(address).upper(), in_colour=sys.stdout.isatty()))


@click.command(name="list", cls=WalletCommand)
@pass_settings
def list_(settings: Settings) -> None:
    """List the wallets of the home.

    The one marked with * is used where a command names none. A sealed wallet asks for its passphrase; a view-only one sees everything and signs nothing.
    """
    names = list_wallets(settings.home.wallets)
    chosen = current_wallet(settings.home) or (names[0] if len(names) == 1 else None)
    found = [_describe(settings, name) for name in names]
    form = [
        {
            "wallet": one.name,
            "in_use": one.name == chosen,
            "key": None if one.kind is None else one.kind.value,
            "address": None if one.address is None else format_address(one.address),
            "fault": one.fault,
        }
        for one in found
    ]
    rows = [("*" if one.name == chosen else "", one.name, *_in_words(one)) for one in found]
    lines = table_lines(("", "WALLET", "KEY", "ADDRESS"), rows) if rows else [f"no wallets in {settings.home.home} yet: mesh-wallet keygen NAME"]
    settings.output.tell({"wallets": form}, lines)


@click.command(cls=WalletCommand)
@click.argument("name")
@pass_settings
def use(settings: Settings, name: str) -> None:
    """Use the wallet NAME where a command names none."""
    use_wallet(settings.home, name)
    settings.output.tell({"wallet": name}, [f"'{name}' is used from now on"])


@click.command(name="export-view-key", cls=WalletCommand)
@click.option("-o", "--output", "path", type=click.Path(path_type=Path), required=True, metavar="FILE", help="Where to write it; made with mode 0600.")
@pass_settings
def export_view_key(settings: Settings, path: Path) -> None:
    """Write the wallet's view key to FILE, for somebody who may see everything and spend nothing.

    Whoever has it reads all amounts and memos of this account, those to come included, and for ever: a view key cannot be taken back. See import-view-key.
    """
    name = choose_wallet(settings.home, settings.wallet_option)
    keys = read_keys(require_wallet(settings.home.wallets, name), ask_passphrase)
    try:
        write_atomically(path, format_view_key(ViewOnlyKeys(keys.owner, keys.view_key)).encode("ascii"))
    except FileExistsError:
        raise LocalFault(ErrorCode.KEY_FILE, f"{path} exists and is not overwritten: choose another name") from None
    text = f"the view key of '{name}' is in {path}: whoever has it sees all payments of this account, for ever, and can spend nothing"
    settings.output.tell({"wallet": name, "file": str(path)}, [text])


@click.command(name="import-view-key", cls=WalletCommand)
@click.argument("name")
@click.argument("file", type=click.Path(path_type=Path, allow_dash=True))
@pass_settings
def import_view_key(settings: Settings, name: str, file: Path) -> None:
    """Make a view-only wallet called NAME from the view key in FILE (- is standard input).

    It shows balance, payments and memos as their owner sees them, all from the validators, and signs nothing.
    """
    refuse_taken(settings, name)
    try:
        content = read_named(file, VIEW_KEY_LIMIT_BYTES)
    except OSError as error:
        raise LocalFault(ErrorCode.CONFIG_INVALID, f"{file} cannot be read: {error.strerror or error}") from error
    keys = parse_view_key(content, "standard input" if str(file) == "-" else str(file))
    WalletStore.make_view_only(settings.home.wallets, name, keys)
    settings.output.tell({"wallet": name, "address": format_address(keys.address)}, [f"'{name}' shows the account of {format_address(keys.address)}"])


def refuse_taken(settings: Settings, name: str) -> None:
    """LocalFault (WALLET_EXISTS, WALLET_NAME_INVALID) before anybody is asked for anything."""
    if not WALLET_NAME.fullmatch(name):
        require_wallet(settings.home.wallets, name)
    if name in list_wallets(settings.home.wallets):
        raise LocalFault(ErrorCode.WALLET_EXISTS, f"there is a wallet '{name}' in {settings.home.wallets} already; choose another name")


@dataclass(frozen=True, slots=True)
class _Listed:
    """A wallet as its key file shows it; `fault` says what is wrong with that."""

    name: str
    kind: KeyKind | None = None
    address: Address | None = None
    fault: str | None = None


def _describe(settings: Settings, name: str) -> _Listed:
    """One wallet that is damaged must not hide the others."""
    try:
        return _Listed(name, find_key_kind(settings.home.wallets, name), find_wallet_address(settings.home.wallets, name))
    except LocalFault as fault:
        return _Listed(name, fault=fault.text)


def _in_words(one: _Listed) -> tuple[str, str]:
    if one.kind is None or one.fault is not None:
        return "damaged", one.fault or ""
    return SEALED_WORDS[one.kind], "with its passphrase" if one.address is None else format_address(one.address)
