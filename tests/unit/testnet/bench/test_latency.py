"""The arithmetic of `bench latency`: one payment's events in whichever order, its parts, distributions by nearest rank, tables and figures."""

import importlib.util
import itertools
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh_core.errors import ErrorCode, LocalFault
from testnet.bench.latency_plots import draw_latency
from testnet.bench.latency_samples import PARTS, Sample, StoryBook, figures_of, has_all, sample_of
from testnet.bench.latency_tables import tables
from testnet.bench.results import Result
from testnet.bench.tables import as_text
from testnet.cli import main
from testnet.conditions import Conditions

MS = 1_000_000
STEPS = (("waited", 1), ("built", 2), ("proved", 10), ("checked", 3), ("signed", 1), ("stored", 4))
"""21 ms in all, one after the other."""
ASKED, CALLED = 21, 100
"""ms; votes are asked for 21 ms after the call."""
VOTES = {0: (25, 28, 30), 1: (31, 35, 40), 2: (33, 38, 45), 3: (50, 55, 60)}
"""By validator: when the request arrives, when the vote is durable and leaves, when it comes back; ms after the call."""
CERTIFIED = 48
ACKS = {0: 55, 1: 60, 2: 66, 3: 90}


def at(ms: float) -> int:
    return int((CALLED + ms) * MS)


def wallet_events(payment: int = 7) -> list[dict[str, Any]]:
    told: list[dict[str, Any]] = [{"event": "payment_started", "kind": "send", "payment": payment, "t_ns": at(0)}]
    passed = 0
    for step, ms in STEPS:
        passed += ms
        transition = "ab" if step == "signed" else None
        told.append({"event": "payment_step", "payment": payment, "step": step, "ms": float(ms), "t_ns": at(passed), "transition_id": transition})
    told += [{"event": "request_sent", "payment": payment, "validator": index, "request": "vote", "t_ns": at(ASKED)} for index in VOTES]
    came = sorted(VOTES, key=lambda index: VOTES[index][2])
    told += [{"event": "vote_received", "payment": payment, "validator": index, "t_ns": at(VOTES[index][2])} for index in came]
    told.append({"event": "certificate", "payment": payment, "payment_ms": float(CERTIFIED), "t_ns": at(CERTIFIED)})
    told.append({"event": "delivered", "payment": payment, "validator": 0, "status": "pending", "t_ns": at(50)})
    told += [{"event": "delivered", "payment": payment, "validator": index, "status": "applied", "t_ns": at(ms)} for index, ms in ACKS.items()]
    return [*told, {"event": "payment_state", "payment": payment, "state": "done", "t_ns": at(90)}]


def validator_events() -> list[dict[str, Any]]:
    told: list[dict[str, Any]] = []
    for index, (arrives, leaves, _) in VOTES.items():
        told.append({"event": "vote_requested", "validator": index, "transition_id": "ab", "t_ns": at(arrives)})
        cast = {"event": "vote_cast", "validator": index, "transition_id": "ab", "t_ns": at(leaves)}
        told.append({**cast, "durable_ms": 1.5, "proof_ms": 1.0 + index})
    return told


def sample_from(told: list[dict[str, Any]]) -> Sample:
    book = StoryBook()
    for event in told:
        book.take(event)
    story = book.latest()
    assert story is not None
    found = sample_of(story, 3)
    assert found is not None
    return found


def test_a_payments_time_is_that_of_the_vote_that_completes_the_quorum() -> None:
    found = sample_from([*wallet_events(), *validator_events()])
    assert (found.certificate_ms, found.acks_ms, found.decided_by) == (48.0, 66.0, 2)
    assert found.parts == {
        "wait": 1,
        "build": 2,
        "prove": 10,
        "check": 3,
        "sign": 1,
        "durable at the wallet": 4,
        "network there": 12,
        "verify": 3.5,
        "durable at the validator": 1.5,
        "network back": 7,
        "assemble": 3,
    }
    assert tuple(found.parts) == PARTS
    assert sum(found.parts.values()) == found.certificate_ms, "one after the other, with nothing between"
    assert found.verify_ms == (1.0, 2.0, 3.0, 4.0)


@given(st.data())
def test_lines_of_several_processes_may_come_in_any_order(data: st.DataObject) -> None:
    mine, theirs = wallet_events(), validator_events()
    places = sorted(data.draw(st.lists(st.integers(0, len(mine)), min_size=len(theirs), max_size=len(theirs))))
    mixed: list[dict[str, Any]] = []
    for place in range(len(mine) + 1):
        mixed += [theirs[number] for number, wanted in enumerate(places) if wanted == place]
        mixed += mine[place : place + 1]
    assert sample_from(mixed) == sample_from([*mine, *theirs])


