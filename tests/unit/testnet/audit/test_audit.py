"""An audit against real machines and real files. Goal: what is as it must be is found good, and nothing that is not passes, wherever it stands."""

import sqlite3
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mesh_core.errors import ErrorCode, LocalFault
from mesh_core.protocol.genesis import Genesis
from mesh_core.protocol.records import GLOBALS, GLOBALS_KEY, HALTED_KEY, LOG_ENTRY, account_key, certificate_key, log_key
from mesh_core.storage.database import Database
from mesh_core.storage.lock import OwnerLock
from mesh_core.storage.stopped import open_stopped_validator
from mesh_core.storage.validator_store import DATABASE_NAME, FORMAT_NAME, FORMAT_VERSION
from mesh_core.types.basic import Hash32
from mesh_core.types.certificate import CERTIFICATE
from mesh_core.types.messages import PongFlag, SyncResponse
from testnet.audit import reading
from testnet.audit.folders import audit_folders
from testnet.audit.network import audit_sights
from testnet.audit.report import AuditReport
from tests.cluster import Cluster, cert_id_of, certify_by_hand, sign_core
from tests.unit.testnet.audit.ledger import change_record, cluster_with, data_of, proven_ledger, sights_of, write_folders
from tests.unit.testnet.observer.machines import MachineSights


class Clock:
    """Seconds that the test gives."""

    now_s = 0.0

    def monotonic(self) -> float:
        return self.now_s


def nothing(*_: object) -> None:
    """Nobody is told."""


async def audited(sights: MachineSights, genesis: Genesis) -> AuditReport:
    return await audit_sights(genesis, sights, nothing, rest_s=0)


def found(report: AuditReport) -> list[tuple[str, str, int | None]]:
    """Validator, place and code of all that was found."""
    return [(one.name, finding.where, finding.code) for one in report.validators for finding in one.findings]


async def test_network_that_is_as_it_must_be_is_found_good() -> None:
    cluster = cluster_with(proven_ledger())
    report = await audited(sights_of(cluster), cluster.genesis)
    assert (report.is_good, report.digests_equal, found(report)) == (True, True, [])
    assert {one.digest for one in report.validators} == cluster.digests()
    assert (report.certificates_checked, report.proofs_checked) == (20, 4)
    assert report.signatures_checked == 5 * 4  # those of the second validator's certificates are the same bytes
    form = report.form()
    assert (form["good"], form["validators"][0]["supply_holds"], form["validators"][0]["log_length"]) == (True, True, 5)
    assert "good: 4 equal digests" in report.lines()[-1]


async def test_large_ledgers_are_held_one_at_a_time_and_found_good_all_the_same() -> None:
    cluster = cluster_with(proven_ledger())
    report = await audit_sights(cluster.genesis, sights_of(cluster), nothing, kept_accounts=0)
    assert (report.is_good, report.certificates_checked, {one.digest for one in report.validators}) == (True, 20, cluster.digests())


async def test_network_that_comes_to_rest_meanwhile_is_read_on() -> None:
    ledger = proven_ledger()
    cluster = cluster_with(ledger[:3])
    sights = sights_of(cluster)

    def apply_the_rest(answer: Any) -> Any:
        sights.bends.clear()
        for certificate in ledger[3:]:
            cluster.apply_everywhere(certificate)
        for sight, said in zip(sights.sights, sights_of(cluster).sights, strict=True):
            sight.log_length, sight.digest = said.log_length, said.digest
        return answer

    sights.bends[3] = apply_the_rest
    report = await audit_sights(cluster.genesis, sights, nothing, rest_s=10)
    assert (report.is_good, [one.length for one in report.validators]) == (True, [5] * 4)


async def test_digest_of_a_moment_is_no_lie() -> None:
    """What a validator says while its log grows is of two moments: it is told that the network is not at rest, and nobody is called a liar."""
    cluster = cluster_with(proven_ledger())
    sights = sights_of(cluster)
    sights.sights[1] = replace(sights.sights[1], digest=Hash32(b"d" * 32), is_steady=False)
    report = await audited(sights, cluster.genesis)
    assert found(report) == [("V2", "", None)]
    assert "its log goes on" in report.validators[1].findings[0].text


async def test_another_order_is_as_good() -> None:
    first, second, third, claim, back = proven_ledger()
    cluster = Cluster()
    for index, validator in enumerate(cluster.validators):
        for certificate in (first, second, claim, back, third) if index % 2 else (first, second, third, claim, back):
            validator.settle(certificate)
    report = await audited(sights_of(cluster), cluster.genesis)
    assert report.is_good
    assert len({validator.machine.ledger.globals.chain for validator in cluster.validators}) == 2


