"""The histogram in text: nothing is lost between the buckets and the columns, and the target is where it is drawn."""

from hypothesis import given
from hypothesis import strategies as st

from mesh_app.spans import plain
from mesh_app.state.performance import Figures
from mesh_app.widgets.big_digits import big
from mesh_app.widgets.latency_histogram import TARGET_LINE, columns, histogram_lines
from mesh_app.widgets.line_view import line_width
from mesh_app.widgets.performance_panes import split_lines
from testnet.traffic.latencies import BUCKETS_COUNT, TARGET_MS, bucket_of
from tests.tui import performance_story as story

TIMES = st.lists(st.floats(0.5, 50_000.0), min_size=1, max_size=80)


def figures_of(times: list[float]) -> Figures:
    found = story.figures(times)
    return Figures(
        **{name: found[name] for name in ("counted", "min_ms", "p50_ms", "p95_ms", "p99_ms", "max_ms", "mean_ms", "within_target")},
        buckets=tuple((bucket, count) for bucket, count in found["buckets"]),
        cumulative=tuple((ms, count) for ms, count in found["cumulative"]),
        parts=tuple((name, ms) for name, ms in found["parts"]),
        acks_p50_ms=found["acks_p50_ms"],
    )


@given(TIMES, st.integers(14, 220))
def test_every_payment_stands_in_a_column_on_its_side_of_the_target(times: list[float], width: int) -> None:
    counts, target = columns(tuple((bucket_of(ms), 1) for ms in times), width)
    assert len(counts) + 1 <= max(width, 13)
    assert sum(counts[:target]) == sum(ms <= TARGET_MS for ms in times)
    assert sum(counts[target:]) == sum(ms > TARGET_MS for ms in times)


@given(TIMES, st.integers(20, 220), st.integers(4, 40))
def test_it_fits_its_pane_and_shows_each_payment(times: list[float], width: int, height: int) -> None:
    lines = histogram_lines(figures_of(times), width, height)
    assert len(lines) == height
    assert all(line_width(line) <= width for line in lines)
    rows = [plain(line) for line in lines[: height - 3]]
    assert all(TARGET_LINE in row for row in rows)
    assert any(character in row for row in rows for character in "▁▂▃▄▅▆▇█")


def test_the_tallest_column_fills_the_pane() -> None:
    lines = histogram_lines(figures_of([40.0] * 9 + [80.0]), 80, 10)
    assert "█" in plain(lines[0])
    assert [plain(line).count("█") for line in lines[:7]] == [1] * 7
    assert any(character in plain(lines[6]) for character in "▆▇")


@given(st.integers(30, 200), st.integers(1, 12))
def test_the_split_fits_its_pane(width: int, height: int) -> None:
    lines = split_lines(figures_of(story.times()), width, height)
    assert len(lines) == min(height, 9)
    assert all(line_width(line) <= width for line in lines)


def test_big_digits_are_three_lines_of_one_width() -> None:
    for text in ("0123456789.", "41.2", "300", "1.5"):
        assert len({len(line) for line in big(text)}) == 1
    assert bucket_of(1e12) == BUCKETS_COUNT - 1
