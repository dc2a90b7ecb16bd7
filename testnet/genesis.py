"""Making a local network: keys, genesis document, configuration files; and the ports that its validators listen on."""

import hashlib
import itertools
import os
import socket
from collections.abc import Callable, Mapping
from pathlib import Path

from mesh_core.crypto.keys import WalletKeys
from mesh_core.crypto.signatures import SigningKey
from mesh_core.errors import ErrorCode, LocalFault
from mesh_core.network.client import PeerAddress
from mesh_core.network.genesis_file import load_genesis
from mesh_core.network.toml_table import TomlTable
from mesh_core.protocol.genesis import Genesis, check_genesis
from mesh_core.storage.files import make_private_directory, write_atomically
from mesh_core.storage.wallet_store import WalletStore
from mesh_core.types.genesis import GENESIS_DOC, Allocation, GenesisDoc
from mesh_core.validator.config import ValidatorConfig, load_config, write_config
from mesh_core.validator.identity import SEED_SIZE_BYTES, init_identity
from mesh_core.wallet.network import load_network, write_network
from testnet.layout import NetworkFolder, ValidatorFolder
from testnet.unfinished import find_seeds, put_aside_unfinished

Entropy = Callable[[int], bytes]

HOST = "127.0.0.1"
PORTS = range(20_000, 32_000)
"""Below the ports that Linux (32768 and up) and macOS (49152 and up) give to whoever dials."""
VALIDATORS_COUNT = 4
FEE_BASE = 1
FEE_PER_OUTPUT = 0
ALICE_ALLOCATION = 10_000
FAUCET_ALLOCATION = 1_000_000_000
DEMO_WALLETS: Mapping[str, int] = {"alice": ALICE_ALLOCATION, "bob": 0, "faucet": FAUCET_ALLOCATION}
"""The wallets of a new home, with what the genesis gives them."""


def seeded_keys(seed: int) -> Entropy:
    """Reproducible bytes for the keys of a demonstration, and for nothing else: blindings and proof nonces always use fresh entropy."""
    drawn = 0

    def entropy(size: int) -> bytes:
        nonlocal drawn
        drawn += 1
        return hashlib.shake_256(f"MESH demo keys/{seed}/{drawn}".encode()).digest(size)

    return entropy


def create_network(
    folder: NetworkFolder,
    *,
    name: str,
    wallets: Mapping[str, int],
    validators_count: int = VALIDATORS_COUNT,
    entropy: Entropy = os.urandom,
) -> dict[str, bytes]:
    """Make keys, wallets, genesis and configurations in an empty home; returns the wallets' seeds (secret). LocalFault.

    `wallets` are names with their genesis amounts. They are made before the file that says that a network is there: a home whose genesis gives money to
    seeds that nobody has would be worthless. What an interrupted attempt has left is put aside (`unfinished.py`), and its wallets are used. The caller owns
    the home.
    """
    try:
        make_private_directory(folder.home)
        if folder.exists:
            raise LocalFault(ErrorCode.STORE_UNAVAILABLE, f"{folder.home} holds a network already: choose another folder")
        known = find_seeds(folder, wallets)
        put_aside_unfinished(folder)
    except OSError as error:
        raise LocalFault(ErrorCode.STORE_UNAVAILABLE, f"cannot make the folder {folder.home}: {error.strerror or error}") from error
    seeds = {wallet: entropy(SEED_SIZE_BYTES) for wallet in wallets} | known
    identities = sorted((SigningKey(seed).public_key, seed) for seed in (entropy(SEED_SIZE_BYTES) for _ in range(validators_count)))
    for index, (_, seed) in enumerate(identities):
        init_identity(folder.validator(index).path, lambda _, seed=seed: seed)  # type: ignore[misc]
    owned = ((WalletKeys.from_seed(seeds[wallet]).owner, amount) for wallet, amount in wallets.items() if amount)
    doc = GenesisDoc(
        name=name,
        asset_id=bytes(32),
        fee_base=FEE_BASE,
        fee_per_output=FEE_PER_OUTPUT,
        validators=tuple(key for key, _ in identities),
        allocations=tuple(Allocation(owner, amount) for owner, amount in sorted(owned)),
    )
    genesis = check_genesis(doc)
    write_atomically(folder.genesis_file, GENESIS_DOC.encode(doc), 0o644)
    for wallet, seed in seeds.items():
        if wallet not in known:
            WalletStore.make(folder.wallets, wallet, seed)
    configure(folder, genesis, free_ports(validators_count))
    return seeds


def configure(folder: NetworkFolder, genesis: Genesis, ports: list[int]) -> None:
    """Write all configuration files for these ports; network.toml last, since it says that a network is there."""
    folders = [folder.validator(index) for index in range(genesis.committee.size)]
    certificates = [_certificate(validator) for validator in folders]
    peers = [
        PeerAddress(HOST, port, key, certificate, f"V{index + 1}")
        for index, (key, port, certificate) in enumerate(zip(genesis.committee.validators, ports, certificates, strict=True))
    ]
    paths: dict[bytes, Path] = {peer.identity_pk: validator.tls_certificate for peer, validator in zip(peers, folders, strict=True)}
    for index, validator in enumerate(folders):
        config = ValidatorConfig(
            genesis=folder.genesis_file,
            identity_key=validator.identity_key,
            tls_certificate=validator.tls_certificate,
            tls_key=validator.tls_key,
            data_dir=validator.data_dir,
            vote_journal=_journal_of(validator),
            listen_host=HOST,
            listen_port=ports[index],
            log_level="info",
            peers=tuple(peer for peer in peers if peer is not peers[index]),
        )
        write_config(validator.config, config, paths)
    write_network(folder.network_file, genesis.doc.name, folder.genesis_file, [(peer, paths[peer.identity_pk]) for peer in peers])


def _journal_of(validator: ValidatorFolder) -> Path:
    """Where its configuration says, if it has one: a journal that is looked for elsewhere would pass for lost."""
    return load_config(validator.config).vote_journal if validator.config.exists() else validator.vote_journal


def open_network(folder: NetworkFolder) -> Genesis:
    """The genesis of an existing network, its ports moved if something else listens on one of them, or if a move was interrupted. LocalFault."""
    try:
        genesis = load_genesis(folder.genesis_file)
    except LocalFault as fault:
        raise LocalFault(fault.code, f"{folder.genesis_file}: {fault.text}") from fault
    ports = [load_config(folder.validator(index).config).listen_port for index in range(genesis.committee.size)]
    known = [peer.port for peer in load_network(folder.network_file).validators]
    if ports != known or not all(_is_free(port) for port in ports):
        configure(folder, genesis, free_ports(len(ports)))
    return genesis


def free_ports(count: int) -> list[int]:
    """Different UDP ports of the loopback interface that nobody uses now, from a random place of `PORTS` on. LocalFault (VALIDATOR_START) if there are too few.

    Not the ports that the system would give: those are also given to whoever dials, and a wallet's connection could take one before its validator does.
    """
    start = int.from_bytes(os.urandom(4), "big") % len(PORTS)
    found = list(itertools.islice((port for port in (*PORTS[start:], *PORTS[:start]) if _is_free(port)), count))
    if len(found) < count:
        raise LocalFault(ErrorCode.VALIDATOR_START, f"fewer than {count} UDP ports from {PORTS[0]} to {PORTS[-1]} are free")
    return found


def _is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def _certificate(validator: ValidatorFolder) -> bytes:
    return TomlTable(validator.config, "", {"tls_certificate": validator.tls_certificate.name}).certificate("tls_certificate")
