"""The network as a wallet knows it (network.toml): the genesis document, and where each validator listens.

[network]
name = "local-4"
genesis = "genesis.bin"               # relative to this file

[[validators]]                        # all of the genesis document's, in any order
public_key = "…64 hexadecimal digits…"
host = "127.0.0.1"
port = 47001
tls_certificate = "v1/tls.crt"        # pinned
"""

import os
from dataclasses import dataclass
from pathlib import Path

import tomlkit

from mesh_core.errors import LocalFault
from mesh_core.network.client import PeerAddress
from mesh_core.network.genesis_file import load_genesis
from mesh_core.network.toml_table import TomlTable
from mesh_core.protocol.genesis import Genesis
from mesh_core.storage.files import write_atomically


@dataclass(frozen=True, slots=True)
class Network:
    """A network, its validators in committee order."""

    name: str
    genesis: Genesis
    validators: tuple[PeerAddress, ...]


def load_network(path: Path) -> Network:
    """Read network.toml and the genesis document that it names. LocalFault (CONFIG_INVALID, GENESIS_INVALID)."""
    document = TomlTable.load(path)
    document.refuse_unknown(("network", "validators"))
    table = document.table("network")
    table.refuse_unknown(("name", "genesis"))
    try:
        genesis = load_genesis(table.path("genesis"))
    except LocalFault as fault:
        raise LocalFault(fault.code, f"{path}: network.genesis: {fault.text}") from fault
    found: dict[int, PeerAddress] = {}
    for entry in document.tables("validators"):
        entry.refuse_unknown(("public_key", "host", "port", "tls_certificate"))
        key = entry.public_key("public_key")
        index = genesis.committee.index_of(key)
        if index is None or index in found:
            raise entry.invalid("public_key", "stands twice" if index is not None else "is no validator of the genesis document")
        found[index] = PeerAddress(entry.host("host"), entry.port("port"), key, entry.certificate("tls_certificate"), f"V{index + 1}")
    if len(found) < genesis.committee.size:
        raise document.invalid("validators", f"{len(found)} of the genesis document's {genesis.committee.size} validators")
    return Network(table.text("name"), genesis, tuple(peer for _, peer in sorted(found.items())))


def write_network(path: Path, name: str, genesis: Path, validators: list[tuple[PeerAddress, Path]]) -> None:
    """Write network.toml, whole or not at all; each validator comes with the file of its certificate. LocalFault."""

    def relative(target: Path) -> str:
        return os.path.relpath(target.resolve(), path.parent.resolve())

    document = tomlkit.document()
    document.add(tomlkit.comment("A MESH network, for wallets. Paths are relative to this file."))
    table = tomlkit.table()
    table.add("name", name)
    table.add("genesis", relative(genesis))
    document.add("network", table)
    entries = tomlkit.aot()
    for peer, certificate in validators:
        entry = tomlkit.table()
        entry.add("public_key", peer.identity_pk.hex())
        entry.add("host", peer.host)
        entry.add("port", peer.port)
        entry.add("tls_certificate", relative(certificate))
        entries.append(entry)
    document.add("validators", entries)
    write_atomically(path, tomlkit.dumps(document).encode(), 0o644, overwrite=True)
