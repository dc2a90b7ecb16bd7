"""Who is meant by a word on the command line, and what people here call an account."""

import re
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import click

from mesh_core.errors import ErrorCode, LocalFault
from mesh_core.storage.wallet_store import find_wallet_address, list_wallets
from mesh_core.types.address import HEX_DIGITS, Address, format_address, parse_address
from mesh_core.types.basic import Hash32, PublicKey
from mesh_core.wallet.cli.settings import Settings
from mesh_core.wallet.contacts import ContactBook
from mesh_core.wallet.wallet import Wallet

AMOUNT_DIGITS_MOST: Final = 20
AMOUNT_MOST: Final = 2**64 - 1
HASH_DIGITS: Final = 64
HASH_DIGITS_LEAST: Final = 6
SHOWN_DIGITS: Final = 16
"""Of a hash, in a table. So many are never ambiguous by accident."""
_LOOKS_LIKE_ADDRESS: Final = re.compile(r"[0-9A-Za-z]{40,}|mesh1.*", re.IGNORECASE)
_HASH_TEXT: Final = re.compile(rf"[0-9a-f]{{{HASH_DIGITS_LEAST},{HASH_DIGITS}}}")
NAMES_SHOWN: Final = 8


@dataclass(frozen=True, slots=True)
class Recipient:
    """Whom a payment goes to, and what they are called here; the name is None for a bare address."""

    address: Address
    name: str | None

    @property
    def label(self) -> str:
        """For people."""
        shown = format_address(self.address)
        short = f"{shown[:14]}…{shown[-6:]}"
        return short if self.name is None else f"{self.name} ({short})"


def find_recipient(settings: Settings, text: str) -> Recipient:
    """A contact, a wallet of this home, or an address. LocalFault: CONTACT_UNKNOWN, ADDRESS_INVALID, CONFIG_INVALID.

    A name that is both a contact's and a wallet's is refused unless it is the same address: money must not go to the one that was not meant.
    """
    word = text.strip()
    contact = ContactBook(settings.home.contacts_file).find(word)
    wallet = find_wallet_address(settings.home.wallets, word) if word in list_wallets(settings.home.wallets) else None
    if contact is not None and wallet is not None and contact.address != wallet:
        raise LocalFault(ErrorCode.ADDRESS_INVALID, f"'{word}' is a contact and a wallet here, with different addresses: give the address itself")
    if contact is not None:
        return Recipient(contact.address, contact.name)
    if wallet is not None:
        return Recipient(wallet, word)
    if word in list_wallets(settings.home.wallets):
        raise LocalFault(
            ErrorCode.ADDRESS_INVALID, f"the wallet '{word}' is sealed and its address file is gone: ask 'mesh-wallet show-address --wallet {word}'"
        )
    if not _LOOKS_LIKE_ADDRESS.fullmatch(word):
        contacts = ", ".join(known.name for known in ContactBook(settings.home.contacts_file).contacts()[:NAMES_SHOWN]) or "none"
        wallets = ", ".join(list_wallets(settings.home.wallets)[:NAMES_SHOWN]) or "none"
        raise LocalFault(ErrorCode.CONTACT_UNKNOWN, f"{word[:40]!r} is no contact, no wallet and no address (contacts: {contacts}; wallets: {wallets})")
    parsed = parse_address(word)
    if not parsed.has_checksum:
        click.echo(f"mesh-wallet: these {HEX_DIGITS} digits carry no checksum: with a wrong one the money would be nobody's", err=True)
    return Recipient(parsed.address, None)


def parse_amount(text: str) -> int:
    """Units. LocalFault (AMOUNT_INVALID) with what is wrong."""
    word = text.strip()
    if word.startswith("-") and word[1:].isdecimal():
        raise LocalFault(ErrorCode.AMOUNT_INVALID, f"{word[:AMOUNT_DIGITS_MOST]} is negative: pay at least 1")
    if not (word.isascii() and word.isdecimal()):
        raise LocalFault(ErrorCode.AMOUNT_INVALID, f"{word[:AMOUNT_DIGITS_MOST]!r} is not a number: amounts are whole units, in digits alone")
    amount = int(word[: 2 * AMOUNT_DIGITS_MOST])
    if amount == 0:
        raise LocalFault(ErrorCode.AMOUNT_INVALID, "0 is no amount: pay at least 1")
    if amount > AMOUNT_MOST or len(word) > 2 * AMOUNT_DIGITS_MOST:
        raise LocalFault(
            ErrorCode.AMOUNT_INVALID, f"{word[:AMOUNT_DIGITS_MOST]}{'…' if len(word) > AMOUNT_DIGITS_MOST else ''} is too large: at most {AMOUNT_MOST}"
        )
    return amount


class Names:
    """What accounts are called here: wallets and contacts, by their owner keys."""

    def __init__(self, settings: Settings) -> None:
        self._names: dict[PublicKey, str] = {}
        for name in list_wallets(settings.home.wallets):
            # Another wallet's damaged key file is no reason not to show this one's payments.
            with suppress(LocalFault):
                address = find_wallet_address(settings.home.wallets, name)
                if address is not None:
                    self._names[address.owner] = name
        for contact in ContactBook(settings.home.contacts_file).contacts():
            self._names[contact.address.owner] = contact.name

    def find(self, owner: PublicKey) -> str | None:
        """The name of an account, if it has one here."""
        return self._names.get(owner)

    def label(self, owner: PublicKey) -> str:
        """The name of an account, or the first digits of its key."""
        return self._names.get(owner) or f"{owner.hex()[:SHOWN_DIGITS]}…"


def find_cert_id(text: str, wallet: Wallet | None) -> Hash32:
    """A certificate's id from its digits, or from the first of them where the wallet's history has one such. LocalFault (CONFIG_INVALID)."""
    digits = text.strip().lower()
    if not _HASH_TEXT.fullmatch(digits):
        raise LocalFault(
            ErrorCode.CONFIG_INVALID, f"{text[:24]!r} is no certificate's hash: {HASH_DIGITS} hexadecimal digits, or at least the first {HASH_DIGITS_LEAST}"
        )
    if len(digits) == HASH_DIGITS:
        return Hash32(bytes.fromhex(digits))
    known = set() if wallet is None else {entry.cert_id for entry in wallet.history()}
    fitting = sorted(cert_id for cert_id in known if cert_id.hex().startswith(digits))
    if len(fitting) != 1:
        found = f"{len(fitting)} payments of this wallet's history begin" if fitting else "no payment of this wallet's history begins"
        raise LocalFault(ErrorCode.CONFIG_INVALID, f"{found} with {digits}: give all {HASH_DIGITS} digits")
    return fitting[0]
