"""What becomes of the wallets' events in the state. Goal: nothing of a closed wallet stays, nothing grows without bounds, what is broken changes nothing."""

import copy
from typing import Any

import pytest

from mesh_app.draft import CheckedDraft, Draft, DraftField, Problem, check_draft, contact_name_problem, recipient_names, wallet_name_problem
from mesh_app.model import State, apply
from mesh_app.orders import wallets as orders
from mesh_app.state import MAX_HISTORY, MAX_VERDICTS
from tests.tui.fake_workbench import FakeWorkbench, address, digest
from tests.tui.wallet_events import answered, checked, contacts, details, entry, history, qr, shut
from tests.unit.app.test_model import booted, drain

Event = dict[str, Any]
SECRET = "a secret that no line may hold"


def after(*events: Event) -> State:
    bench, state = booted()
    bench.emit(*events)
    drain(bench, state)
    assert state.unreadable_count == 0
    return state


@pytest.fixture
def bench() -> FakeWorkbench:
    return FakeWorkbench()


def test_details_belong_to_the_moment_of_their_commitments(bench: FakeWorkbench) -> None:
    state = after(details(bench, "alice", incoming=7))
    wallet = state.wallets["alice"]
    assert [(part.name, part.amount) for part in wallet.parts] == [("spendable", 10_000), ("incoming", 7), ("in flight", 0)]
    assert wallet.can_pay
    assert wallet.condition[:2] == ("●", "idle")


def test_view_only_wallet_sees_and_cannot_pay(bench: FakeWorkbench) -> None:
    state = after(details(bench, "bob", key="view-only"))
    assert state.wallets["bob"].condition[1] == "view only"
    assert not state.wallets["bob"].can_pay
    problem = check_draft(state, Draft("bob", "alice", "1", ""))
    assert isinstance(problem, Problem)
    assert problem.field is DraftField.WALLET


def test_name_of_an_account_is_that_of_the_wallet_that_signs_before_one_that_views_it_and_of_a_contact_else(bench: FakeWorkbench) -> None:
    viewed = {
        "event": "wallet",
        "t_ns": 1,
        "wallet": "aaa",
        "address": str(address("alice")),
        "owner": digest("owner", "alice").hex(),
        "balance": 1,
        "commitment": "00",
        "sequence": 0,
    }
    bench.balances["aaa"] = 1
    state = after(viewed, details(bench, "aaa", key="view-only"), contacts(bench, "Zoë"))
    assert state.owner_name(digest("owner", "alice").hex()) == "alice"
    assert state.owner_name(digest("owner", "Zoë").hex()) == "Zoë"
    assert state.owner_name(digest("owner", "stranger").hex()) is None


def test_wallet_that_is_locked_again_leaves_nothing_of_what_it_showed(bench: FakeWorkbench) -> None:
    state = after(
        details(bench, "alice", key="sealed"),
        history(bench, "alice", entry(1, "bob", 500, is_sent=True, text=SECRET)),
        qr(bench, "alice"),
        shut(bench, "alice", "sealed"),
    )
    wallet = state.wallets["alice"]
    assert (wallet.is_open, wallet.balance, wallet.commitment, wallet.history, wallet.parts) == (False, 0, "", {}, ())
    assert wallet.condition[1] == "sealed"
    assert SECRET not in repr(state)
    assert [*state.wallets] == ["alice", "bob", "faucet"]
    problem = check_draft(state, Draft("alice", "bob", "1", ""))
    assert isinstance(problem, Problem)
    assert "unlock" in problem.text


@pytest.mark.parametrize(("state_word", "shown"), [("sealed", "sealed"), ("in_use", "in use"), ("broken", "broken")])
def test_wallet_that_was_not_open_is_shown_and_opens_later(bench: FakeWorkbench, state_word: str, shown: str) -> None:
    state = after(shut(bench, "bob", state_word, "because"))
    assert state.wallets["bob"].condition[1] == shown
    assert state.wallets["bob"].condition[0]
    bench.emit(bench.wallet("bob"))
    drain(bench, state)
    assert state.wallets["bob"].is_open
    assert state.wallets["bob"].condition[1] == "idle"


def test_wallets_whose_process_has_ended_cannot_pay_until_they_are_told_again(bench: FakeWorkbench) -> None:
    state = after(shut(bench, "vault", "sealed"), {"event": "wallets_ended", "t_ns": 1})
    assert [wallet.condition[1] for wallet in state.wallets.values()] == ["ended", "ended", "ended", "sealed"]
    problem = check_draft(state, Draft("alice", "bob", "1", ""))
    assert isinstance(problem, Problem)
    assert "process has ended" in problem.text
    bench.emit(bench.wallet("alice"))
    drain(bench, state)
    assert state.wallets["alice"].can_pay


def test_sealed_wallet_can_be_paid_by_its_address(bench: FakeWorkbench) -> None:
    state = after(shut(bench, "bob", "sealed"))
    draft = check_draft(state, Draft("alice", "bob", "5", ""))
    assert isinstance(draft, CheckedDraft)
    assert (draft.recipient, draft.order.to) == ("bob", str(address("bob")))


