"""Numbers and names in docs/protocol.md are those of the code: whoever builds on the document builds on them."""

import dataclasses
import re
from pathlib import Path

import pytest

from mesh_core.errors import ErrorCode
from mesh_core.network import client, connection, link, quic, server, tls, work
from mesh_core.network.admission import AdmissionLimits
from mesh_core.protocol import applying, catch_up, evidence_book, parking, penalties, queries, records, settlement, voting
from mesh_core.storage import validator_store, vote_journal
from mesh_core.types import certificate, evidence, genesis, messages, receipt, transition
from mesh_core.types.account import ACCOUNT_STATE, CLAIMABLE_OUTPUT, AccountState, ClaimableOutput
from mesh_core.types.basic import Commitment, Hash32, PublicKey, Signature
from mesh_core.types.committee import MAX_VALIDATORS
from mesh_core.types.events import EVENT_BODIES
from mesh_core.types.transition import PROOF_SIZES
from mesh_core.validator import proofs, runner, serving, subscriptions, syncing
from mesh_core.wallet import asking, ports, settling
from mesh_core.wallet import client as wallet_client

PROTOCOL = (Path(__file__).parents[2] / "docs" / "protocol.md").read_text(encoding="utf-8")
KIB, MIB = 1024, 1024 * 1024


def table_of(title: str) -> dict[str, str]:
    """First cell and the rest of each row of a section's tables, headings left out."""
    found = re.search(rf"^#+ {re.escape(title)}$(.*?)(?=^#|\Z)", PROTOCOL, flags=re.MULTILINE | re.DOTALL)
    assert found, title
    rows = re.findall(r"^\| ([^|]+) \| (.*) \|$", found.group(1), flags=re.MULTILINE)
    return {first.strip(): rest for first, rest in rows if not set(first) <= set("-| ")}


def mib(count: int) -> str:
    assert count % MIB == 0
    return f"{count // MIB} MiB"


def kib(count: int) -> str:
    assert count % KIB == 0
    return f"{count // KIB} KiB"


ADMISSION, SERVER, LINK = AdmissionLimits(), server.ServerLimits(), link.LinkSettings()

