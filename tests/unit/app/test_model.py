"""Events in, state out. Goal: no event can raise, and a broken one changes nothing but the count of unreadable lines."""

import copy
import dataclasses
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mesh_app.model import REDUCERS, State, apply, remark
from mesh_app.state import MAX_CERTIFICATES, MAX_ENTRIES, MAX_PAYMENTS, Payment
from mesh_core.types.json_form import json_form
from mesh_core.validator import lines
from mesh_core.wallet import events
from testnet.attacks import events as attack_events
from tests.tui.fake_workbench import FakeWorkbench, digest, of_validator

SUPERVISOR_EVENTS = {"network", "validator_state", "audit", "garbage"}


def state_after(bench: FakeWorkbench) -> State:
    """The state after all events that wait in the workbench."""
    state = State(now_ns=bench.now_ns())
    drain(bench, state)
    return state


def drain(bench: FakeWorkbench, state: State) -> None:
    while not bench.events.empty():
        apply(state, json.loads(json.dumps(bench.events.get_nowait())))


def booted() -> tuple[FakeWorkbench, State]:
    bench = FakeWorkbench()
    bench.boot()
    return bench, state_after(bench)


def only_payment(state: State, *, kind: str = "send") -> Payment:
    return next(payment for payment in state.payments.values() if payment.kind == kind)


def without_log(state: State) -> dict[str, Any]:
    """Everything but the event stream and the counts of events."""
    return {
        field.name: copy.deepcopy(getattr(state, field.name))
        for field in dataclasses.fields(state)
        if field.name not in {"entries", "entries_count", "events_count", "unreadable_count"}
    }


def test_every_event_of_validators_wallets_attacks_and_supervisor_has_a_reducer() -> None:
    told = {
        value.EVENT
        for module in (lines, events, attack_events)
        for value in vars(module).values()
        if dataclasses.is_dataclass(value) and isinstance(value, type) and hasattr(value, "EVENT")
    }
    assert told | SUPERVISOR_EVENTS <= REDUCERS.keys()


def test_booted_network_is_up_with_wallets_and_without_unreadable_lines() -> None:
    _, state = booted()
    assert state.unreadable_count == 0
    assert state.validators_up == 4
    assert state.quorum == 3
    assert [*state.wallets] == ["alice", "bob", "faucet"]
    assert all(state.digest_is_equal(validator) is True for validator in state.validators)
    assert state.audit is not None
    assert state.audit.supply_audit is True


def test_settled_payment_and_its_claim() -> None:
    bench, state = booted()
    bench.play(bench.settled_payment("alice", "bob", 500, "lunch"))
    drain(bench, state)
    payment, claim = only_payment(state), only_payment(state, kind="receive")
    assert state.unreadable_count == 0
    assert (payment.state, payment.votes_count, payment.applied_count) == ("done", 4, 4)
    assert payment.certificate is not None
    assert payment.certificate.signers == (0, 1, 2)
    assert [*payment.steps] == ["built", "proved", "checked", "signed", "stored"]
    assert state.claim_of(payment) is claim
    assert state.source_of(claim) is payment
    assert (state.wallets["alice"].balance, state.wallets["bob"].balance) == (9_499, 500)
    assert [output.status for output in state.wallets["bob"].outputs.values()] == ["claimed"]
    assert state.last_payment_ms == pytest.approx(payment.certificate.payment_ms)
    assert state.certificates_count == 2
    assert {work.proof_ms for work in state.works[payment.transition_id].values()} == {21.0}
    assert not [*state.payments_in_flight]


def test_validators_account_of_its_work_may_come_before_the_wallet_names_the_transition() -> None:
    bench, state = booted()
    story, _ = bench.payment("alice", "bob", 500, "", bench.now_ns())
    for _, event in sorted(story, key=lambda item: "validator" not in item[1] if isinstance(item[1], dict) else True):
        bench.emit(event)
    drain(bench, state)
    assert len(state.works[only_payment(state).transition_id]) == 4


@pytest.mark.parametrize(
    "event",
    [
        None,
        "text",
        ["event"],
        {},
        {"event": None},
        {"event": 7},
        {"event": ["list"]},
        {"event": "unknown"},
        {"event": "vote_cast"},
        {"event": "vote_cast", "validator": 4, "sender": "", "sequence": 0, "transition_id": ""},
        {"event": "vote_cast", "validator": -1},
        {"event": "vote_cast", "validator": True},
        {"event": "validator_state", "validator": 0, "state": "dancing", "pid": 1},
        {"event": "validator_state", "validator": 0, "state": "up", "pid": "1"},
        {"event": "network", "name": "n", "network_id": "00", "validators": [], "supply": 1, "fee_base": 1, "fee_per_output": 0},
        {"event": "network", "name": "n", "network_id": "xx", "validators": ["00"], "supply": 1, "fee_base": 1, "fee_per_output": 0},
        {"event": "wallet", "wallet": "eve", "address": "a", "owner": "00", "balance": -1, "commitment": "00", "sequence": 0},
        {"event": "wallet", "wallet": "eve", "address": "a", "owner": "0", "balance": 1, "commitment": "00", "sequence": 0},
        {"event": "payment_step", "payment": 99, "step": "built", "ms": 1.0},
        {"event": "payment_started", "payment": 1, "wallet": "alice", "kind": "send", "amount": 1, "fee": 1, "recipients": [["00", 1]], "sequence": 0},
        {"event": "status", "t_ns": 2**70, "validator": 0},
        {"event": "audit", "digests_equal": "yes"},
    ],
)
def test_broken_event_is_counted_and_shown_and_changes_nothing(event: object) -> None:
    _, state = booted()
    before = without_log(state)
    apply(state, event)
    assert without_log(state) == before
    assert state.unreadable_count == 1
    assert state.entries[-1].kind == "garbage"


