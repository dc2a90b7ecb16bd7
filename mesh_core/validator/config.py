"""A validator's configuration file (TOML). A wrong one says which key is wrong, and why.

[validator]
genesis = "../genesis.bin"            # paths are relative to this file
identity_key = "identity.key"         # mode 0600
tls_certificate = "tls.crt"
tls_key = "tls.key"                   # mode 0600
data_dir = "data"
vote_journal = "data/votes.journal"   # may be left out; best on another disk than data_dir, so that no restored folder takes both back
listen_host = "127.0.0.1"
listen_port = 47001                   # 0 takes any free port
log_level = "info"                    # debug, info, warning, error
metrics_listen = "127.0.0.1:9464"     # may be left out: then there are no metrics. Port 0 takes any free one
metrics_reach = "loopback"            # may be left out; "network" allows an address of metrics_listen that other machines reach

[[peers]]                             # every other validator
public_key = "…64 hexadecimal digits…"
host = "127.0.0.1"
port = 47002
tls_certificate = "../v2/tls.crt"     # pinned
"""

import ipaddress
import os
from dataclasses import dataclass
from pathlib import Path

import tomlkit

from mesh_core.network.client import PeerAddress
from mesh_core.network.toml_table import TomlTable
from mesh_core.storage.files import write_atomically
from mesh_core.storage.validator_store import JOURNAL_NAME

LOG_LEVELS = ("debug", "info", "warning", "error")
METRICS_REACHES = ("loopback", "network")
_KEYS = ("genesis", "identity_key", "tls_certificate", "tls_key", "data_dir", "vote_journal", "listen_host", "listen_port", "log_level")
_METRICS_KEYS = ("metrics_listen", "metrics_reach")


@dataclass(frozen=True, slots=True)
class MetricsAddress:
    """Where the metrics are told: an IP address and a TCP port. `reach` is `network` where others than this machine may ask."""

    host: str
    port: int
    reach: str = "loopback"


@dataclass(frozen=True, slots=True)
class ValidatorConfig:
    """Everything that a validator process is told."""

    genesis: Path
    identity_key: Path
    tls_certificate: Path
    tls_key: Path
    data_dir: Path
    vote_journal: Path
    listen_host: str
    listen_port: int
    log_level: str
    peers: tuple[PeerAddress, ...]
    metrics: MetricsAddress | None = None


def load_config(path: Path) -> ValidatorConfig:
    """Read and check a configuration file. LocalFault (CONFIG_INVALID) names the file, the key and the reason."""
    document = TomlTable.load(path)
    document.refuse_unknown(("validator", "peers"))
    table = document.table("validator")
    table.refuse_unknown((*_KEYS, *_METRICS_KEYS))
    return ValidatorConfig(
        genesis=table.path("genesis"),
        identity_key=table.path("identity_key"),
        tls_certificate=table.path("tls_certificate"),
        tls_key=table.path("tls_key"),
        data_dir=table.path("data_dir"),
        vote_journal=table.path("vote_journal") if table.has("vote_journal") else table.path("data_dir") / JOURNAL_NAME,
        listen_host=table.host("listen_host"),
        listen_port=table.port("listen_port", least=0),
        log_level=table.choice("log_level", LOG_LEVELS, "info"),
        peers=_read_peers(document.tables("peers")),
        metrics=_read_metrics(table),
    )


def _read_metrics(table: TomlTable) -> MetricsAddress | None:
    """The metrics ask nobody who he is, so an address that other machines reach must be meant: a wildcard is quickly written."""
    reach = table.choice("metrics_reach", METRICS_REACHES, METRICS_REACHES[0])
    if not table.has("metrics_listen"):
        if table.has("metrics_reach"):
            raise table.invalid("metrics_reach", "says how far metrics reach, but there is no metrics_listen")
        return None
    text = table.text("metrics_listen")
    host, _, port = text.rpartition(":")
    try:
        address = ipaddress.ip_address(host[1:-1] if host.startswith("[") and host.endswith("]") else host)
    except ValueError:
        raise table.invalid("metrics_listen", f"{text!r} is no IP address with a port, such as 127.0.0.1:9464 or [::1]:9464") from None
    if not (port.isascii() and port.isdigit() and len(port) <= 5 and int(port) <= 65535):
        raise table.invalid("metrics_listen", f"{port!r} is no TCP port from 0 to 65535")
    if not address.is_loopback and reach != "network":
        raise table.invalid(
            "metrics_listen", f'{address} is reached from other machines, and metrics ask nobody who he is: if that is meant, add metrics_reach = "network"'
        )
    return MetricsAddress(str(address), int(port), reach)


def _read_peers(tables: list[TomlTable]) -> tuple[PeerAddress, ...]:
    peers: dict[bytes, PeerAddress] = {}
    for table in tables:
        table.refuse_unknown(("public_key", "host", "port", "tls_certificate"))
        key = table.public_key("public_key")
        if key in peers:
            raise table.invalid("public_key", "stands twice")
        peers[key] = PeerAddress(table.host("host"), table.port("port"), key, table.certificate("tls_certificate"))
    return tuple(peers.values())


def write_config(path: Path, config: ValidatorConfig, peer_certificates: dict[bytes, Path]) -> None:
    """Write a configuration file, with paths relative to it, whole or not at all. `peer_certificates` says where each peer's certificate lies. LocalFault."""

    def relative(target: Path) -> str:
        return os.path.relpath(target.resolve(), path.parent.resolve())

    document = tomlkit.document()
    document.add(tomlkit.comment("One MESH validator. Paths are relative to this file."))
    table = tomlkit.table()
    for key in _KEYS:
        value = getattr(config, key)
        table.add(key, relative(value) if isinstance(value, Path) else value)
    if config.metrics is not None:
        host = f"[{config.metrics.host}]" if ":" in config.metrics.host else config.metrics.host
        table.add("metrics_listen", f"{host}:{config.metrics.port}")
        table.add("metrics_reach", config.metrics.reach)
    document.add("validator", table)
    peers = tomlkit.aot()
    for peer in config.peers:
        entry = tomlkit.table()
        entry.add("public_key", peer.identity_pk.hex())
        entry.add("host", peer.host)
        entry.add("port", peer.port)
        entry.add("tls_certificate", relative(peer_certificates[peer.identity_pk]))
        peers.append(entry)
    document.add("peers", peers)
    write_atomically(path, tomlkit.dumps(document).encode(), 0o644, overwrite=True)