async def test_what_a_validator_lacks_is_named() -> None:
    ledger = proven_ledger()
    cluster = cluster_with(ledger[:-1])
    for index in (0, 1, 3):
        cluster.validators[index].settle(ledger[-1])
    report = await audited(sights_of(cluster), cluster.genesis)
    assert found(report) == [("V3", "log of 4", None)]
    assert cert_id_of(ledger[-1]).hex()[:16] in report.validators[2].findings[0].text
    assert (report.is_good, report.digests_equal) == (False, False)


async def test_silent_validator_is_no_equal_digest() -> None:
    cluster = cluster_with(proven_ledger())
    sights = sights_of(cluster)
    sights.silent.add(1)
    sights.look()
    report = await audited(sights, cluster.genesis)
    assert found(report) == [("V2", "", ErrorCode.PEER_UNREACHABLE)]
    assert not report.is_good


async def test_whoever_gives_its_log_by_the_drop_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = cluster_with(proven_ledger())
    sights = sights_of(cluster)

    def first_alone(answer: Any) -> Any:
        # Each answer is a minute of waiting that nobody has to wait here.
        clock.now_s += 61
        return replace(answer, items=answer.items[:1], more=True)

    sights.bends[1] = first_alone
    clock = Clock()
    monkeypatch.setattr(reading, "time", clock)
    report = await audited(sights, cluster.genesis)
    assert found(report) == [("V2", "", ErrorCode.PEER_TIMEOUT)]
    assert [one.length for one in report.validators] == [5, 0, 5, 5]


@pytest.mark.parametrize(("entries", "waited_s"), [(0, 60.0), (301, 60.1), (5 * 3_600, 3_600.0)])
def test_whoever_gives_its_log_at_a_walk_is_waited_for(entries: int, waited_s: float) -> None:
    reading.require_pace(entries, waited_s)


async def test_word_that_its_log_does_not_amount_to() -> None:
    cluster = cluster_with(proven_ledger())
    sights = sights_of(cluster)
    sights.sights[2] = replace(sights.sights[2], digest=Hash32(b"d" * 32))
    report = await audited(sights, cluster.genesis)
    assert found(report) == [("V3", "", ErrorCode.PEER_INVALID)]
    assert "6464646464646464" in report.validators[2].findings[0].text


async def test_slot_that_two_logs_decide_otherwise_is_named(tmp_path: Path) -> None:
    """Both certificates are good, and so are both logs: more than f validators have signed twice."""
    cluster = Cluster()
    alice, bob = cluster.account("alice"), cluster.account("bob")
    one, other = (certify_by_hand(cluster.build_send(alice, (bob, amount))[0]) for amount in (5, 6))
    for index, validator in enumerate(cluster.validators):
        validator.settle(other if index == 2 else one)
    report = await audited(sights_of(cluster), cluster.genesis)
    assert ("V3", "log entry 0", ErrorCode.CONFLICTS_WITH_CERTIFICATE) in found(report)
    assert f"for sequence 0 of {alice.keys.owner.hex()[:16]}" in report.validators[2].findings[0].text
    offline = audit_folders(cluster.genesis, write_folders(cluster, tmp_path), nothing)
    assert ("V3", "log entry 0", ErrorCode.CONFLICTS_WITH_CERTIFICATE) in found(offline)


async def test_validator_that_has_seen_a_conflict_is_a_finding() -> None:
    cluster = cluster_with(proven_ledger())
    sights = sights_of(cluster)
    sights.sights[0].flags = PongFlag.HALTED | PongFlag.QUARANTINE
    sights.sights[1].flags = PongFlag.QUARANTINE
    report = await audited(sights, cluster.genesis)
    assert [name for name, _, _ in found(report)] == ["V1"]
    assert "is halted" in report.validators[0].findings[0].text


def bend(change: Callable[[list[bytes]], list[bytes]]) -> Callable[[Any], Any]:
    """A validator that sends something else than its log."""

    def bent(answer: Any) -> Any:
        if not isinstance(answer, SyncResponse) or not answer.items:
            return answer
        changed = change([item.certificate for item in answer.items])
        return replace(
            answer, items=tuple(replace(answer.items[0], index=answer.items[0].index + number, certificate=data) for number, data in enumerate(changed))
        )

    return bent