def test_it_is_known_when_everything_is_told() -> None:
    book, told = StoryBook(), [*wallet_events(), *validator_events()]
    for number, event in enumerate(told):
        story = book.latest()
        assert story is None or not has_all(story, 3, 4), f"after {number} of {len(told)} lines"
        book.take(event)
    story = book.latest()
    assert story is not None
    assert has_all(story, 3, 4)


def test_a_missing_line_costs_the_split_and_not_the_payment() -> None:
    found = sample_from([*wallet_events(), *(event for event in validator_events() if event["validator"] != 2)])
    assert (found.certificate_ms, found.parts) == (48.0, {})


def test_claims_and_other_payments_are_other_stories() -> None:
    book = StoryBook()
    for event in ({**wallet_events()[0], "kind": "receive", "payment": 3}, *wallet_events(5), *wallet_events(6)):
        book.take(event)
    assert [*book.stories] == [5, 6]


def test_what_no_quorum_acknowledged_is_no_sample() -> None:
    book = StoryBook()
    for event in wallet_events():
        if event["event"] != "delivered" or event["validator"] < 2:
            book.take(event)
    story = book.latest()
    assert story is not None
    assert sample_of(story, 3) is None
    assert not has_all(story, 3, 4)


def samples(times: list[float]) -> list[Sample]:
    parts = dict.fromkeys(PARTS, 1.0) | {"prove": 8.0}
    return [Sample(number, ms, ms + 10, 2, parts, (2.0,)) for number, ms in enumerate(times)]


def test_figures_are_payments_that_were_made_beside_their_floors() -> None:
    figures = figures_of(samples([float(ms) for ms in range(1, 101)]), 16.0, 90.0)
    certificate = figures["certificate"]
    assert (certificate["median"], certificate["p90"], certificate["p99"], certificate["longest"]) == (50, 90, 99, 100)
    assert (certificate["floor"], certificate["above_floor"], certificate["within_target"]) == (16, 34, 90)
    assert (figures["acks"]["floor"], figures["acks"]["median"]) == (32, 60), "the certificate goes there and back once more"
    assert (figures["prove_ms"], figures["verify_ms"], certificate["in_proofs"]) == (8, 2, 5)
    assert [slow["certificate"] for slow in figures["slowest"]] == [100, 99, 98, 97, 96, 95, 94, 93, 92, 91]


@given(st.lists(st.floats(0.001, 1e6), min_size=1, max_size=60))
def test_percentiles_are_ranks(times: list[float]) -> None:
    found = figures_of(samples(times), 0.0, 300.0)["certificate"]
    for name, share in (("median", 0.5), ("p90", 0.9), ("p99", 0.99)):
        assert found[name] in times
        assert sum(ms <= found[name] for ms in times) >= share * len(times)
        assert sum(ms < found[name] for ms in times) < share * len(times)


def result() -> Result:
    figures = {
        **figures_of(samples([30.0, 40.0, 55.0]), 16.0, 300.0),
        "cpu_ms": {"wallet": 22.0, "validators": 40.0, "relays": 8.0},
        "datagrams": {"forwarded": 1234, "lost": 5},
        "target_ms": 300.0,
    }
    own = Conditions(delay_ms=75, jitter_ms=15, loss=0.02, bandwidth_kbit_s=750)
    lines = {"loss": 0.001, "jitter_ms": 1.0, "wallet_line": own.form()}
    options = {"profile": "australia", "text": "four cities", "source": "a model", "payments": 3, "validators": 4, **lines}
    machine = {"cpu": "x", "cores": 2, "load": 0.5, "system": "y", "python": "3", "backend": "native", "libraries": {}}
    return Result("latency", "2026-11-23", "mesh-testnet bench latency", 1, machine, options, figures)


def test_tables_say_where_the_lines_come_from_and_what_the_relays_took() -> None:
    text = as_text(tables(result()))
    own = "the wallet's own line 75 ms each way, 2 % loss, jitter 15 ms, 750 kbit/s"
    for said in ("a model", "0.1 % loss", own, "16.0", "3 of 3", "lost 5", "relays", "durable at the validator"):
        assert said in text


def test_figures_are_drawn_and_without_matplotlib_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("matplotlib", reason="the extra 'plot' is not installed")
    drawn = [path.read_bytes() for path in draw_latency(tmp_path, result(), "australia")]
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["australia-split.svg", "australia.svg"]
    assert drawn == [path.read_bytes() for path in draw_latency(tmp_path, result(), "australia")], "the same figures, the same bytes"
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(LocalFault) as refusal:
        draw_latency(tmp_path, result(), "australia")
    assert refusal.value.code is ErrorCode.CONFIG_INVALID
    assert "[plot]" in refusal.value.text


@pytest.mark.parametrize("options", [*itertools.product(["--payments"], ["0", "100001", "x"]), *itertools.product(["--loss"], ["-1", "100", "nan"])])
def test_numbers_that_cannot_be_are_wrong_usage(options: tuple[str, str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["bench", "latency", *options])
    assert ended.value.code == 2