LIMITS = {
    "frame": (f"{messages.MAX_FRAME_BYTES:,} bytes", f"{messages.MAX_HANDSHAKE_FRAME_BYTES:,} on the control stream"),
    "bytes of a connection that wait for earlier, lost ones": (mib(quic.SERVER_REASSEMBLY_BYTES),),
    "handshake": (f"{server.HANDSHAKE_DEADLINE_S:g} s", f"{ADMISSION.half_open} unfinished at once", f"{ADMISSION.half_open_per_source} of one address"),
    "connections": (
        f"{ADMISSION.connections_per_source} from one address",
        f"{ADMISSION.rate_per_s:g} new ones a second",
        f"bursts of {ADMISSION.burst}",
        f"{ADMISSION.connections:,} in all",
    ),
    "unanswered requests of a connection": (str(connection.MAX_PENDING_REQUESTS), mib(SERVER.pending_bytes)),
    "time of the event loop": ({0.25: "a quarter"}[work.SHARE], f"a burst of {work.BURST_S:g} s", kib(SERVER.deferred_bytes)),
    "PINGs of a connection, which nothing delays": (
        f"{SERVER.pings_burst} at once",
        f"{SERVER.pings_per_s:g} a second",
        kib(connection.MAX_QUEUED_CONTROL_BYTES),
    ),
    "answers not acknowledged by the peer": (f"{mib(SERVER.queued_bytes)} for a connection", f"{mib(SERVER.source_queued_bytes)} for an address"),
    "range proofs in verification": (
        f"{voting.MAX_PROOFS_PER_ACCOUNT} for an account",
        f"{voting.MAX_PROOFS_PER_SOURCE} for a connection",
        f"{voting.MAX_PROOFS_IN_FLIGHT:,} in all",
    ),
    "failed proofs": (
        {2: "from the third on"}[penalties.FREE_FAILURES],
        f"{penalties.LONGEST_WAIT_S:g} s",
        f"{penalties.QUIET_S:g} s",
        f"{penalties.MAX_ACCOUNTS:,} accounts",
    ),
    "parked certificates": (f"{parking.MAX_PARKED_COUNT:,}", mib(parking.MAX_PARKED_BYTES)),
    "attached certificates": (str(messages.MAX_ATTACHED_CERTIFICATES),),
    "one ACCOUNT_STATE, one SYNC_RESPONSE": (
        f"{messages.MAX_LISTED_OUTPUTS:,} outputs",
        f"{messages.MAX_SYNC_RESPONSE_ITEMS:,} certificates",
        f"{queries.MAX_CLAIMABLE_LISTED:,} and {min(serving.MOST_ITEMS_AT_ONCE, queries.MAX_SYNC_ITEMS)} into one",
    ),
    "claimable outputs of an account": (),
    "evidence": (),
    "evidence from the network": (
        f"{runner.EVIDENCE_BURST:g} at once",
        f"{runner.EVIDENCE_PER_S:g} a second",
        f"{evidence_book.MAX_EVIDENCE_PER_OFFENDER} for one offender",
    ),
    "certificates that conflict": (str(applying.MAX_CONFLICTS_KEPT),),
    "a catch-up's page, slice": (
        f"{catch_up.PAGE_ITEMS} certificates and {kib(catch_up.PAGE_BYTES)}",
        f"{catch_up.ITEMS_PER_SLICE} are decoded, and {catch_up.ITEMS_PER_SLICE}, of which {catch_up.NEW_PER_SLICE} are new",
        f"{applying.WOKEN_AT_ONCE} are looked at",
    ),
    "sync": (
        f"{mib(serving.BYTES_PER_S)} a second",
        f"bursts of {kib(serving.BURST_BYTES)}",
        kib(serving.REQUEST_BYTES),
        f"{serving.LOOK_UP_BYTES} bytes",
        f"{serving.MOST_ITEMS_AT_ONCE} certificates or {kib(serving.MOST_BYTES_AT_ONCE)}",
        f"{serving.MAX_WAITING_PER_SESSION} requests of a connection",
    ),
    "subscriptions": (
        f"{subscriptions.MAX_SUBSCRIPTIONS_PER_SESSION} for a connection",
        f"{subscriptions.MAX_SUBSCRIPTIONS_PER_SOURCE} for an address",
        mib(subscriptions.SLOW_BYTES),
    ),
    "what a wallet takes of a validator": (
        f"{wallet_client.EVENTS_SHARE * 100:g} %",
        f"{mib(client.MAX_DEFERRED_BYTES)} waiting",
        f"{mib(quic.CLIENT_REASSEMBLY_BYTES)} of bytes",
        f"{client.MAX_PENDING_PINGS} PINGs",
        mib(client.MAX_QUEUED_BYTES),
    ),
}

TIMES = {
    "PING on each connection": (f"{LINK.ping_interval_s:g} s",),
    "nothing heard, or a request unanswered and nothing heard since": (f"{LINK.silence_s:g} s, {LINK.patience_s:g} s",),
    "QUIC and TLS, then the handshake": (f"{client.CONNECT_TIMEOUT_S:g} s, {client.HANDSHAKE_TIMEOUT_S:g} s",),
    "QUIC's own idle time-out": (f"{tls.IDLE_TIMEOUT_S:g} s",),
    "pause between attempts to connect": (f"{LINK.backoff_least_s:g} s, doubled up to {LINK.backoff_most_s:g} s",),
    "a wallet's request": (f"{ports.REQUEST_TIMEOUT_S:g} s", f"at the start {asking.QUERY_TIMEOUT_S:g} s"),
    "pause before a wallet asks again": (f"{settling.BACKOFF_LEAST_S:g} s, doubled up to {settling.BACKOFF_MOST_S:g} s",),
    "how much longer than a quorum took a starting wallet waits for the others": (
        {0.2: "a fifth"}[asking.GRACE_PART],
        f"at least {asking.GRACE_LEAST_S:g} s",
    ),
    "a question of the catch-up": (f"{syncing.REQUEST_TIMEOUT_S:g} s",),
    "state digest after a change": (f"{runner.DIGEST_DELAY_S:g} s after the last", f"{runner.DIGEST_DELAY_MOST_S:g} s after the first"),
}


