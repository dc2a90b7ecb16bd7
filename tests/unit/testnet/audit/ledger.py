"""A short ledger with real range proofs, and validators that have it, in memory and on disks."""

from functools import cache
from pathlib import Path

from mesh_core.protocol.ledger import extend_chain
from mesh_core.storage.database import Database
from mesh_core.storage.validator_store import DATABASE_NAME, FORMAT_NAME, FORMAT_VERSION
from mesh_core.types.basic import Hash32
from mesh_core.types.certificate import CERTIFICATE, Certificate
from tests.cluster import Cluster, cert_id_of
from tests.unit.testnet.observer.machines import MachineNetwork, MachineSights


@cache
def proven_ledger() -> tuple[Certificate, ...]:
    """Alice pays Bob three times, Bob claims two of it and pays back, all of it in one valid order."""
    cluster = Cluster()
    alice, bob = cluster.account("alice"), cluster.account("bob")
    sends = [cluster.pay(alice, (bob, amount)) for amount in (500, 7, 3)]
    claim = cluster.claim(bob, *sends[:2])
    return (*sends, claim, cluster.pay(bob, (alice, 100)))


def cluster_with(certificates: tuple[Certificate, ...]) -> Cluster:
    """Validators that have applied these, in this order."""
    cluster = Cluster()
    for certificate in certificates:
        cluster.apply_everywhere(certificate)
    return cluster


def sights_of(cluster: Cluster) -> MachineSights:
    """What somebody sees who asks them."""
    sights = MachineSights(cluster.validators, MachineNetwork(cluster.genesis))
    sights.look()
    return sights


def data_of(certificates: tuple[Certificate, ...]) -> list[bytes]:
    """Their bytes."""
    return [CERTIFICATE.encode(certificate) for certificate in certificates]


def chain_of(cluster: Cluster, certificates: tuple[Certificate, ...]) -> Hash32:
    """The chain hash of a log that holds them in this order."""
    chain = cluster.genesis.network_id
    for certificate in certificates:
        chain = extend_chain(chain, Hash32(cert_id_of(certificate)))
    return chain


def write_folders(cluster: Cluster, home: Path) -> list[Path]:
    """The data folder of each validator, as it is after a stop."""
    folders = []
    for index, validator in enumerate(cluster.validators):
        folder = home / f"v{index + 1}" / "data"
        with Database.open(folder / DATABASE_NAME, format_name=FORMAT_NAME, format_version=FORMAT_VERSION) as database:
            database.write([*validator.store.items()])
        folders.append(folder)
    return folders


def change_record(folder: Path, key: str, value: bytes) -> None:
    """Change a record as whoever knows the format would: its checksum is right."""
    with Database.open(folder / DATABASE_NAME, format_name=FORMAT_NAME, format_version=FORMAT_VERSION, create=False) as database:
        database.write([(key, value)])
