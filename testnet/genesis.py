"""Making a local network: keys, genesis document, configuration files; and the ports that its validators listen on."""

import hashlib
import itertools
import os
import socket
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from mesh_core.crypto.keys import WalletKeys
from mesh_core.crypto.signatures import SigningKey
from mesh_core.errors import ErrorCode, LocalFault
from mesh_core.network.client import PeerAddress
from mesh_core.network.genesis_file import load_genesis
from mesh_core.network.toml_table import TomlTable
from mesh_core.protocol.genesis import Genesis, check_genesis
from mesh_core.storage.files import make_private_directory, write_atomically
from mesh_core.storage.wallet_store import WALLET_NAME, WalletStore
from mesh_core.types.basic import PublicKey
from mesh_core.types.genesis import GENESIS_DOC, Allocation, GenesisDoc
from mesh_core.validator.config import ValidatorConfig, load_config, write_config
from mesh_core.validator.identity import SEED_SIZE_BYTES, init_identity
from mesh_core.wallet.network import load_network, write_network
from testnet.layout import NetworkFolder, ValidatorFolder
from testnet.profiles import keep_profile, load_profile
from testnet.recipe import ANY_PORT, DEFAULT_PORT, LOOPBACK, Recipe, Seat
from testnet.recipe import FEE_BASE as FEE_BASE
from testnet.recipe import FEE_PER_OUTPUT as FEE_PER_OUTPUT
from testnet.recipe import VALIDATORS_COUNT as VALIDATORS_COUNT
from testnet.unfinished import find_seeds, put_aside_unfinished

Entropy = Callable[[int], bytes]
Tell = Callable[[str, int, int], None]

HOST = LOOPBACK
PORTS = range(20_000, 32_000)
"""Below the ports that Linux (32768 and up) and macOS (49152 and up) give to whoever dials."""
PEERS_NAME = "peers"
ALICE_ALLOCATION = 10_000
FAUCET_ALLOCATION = 1_000_000_000
DEMO_WALLETS: Mapping[str, int] = {"alice": ALICE_ALLOCATION, "bob": 0, "faucet": FAUCET_ALLOCATION}
"""The wallets of a new home, with what the genesis gives them."""


def _tell_nobody(what: str, done: int, total: int) -> None:
    """Nobody looks."""


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
    """`make_network` of so many validators on this machine, whose keys are made here."""
    return make_network(folder, Recipe(name, (Seat(),) * validators_count, wallets), entropy)


def make_network(folder: NetworkFolder, recipe: Recipe, entropy: Entropy = os.urandom, *, tell: Tell = _tell_nobody) -> dict[str, bytes]:
    """Make keys, wallets, genesis and configurations in an empty home; returns the wallets' seeds (secret). LocalFault.

    `recipe.wallets` are names with their genesis amounts. They are made before the file that says that a network is there: a home whose genesis gives money to
    seeds that nobody has would be worthless. What an interrupted attempt has left is put aside (`unfinished.py`), and its wallets are used. The caller owns
    the home. Where a validator's owner has made its keys already, its folder gets all but these. `tell` is given what is being made, how many of these exist,
    and of how many: each file is waited for until it is on the disk.
    """
    try:
        make_private_directory(folder.home)
        if folder.exists:
            raise LocalFault(ErrorCode.STORE_UNAVAILABLE, f"{folder.home} holds a network already: choose another folder")
        strange = next((wallet for wallet in recipe.wallets if not WALLET_NAME.fullmatch(wallet)), None)
        if strange is not None:
            raise LocalFault(ErrorCode.WALLET_NAME_INVALID, f"{strange[:40]!r} is no name for a wallet: 1 to 32 letters (a-z, A-Z), digits, '_' and '-'")
        known = find_seeds(folder, recipe.wallets)
    except OSError as error:
        raise _unusable(folder, error) from error
    profile = None if recipe.profile is None else load_profile(recipe.profile)
    seeds = {wallet: entropy(SEED_SIZE_BYTES) for wallet in recipe.wallets} | known
    candidates = [_Candidate.of(seat, entropy) for seat in recipe.seats]
    # The committee is ordered by key: the genesis document has no other order.
    members = sorted(candidates, key=lambda one: one.public_key)
    seats = _choose_ports(_seated(members, recipe))
    genesis = check_genesis(_make_document(recipe, tuple(one.public_key for one in members), seeds))
    # Whatever is wrong with the recipe has been refused by now: nothing was moved or made.
    try:
        put_aside_unfinished(folder)
    except OSError as error:
        raise _unusable(folder, error) from error
    for index, member in enumerate(members):
        tell("keys", index, len(members))
        _write_identity(folder.validator(index), member)
    write_atomically(folder.genesis_file, GENESIS_DOC.encode(genesis.doc), 0o644)
    for wallet, seed in seeds.items():
        if wallet not in known:
            WalletStore.make(folder.wallets, wallet, seed)
    if profile is not None:
        keep_profile(folder.profile_file, profile)
    configure_seats(folder, genesis, seats, tell)
    return seeds


