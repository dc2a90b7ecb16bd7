"""Names for other people's addresses: HOME/contacts.toml, which only its user may read, since it says who knows whom.

[contacts]
bob = "mesh1…"
"Zoë from work" = "mesh1…"
"""

import stat
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import tomlkit

from mesh_core.crypto.signatures import is_acceptable_key
from mesh_core.errors import ErrorCode, LocalFault
from mesh_core.network.toml_table import TomlTable
from mesh_core.storage.files import make_private_directory, write_atomically
from mesh_core.storage.lock import OwnerLock
from mesh_core.types.address import ADDRESS_PREFIX, HEX_DIGITS, Address, ParsedAddress, format_address, parse_address
from mesh_core.types.visible_text import visible_text

MAX_NAME_CHARACTERS = 40
MAX_CONTACTS = 5_000
CHANGED_BY_OTHERS = stat.S_IWGRP | stat.S_IWOTH


@dataclass(frozen=True, slots=True)
class Contact:
    """A name and whom it stands for."""

    name: str
    address: Address


class ContactBook:
    """The contacts of a home. Each call reads the file, each change writes it whole: two programs never see half a change."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def contacts(self) -> tuple[Contact, ...]:
        """All of them, by name. LocalFault (CONFIG_INVALID) names what is wrong in the file: nothing of a damaged file is used."""
        if not self._path.exists():
            return ()
        self._refuse_open_file()
        document = TomlTable.load(self._path)
        document.refuse_unknown(("contacts",))
        table = document.table("contacts")
        found: dict[str, Contact] = {}
        for name in table.keys:
            contact = self._read_entry(table, name)
            if found.setdefault(_key(contact.name), contact) is not contact:
                raise table.invalid(name, "stands twice: capital and small letters make no difference")
        return tuple(contact for _, contact in sorted(found.items()))

    def _refuse_open_file(self) -> None:
        """LocalFault (CONFIG_INVALID) where other users may change the file: they could put their own address behind a name that is paid."""
        status = self._path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise LocalFault(ErrorCode.CONFIG_INVALID, f"{self._path} is not a regular file")
        mode = stat.S_IMODE(status.st_mode)
        if mode & CHANGED_BY_OTHERS:
            text = f"{self._path} has mode {mode:04o}: other users of this machine may change who is paid; look through it, and run: chmod 600 '{self._path}'"
            raise LocalFault(ErrorCode.CONFIG_INVALID, text)

    def find(self, name: str) -> Contact | None:
        """The contact of this name; capital and small letters make no difference. LocalFault as `contacts`."""
        return next((contact for contact in self.contacts() if _key(contact.name) == _key(name)), None)

    def add(self, name: str, text: str) -> Contact:
        """Keep an address under a new name. LocalFault: CONTACT_NAME_INVALID, CONTACT_EXISTS, ADDRESS_INVALID, STORE_LOCKED."""
        contact = Contact(check_name(name), read_address(text))
        with self._changing() as contacts:
            _refuse_taken(contacts, contact.name)
            if len(contacts) >= MAX_CONTACTS:
                raise LocalFault(ErrorCode.CONTACT_EXISTS, f"{self._path} holds {MAX_CONTACTS:,} contacts, which are as many as it may hold: remove some")
            contacts[_key(contact.name)] = contact
        return contact

    def remove(self, name: str) -> Contact:
        """Forget a contact. LocalFault (CONTACT_UNKNOWN)."""
        with self._changing() as contacts:
            return contacts.pop(_key(self._known(contacts, name).name))

    def rename(self, name: str, new_name: str) -> Contact:
        """Give a contact another name. LocalFault: CONTACT_UNKNOWN, CONTACT_NAME_INVALID, CONTACT_EXISTS."""
        checked = check_name(new_name)
        with self._changing() as contacts:
            old = contacts.pop(_key(self._known(contacts, name).name))
            _refuse_taken(contacts, checked)
            renamed = contacts[_key(checked)] = Contact(checked, old.address)
        return renamed

    def resolve(self, text: str) -> ParsedAddress:
        """Whom a contact's name or an address stands for. LocalFault (ADDRESS_INVALID): it is neither.

        A name always stands for its contact: no name can look like an address.
        """
        contact = self.find(text.strip())
        if contact is not None:
            return ParsedAddress(contact.address, has_checksum=True)
        try:
            return parse_address(text.strip())
        except LocalFault as fault:
            names = ", ".join(contact.name for contact in self.contacts()[:8])
            raise LocalFault(fault.code, f"{text[:24]!r} is no contact (known: {names or 'none'}), and it is {fault.text}") from fault

    @staticmethod
    def _known(contacts: Mapping[str, Contact], name: str) -> Contact:
        contact = contacts.get(_key(name))
        if contact is None:
            known = ", ".join(contact.name for contact in list(contacts.values())[:8]) or "none"
            raise LocalFault(ErrorCode.CONTACT_UNKNOWN, f"there is no contact {name[:MAX_NAME_CHARACTERS]!r} (known: {known})")
        return contact

    @staticmethod
    def _read_entry(table: TomlTable, name: str) -> Contact:
        """Checked like what somebody types: a hand may have slipped in the file, too."""
        try:
            return Contact(check_name(name), read_address(table.text(name)))
        except LocalFault as fault:
            if fault.code is ErrorCode.CONFIG_INVALID:
                raise
            raise table.invalid(name, fault.text) from fault

    @contextmanager
    def _changing(self) -> Iterator[dict[str, Contact]]:
        """The contacts by key, written back afterwards. Owned meanwhile, so that of two changes at once none is lost. LocalFault (STORE_LOCKED)."""
        try:
            make_private_directory(self._path.parent)
            lock = OwnerLock.acquire(self._path)
        except OSError as error:
            raise LocalFault(ErrorCode.STORE_UNAVAILABLE, f"cannot use the folder {self._path.parent}: {error.strerror or error}") from error
        try:
            contacts = {_key(contact.name): contact for contact in self.contacts()}
            yield contacts
            write_atomically(self._path, _write(contacts.values()).encode(), overwrite=True)
        finally:
            lock.release()


def check_name(name: str) -> str:
    """A contact's name in its normal form. LocalFault (CONTACT_NAME_INVALID).

    One that looks like an address, or that a terminal does not show as it is, could stand for somebody else than the reader thinks.
    """
    normal = unicodedata.normalize("NFC", name.strip())
    if not 1 <= len(normal) <= MAX_NAME_CHARACTERS:
        raise _invalid_name(name, f"it has {len(normal)} characters, of 1 to {MAX_NAME_CHARACTERS}")
    if visible_text(normal) != normal:
        raise _invalid_name(name, "it holds a character that cannot be seen, or not as it is")
    if normal.startswith("-"):
        raise _invalid_name(name, "with a dash in front it would pass for an option")
    if normal.lower().startswith(f"{ADDRESS_PREFIX}1") or len(normal) >= HEX_DIGITS:
        raise _invalid_name(name, f"what begins with {ADDRESS_PREFIX}1 is an address")
    return normal


def read_address(text: str) -> Address:
    """An address to keep: in the form with a checksum, with a key that can be paid. LocalFault (ADDRESS_INVALID)."""
    parsed = parse_address(text.strip())
    if not parsed.has_checksum:
        raise LocalFault(
            ErrorCode.ADDRESS_INVALID, f"not an address to keep: {HEX_DIGITS} hexadecimal digits carry no checksum; ask for the form that starts with mesh1"
        )
    if not is_acceptable_key(parsed.address.owner):
        raise LocalFault(ErrorCode.ADDRESS_INVALID, "the owner key in the address is not an acceptable Ed25519 key: ask the recipient for the address again")
    return parsed.address


def _key(name: str) -> str:
    """What two names that are one have in common."""
    return unicodedata.normalize("NFC", name.strip()).casefold()


def _refuse_taken(contacts: Mapping[str, Contact], name: str) -> None:
    taken = contacts.get(_key(name))
    if taken is not None:
        text = f"there is a contact {taken.name!r} already, for {format_address(taken.address)}: rename or remove it first"
        raise LocalFault(ErrorCode.CONTACT_EXISTS, text)


def _invalid_name(name: str, reason: str) -> LocalFault:
    return LocalFault(ErrorCode.CONTACT_NAME_INVALID, f"{name[:MAX_NAME_CHARACTERS]!r} is no name for a contact: {reason}")


def _write(contacts: Iterable[Contact]) -> str:
    document = tomlkit.document()
    document.add(tomlkit.comment("Names for addresses, for mesh-wallet: 'mesh-wallet contacts' changes this file."))
    table = tomlkit.table()
    for contact in sorted(contacts, key=lambda contact: _key(contact.name)):
        table.add(contact.name, format_address(contact.address))
    document.add("contacts", table)
    return tomlkit.dumps(document)
