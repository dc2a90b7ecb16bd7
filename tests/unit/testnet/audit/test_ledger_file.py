"""A ledger in a file, there and back. Goal: what is exported can be imported, and no file that anybody makes does anything but be refused, at its byte."""

import asyncio
import resource
import signal
import stat
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typing_extensions import override

from mesh_core.errors import ErrorCode, LocalFault
from mesh_core.protocol.records import certificate_key
from mesh_core.types.basic import Hash32
from mesh_core.types.messages import AckStatus, CertAck, SettlementCertificate
from mesh_core.wallet.network import Network
from testnet import importing
from testnet.commands.export import ended_as_by_hand
from testnet.exporting import export_folder, export_log
from testnet.importing import CheckedLedger, Delivered, deliver_to_all, read_checked
from testnet.ledger_file import MAX_CERTIFICATE_BYTES, LedgerWriter, check_ledger
from tests.cluster import Cluster, cert_id_of, certify_by_hand, make_genesis, sign_core
from tests.unit.testnet.audit.ledger import chain_of, change_record, cluster_with, data_of, proven_ledger, sights_of, write_folders
from tests.unit.testnet.observer.machines import MachineSights

HEAD_BYTES = 42


def nothing(*_: object) -> None:
    """Nobody is told."""


@pytest.fixture(scope="module")
def cluster() -> Cluster:
    return cluster_with(proven_ledger())


def head(cluster: Cluster) -> bytes:
    return b"MESHLEDG" + b"\0\1" + cluster.genesis.network_id


def entry(data: bytes) -> bytes:
    return len(data).to_bytes(4, "big") + data


def tail(count: int, chain: bytes) -> bytes:
    return bytes(4) + count.to_bytes(8, "big") + chain


def whole(cluster: Cluster, certificates: Any = None) -> bytes:
    """The file as docs/operations.md describes it, made by hand."""
    chosen = proven_ledger() if certificates is None else certificates
    return head(cluster) + b"".join(map(entry, data_of(chosen))) + tail(len(chosen), chain_of(cluster, chosen))


def refused(path: Path, cluster: Cluster) -> LocalFault:
    with pytest.raises(LocalFault) as refusal:
        check_ledger(path, cluster.genesis, nothing)
    return refusal.value


async def test_file_is_what_the_documentation_says_and_leads_to_the_state(cluster: Cluster, tmp_path: Path) -> None:
    path = tmp_path / "ledger"
    sights = sights_of(cluster)
    index, follower, size = await export_log(cluster.genesis, sights, sights.sights, path, nothing)
    assert path.read_bytes() == whole(cluster)
    assert (index, size, follower.length) == (0, len(whole(cluster)), 5)
    assert stat.S_IMODE(path.stat().st_mode) & 0o133 == 0
    assert check_ledger(path, cluster.genesis, nothing).ledger.compute_digest() in cluster.digests()


def test_folder_gives_the_same_file(cluster: Cluster, tmp_path: Path) -> None:
    folders = write_folders(cluster, tmp_path)
    follower, size = export_folder(cluster.genesis, "V3", folders[2], tmp_path / "ledger", nothing)
    assert (tmp_path / "ledger").read_bytes() == whole(cluster)
    assert (follower.length, size) == (5, len(whole(cluster)))


async def test_nothing_is_overwritten_and_nothing_half_is_left(cluster: Cluster, tmp_path: Path) -> None:
    path = tmp_path / "ledger"
    path.write_text("mine")
    sights = sights_of(cluster)
    with pytest.raises(LocalFault, match="is not overwritten"):
        await export_log(cluster.genesis, sights, sights.sights, path, nothing)
    assert path.read_text() == "mine"
    folders = write_folders(cluster, tmp_path)
    change_record(folders[0], certificate_key(Hash32(cert_id_of(proven_ledger()[4]))), b"")
    with pytest.raises(LocalFault, match=r"the log of V1, entry 4: .*take another validator's"):
        export_folder(cluster.genesis, "V1", folders[0], tmp_path / "new", nothing)
    with pytest.raises(KeyboardInterrupt), LedgerWriter(tmp_path / "new", cluster.genesis):
        raise KeyboardInterrupt
    assert not (tmp_path / "new").exists()