@pytest.mark.parametrize(("title", "expected"), [("Limits", LIMITS), ("Times", TIMES)])
def test_the_tables_of_limits_and_times_have_these_rows_and_no_others(title: str, expected: dict[str, tuple[str, ...]]) -> None:
    assert set(table_of(title)) - {"what"} == set(expected)


@pytest.mark.parametrize(("title", "row"), [*(("Limits", row) for row in LIMITS), *(("Times", row) for row in TIMES)])
def test_a_row_says_what_the_code_does(title: str, row: str) -> None:
    text = table_of(title)[row]
    for expected in {"Limits": LIMITS, "Times": TIMES}[title][row]:
        assert re.search(rf"(?<![\d.,]){re.escape(expected)}", text), f"{row}: {expected!r} is not in {text!r}"


def test_every_field_of_every_message_is_in_its_row() -> None:
    rows = {row[:2]: rest for row, rest in table_of("Messages").items()}
    shapes = {"Vote (208)", "var16 EquivocationProof", "var32 certificate", "AccountState (105)"}
    assert all(any(shape in row for row in rows.values()) for shape in shapes)
    for type_byte, (kind, _) in messages.MESSAGES.items():
        if kind in (messages.Hello, messages.Handshake):
            continue
        words = rows[f"{type_byte:02x}"].casefold()
        known = {
            "vote": "vote (208)",
            "proof": "equivocationproof",
            "account": "accountstate",
            "claimable": "33 key",
            "certificates": "var32 certificate",
            "owners": "32 owner",
        }
        for field in dataclasses.fields(kind):
            name = "u16 count (at most 1024) x (u64 index, var32 certificate)" if field.name == "items" else known.get(field.name, field.name)
            assert name in words or name.rstrip("s") in words, f"{kind.__name__}.{field.name} is not in {words!r}"


def test_every_field_of_every_event_is_in_its_row() -> None:
    rows = table_of("Events")
    known = {"vote": "vote (208)", "proof": "equivocationproof", "report": "accountabilityreport"}
    for kind, (body, _) in EVENT_BODIES.items():
        words = rows[str(int(kind))].casefold()
        assert [field.name for field in dataclasses.fields(body) if known.get(field.name, field.name) not in words] == [], body.__name__


def test_every_field_of_the_handshake_is_in_its_table() -> None:
    text = PROTOCOL[PROTOCOL.index("| HELLO | type |") : PROTOCOL.index("Each side checks version (ERROR 5)")]
    for kind in (messages.Hello, messages.Handshake):
        assert all(field.name in text for field in dataclasses.fields(kind))


