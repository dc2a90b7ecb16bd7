"""The model of large committees. Goal: deterministic, never faster than light, the same bytes as the documents' formulas, and load and losses cost time."""

import json
from dataclasses import replace

import pytest

from mesh_core.errors import ErrorCode, LocalFault
from mesh_core.types.messages import Ping
from testnet.cli import main
from testnet.conditions import Conditions
from testnet.profiles import load_profile
from testnet.simulation.entropy import Stream
from testnet.simulation.loop import make_loop
from testnet.simulation.modelled.busy_machine import BusyMachine
from testnet.simulation.modelled.costs import Costs
from testnet.simulation.modelled.geography import Geography
from testnet.simulation.modelled.meter import EVENTS, LOGS, REQUESTS
from testnet.simulation.modelled.queueing import Queue
from testnet.simulation.modelled.run import ModelOptions, ModelResult, run_model
from testnet.simulation.modelled.table import percentile
from testnet.simulation.pool import run_each

LOCAL, AUSTRALIA, MOBILE = load_profile("local"), load_profile("australia"), load_profile("bad-mobile")
FREE = Costs(**dict.fromkeys(Costs.__slots__, 0.0))


def test_a_queue_serves_one_after_the_other_and_rests_when_it_is_empty() -> None:
    queue = Queue()
    assert [queue.take(2.0, now=1.0), queue.take(3.0, now=2.0), queue.take(1.0, now=10.0)] == [3.0, 6.0, 11.0]
    assert queue.busy_seconds == 6.0


def test_a_processor_makes_whoever_comes_later_wait() -> None:
    loop = make_loop(Stream("ties"), most_steps=100, most_seconds=1.0)

    async def three() -> list[float]:
        machine = BusyMachine(replace(FREE, message_ms=5.0, check_proof_ms=20.0), quorum=3)
        return [machine.receiving(Ping(1)), machine.check_proof(), machine.sending(Ping(2))]

    assert loop.run(three()) == pytest.approx([0.005, 0.025, 0.030])
    loop.close()


@pytest.mark.parametrize("text", ["speed=1", "prove", "prove=", "prove=-1", "prove=nan", "prove=1e9"])
def test_costs_that_cannot_be(text: str) -> None:
    with pytest.raises(LocalFault) as refused:
        Costs().changed([text])
    assert refused.value.code is ErrorCode.CONFIG_INVALID


def arrivals(conditions: Conditions, count: int, size_bytes: int) -> list[float]:
    """Seconds that messages take from the wallet to V1, sent a second apart."""
    path = Geography(Stream("x"), replace(AUSTRALIA, line=conditions), 4).path("alice", "V4")
    return [path.arrival(float(second), size_bytes) - second for second in range(count)]


def test_ways_are_as_long_as_the_profile_says_and_losses_cost_a_probe_timeout() -> None:
    assert arrivals(Conditions(), 3, 5000) == pytest.approx([0.024] * 3)
    travel, probe = 0.024, 0.048 + 0.001 + 0.025
    taken = arrivals(Conditions(loss=0.2), 200, 900)
    lost_once = [seconds for seconds in taken if seconds == pytest.approx(travel + probe)]
    lost_twice = [seconds for seconds in taken if seconds == pytest.approx(travel + 3 * probe)]
    assert min(taken) == pytest.approx(travel)
    assert 20 < len(lost_once) < 50, "about 200 * 0.2 * 0.8"
    assert 1 <= len(lost_twice) < 20
    longer = arrivals(Conditions(loss=0.2), 200, 9000)
    assert sum(longer) > sum(taken), "more packets, more of them lost"


def test_a_wallet_shares_its_own_bandwidth_among_all_its_lines() -> None:
    """750 kbit/s: 9,375 bytes take a tenth of a second, and the second validator's wait behind the first one's."""
    ways = Geography(Stream("x"), replace(MOBILE, line=Conditions(), wallet_line=Conditions(bandwidth_kbit_s=750)), 8)
    first, second = (ways.path("alice", name).arrival(0.0, 9375) for name in ("V1", "V5"))
    assert (first, second) == pytest.approx((0.1005, 0.2005), abs=0.001)
    assert ways.path("bob", "V1").arrival(0.0, 9375) == pytest.approx(0.1005, abs=0.001), "another wallet has another line"


def run(size: int, **options: object) -> ModelResult:
    return run_model(ModelOptions(1, size, **{"profile": AUSTRALIA, "payments_count": 12, **options}))  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def quick() -> ModelResult:
    """Nothing costs any time but the lines, which lose nothing."""
    return run(5, profile=replace(AUSTRALIA, line=Conditions()), costs=FREE)


