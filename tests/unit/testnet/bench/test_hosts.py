"""Payments to validators elsewhere: what is made of what the wallet told."""

import pytest

from mesh_core.errors import ErrorCode, LocalFault
from testnet.bench.hosts_payments import PaymentTimes, figures_of
from testnet.bench.hosts_tables import tables
from testnet.bench.results import Result
from testnet.bench.tables import as_markdown
from testnet.cli import main

MS = 1_000_000
QUORUM = 3


def payment(votes_ms: list[int], certified_ms: int, acks_ms: list[int]) -> PaymentTimes:
    """Called at 100 ms, asked at 110 ms; the rest is counted from the call."""
    times = PaymentTimes(100 * MS)
    times.take({"event": "payment_step", "step": "proved", "ms": 7})
    for index in range(len(votes_ms)):
        times.take({"event": "request_sent", "request": "vote", "validator": index, "t_ns": 110 * MS + index})
    for index, ms in enumerate(votes_ms):
        times.take({"event": "vote_received", "validator": index, "t_ns": (100 + ms) * MS})
    times.take({"event": "certificate", "t_ns": (100 + certified_ms) * MS})
    for index, ms in enumerate(acks_ms):
        times.take({"event": "delivered", "validator": index, "status": "pending", "t_ns": 1})
        times.take({"event": "delivered", "validator": index, "status": "applied", "t_ns": (100 + ms) * MS})
    return times


def test_floor_is_the_way_to_the_validator_that_completes_a_quorum() -> None:
    figures = figures_of([payment([30, 20, 60, 70], 61, [80, 90, 120, 130])], [12.0, 1.0, 26.0, 48.0], QUORUM)
    assert (figures["certificate"]["floor"], figures["acks"]["floor"]) == (26.0, 52.0)
    assert (figures["certificate"]["median"], figures["certificate"]["above_floor"], figures["certificate"]["within_target"]) == (61.0, 35.0, 1)
    assert (figures["acks"]["median"], figures["unacknowledged"]) == (120.0, 0)
    assert figures["votes_ms"] == [20.0, 10.0, 50.0, 60.0]
    assert figures["steps"] == {"prove": {"median": 7.0, "p99": 7.0}}


def test_who_is_away_is_left_out_and_said_to_be() -> None:
    figures = figures_of([payment([30, 20, 60], 61, [80, 90, 120])], [12.0, 1.0, 26.0, None], QUORUM)
    assert (figures["certificate"]["floor"], figures["votes_ms"][3]) == (26.0, None)
    options = {"network": "four-cities", "validators": ["V1, a", "V2, b", "V3, c", "V4, d"]}
    shown = as_markdown(tables(Result("hosts", "2026-11-23", "command", 0, {}, options, figures)))
    assert "| V4, d | not reached | none |" in shown
    assert "1 of 1" in shown


def test_validator_that_is_reached_and_never_needed_has_a_way_and_no_vote() -> None:
    figures = figures_of([payment([30, 20, 60], 61, [80, 90, 120, 130])], [12.0, 1.0, 26.0, 48.0], QUORUM)
    options = {"network": "four-cities", "validators": ["V1, a", "V2, b", "V3, c", "V4, d"]}
    shown = as_markdown(tables(Result("hosts", "2026-11-23", "command", 0, {}, options, figures)))
    assert "| V4, d | 48.0 | none |" in shown


def test_payment_without_a_quorum_of_acknowledgements_is_counted_apart() -> None:
    figures = figures_of([payment([1, 2, 3], 10, [20, 30, 40]), payment([1, 2, 3], 500, [20, 30])], [1.0, 1.0, 1.0, 1.0], QUORUM)
    assert (figures["unacknowledged"], figures["certificate"]["within_target"], figures["acks_ms"]) == (1, 1, [40.0])
    with pytest.raises(LocalFault) as fault:
        figures_of([payment([1, 2, 3], 10, [20])], [1.0] * 4, QUORUM)
    assert fault.value.code is ErrorCode.NO_QUORUM


@pytest.mark.parametrize("words", [["--payments", "0"], ["--pings", "0"], ["--wallet", "a", "--to", "a"]])
def test_numbers_that_cannot_be_are_wrong_usage(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["bench", "hosts", *words])
    assert ended.value.code == 2
    assert "usage" in capsys.readouterr().err