def _unusable(folder: NetworkFolder, error: OSError) -> LocalFault:
    return LocalFault(ErrorCode.STORE_UNAVAILABLE, f"cannot make the folder {folder.home}: {error.strerror or error}")


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A validator to be. `seed` is secret, and absent where the owner has kept it."""

    seat: Seat
    public_key: PublicKey
    seed: bytes | None

    @classmethod
    def of(cls, seat: Seat, entropy: Entropy) -> "_Candidate":
        if seat.identity is not None:
            return cls(seat, seat.identity.public_key, None)
        seed = entropy(SEED_SIZE_BYTES)
        return cls(seat, SigningKey(seed).public_key, seed)


def _seated(members: list[_Candidate], recipe: Recipe) -> list[Seat]:
    """Where each member sits: V1 at the first of the recipe's places and so on, but whoever brought an identity sits where its entry says."""
    free = iter(seat for seat in recipe.seats if seat.identity is None)
    return [member.seat if member.seat.identity is not None else next(free) for member in members]


def _choose_ports(seats: list[Seat]) -> list[Seat]:
    """The same with a port for each: those that nobody chose are free ones on loopback, and elsewhere the usual one."""
    free = iter(free_ports(sum(seat.port == ANY_PORT for seat in seats)))
    chosen = [replace(seat, port=next(free) if seat.host == HOST else DEFAULT_PORT) if seat.port == ANY_PORT else seat for seat in seats]
    places = [(seat.host, seat.port) for seat in chosen]
    twice = next((place for number, place in enumerate(places) if place in places[:number]), None)
    if twice is not None:
        raise LocalFault(ErrorCode.CONFIG_INVALID, f"two validators are to listen at {twice[0]}:{twice[1]}: give one of them another port")
    return chosen


def _make_document(recipe: Recipe, validators: tuple[PublicKey, ...], seeds: Mapping[str, bytes]) -> GenesisDoc:
    """The genesis document. LocalFault (GENESIS_INVALID) where one account is given money twice, or nobody any."""
    owned = [Allocation(WalletKeys.from_seed(seeds[wallet]).owner, amount) for wallet, amount in recipe.wallets.items() if amount]
    allocations = sorted((*owned, *recipe.allocations), key=lambda allocation: allocation.owner)
    if not allocations:
        raise LocalFault(ErrorCode.GENESIS_INVALID, "nobody has any money: a wallet or an allocation must have some")
    if len({allocation.owner for allocation in allocations}) < len(allocations):
        raise LocalFault(ErrorCode.GENESIS_INVALID, "an account is given money twice: by a wallet that is made here, and by an allocation")
    return GenesisDoc(
        name=recipe.name,
        asset_id=bytes(32),
        fee_base=recipe.fee_base,
        fee_per_output=recipe.fee_per_output,
        validators=validators,
        allocations=tuple(allocations),
    )


def _write_identity(validator: ValidatorFolder, member: _Candidate) -> None:
    """Keys where they are made here; else the certificate alone. LocalFault."""
    if member.seed is not None:
        seed = member.seed
        init_identity(validator.path, lambda _: seed)
        return
    assert member.seat.identity is not None
    try:
        make_private_directory(validator.path)
    except OSError as error:
        raise LocalFault(ErrorCode.STORE_UNAVAILABLE, f"cannot make the folder {validator.path}: {error.strerror or error}") from error
    write_atomically(validator.tls_certificate, ssl.DER_cert_to_PEM_cert(member.seat.identity.certificate).encode("ascii"), 0o644)


def configure(folder: NetworkFolder, genesis: Genesis, ports: list[int]) -> None:
    """Write all configuration files of a network on this machine for these ports; network.toml last, since it says that a network is there."""
    configure_seats(folder, genesis, [Seat(HOST, port) for port in ports])


