"""Reading configuration files (TOML) of this project: each mistake is reported with the file, the key and the reason, as LocalFault (CONFIG_INVALID)."""

import ipaddress
import re
import ssl
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError

from mesh_core.errors import ErrorCode, LocalFault
from mesh_core.network.plain_file import read_plain_file
from mesh_core.types.basic import PublicKey

FILE_LIMIT_BYTES = 1024 * 1024
CERTIFICATE_LIMIT_BYTES = 64 * 1024
SHOWN_CHARACTERS = 60
_ZONE = re.compile(r"[A-Za-z0-9_.@:-]{1,15}")


def read_host(text: str) -> str:
    """An IP address in its usual form. ValueError.

    The zone behind an IPv6 address ("fe80::1%eth0") may hold anything, as far as `ipaddress` looks: what no interface is called would be obeyed by whoever's
    terminal shows the address.
    """
    address = ipaddress.ip_address(text)
    zone = address.scope_id if isinstance(address, ipaddress.IPv6Address) else None
    if zone is not None and _ZONE.fullmatch(zone) is None:
        raise ValueError("a zone that no interface can have")
    return str(address)


def _shown(value: object) -> str:
    """A value in an error: no more of it than a line holds. Python refuses to write a number of thousands of digits, which TOML can hold in hexadecimal."""
    try:
        return repr(value)[:SHOWN_CHARACTERS]
    except ValueError:
        return "a number of thousands of digits"


class TomlTable:
    """One table of a file. Paths in it are relative to the file."""

    def __init__(self, path: Path, prefix: str, values: Mapping[str, Any]) -> None:
        self._path = path
        self._prefix = prefix
        self._values = values

    @classmethod
    def load(cls, path: Path) -> "TomlTable":
        """The outermost table of a file."""
        try:
            text = read_plain_file(path, FILE_LIMIT_BYTES)
        except OSError as error:
            raise LocalFault(ErrorCode.CONFIG_INVALID, f"{path}: cannot be read: {error.strerror or error}") from error
        try:
            return cls(path, "", tomlkit.parse(text).unwrap())
        except (TOMLKitError, UnicodeDecodeError) as error:
            raise LocalFault(ErrorCode.CONFIG_INVALID, f"{path}: is not TOML: {error}") from error
        except (ValueError, RecursionError) as error:
            raise LocalFault(ErrorCode.CONFIG_INVALID, f"{path}: holds a number that is too long, or is nested too deeply") from error

    def invalid(self, key: str, reason: str) -> LocalFault:
        """The error to raise about a key."""
        return LocalFault(ErrorCode.CONFIG_INVALID, f"{self._path}: {self._prefix}{key}: {reason}")

    def refuse_unknown(self, known: Iterable[str]) -> None:
        """A misspelt key would otherwise be silently without effect."""
        names = sorted(known)
        for key in self._values:
            if key not in names:
                raise self.invalid(key, f"is no key that exists here (known: {', '.join(names)})")

    @property
    def keys(self) -> tuple[str, ...]:
        """What stands in it, in the file's order: for a table whose keys are data."""
        return tuple(self._values)

    def has(self, key: str) -> bool:
        """Whether the key is there: for one that may be left out."""
        return key in self._values

    def table(self, key: str) -> "TomlTable":
        """A table inside this one."""
        values = self._required(key)
        if not isinstance(values, dict):
            raise self.invalid(key, "must be a table")
        return TomlTable(self._path, f"{self._prefix}{key}.", values)

    def tables(self, key: str) -> list["TomlTable"]:
        """The entries of a list of tables; none if the key is absent."""
        entries = self._values.get(key, [])
        if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
            raise self.invalid(key, f"must be tables, each beginning with [[{key}]]")
        return [TomlTable(self._path, f"{self._prefix}{key}[{number}].", entry) for number, entry in enumerate(entries)]

    def text(self, key: str) -> str:
        """Text, not empty."""
        value = self._required(key)
        if not isinstance(value, str) or not value:
            raise self.invalid(key, "must be text in quotes")
        return value

    def choice(self, key: str, choices: tuple[str, ...], default: str) -> str:
        """One of several words."""
        value = self._values.get(key, default)
        if value not in choices:
            raise self.invalid(key, f"{_shown(value)} is none of {', '.join(choices)}")
        return str(value)

    def path(self, key: str) -> Path:
        """A path, relative to the file."""
        value = self.text(key)
        if "\0" in value:
            raise self.invalid(key, "is no path")
        return self._path.parent / value

    def host(self, key: str) -> str:
        """An IP address: names would need a resolver, which could lie."""
        value = self.text(key)
        try:
            return read_host(value)
        except ValueError:
            raise self.invalid(key, f"{value[:SHOWN_CHARACTERS]!r} is no IP address, such as 127.0.0.1") from None

    def port(self, key: str, *, least: int = 1) -> int:
        """A UDP port, from `least` on."""
        value = self._required(key)
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= 65535:
            raise self.invalid(key, f"{_shown(value)} is no UDP port from {least} to 65535")
        return value

    def whole_number(self, key: str, *, least: int, most: int) -> int:
        """A whole number within bounds; `true` is none."""
        value = self._required(key)
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise self.invalid(key, f"{_shown(value)} is no whole number from {least} to {most}")
        return value

    def public_key(self, key: str) -> PublicKey:
        """32 bytes as hexadecimal digits."""
        value = self.text(key)
        if len(value) != 64 or any(digit not in "0123456789abcdef" for digit in value.lower()):
            raise self.invalid(key, "must be 64 hexadecimal digits in quotes")
        return PublicKey(bytes.fromhex(value))

    def certificate(self, key: str) -> bytes:
        """The certificate (DER) in the PEM file that the key names."""
        path = self.path(key)
        try:
            return ssl.PEM_cert_to_DER_cert(read_plain_file(path, CERTIFICATE_LIMIT_BYTES).decode("ascii").strip())
        except OSError as error:
            raise self.invalid(key, f"{path} cannot be read: {error.strerror or error}") from error
        except ValueError as error:
            raise self.invalid(key, f"{path} is no certificate in PEM form") from error

    def _required(self, key: str) -> Any:
        value = self._values.get(key)
        if value is None:
            raise self.invalid(key, "is missing")
        return value