async def test_whoever_claims_the_longest_log_keeps_nobody_from_exporting(cluster: Cluster, tmp_path: Path) -> None:
    """One faulty validator of four would otherwise make every export fail, as long as it likes."""
    sights = sights_of(cluster)
    sights.sights[2].log_length = 1 << 63
    index, follower, _ = await export_log(cluster.genesis, sights, sights.sights, tmp_path / "ledger", nothing)
    assert (index, follower.length) == (0, 5)
    assert (tmp_path / "ledger").read_bytes() == whole(cluster)
    with pytest.raises(LocalFault, match=r"the log of V3, entry 5: .*gives none there") as refusal:
        await export_log(cluster.genesis, sights, [sights.sights[2]], tmp_path / "other", nothing)
    assert refusal.value.code is ErrorCode.PEER_INVALID
    for sight in sights.sights:
        sight.log_length = 6
    with pytest.raises(LocalFault, match=r"the log of V1, entry 5.*the log of V4, entry 5"):
        await export_log(cluster.genesis, sights, sights.sights, tmp_path / "other", nothing)
    assert not (tmp_path / "other").exists()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_whoever_is_ended_leaves_nothing_half(cluster: Cluster, tmp_path: Path, number: signal.Signals) -> None:
    def write() -> None:
        with ended_as_by_hand(), LedgerWriter(tmp_path / "new", cluster.genesis):
            assert (tmp_path / "new").exists()
            signal.raise_signal(number)

    before = signal.signal(number, signal.SIG_DFL)
    try:
        with pytest.raises(KeyboardInterrupt):
            write()
        assert not (tmp_path / "new").exists()
        assert signal.getsignal(number) is signal.SIG_DFL
        # Whoever asked for it with nohup gets it.
        signal.signal(number, signal.SIG_IGN)
        with ended_as_by_hand():
            signal.raise_signal(number)
    finally:
        signal.signal(number, before)


def test_full_disk_is_told_and_leaves_nothing(cluster: Cluster, tmp_path: Path) -> None:
    """A limit on the size of files stands in for the disk: the same happens to whoever writes."""
    folders = write_folders(cluster, tmp_path)
    path = tmp_path / "ledger"
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2_000, hard))
    try:
        with pytest.raises(LocalFault, match=r"cannot write .*: File too large") as refusal:
            export_folder(cluster.genesis, "V1", folders[0], path, nothing)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert refusal.value.code is ErrorCode.STORE_UNAVAILABLE
    assert not path.exists()


def test_hostile_files_are_refused_at_their_byte(cluster: Cluster, tmp_path: Path) -> None:
    path = tmp_path / "ledger"
    good = whole(cluster)
    log = data_of(proven_ledger())
    second = HEAD_BYTES + 4 + len(log[0])
    end = len(good) - 44
    document, signature = ErrorCode.DOCUMENT_INVALID, ErrorCode.BAD_SIGNATURE
    other = make_genesis(allocations={"carol": 5})
    cases: list[tuple[bytes, int, ErrorCode, str]] = [
        (b"", 0, document, "the file ends where the beginning of a ledger should stand"),
        (b"PK\3\4" * 100, 0, document, "this is no ledger"),
        (good[:8] + b"\0\2" + good[10:], 8, document, "version 2 of the format"),
        (good[:10] + other.network_id + good[42:], 10, document, f"it is of the network {other.network_id.hex()[:16]}"),
        (good[:HEAD_BYTES], HEAD_BYTES, document, "the file ends where the length of a certificate should stand"),
        (good[:HEAD_BYTES] + (MAX_CERTIFICATE_BYTES + 1).to_bytes(4, "big"), HEAD_BYTES, document, "a certificate of 262,145 bytes, at most 262,144"),
        (good[:HEAD_BYTES] + b"\xff" * 4, HEAD_BYTES, document, "a certificate of 4,294,967,295 bytes"),
        (good[: second + 100], second + 4, document, "the file ends where a certificate of"),
        (good[: second + 200] + bytes((good[second + 200] ^ 1,)) + good[second + 201 :], second, signature, "certificate 1 is no certificate of this network"),
        (good[:-44] + tail(4, good[-32:]), end + 4, document, "it says that it has 4 certificates, and has 5"),
        (good[:-44] + tail(5, bytes(32)), end + 12, document, "the chain hash is not that of its certificates"),
        (good[:-1], end + 12, document, "the file ends where the chain hash should stand"),
        (good + b"\0", len(good), document, "something follows behind its end"),
        (
            head(cluster) + entry(log[1]) + tail(1, bytes(32)),
            HEAD_BYTES,
            ErrorCode.SEQUENCE_AHEAD,
            "certificate 0 cannot be applied there: sequence 1 is ahead",
        ),
        (good[:second] + entry(log[0]) + tail(2, bytes(32)), second, ErrorCode.STALE_SEQUENCE, "certificate 1 cannot be applied there"),
        (head(cluster) + entry(log[3]) + tail(1, bytes(32)), HEAD_BYTES, ErrorCode.UNKNOWN_OUTPUT, "certificate 0 cannot be applied there"),
    ]
    for data, at, code, words in cases:
        path.write_bytes(data)
        refusal = refused(path, cluster)
        assert refusal.code is code, words
        assert f"byte {at:,}: " in refusal.text
        assert words in refusal.text


