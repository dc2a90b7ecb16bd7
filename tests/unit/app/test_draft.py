"""A payment as a person types it: the first problem in words, or the order."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh_app.draft import MAX_MEMO_BYTES, CheckedDraft, Draft, DraftField, Problem, check_draft, wallet_name_problem
from mesh_app.model import State
from mesh_core.crypto.memo import MAX_TEXT_BYTES
from tests.tui.fake_workbench import FakeWorkbench, address
from tests.unit.app.test_model import booted, state_after


def check(state: State, *, wallet: str = "alice", to: str = "bob", amount: str = "500", text: str = "") -> CheckedDraft | Problem:
    return check_draft(state, Draft(wallet, to, amount, text))


def problem(state: State, **fields: str) -> Problem:
    found = check(state, **fields)
    assert isinstance(found, Problem)
    return found


def test_complete_draft_is_an_order_with_fee_and_rest() -> None:
    _, state = booted()
    assert check(state) == CheckedDraft("alice", "bob", 500, "", 1, 9_499)


@pytest.mark.parametrize("typed", ["1500", "1,500", "1 500", "1_500", "1'500", " 1500 ", "01500"])
def test_amount_may_be_written_with_groups(typed: str) -> None:
    _, state = booted()
    order = check(state, amount=typed)
    assert isinstance(order, CheckedDraft)
    assert order.amount == 1_500


@pytest.mark.parametrize("typed", ["0", "-1", "−1", "1e9", "abc", "3.5", "1,5", "15,00", "٣", "²", "0x10", "1 0", "9" * 31, "10000", "\x1b[2J"])
def test_nonsense_amount_is_a_problem_of_the_amount(typed: str) -> None:
    _, state = booted()
    found = problem(state, amount=typed)
    assert found.field is DraftField.AMOUNT
    assert not found.is_empty


def test_whole_balance_less_the_fee_is_the_boundary() -> None:
    _, state = booted()
    order = check(state, amount="9999")
    assert isinstance(order, CheckedDraft)
    assert order.left == 0
    assert problem(state, amount="10000").text == "at most 9,999: alice has 10,000, fee 1"


def test_wallet_without_money_cannot_pay() -> None:
    _, state = booted()
    assert problem(state, wallet="bob", to="alice", amount="1").text == "nothing to pay with: bob has 0, fee 1"


def test_recipient_is_a_wallet_in_any_case_or_an_address() -> None:
    _, state = booted()
    for typed, meant in (("BOB", "bob"), (" bob ", "bob"), (str(address("x")), str(address("x")))):
        order = check(state, to=typed)
        assert isinstance(order, CheckedDraft)
        assert order.recipient == meant
        assert order.warning == ""


def test_address_without_a_checksum_is_an_order_with_a_warning() -> None:
    _, state = booted()
    found = address("x")
    order = check(state, to=(found.owner + found.view_pk).hex())
    assert isinstance(order, CheckedDraft)
    assert "no checksum" in order.warning


@pytest.mark.parametrize("typed", ["nobody", str(address("x"))[:-1], str(address("x"))[:-1] + "q" * 2, "ab" * 40])
def test_wrong_recipient_is_a_problem_of_the_recipient(typed: str) -> None:
    _, state = booted()
    assert problem(state, to=typed).field is DraftField.RECIPIENT


def test_memo_limit_is_that_of_the_protocol() -> None:
    _, state = booted()
    assert MAX_MEMO_BYTES == MAX_TEXT_BYTES
    assert isinstance(check(state, text="x" * MAX_MEMO_BYTES), CheckedDraft)
    assert problem(state, text="é" * 108).text == "1 byte too long: 215 fit"
    assert problem(state, text="\ud800").field is DraftField.MEMO


def test_empty_fields_are_hints() -> None:
    _, state = booted()
    assert problem(state, wallet="").is_empty
    assert problem(state, to="").is_empty
    assert problem(state, amount="").is_empty


def test_before_the_wallets_are_there_nothing_can_be_ordered() -> None:
    assert problem(state_after(FakeWorkbench())).field is DraftField.WALLET


def test_too_few_validators_are_a_warning_and_no_problem() -> None:
    _, state = booted()
    for validator in state.validators[:2]:
        validator.state = "stopped"
    order = check(state)
    assert isinstance(order, CheckedDraft)
    assert "only 2 of 4" in order.warning


@given(st.text(), st.text(), st.text(), st.text())
def test_nothing_that_is_typed_raises(wallet: str, to: str, amount: str, text: str) -> None:
    _, state = booted()
    check(state, wallet=wallet, to=to, amount=amount, text=text)
    check(state, to=to)
    check(state, amount=amount)


@pytest.mark.parametrize(
    ("name", "is_free"), [("carol", True), ("", False), ("Bob", False), ("a b", False), ("a/b", False), ("..\\x", False), ("x" * 41, False), ("a\x07", False)]
)
def test_name_of_a_new_wallet(name: str, is_free: bool) -> None:
    _, state = booted()
    assert (wallet_name_problem(state, name) is None) == is_free