def test_sizes_are_those_of_the_encodings() -> None:
    key, digest, point, signature = PublicKey(bytes(32)), Hash32(bytes(32)), Commitment(bytes(32)), Signature(bytes(64))
    statement = transition.Statement(digest, 0, key, 0, digest)
    client_proof = evidence.ClientEquivocation(digest, 0, key, 0, digest, signature, digest, signature)
    validator_proof = evidence.ValidatorEquivocation(digest, 0, key, key, 0, digest, signature, digest, signature)
    _, hello = messages.encode_message(messages.Hello(1, 1, digest, bytes(32)))
    _, handshake = messages.encode_message(messages.Handshake(1, messages.Role.WALLET, digest, 0, key, bytes(32), bytes(32), digest, 0, signature))
    for text, size in (
        ("{} bytes.\n\n| field | type | |", len(ACCOUNT_STATE.encode(AccountState(key, 0, point, digest)))),
        ("commitment(32)` ({} bytes)", len(CLAIMABLE_OUTPUT.encode(ClaimableOutput(key, point)))),
        ("transition_id         {} bytes", len(transition.STATEMENT.encode(statement))),
        ("{} bytes: `Statement(112)", len(certificate.VOTE.encode(certificate.Vote(statement, key, signature)))),
        ("| client | {} |", len(evidence.EQUIVOCATION_PROOF.encode(client_proof))),
        ("| validator | {} |", len(evidence.EQUIVOCATION_PROOF.encode(validator_proof))),
        ("unsigned, {} bytes", len(hello)),
        ('under "sig/handshake-responder", {} bytes', len(handshake)),
        ("u64 fee pool, u64 log length, chain hash ({})", len(records.GLOBALS.encode(records.Globals(0, 0, digest)))),
        ("u64 log index ({})", len(records.APPLIED_SLOT.encode(records.AppliedSlot(digest, digest, 0)))),
        ("chain hash after it ({})", len(records.LOG_ENTRY.encode(records.LogEntry(digest, digest)))),
        ("the chain hash there ({})", len(records.CURSOR.encode(records.LogCursor(0, digest)))),
        ("record of {} bytes for each vote", vote_journal.RECORD_SIZE_BYTES),
    ):
        assert text.format(size) in PROTOCOL, text.format(size)


def test_other_numbers_of_the_protocol() -> None:
    proof_sizes = ", ".join(str(size) for size in list(PROOF_SIZES.values())[:-1])
    for text in (
        f"u32 count (1 to {genesis.MAX_ALLOCATIONS:,})",
        f"u8 count (1 to {MAX_VALIDATORS})",
        f"bytes: {proof_sizes} or {PROOF_SIZES[8]}.",
        f"u8 count (1 to {transition.MAX_OUTPUTS}), outputs",
        f"u8 count (1 to {transition.MAX_CLAIMS}), claims",
        "A memo has {}, {} or {} bytes".format(*transition.MEMO_SIZES),
        f"u8 version = {receipt.RECEIPT_VERSION} | CORE",
        f"`{validator_store.FORMAT_NAME} {validator_store.FORMAT_VERSION}`",
        f'"{vote_journal.MAGIC.decode("ascii")}" || u16 version = {vote_journal.FORMAT_VERSION}',
        f"stream {quic.CONTROL_STREAM}: HELLO",
        f"stream {quic.MESSAGE_STREAM}: everything else",
        f"parked for over {catch_up.PARKED_S:g} s",
        f"every {catch_up.PAUSE_S:g} s, of the {catch_up.PARKED_LOOKED_AT} that are parked longest",
        f": {catch_up.WANTED_ACCOUNTS} accounts and {catch_up.WANTED_CERTIFICATES} ids",
        f"stay different for {catch_up.STUCK_S:g} s",
        f"{catch_up.MAX_HELD} parked at most for its log",
        f"2, 4 ... {catch_up.LONGEST_EXCLUSION_S:g} s",
    ):
        assert text in PROTOCOL, text
    assert catch_up.RESET_INTERVAL_S == catch_up.HELD_S == 60.0  # "once a minute at most", "or for a minute"
    assert proofs.MOST_AFTER_BAD < proofs.MOST_IN_BATCH  # "batches are short after a bad proof"


def test_the_table_of_refusals_puts_each_code_where_the_wallet_does() -> None:
    rows = table_of("What a wallet does about a refusal")
    shown = {
        settlement.RefusalClass.EPOCH: "epoch",
        settlement.RefusalClass.BEHIND: "validator behind",
        settlement.RefusalClass.STALE: "wallet stale",
        settlement.RefusalClass.CONFLICT: "conflict",
        settlement.RefusalClass.RETRY: "retry",
        settlement.RefusalClass.PERMANENT: "permanent",
    }
    wire_codes = [code for code in ErrorCode if code < 0x1000]
    for code in wire_codes:
        row = rows[shown[settlement.classify_refusal(code)]].partition("|")[0]
        digits = f"{code:04X}"
        assert digits in row or f"{digits[:2]}xx" in row, f"{digits} is not among {row!r}"
