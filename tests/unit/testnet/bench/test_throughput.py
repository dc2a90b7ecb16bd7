"""What the throughput benchmark computes, and what it refuses."""

from dataclasses import replace
from typing import Any

import pytest

from mesh_core.errors import ErrorCode, LocalFault
from testnet.bench.report import tables_of
from testnet.bench.results import Result
from testnet.bench.tables import as_text
from testnet.bench.throughput import Batches, compare, middle_round
from testnet.bench.wallets import START_UNITS, Order, draw_orders, expected_balances, proof_bound_per_s
from testnet.cli import main

FLOOD: dict[str, Any] = {
    "votes": 1200,
    "votes_per_s": 800.0,
    "vote_us": 900.0,
    "cores_used": 0.7,
    "votes_in_batch": 20,
    "votes_in_commit": 10,
    "parts_us": {"request": 300.0, "proof": 350.0, "signatures": 60.0, "commit": 90.0},
    "request_flooded_us": 50.0,
    "proof_bound_per_s": 2857.1,
    "request_bytes": 1160,
    "ratios": [1.1, 1.125, 1.2],
    "sum_us": 800.0,
    "ratio": 1.125,
    "strict_ratio": 1.636,
}
RESULT = Result("throughput", "2026-11-23", "mesh-testnet bench throughput", 0, {}, {}, {"flood": FLOOD, "network": None})


def test_vote_is_compared_with_the_sum_of_its_parts() -> None:
    found = compare(900.0, FLOOD["parts_us"], 50.0)
    assert found == {"sum_us": 800.0, "ratio": 1.125, "strict_ratio": 1.636}


def test_middle_round_is_told_with_the_ratios_of_all() -> None:
    rounds = [{"ratio": ratio, "vote_us": 100 * ratio} for ratio in (1.4, 1.2, 1.3, 1.9)]
    assert middle_round(rounds) == {"ratio": 1.3, "vote_us": 130.0, "ratios": [1.4, 1.2, 1.3, 1.9]}


def test_batches_are_told_apart_by_the_time_that_they_took() -> None:
    batches = Batches()
    for proof_ms in (1.5, 1.5, 1.5, 2.0, 1.5):
        batches.take({"event": "vote_requested"})
        batches.take({"event": "vote_cast", "proof_ms": proof_ms})
    assert batches.sizes == [3, 1, 1]
    assert batches.typical() == 3, "most votes were in the batch of three"


def test_orders_follow_from_the_seed_and_balances_from_the_orders() -> None:
    names = ["a", "b", "c"]
    orders = draw_orders(names, 30, 7)
    assert orders == draw_orders(names, 30, 7)
    assert orders != draw_orders(names, 30, 8)
    assert all(order.payer != order.payee and 1 <= order.amount <= 1000 for order in orders)
    assert [order.payer for order in orders] == names * 10
    assert sum(expected_balances(names, orders, 2).values()) == 3 * START_UNITS - 2 * 30
    assert expected_balances(names, [Order("a", "c", 5)], 2) == {"a": START_UNITS - 7, "b": START_UNITS, "c": START_UNITS + 5}


def test_bound_counts_one_proof_for_each_validator() -> None:
    assert proof_bound_per_s(2, 4, 250.0) == 2000.0


def test_tables_say_what_was_measured() -> None:
    text = as_text(tables_of(RESULT))
    assert "range proof, in batches of 20" in text
    assert "in multiples of the sum" in text
    assert "1.12" in text
    with pytest.raises(LocalFault, match="measure again") as refused:
        tables_of(replace(RESULT, figures={"flood": {}}))
    assert refused.value.code is ErrorCode.CONFIG_INVALID


@pytest.mark.parametrize("options", [["--votes", "1"], ["--rounds", "0"], ["--wallets", "1"], ["--payments", "0"]])
def test_nothing_to_measure_is_wrong_usage(options: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["bench", "throughput", *options])
    assert ended.value.code == 2
    assert "rounds" in (told := capsys.readouterr().err) or "wallets" in told


def test_name_that_no_file_can_have_is_refused_before_anything_is_measured(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "throughput", "--name", "../x"]) == 1
    assert "no name for a result" in capsys.readouterr().err