def test_certificate_whose_amounts_nothing_bounds_is_refused_at_its_own_byte(tmp_path: Path) -> None:
    """Its range proof is looked at together with those of later ones; the refusal names the first that does not hold."""
    cluster = Cluster()
    alice, bob = cluster.account("alice"), cluster.account("bob")
    good = cluster.pay(alice, (bob, 500))
    bad = certify_by_hand(sign_core(cluster.draft_send(alice, (bob, 7)).core, alice.keys))
    (tmp_path / "ledger").write_bytes(whole(cluster, (good, bad)))
    refusal = refused(tmp_path / "ledger", cluster)
    assert refusal.code is ErrorCode.RANGE_PROOF
    assert f"byte {HEAD_BYTES + 4 + len(data_of((good,))[0]):,}: certificate 1" in refusal.text


@settings(max_examples=60, deadline=None)
@given(at=st.integers(0, 6000), change=st.binary(min_size=0, max_size=4), cut=st.integers(0, 4))
def test_no_changed_file_is_good(tmp_path_factory: pytest.TempPathFactory, cluster: Cluster, at: int, change: bytes, cut: int) -> None:
    good = whole(cluster)
    changed = good[: at % len(good)] + change + good[at % len(good) + cut :]
    path = tmp_path_factory.getbasetemp() / "changed"
    path.write_bytes(changed)
    if changed != good:
        assert refused(path, cluster).code in {ErrorCode.DOCUMENT_INVALID, ErrorCode.BAD_SIGNATURE}


# --- To validators ---------------------------------------------------------------------------------------------------------------------------------


class TakingSights(MachineSights):
    """Validators that are also given certificates."""

    @override
    async def request(self, validator: int, message: Any, timeout_s: float = 1.0) -> Any:
        await asyncio.sleep(0)
        if not isinstance(message, SettlementCertificate):
            return await super().request(validator, message, timeout_s)
        self.questions.append((validator, message))
        answer = self.validators[validator].ask(message)
        bend = self.bends.get(validator)
        return answer if bend is None else bend(answer)


def checked(cluster: Cluster, path: Path, monkeypatch: pytest.MonkeyPatch) -> CheckedLedger:
    """The whole ledger from a file, with chain hashes of every second certificate."""
    monkeypatch.setattr(importing, "PAGE", 2)
    path.write_bytes(whole(cluster))
    return read_checked(Network("test", cluster.genesis, ()), path, nothing)


def taking(cluster: Cluster) -> TakingSights:
    sights = sights_of(cluster)
    found = TakingSights(sights.validators, sights.network)
    found.look()
    return found


def given_to(sights: TakingSights, validator: int) -> int:
    return len([1 for one, message in sights.questions if one == validator and isinstance(message, SettlementCertificate)])


async def test_empty_validators_get_all_of_it_and_a_second_time_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = Cluster()
    ledger = checked(cluster, tmp_path / "ledger", monkeypatch)
    outcomes = await deliver_to_all(taking(cluster), ledger, nothing)
    assert outcomes == [Delivered(f"V{number}", applied=5) for number in (1, 2, 3, 4)]
    assert cluster.digests() == {ledger.follower.ledger.compute_digest()}
    again = taking(cluster)
    assert await deliver_to_all(again, ledger, nothing) == [Delivered(f"V{number}", skipped=4, known=1) for number in (1, 2, 3, 4)]
    assert [given_to(again, index) for index in range(4)] == [1, 1, 1, 1]


async def test_interrupted_import_goes_on_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = Cluster()
    ledger = checked(cluster, tmp_path / "ledger", monkeypatch)
    for certificate in proven_ledger()[:3]:
        cluster.validators[1].settle(certificate)
    cluster.validators[2].settle(proven_ledger()[2])  # parked: it rests on what it does not have
    sights = taking(cluster)
    outcomes = await deliver_to_all(sights, ledger, nothing)
    assert outcomes[1] == Delivered("V2", skipped=2, known=1, applied=2)
    assert given_to(sights, 1) == 3
    assert outcomes[2].count == 5
    assert len(cluster.digests()) == 1


async def test_validator_that_does_not_take_it_is_named_and_the_others_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = Cluster()
    ledger = checked(cluster, tmp_path / "ledger", monkeypatch)
    sights = taking(cluster)
    sights.silent.add(3)
    sights.bends[0] = lambda answer: (
        CertAck(answer.request_id, answer.cert_id, AckStatus.CONFLICT, 0, 0, ()) if isinstance(answer, CertAck) and answer.next_sequence == 2 else answer
    )
    outcomes = await deliver_to_all(sights, ledger, nothing)
    assert "certificate 1 is not applied there (CONFLICT)" in outcomes[0].problem
    assert "no answer" in outcomes[3].problem
    assert [one.applied for one in outcomes[1:3]] == [5, 5]