def test_renamed_wallet_keeps_its_place_and_its_payments(bench: FakeWorkbench) -> None:
    bench, state = booted()
    bench.play(bench.settled_payment("alice", "bob", 500, ""))
    bench.emit({"event": "wallet_renamed", "t_ns": 1, "wallet": "alice", "name": "anna"})
    drain(bench, state)
    assert [*state.wallets] == ["anna", "bob", "faucet"]
    assert state.wallets["anna"].name == "anna"
    assert {payment.wallet for payment in state.payments.values()} == {"anna", "bob"}


def test_history_is_one_line_an_output_and_follows_its_status(bench: FakeWorkbench) -> None:
    first, second = entry(1, "bob", 500, is_sent=True, status="signed"), entry(1, "carol", 7, is_sent=True, output=1)
    state = after(history(bench, "alice", first, second), history(bench, "alice", first | {"status": "done"}, entry(2, "bob", None, is_sent=False, text="tag")))
    lines = state.wallets["alice"].newest_first()
    assert [(line.output, line.status, line.amount) for line in lines] == [(0, "done", None), (0, "done", 500), (1, "done", 7)]


def test_history_is_bounded_and_keeps_the_newest(bench: FakeWorkbench) -> None:
    pages = [history(bench, "alice", *(entry(number, "bob", 1, is_sent=True) for number in range(page * 50, page * 50 + 50))) for page in range(24)]
    state = after(*pages)
    lines = state.wallets["alice"].newest_first()
    assert len(lines) == MAX_HISTORY
    assert lines[0].at_ms == entry(1_199, "bob", 1, is_sent=True)["at_ms"]


def test_contacts_of_a_first_page_replace_all_others(bench: FakeWorkbench) -> None:
    state = after(contacts(bench, "Zoë", "Yan"), contacts(bench, "Yan"))
    assert [*state.wallet_desk.contacts] == ["Yan"]
    draft = check_draft(state, Draft("alice", "yan", "5", ""))
    assert isinstance(draft, CheckedDraft)
    assert (draft.recipient, draft.order.to) == ("Yan", str(address("Yan")))
    assert recipient_names(state) == ["alice", "bob", "faucet", "Yan"]
    assert wallet_name_problem(state, "yan") == "a contact has this name"
    assert contact_name_problem(state, "BOB") == "a wallet has this name"
    assert contact_name_problem(state, "yan") == "a contact of this name exists"


def test_name_that_means_two_is_paid_to_neither(bench: FakeWorkbench) -> None:
    other = contacts(bench, "x")
    other["contacts"][0]["name"] = "bob"
    problem = check_draft(after(other), Draft("alice", "bob", "5", ""))
    assert isinstance(problem, Problem)
    assert problem.field is DraftField.RECIPIENT
    assert "different addresses" in problem.text


def test_verdicts_are_bounded_and_known_by_ticket(bench: FakeWorkbench) -> None:
    made = [orders.RenameWallet("alice", "x", ticket=number) for number in range(1, MAX_VERDICTS + 20)]
    state = after(*(answered(bench, order, "refused", "no") for order in made))
    assert len(state.wallet_desk.verdicts) == MAX_VERDICTS
    assert state.wallet_desk.verdicts[made[-1].ticket].text == "no"


def test_document_is_kept_with_its_checks(bench: FakeWorkbench) -> None:
    state = after(checked(bench, "/tmp/a"), checked(bench, "/tmp/b", valid=False))
    document = state.wallet_desk.document
    assert document is not None
    assert (document.number, document.file, document.is_valid) == (2, "/tmp/b", False)
    assert [check.holds for check in document.checks] == [True, False]


@pytest.mark.parametrize(
    "change",
    [
        {"event": "wallet_details", "parts": "x"},
        {"event": "wallet_details", "parts": [["spendable", 1, "00"]]},
        {"event": "wallet_details", "parts": [{"name": "spendable", "amount": -1, "commitment": "00"}]},
        {"event": "wallet_history", "entries": [{"at_ms": 1}], "has_older": False},
        {"event": "wallet_history", "entries": [entry(1, "bob", 1, is_sent=True) | {"direction": "sideways"}], "has_older": False},
        {"event": "wallet_qr", "rows": ["a", "bb"]},
        {"event": "wallet_qr", "rows": ["a"] * 101},
        {"event": "contacts", "first": 0, "total": 1, "contacts": [{"name": "x"}]},
        {"event": "document_checked", "file": "f", "valid": True, "checks": [], "fields": [["one"]]},
        {"event": "amounts_hidden", "hidden": "yes"},
        {"event": "wallet_order", "ticket": -1, "what": "x", "state": "done"},
    ],
)
def test_broken_event_of_wallets_changes_nothing(change: Event) -> None:
    _, state = booted()
    before = copy.deepcopy((state.wallets, state.wallet_desk))
    apply(state, {"t_ns": 1, "wallet": "alice", **change})
    assert state.unreadable_count == 1
    assert (state.wallets, state.wallet_desk) == before


def test_no_order_tells_its_secret() -> None:
    made = [
        orders.CreateWallet("carol", SECRET, SECRET),
        orders.ImportWallet("carol", SECRET, SECRET),
        orders.UnlockWallet("carol", SECRET),
    ]
    for order in made:
        assert SECRET not in f"{order!r} {order} {order.describe()} {order.command_line()}"
