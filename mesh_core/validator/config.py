"""A validator's configuration file (TOML) and the files that it names. A wrong one says which key is wrong, and why.

[validator]
genesis = "../genesis.bin"            # paths are relative to this file
identity_key = "identity.key"         # mode 0600
tls_certificate = "tls.crt"
tls_key = "tls.key"                   # mode 0600
data_dir = "data"
listen_host = "127.0.0.1"
listen_port = 47001
log_level = "info"

[[peers]]                             # every other validator
public_key = "…64 hexadecimal digits…"
host = "127.0.0.1"
port = 47002
tls_certificate = "../v2/tls.crt"     # pinned
"""

import ipaddress
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError

from mesh_core.errors import ErrorCode, LocalFault
from mesh_core.types.basic import PublicKey

LOG_LEVELS = ("debug", "info", "warning", "error")
CONFIG_LIMIT_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class PeerConfig:
    """Where another validator listens, and how it is recognised."""

    public_key: PublicKey
    host: str
    port: int
    tls_certificate: Path


@dataclass(frozen=True, slots=True)
class ValidatorConfig:
    """Everything that a validator process is told. Port 0 takes any free port."""

    genesis: Path
    identity_key: Path
    tls_certificate: Path
    tls_key: Path
    data_dir: Path
    listen_host: str
    listen_port: int
    log_level: str
    peers: tuple[PeerConfig, ...]


def load_config(path: Path) -> ValidatorConfig:
    """Read and check a configuration file. LocalFault (CONFIG_INVALID) names the file, the key and the reason."""
    try:
        with path.open("rb") as file:
            text = file.read(CONFIG_LIMIT_BYTES + 1)
        if len(text) > CONFIG_LIMIT_BYTES:
            raise _invalid(path, "", f"is longer than {CONFIG_LIMIT_BYTES} bytes")
        document = tomlkit.parse(text).unwrap()
    except OSError as error:
        raise _invalid(path, "", f"cannot be read: {error.strerror or error}") from error
    except (TOMLKitError, UnicodeDecodeError) as error:
        raise _invalid(path, "", f"is not TOML: {error}") from error
    return _read_document(path, document)


def write_config(path: Path, config: ValidatorConfig) -> None:
    """Write a configuration file, paths relative to it where they lie beside it or above it."""
    document = tomlkit.document()
    document.add(tomlkit.comment("One MESH validator. Paths are relative to this file."))
    table = tomlkit.table()
    for key in ("genesis", "identity_key", "tls_certificate", "tls_key", "data_dir"):
        table.add(key, _relative(getattr(config, key), path.parent))
    table.add("listen_host", config.listen_host)
    table.add("listen_port", config.listen_port)
    table.add("log_level", config.log_level)
    document.add("validator", table)
    peers = tomlkit.aot()
    for peer in config.peers:
        entry = tomlkit.table()
        entry.add("public_key", peer.public_key.hex())
        entry.add("host", peer.host)
        entry.add("port", peer.port)
        entry.add("tls_certificate", _relative(peer.tls_certificate, path.parent))
        peers.append(entry)
    document.add("peers", peers)
    path.write_text(tomlkit.dumps(document), encoding="utf-8")


def _relative(target: Path, base: Path) -> str:
    return os.path.relpath(target.resolve(), base.resolve())


def _read_document(path: Path, document: Mapping[str, Any]) -> ValidatorConfig:
    _refuse_unknown(path, "", document, {"validator", "peers"})
    table = document.get("validator")
    if not isinstance(table, dict):
        raise _invalid(path, "validator", "this table is missing")
    known = {"genesis", "identity_key", "tls_certificate", "tls_key", "data_dir", "listen_host", "listen_port", "log_level"}
    _refuse_unknown(path, "validator.", table, known)
    level = table.get("log_level", "info")
    if level not in LOG_LEVELS:
        raise _invalid(path, "validator.log_level", f"{level!r} is none of {', '.join(LOG_LEVELS)}")
    peers = document.get("peers", [])
    if not isinstance(peers, list):
        raise _invalid(path, "peers", "must be a list of tables, each beginning with [[peers]]")
    return ValidatorConfig(
        genesis=_path(path, "validator.", table, "genesis"),
        identity_key=_path(path, "validator.", table, "identity_key"),
        tls_certificate=_path(path, "validator.", table, "tls_certificate"),
        tls_key=_path(path, "validator.", table, "tls_key"),
        data_dir=_path(path, "validator.", table, "data_dir"),
        listen_host=_host(path, "validator.listen_host", table.get("listen_host")),
        listen_port=_port(path, "validator.listen_port", table.get("listen_port"), least=0),
        log_level=level,
        peers=_read_peers(path, peers),
    )


def _read_peers(path: Path, peers: list[Any]) -> tuple[PeerConfig, ...]:
    read: list[PeerConfig] = []
    for number, peer in enumerate(peers):
        prefix = f"peers[{number}]."
        if not isinstance(peer, dict):
            raise _invalid(path, f"peers[{number}]", "must be a table")
        _refuse_unknown(path, prefix, peer, {"public_key", "host", "port", "tls_certificate"})
        key = _public_key(path, f"{prefix}public_key", peer.get("public_key"))
        if any(other.public_key == key for other in read):
            raise _invalid(path, f"{prefix}public_key", "stands twice")
        host, port = _host(path, f"{prefix}host", peer.get("host")), _port(path, f"{prefix}port", peer.get("port"), least=1)
        read.append(PeerConfig(key, host, port, _path(path, prefix, peer, "tls_certificate")))
    return tuple(read)


def _refuse_unknown(path: Path, prefix: str, table: Mapping[str, Any], known: set[str]) -> None:
    """A misspelt key would otherwise be silently without effect."""
    for key in table:
        if key not in known:
            raise _invalid(path, f"{prefix}{key}", f"is no key that exists here (known: {', '.join(sorted(known))})")


def _path(path: Path, prefix: str, table: Mapping[str, Any], key: str) -> Path:
    value = table.get(key)
    if value is None:
        raise _invalid(path, prefix + key, "is missing")
    if not isinstance(value, str) or not value or "\0" in value:
        raise _invalid(path, prefix + key, "must be a path in quotes")
    return path.parent / value


def _host(path: Path, key: str, value: object) -> str:
    if value is None:
        raise _invalid(path, key, "is missing")
    if not isinstance(value, str):
        raise _invalid(path, key, "must be an IP address in quotes")
    try:
        return str(ipaddress.ip_address(value))
    except ValueError:
        raise _invalid(path, key, f"{value!r} is no IP address, such as 127.0.0.1") from None


def _port(path: Path, key: str, value: object, *, least: int) -> int:
    if value is None:
        raise _invalid(path, key, "is missing")
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= 65535:
        raise _invalid(path, key, f"{value!r} is no UDP port from {least} to 65535")
    return value


def _public_key(path: Path, key: str, value: object) -> PublicKey:
    if value is None:
        raise _invalid(path, key, "is missing")
    if not isinstance(value, str) or len(value) != 64 or any(digit not in "0123456789abcdef" for digit in value.lower()):
        raise _invalid(path, key, "must be 64 hexadecimal digits in quotes")
    return PublicKey(bytes.fromhex(value))


def _invalid(path: Path, key: str, reason: str) -> LocalFault:
    return LocalFault(ErrorCode.CONFIG_INVALID, f"{path}: {key + ': ' if key else ''}{reason}")