@pytest.mark.parametrize("ms", [float("nan"), float("inf"), -1.0, "1", None, True])
def test_duration_that_is_none_is_refused(ms: object) -> None:
    bench, state = booted()
    bench.play(bench.payment("alice", "bob", 500, "", bench.now_ns())[0][:1])
    drain(bench, state)
    before = without_log(state)
    apply(state, {"event": "payment_step", "t_ns": 1, "payment": 1, "step": "built", "ms": ms, "transition_id": None})
    assert without_log(state) == before
    assert state.unreadable_count == 1


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.sampled_from(["00", "up", "alice", "vote", "send"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)
NAMES = sorted({"t_ns", "validator", "payment", "wallet", "state", "ms", "transition_id", "cert_id", "signers", "amount", "text", "up", "peer", "code"})


@given(st.sampled_from(sorted(REDUCERS)), st.dictionaries(st.sampled_from(NAMES), values))
def test_no_event_raises(name: str, fields: dict[str, Any]) -> None:
    _, state = booted()
    apply(state, {**fields, "event": name})


@settings(max_examples=40)
@given(st.data())
def test_one_wrong_field_never_raises_and_never_half_applies(data: st.DataObject) -> None:
    """Goal: reducers read all fields before they change anything. Method: a true story in which one field of one event was replaced."""
    bench, state = booted()
    story = [json_form(event) for _, event in bench.settled_payment("alice", "bob", 500, "lunch")]
    position = data.draw(st.integers(0, len(story) - 1))
    for event in story[:position]:
        apply(state, event)
    broken = dict(story[position])
    broken[data.draw(st.sampled_from(sorted(broken)))] = data.draw(values)
    before, unreadable = without_log(state), state.unreadable_count
    apply(state, broken)
    if state.unreadable_count > unreadable:
        assert without_log(state) == before
    for event in story[position + 1 :]:
        apply(state, event)


def test_garbage_line_is_counted_with_its_validator() -> None:
    _, state = booted()
    apply(state, {"event": "garbage", "t_ns": 5, "validator": 2, "text": "\x1b[31mTraceback"})
    assert state.unreadable_count == 1
    assert state.entries[-1].source == "V3"
    assert "\\x1b[31mTraceback" in state.entries[-1].text


def test_restarted_validator_forgets_its_error_and_its_peers() -> None:
    bench, state = booted()
    for event in (of_validator(1, lines.Fatal(1, "1203", "disk full")), bench.process(1, "exited", exit_status=1)):
        apply(state, event)
    assert state.validators[1].last_error == "disk full [1203]"
    assert state.validators[1].condition[1] == "exited 1"
    apply(state, bench.process(1, "starting"))
    assert state.validators[1].last_error == ""
    assert state.validators[1].peers_up == ()


def test_halted_validator_is_not_up_and_the_alarm_stays() -> None:
    bench, state = booted()
    apply(state, of_validator(0, lines.SafetyAlarmRaised(1, (digest("bad"),))))
    apply(state, bench.status(0) | {"flags": 4})
    assert state.validators_up == 3
    assert state.validators[0].condition[:2] == ("⚑", "halted")
    assert "V1 halted" in state.alarm


def test_votes_are_counted_by_second() -> None:
    _, state = booted()
    for second, count in ((10, 2), (11, 1), (13, 3)):
        for _ in range(count):
            apply(state, of_validator(0, lines.VoteCast(second * 10**9 + 5, b"", 0, bytes(32), 0.1, 0.1, 0.1, 0.3)))
    assert state.validators[0].votes_per_second(14 * 10**9, 4) == (2, 1, 0, 3)


def test_payments_numbers_that_begin_again_are_new_payments() -> None:
    bench, state = booted()
    bench.play(bench.settled_payment("alice", "bob", 500, ""))
    bench.payments_count = 0
    bench.play(bench.settled_payment("alice", "bob", 700, ""))
    drain(bench, state)
    assert [payment.amount for payment in state.payments.values()] == [500, 500, 700, 700]
    assert all(payment.state == "done" for payment in state.payments.values())
    assert state.unreadable_count == 0


def test_failed_claim_gives_its_outputs_to_the_next_one() -> None:
    _, state = booted()
    apply(state, json_form(events.IncomingSeen(1, "bob", digest("c"), 0, digest("owner", "alice"), 500, "", "claimable")))
    for number in (1, 2):
        apply(state, json_form(events.PaymentStarted(number, number, "bob", "receive", 500, 0, (), 0)))
        apply(state, json_form(events.PaymentState(number, number, "bob", "failed", "superseded")))
    assert [payment.claims for payment in state.payments.values()] == [((digest("c").hex(), 0),)] * 2


def test_claim_takes_only_outputs_that_add_up_to_its_amount() -> None:
    _, state = booted()
    for index, amount in enumerate((500, 300, 200)):
        apply(state, json_form(events.IncomingSeen(1, "bob", digest("c"), index, digest("owner", "alice"), amount, "", "claimable")))
    apply(state, json_form(events.PaymentStarted(2, 1, "bob", "receive", 800, 0, (), 0)))
    assert only_payment(state, kind="receive").claims == ((digest("c").hex(), 0), (digest("c").hex(), 1))


def test_everything_that_grows_is_bounded_and_late_news_of_what_was_forgotten_are_no_garbage() -> None:
    bench, state = booted()
    first = None
    for _ in range(MAX_PAYMENTS // 2 + 30):
        bench.play(bench.settled_payment("faucet", "bob", 1, ""))
        drain(bench, state)
        first = first or only_payment(state)
    assert first is not None
    assert first.key not in state.payments
    assert len(state.payments) <= MAX_PAYMENTS
    assert len(state.certificates) <= MAX_CERTIFICATES
    assert len(state.entries) == MAX_ENTRIES
    assert {*state.payment_by_certificate.values()} <= state.payments.keys()
    assert {*state.payment_by_transition.values()} <= state.payments.keys()
    assert {*state.claim_by_certificate.values()} <= state.payments.keys()
    apply(state, json_form(events.CertificateDelivered(1, first.number, 0, "applied", 0, 4, 1.0)))
    assert state.unreadable_count == 0


def test_faults_wait_until_somebody_tells_them() -> None:
    _, state = booted()
    apply(state, json_form(events.WalletFault(1, "alice", None, "1303", "too little")))
    apply(state, json_form(events.WalletFault(1, None, None, "1502", "V1 did not start")))
    assert [(fault.wallet, fault.text) for fault in state.new_faults] == [("alice", "too little"), (None, "V1 did not start")]


def test_notices_of_wallets_are_lines() -> None:
    _, state = booted()
    apply(state, json_form(events.WalletNotice(1, "alice", "unseen_vote", "fewer than 4 answered: an unseen vote may exist at V3", (2,))))
    apply(state, json_form(events.WalletNotice(2, None, "unchecked_address", "no checksum", ())))
    assert [(entry.source, entry.text) for entry in list(state.entries)[-2:]] == [
        ("alice", "fewer than 4 answered: an unseen vote may exist at V3"),
        ("net", "no checksum"),
    ]


def test_payment_that_waits_begins_as_the_same_payment() -> None:
    _, state = booted()
    apply(state, json_form(events.PaymentQueued(1, 1, "alice", "send", "until the payment before it is settled")))
    waiting = only_payment(state)
    assert (waiting.state, waiting.reason) == ("waiting", "until the payment before it is settled")
    apply(state, json_form(events.PaymentStarted(2, 1, "alice", "send", 500, 1, ((digest("owner", "bob"), 500, ""),), 3)))
    assert only_payment(state) is waiting
    assert (waiting.state, waiting.amount, waiting.sequence, waiting.started_ns) == ("building", 500, 3, 2)


def test_fault_before_anything_was_signed_ends_the_payment() -> None:
    _, state = booted()
    apply(state, json_form(events.PaymentQueued(1, 1, "alice", "send", "until the payment before it is settled")))
    apply(state, json_form(events.WalletFault(2, "alice", 1, "1303", "alice has 0")))
    assert (only_payment(state).state, only_payment(state).reason) == ("failed", "alice has 0")


def test_remark_is_a_line_of_the_workstation() -> None:
    state = State()
    remark(state, "you: kill V3\x07")
    assert state.entries[-1].text == "you: kill V3\\x07"


def test_certificate_of_an_earlier_run_is_held_by_all_whose_state_is_that_of_one_that_applied_it_since() -> None:
    bench, state = booted()
    line = lines.CertificateApplied(bench.now_ns() + 1, digest("old"), 0, "send", digest("owner", "alice"), 0, (), (0, 1, 3), 1.0)
    apply(state, of_validator(2, line))
    certificate = state.certificates[digest("old").hex()]
    assert state.holders_of(certificate) == (2,)
    apply(state, bench.status(2) | {"t_ns": bench.now_ns() + 2})
    assert state.holders_of(certificate) == (0, 1, 2, 3)
    apply(state, bench.status(0) | {"state_digest": "ab" * 32})
    assert state.holders_of(certificate) == (1, 2, 3)