@pytest.mark.parametrize(
    ("change", "where", "code"),
    [
        (lambda log: [log[0], log[1][:-1] + bytes((log[1][-1] ^ 1,))], "log entry 1", ErrorCode.BAD_SIGNATURE),
        (lambda log: [log[0], log[1][:-7]], "log entry 1", ErrorCode.BAD_SIGNATURE),
        (lambda log: [log[0], log[2]], "log entry 1", ErrorCode.SEQUENCE_AHEAD),
        (lambda log: [log[0], log[0]], "log entry 1", ErrorCode.STALE_SEQUENCE),
        (lambda log: [log[3]], "log entry 0", ErrorCode.UNKNOWN_OUTPUT),
        (lambda log: [], "log entry 0", ErrorCode.PEER_INVALID),
    ],
)
async def test_log_that_cannot_be_is_found_where_it_breaks(change: Callable[[list[bytes]], list[bytes]], where: str, code: ErrorCode) -> None:
    cluster = cluster_with(proven_ledger())
    sights = sights_of(cluster)
    sights.bends[1] = bend(change)
    report = await audited(sights, cluster.genesis)
    assert found(report) == [("V2", where, code)]
    assert report.validators[1].digest is None


async def test_amount_that_no_proof_bounds_is_found() -> None:
    """A quorum has signed a payment whose range proof is nothing: a validator that catches up would take it, an audit does not."""
    cluster = Cluster()
    alice, bob = cluster.account("alice"), cluster.account("bob")
    draft = cluster.draft_send(alice, (bob, 5))
    cluster.apply_everywhere(certify_by_hand(sign_core(draft.core, alice.keys)))
    report = await audited(sights_of(cluster), cluster.genesis)
    assert found(report) == [(f"V{number}", "log entry 0", ErrorCode.RANGE_PROOF) for number in (1, 2, 3, 4)]


async def test_network_that_goes_on_is_said_to_go_on() -> None:
    ledger = proven_ledger()
    cluster = cluster_with(ledger[:-1])
    sights = sights_of(cluster)

    def and_one_more(answer: Any) -> Any:
        sights.sights[3].log_length = 5
        return answer

    for index in range(3):
        cluster.validators[index].settle(ledger[-1])
    sights.look()
    sights.bends[3] = and_one_more
    report = await audited(sights, cluster.genesis)
    assert ("V4", "log entry 4", ErrorCode.PEER_INVALID) in found(report)


# --- Folders of validators that do not run ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def cluster() -> Cluster:
    return cluster_with(proven_ledger())


def test_folders_are_found_good_and_left_as_they_are(cluster: Cluster, tmp_path: Path) -> None:
    folders = write_folders(cluster, tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file() and path.suffix != ".lock"}
    report = audit_folders(cluster.genesis, folders, nothing)
    assert (report.is_good, found(report)) == (True, [])
    assert {one.digest for one in report.validators} == cluster.digests()
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file() and path.suffix != ".lock"} == before


def test_what_a_crash_left_in_the_log_is_read_with_it(cluster: Cluster, tmp_path: Path) -> None:
    """The write-ahead log of a process that was killed: copied while another connection still has the file open."""
    folders = write_folders(cluster, tmp_path / "stopped")
    database = folders[0] / DATABASE_NAME
    connection = sqlite3.connect(database)
    try:
        connection.execute("DELETE FROM kv WHERE key = ?", (account_key(cluster.account("bob").keys.owner),))
        connection.commit()
        crashed = tmp_path / "crashed"
        crashed.mkdir()
        for suffix in ("", "-wal"):
            (crashed / (DATABASE_NAME + suffix)).write_bytes(database.with_name(DATABASE_NAME + suffix).read_bytes())
    finally:
        connection.close()
    report = audit_folders(cluster.genesis, [crashed, *folders[1:]], nothing)
    assert found(report) == [("V1", account_key(cluster.account("bob").keys.owner), ErrorCode.STORE_CORRUPT)]


def first_id() -> Hash32:
    return Hash32(cert_id_of(proven_ledger()[0]))


@pytest.mark.parametrize(
    ("key", "value", "where"),
    [
        (certificate_key(first_id()), data_of(proven_ledger()[:1])[0][:-1], "log entry 0"),
        (certificate_key(first_id()), CERTIFICATE.encode(proven_ledger()[1]), "log entry 0"),
        (certificate_key(first_id()), b"", "log entry 0"),
        (log_key(3), b"", "log entry 3"),
        (log_key(3), b"\0" * 7, "log entry 3"),
        (GLOBALS_KEY, b"\0" * 7, "log entry 0"),
    ],
)
def test_damage_in_a_log_is_found_at_its_entry(cluster: Cluster, tmp_path: Path, key: str, value: bytes, where: str) -> None:
    folders = write_folders(cluster, tmp_path)
    change_record(folders[2], key, value)
    report = audit_folders(cluster.genesis, folders, nothing)
    assert [(name, place) for name, place, _ in found(report)] == [("V3", where)]
    assert not report.is_good


