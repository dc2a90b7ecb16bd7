"""The row of a wallet in the list: whatever the width, its name does not run into its figures, and the balance is whole."""

import pytest

from mesh_app.format import amount
from mesh_app.state import WalletView
from mesh_app.widgets.line_view import line_width
from mesh_app.widgets.wallet_list import wallet_line


def wallet(name: str, balance: int, incoming: int = 0, state: str = "idle") -> WalletView:
    return WalletView(name, "mesh1…", "", balance, "00" * 32, 0, incoming, 0, state)


@pytest.mark.parametrize("width", range(18, 61))
@pytest.mark.parametrize(("name", "balance"), [("faucet", 1_000_000_000), ("al", 5), ("a-name-that-nobody-would-type", 12_345_678), ("rent", 0)])
@pytest.mark.parametrize("state", ["idle", "paying", "locked"])
def test_name_and_balance_stand_apart_and_fit(name: str, balance: int, width: int, state: str) -> None:
    line = wallet_line(wallet(name, balance, state=state), width, hides_amounts=False)
    text = "".join(span.text for span in line)
    assert line_width(line) == width
    words = text.split()
    assert words[-1] == amount(balance)
    assert words[1][0] == name[0]


def test_what_is_coming_in_stands_apart_from_both() -> None:
    text = "".join(span.text for span in wallet_line(wallet("bob", 9_000_000, incoming=500), 26, hides_amounts=False))
    assert text.split()[1:] == ["bob", "+500", "9,000,000"]