def configure_seats(folder: NetworkFolder, genesis: Genesis, seats: list[Seat], tell: Tell = _tell_nobody) -> None:
    """Write all configuration files for these places; network.toml last. Of a file that is there already, what is not of addresses is kept. LocalFault.

    Where other machines take part each validator's folder becomes complete in itself, so that it can be carried to its machine, and HOME/public holds what
    everybody else needs.
    """
    folders = [folder.validator(index) for index in range(genesis.committee.size)]
    certificates = [_certificate(validator) for validator in folders]
    peers = [
        PeerAddress(seat.host, seat.port, key, certificate, f"V{index + 1}")
        for index, (key, seat, certificate) in enumerate(zip(genesis.committee.validators, seats, certificates, strict=True))
    ]
    is_spread = Recipe(genesis.doc.name, tuple(seats), {}).is_spread
    here: dict[bytes, Path] = {peer.identity_pk: validator.tls_certificate for peer, validator in zip(peers, folders, strict=True)}
    for index, validator in enumerate(folders):
        tell("configurations", index, len(folders))
        paths = _carry(validator.path, folder.genesis_file, peers, validator.path / PEERS_NAME) if is_spread else here
        config = ValidatorConfig(
            genesis=validator.path / folder.genesis_file.name if is_spread else folder.genesis_file,
            identity_key=validator.identity_key,
            tls_certificate=validator.tls_certificate,
            tls_key=validator.tls_key,
            data_dir=validator.data_dir,
            vote_journal=validator.vote_journal,
            listen_host=seats[index].listen_host or seats[index].host,
            listen_port=seats[index].port,
            log_level="info",
            peers=tuple(peer for peer in peers if peer is not peers[index]),
        )
        write_config(validator.config, _keep_settings(validator, config), paths)
    if is_spread:
        public = folder.public
        given = _carry(public, folder.genesis_file, peers, public)
        write_network(
            public / folder.network_file.name, genesis.doc.name, public / folder.genesis_file.name, [(peer, given[peer.identity_pk]) for peer in peers]
        )
    write_network(folder.network_file, genesis.doc.name, folder.genesis_file, [(peer, here[peer.identity_pk]) for peer in peers])


def _carry(target: Path, genesis_file: Path, peers: list[PeerAddress], certificates: Path) -> dict[bytes, Path]:
    """Copies of all that is public, into a folder that leaves this machine; returns where each validator's certificate lies then. LocalFault."""
    try:
        make_private_directory(certificates)
        write_atomically(target / genesis_file.name, genesis_file.read_bytes(), 0o644, overwrite=True)
    except OSError as error:
        raise LocalFault(ErrorCode.STORE_UNAVAILABLE, f"cannot write into {target}: {error.strerror or error}") from error
    paths: dict[bytes, Path] = {peer.identity_pk: certificates / f"{peer.name}.crt" for peer in peers}
    for peer in peers:
        write_atomically(paths[peer.identity_pk], ssl.DER_cert_to_PEM_cert(peer.tls_certificate_der).encode("ascii"), 0o644, overwrite=True)
    return paths


def _keep_settings(validator: ValidatorFolder, config: ValidatorConfig) -> ValidatorConfig:
    """What its configuration says of other things than addresses, if it has one: a vote journal that is looked for elsewhere would pass for lost."""
    if not validator.config.exists():
        return config
    return replace(load_config(validator.config), listen_port=config.listen_port, listen_host=config.listen_host, peers=config.peers)


def open_network(folder: NetworkFolder) -> Genesis:
    """The genesis of an existing network, its ports moved if something else listens on one of them, or if a move was interrupted. LocalFault."""
    try:
        genesis = load_genesis(folder.genesis_file)
    except LocalFault as fault:
        raise LocalFault(fault.code, f"{folder.genesis_file}: {fault.text}") from fault
    _require_home(folder, genesis)
    ports = [load_config(folder.validator(index).config).listen_port for index in range(genesis.committee.size)]
    known = [peer.port for peer in load_network(folder.network_file).validators]
    if ports != known or not all(_is_free(port) for port in ports):
        configure(folder, genesis, free_ports(len(ports)))
    return genesis


def _require_home(folder: NetworkFolder, genesis: Genesis) -> None:
    """All validators are this machine's. LocalFault (CONFIG_INVALID): nobody else's addresses are written anew because a port is taken here."""
    elsewhere = [peer.name for peer in load_network(folder.network_file).validators if peer.host != HOST]
    absent = [f"V{index + 1}" for index in range(genesis.committee.size) if not folder.validator(index).identity_key.exists()]
    if elsewhere or absent:
        why = f"{', '.join(elsewhere)} at other addresses than {HOST}" if elsewhere else f"no key of {', '.join(absent)}"
        text = f"the network in {folder.home} is not one that runs here as a whole ({why}): start each validator with mesh-app --validator --config FILE"
        raise LocalFault(ErrorCode.CONFIG_INVALID, text)


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