def test_without_costs_a_certificate_takes_the_round_trip_to_the_last_voter_of_a_quorum(quick: ModelResult) -> None:
    """Sydney twice, Melbourne, Brisbane: 16 ms. As long again until as many have applied it."""
    assert quick.certified_ms == pytest.approx([16.0] * 12)
    assert quick.settled_ms == pytest.approx([32.0] * 12)


def test_the_simulated_bytes_are_those_of_the_documents_formulas(quick: ModelResult) -> None:
    """docs/scaling.md, where each payment is claimed by itself. How many certificates of a log one question brings depends on when it is asked."""
    n, q = 5, 4
    assert quick.bytes[REQUESTS] == 12 * n * (4888 + 195 * q)
    assert quick.messages[REQUESTS] == 12 * n * 8
    assert quick.bytes[EVENTS] == 12 * n * (2904 + 195 * q)
    assert quick.bytes[LOGS] == pytest.approx(12 * n * (n - 1) * (1570 + 130 * q), rel=0.1)


def test_the_same_options_give_the_same_figures_in_any_process() -> None:
    options = [ModelOptions(seed, 4, AUSTRALIA.with_loss(0.02), payments_count=12) for seed in (1, 2)]
    here = [run_model(one) for one in options]
    assert list(run_each(run_model, options)) == here
    assert here[0].certified_ms != here[1].certified_ms


def test_costs_losses_and_load_make_payments_slower(quick: ModelResult) -> None:
    usual = run(5)
    assert min(usual.certified_ms) > 16.0 + Costs().prove_ms + 2 * Costs().check_proof_ms
    assert percentile(usual.certified_ms, 0.5) > percentile(quick.certified_ms, 0.5)
    assert max(run(5, profile=AUSTRALIA.with_loss(0.1)).certified_ms) > max(usual.certified_ms)
    busy = run(5, costs=replace(Costs(), message_ms=4.0))
    assert percentile(busy.settled_ms, 0.5) > percentile(usual.settled_ms, 0.5) + 5 * 4.0
    assert busy.validator_ms > 5 * usual.validator_ms


def test_with_f_silent_validators_every_other_one_is_waited_for() -> None:
    silent = run(4, silent_count=1, profile=replace(AUSTRALIA, line=Conditions()), costs=FREE)
    assert set(map(round, silent.certified_ms)) <= {16, 48}, "Brisbane, or Perth where one of the nearer is silent"
    assert len(silent.settled_ms) == 12


def test_payments_settle_where_the_line_is_bad() -> None:
    """Seconds at 750 kbit/s and 2 % loss, and none is left out."""
    result = run(4, profile=MOBILE)
    assert len(result.certified_ms) == len(result.settled_ms) == 12
    assert min(result.certified_ms) > MOBILE.floor_ms(4, 3)


def test_percentiles_are_times_that_were_seen() -> None:
    assert percentile([4.0, 1.0, 3.0, 2.0], 0.5) == 2.0
    assert percentile([4.0, 1.0, 3.0, 2.0], 0.99) == 4.0


def test_the_command_tells_its_assumptions_and_a_row_for_each_size(capsys: pytest.CaptureFixture[str]) -> None:
    given = ["simulate", "--latency", "--validators", "4,7", "--profile", "australia", "--payments", "10", "--cost", "sync=3"]
    assert main([*given, "--json"]) == 0
    told = capsys.readouterr().out
    model, *rows = (json.loads(line) for line in told.splitlines())
    assert (model["event"], model["profile"], model["costs"]["sync_ms"]) == ("model", "australia", 3.0)
    assert [(row["validators"], row["quorum"], row["payments"], row["floor_ms"]) for row in rows] == [(4, 3, 10, 16.0), (7, 5, 10, 16.0)]
    assert all(row["floor_ms"] < row["certified_median_ms"] <= row["certified_p99_ms"] < row["settled_p99_ms"] for row in rows)
    assert main([*given, "--json"]) == 0
    assert capsys.readouterr().out == told, "the same seeds, the same table"


@pytest.mark.parametrize(
    ("given", "status"), [("--silent x", 2), ("--payments 0", 2), ("--every 0", 2), ("--trace t --seed 1", 2), ("--silent 2", 1), ("--profile nowhere", 1)]
)
def test_options_of_the_model_that_cannot_be(given: str, status: int) -> None:
    try:
        ended = main(["simulate", "--latency", *given.split()])
    except SystemExit as usage:
        ended = int(usage.code or 0)
    assert ended == status
