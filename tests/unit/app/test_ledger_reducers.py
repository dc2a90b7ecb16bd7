"""Reducers of the ledger, fed with what a real observer tells of real machines. Goal: nothing of it is lost, and nothing broken gets in."""

import asyncio
from typing import Any

import pytest

from mesh_app.model import State, apply
from mesh_app.state import ledger as ledger_state
from mesh_app.state.ledger import LedgerRow, LedgerView
from mesh_core.types.certificate import CERTIFICATE
from tests.unit.testnet.observer.story import observe


@pytest.fixture(scope="module")
def told() -> list[dict[str, Any]]:
    """Two payments and a claim, looked at from all sides; as it went through a pipe."""
    return asyncio.run(observe())


def shown(events: list[dict[str, Any]]) -> State:
    state = State()
    for event in events:
        apply(state, event)
    return state


def test_everything_that_the_observer_tells_is_understood(told: list[dict[str, Any]]) -> None:
    state = shown(told)
    assert not state.unreadable_count, [entry.text for entry in state.entries if entry.kind == "garbage"]
    ledger = state.ledger
    assert (ledger.source, ledger.length, ledger.is_reading, ledger.error) == (0, 3, False, "")
    assert [ledger.row(index) is not None for index in range(4)] == [True, True, True, False]
    row = ledger.row(1)
    assert row is not None
    assert (row.kind, row.claims, ledger.row_of(row.cert_id)) == ("receive", (f"{told_row(ledger, 0).cert_id}.0",), row)
    assert (ledger.accounts_count, ledger.outputs_count, ledger.fee_pool) == (3, 1, 2)


def told_row(ledger: LedgerView, index: int) -> LedgerRow:
    row = ledger.row(index)
    assert row is not None
    return row


def test_a_certificate_knows_its_bytes_field_by_field(told: list[dict[str, Any]]) -> None:
    ledger = shown(told).ledger
    detail = ledger.details[told_row(ledger, 0).cert_id]
    assert CERTIFICATE.decode(detail.data).transition.core.sender.hex() == detail.sender
    for number, field in enumerate(detail.fields):
        assert detail.field_at(field.offset) == detail.field_at(field.end - 1) == number
    verified = ledger.verified[detail.cert_id]
    assert verified.ok
    assert [check.ok for check in verified.checks] == [True] * 13


def test_an_account_and_its_outputs(told: list[dict[str, Any]]) -> None:
    ledger = shown(told).ledger
    assert ledger.account is not None
    assert [(link.sequence, link.linked) for link in ledger.account.links] == [(0, True)]
    assert [word.agrees for word in ledger.account.words] == [True] * 4
    assert ledger.account.claimable[0].listed_by == (0, 1, 2, 3)
    assert ledger.outputs is not None
    assert [output.output for output in ledger.outputs.outputs] == [output.output for output in ledger.account.claimable]
    detail = ledger.details[told_row(ledger, 0).cert_id]
    assert (detail.outputs[0].claimable, detail.outputs[0].claimed_by) == (False, told_row(ledger, 1).cert_id)


def test_a_comparison_says_who_stands_apart(told: list[dict[str, Any]]) -> None:
    state = shown(told)
    comparison = state.ledger.comparison
    assert comparison is not None
    assert [standing.verdict for standing in comparison.standings] == ["same", "same", "same", "silent"]
    assert [entry.text for entry in state.entries if entry.kind == "compare"] == ["all hold the same 3 certificates", "V4 connection refused"]


def test_a_lie_is_kept_and_told(told: list[dict[str, Any]]) -> None:
    state = shown([*told, {"event": "ledger_lie", "t_ns": 1, "validator": 2, "text": "what it sent for index 4 is no certificate"}])
    assert [(lie.validator, lie.text) for lie in state.ledger.lies] == [(2, "what it sent for index 4 is no certificate")]
    assert (state.entries[-1].source, state.entries[-1].tone) == ("V3", "proof")


def test_rows_of_an_earlier_reading_are_void(told: list[dict[str, Any]]) -> None:
    state = shown(told)
    rows = next(event for event in told if event["event"] == "ledger_rows")
    apply(state, {**rows, "generation": rows["generation"] + 1, "rows": rows["rows"][:1]})
    assert list(state.ledger.newest) == [0], "reading began anew: what was read before is gone"
    apply(state, rows)
    assert list(state.ledger.newest) == [0], "a late page of the reading before changes nothing"
    assert not state.unreadable_count


@pytest.mark.parametrize(
    "name", ["ledger_log", "ledger_rows", "ledger_certificate", "ledger_verified", "ledger_account", "ledger_outputs", "ledger_comparison"]
)
def test_a_field_that_is_missing_or_wrong_changes_nothing(told: list[dict[str, Any]], name: str) -> None:
    event = next(event for event in reversed(told) if event["event"] == name)
    for field in event.keys() - {"event", "t_ns"}:
        before = shown([])
        for broken in ({key: value for key, value in event.items() if key != field}, {**event, field: {"no": "value"}}):
            apply(before, broken)
        assert before.ledger == LedgerView() or field in OPTIONAL, field
    assert shown([event]).unreadable_count == 0


OPTIONAL = {"first", "validator", "index", "digest", "accounts", "outputs", "fee_pool", "allocation", "count", "supply_audit"}
"""May be absent."""


def test_fields_that_do_not_cover_the_bytes_are_refused(told: list[dict[str, Any]]) -> None:
    event = next(event for event in told if event["event"] == "ledger_certificate")
    state = shown([{**event, "fields": event["fields"][:-1]}, {**event, "fields": event["fields"][1:]}, {**event, "fields": []}])
    assert state.unreadable_count == 3
    assert not state.ledger.details


def test_what_is_kept_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger_state, "MAX_NEWEST", 5)
    monkeypatch.setattr(ledger_state, "MAX_OLDER", 3)
    ledger = LedgerView()
    for index in (*range(20), *range(4)):
        ledger.add(LedgerRow(index, f"{index:064x}", "send", "aa" * 32, index, 1, (), (), (), (), 1))
    assert list(ledger.newest) == [15, 16, 17, 18, 19]
    assert list(ledger.older) == [1, 2, 3]
    assert len(ledger.index_of) == 8
    assert ledger.row_of(f"{2:064x}") is ledger.row(2) is not None
    assert ledger.row_of(f"{7:064x}") is None
