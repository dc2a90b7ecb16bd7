"""What the catch-up benchmark computes, and what it refuses."""

import pytest

from testnet.bench.catch_up import Progress
from testnet.bench.report import tables_of
from testnet.bench.results import Result
from testnet.bench.tables import as_text
from testnet.cli import main

SECOND_NS = 1_000_000_000


def test_rate_is_from_the_first_step_to_the_last() -> None:
    progress = Progress()
    assert progress.height == 0
    for t_ns, height in ((5 * SECOND_NS, 100), (6 * SECOND_NS, 1100), (7 * SECOND_NS, 1300)):
        progress.take({"event": "sync_progress", "t_ns": t_ns, "height": height})
    progress.take({"event": "status", "flags": 0, "state_digest": "ab"})
    progress.take({"event": "garbage"})
    assert (progress.height, progress.rate(), progress.flags, progress.digest) == (1300, 600.0, 0, "ab")


def test_catch_up_that_was_over_with_its_first_line_has_no_rate() -> None:
    progress = Progress()
    progress.take({"event": "sync_progress", "t_ns": 5, "height": 100})
    assert progress.rate() == 0.0


def test_table_shows_a_run_in_which_nobody_asked() -> None:
    times = {"count": 3, "median_ms": 5.0, "p90_ms": 6.0, "p99_ms": 7.0, "max_ms": 7.0}
    asked = {"idle": times, "busy": dict.fromkeys(times, 0.0) | {"count": 0}, "slower": None}
    figures = {"certificates": 300, "certificates_per_s": 1300.0, "fetching": asked, "serving": asked, "another": asked}
    text = as_text(tables_of(Result("catch-up", "2026-11-23", "x", 0, {}, {"silent": True}, figures)))
    assert "fetched at 1,300 a second, nobody asks for votes" in text


@pytest.mark.parametrize("options", [["--certificates", "0"], ["--idle-votes", "0"], ["--idle-votes", "10", "--payments", "89"]])
def test_nothing_to_measure_is_wrong_usage(options: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["bench", "catch-up", *options])
    assert ended.value.code == 2
