"""What a network in the foreground tells, in words and as JSON."""

import json
from typing import Any

import pytest

from testnet import up_lines
from testnet.up_lines import UpLines

Event = dict[str, Any]
CERTIFICATE: Event = {
    "event": "certificate_applied",
    "t_ns": 3,
    "validator": 2,
    "cert_id": "c1" * 32,
    "kind": "send",
    "sender": "5e" * 32,
    "sequence": 4,
    "signers": [0, 1, 3],
}
EQUIVOCATION: Event = {"event": "equivocation", "t_ns": 3, "validator": 0, "proof_id": "e1" * 32, "kind": "client", "offender": "5e" * 32, "sequence": 4}


@pytest.mark.parametrize(
    ("event", "words"),
    [
        ({"event": "network_made", "home": "/h", "validators": 4, "faucet_units": 1000}, "network   made in /h: 4 validators, 1,000 units in the faucet"),
        ({"event": "network_ready"}, "network   ready"),
        ({"event": "network_stopping", "reason": "SIGTERM"}, "network   stopping: SIGTERM"),
        ({"event": "network_stopped"}, "network   every process has ended"),
        ({"event": "validator_state", "validator": 0, "state": "starting", "pid": 7}, "V1        starts, process 7"),
        ({"event": "validator_state", "validator": 1, "state": "stopped"}, "V2        has stopped"),
        ({"event": "validator_state", "validator": 1, "state": "exited", "exit": 1, "detail": "why"}, "V2        has ended with status 1: why"),
        (
            {"event": "validator_state", "validator": 1, "state": "restarting", "exit": -9, "detail": "again in 0.2 s"},
            "V2        has ended with status -9, is started again: again in 0.2 s",
        ),
        ({"event": "ready", "validator": 3, "host": "127.0.0.1", "port": 5, "log_length": 17}, "V4        listens on 127.0.0.1:5, 17 certificates"),
        (
            {"event": "ready", "validator": 3, "host": "127.0.0.1", "port": 5, "log_length": 17, "quarantine": "lost"},
            "V4        listens on 127.0.0.1:5, 17 certificates, in quarantine and not voting: lost",
        ),
        (CERTIFICATE, "V3        SEND of 5e5e5e5e5e5e5e5e, sequence 4, is final with 3 votes: certificate c1c1c1c1c1c1c1c1"),
        (EQUIVOCATION, "V1        the client 5e5e5e5e5e5e5e5e signed twice for sequence 4: proof e1e1e1e1e1e1e1e1"),
        (
            {"event": "vote_rejected", "validator": 0, "code": "0401", "name": "CONFLICT", "reason": "CONFLICTS_WITH_VOTE", "sender": "5e" * 32, "sequence": 4},
            "V1        refuses [0401] CONFLICT CONFLICTS_WITH_VOTE: a transition of 5e5e5e5e5e5e5e5e, sequence 4",
        ),
        ({"event": "safety_alarm", "validator": 0}, "V1        ALARM: two certificates for one slot exist; more than f validators have signed both"),
        ({"event": "faucet", "ok": True, "amount": 10_000, "address": "mesh1x"}, "faucet    paid 10,000 units to mesh1x"),
        (
            {"event": "faucet", "ok": False, "amount": 10_000, "address": "mesh1x", "code": "1303", "text": "empty"},
            "faucet    refuses 10,000 units to mesh1x: empty [1303]",
        ),
        ({"event": "fault", "wallet": None, "payment": None, "text": "ended"}, "network   fault: ended"),
        ({"event": "fault", "wallet": "faucet", "payment": None, "text": "disk"}, "faucet    fault: disk"),
        ({"event": "garbage", "validator": 0, "text": "\x1b[2J"}, "V1        garbage: \\x1b[2J"),
    ],
)
def test_event_of_interest_is_one_line(event: Event, words: str) -> None:
    assert UpLines(as_json=False).line({"t_ns": 5, **event}) == f"    0.000 s  {words}\n"
    line = UpLines(as_json=True).line(event)
    assert line is not None
    assert line.endswith("\n")
    assert json.loads(line) == event


@pytest.mark.parametrize(
    "event",
    [
        {"event": "status", "validator": 0},
        {"event": "vote_cast", "validator": 0},
        {"event": "validator_state", "validator": 0, "state": "up"},
        {"event": "wallet", "wallet": "faucet"},
        {"event": "fault", "wallet": "faucet", "payment": 5, "text": "the faucet tells this itself"},
    ],
)
def test_everyday_event_is_no_line(event: Event) -> None:
    assert UpLines(as_json=False).line(event) is None
    assert UpLines(as_json=True).line(event) is None


@pytest.mark.parametrize("event", [CERTIFICATE, EQUIVOCATION])
def test_what_every_validator_tells_is_told_once(event: Event) -> None:
    lines = UpLines(as_json=True)
    assert [lines.line({**event, "validator": index}) is not None for index in range(4)] == [True, False, False, False]


def test_memory_of_what_was_told_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(up_lines, "MAX_REMEMBERED", 2)
    lines = UpLines(as_json=True)
    told = [lines.line({**CERTIFICATE, "cert_id": cert_id}) is not None for cert_id in ("a", "b", "c", "c", "a")]
    assert told == [True, True, True, False, True]
    assert len(lines._told) == 2


def test_times_count_from_the_first_line() -> None:
    lines = UpLines(as_json=False)
    assert str(lines.line({"event": "network_ready", "t_ns": 5_000_000_000})).startswith("    0.000 s")
    assert str(lines.line({"event": "network_ready", "t_ns": 6_234_000_000})).startswith("    1.234 s")
    assert str(lines.line({"event": "network_ready", "t_ns": "never"})).startswith("    0.000 s")