def test_changed_records_are_found_by_their_keys(cluster: Cluster, tmp_path: Path) -> None:
    """All checksums are right: somebody who knows the format has given Bob another balance, and taken an output and a slot away."""
    folders = write_folders(cluster, tmp_path)
    store = cluster.validators[1].store
    output, slot = (next(key for key in store if key.startswith(prefix)) for prefix in ("o/", "s/"))
    account = account_key(cluster.account("bob").keys.owner)
    money = account_key(cluster.account("alice").keys.owner)
    strange = ("a/nobody", "o/nothing", "o/zz/00")
    beside = f"i/{'00' * 32}/00"
    for key, value in ((account, store[account][:-1] + b"\1"), (money, b""), (output, b""), (slot, b""), *((key, b"x") for key in (*strange, beside))):
        change_record(folders[1], key, value)
    entry = LOG_ENTRY.decode(store[log_key(4)])
    change_record(folders[1], log_key(4), LOG_ENTRY.encode(replace(entry, chain=Hash32(bytes(32)))))
    change_record(folders[3], HALTED_KEY, b"a report")
    change_record(folders[1], GLOBALS_KEY, GLOBALS.encode(replace(GLOBALS.decode(store[GLOBALS_KEY]), fee_pool=1)))
    report = audit_folders(cluster.genesis, folders, nothing)
    assert {(name, place) for name, place, _ in found(report)} == {("V4", HALTED_KEY)} | {
        ("V2", key) for key in (account, money, output, slot, log_key(4), GLOBALS_KEY, *strange, "i/", "s/")
    }


def test_folder_of_another_validator_is_refused_and_one_that_runs_is_not_read(cluster: Cluster, tmp_path: Path) -> None:
    folders = write_folders(cluster, tmp_path)
    report = audit_folders(cluster.genesis, [folders[1], folders[0], folders[2], tmp_path / "nowhere"], nothing)
    assert found(report) == [("V1", "", ErrorCode.STORE_FORMAT), ("V2", "", ErrorCode.STORE_FORMAT), ("V4", "", ErrorCode.STORE_UNAVAILABLE)]
    with Database.open(folders[3] / DATABASE_NAME, format_name=FORMAT_NAME, format_version=FORMAT_VERSION), pytest.raises(LocalFault) as refusal:
        audit_folders(cluster.genesis, folders, nothing)
    assert refusal.value.code is ErrorCode.STORE_LOCKED


def test_a_running_validator_of_another_user_is_not_read(cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever may read its folder and not write it would take what changes under his eyes for damage."""
    folders = write_folders(cluster, tmp_path)
    running = OwnerLock.acquire(folders[2] / DATABASE_NAME)

    def refuse(path: Path) -> OwnerLock:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(OwnerLock, "acquire", refuse)
    with pytest.raises(LocalFault) as refusal:
        audit_folders(cluster.genesis, folders, nothing)
    assert refusal.value.code is ErrorCode.STORE_LOCKED
    running.release()
    assert audit_folders(cluster.genesis, folders, nothing).is_good


def test_a_packed_folder_with_a_link_for_a_lock_changes_no_other_file(cluster: Cluster, tmp_path: Path) -> None:
    folders = write_folders(cluster, tmp_path / "packed")
    (tmp_path / "precious").write_text("kept")
    lock = folders[1] / f"{DATABASE_NAME}.lock"
    lock.unlink(missing_ok=True)
    lock.symlink_to(tmp_path / "precious")
    report = audit_folders(cluster.genesis, folders, nothing)
    assert [(name, code) for name, _, code in found(report)] == [("V2", ErrorCode.STORE_UNAVAILABLE)]
    assert (tmp_path / "precious").read_text() == "kept"


def test_a_view_that_never_ends_is_no_database(tmp_path: Path) -> None:
    """The library would compute rows for ever, and Ctrl-C would wait for it."""
    endless = "WITH RECURSIVE x(n) AS (SELECT 1 UNION ALL SELECT n FROM x) SELECT 'a' AS key, x'00' AS value, 0 AS checksum FROM x WHERE n > 1"
    with sqlite3.connect(tmp_path / DATABASE_NAME) as connection:
        connection.execute(f"CREATE VIEW Kv AS {endless}")
    connection.close()
    with pytest.raises(LocalFault, match="what would compute them") as refusal:
        open_stopped_validator(tmp_path)
    assert refusal.value.code is ErrorCode.STORE_FORMAT


def test_files_that_are_no_database(tmp_path: Path) -> None:
    for content, code in ((b"", ErrorCode.STORE_FORMAT), (b"no database" * 100, ErrorCode.STORE_CORRUPT)):
        (tmp_path / DATABASE_NAME).write_bytes(content)
        with pytest.raises(LocalFault) as refusal:
            open_stopped_validator(tmp_path)
        assert refusal.value.code is code
