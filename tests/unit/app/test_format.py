"""Numbers and times as people read them."""

import pytest

from mesh_app import format as form


@pytest.mark.parametrize(
    ("ms", "shown"),
    [(0.0, "0 ms"), (0.04, "0 ms"), (0.4, "0.4 ms"), (83.06, "83.1 ms"), (99.96, "100 ms"), (999.4, "999 ms"), (1250.0, "1.25 s"), (120_000.0, "120 s")],
)
def test_milliseconds_have_three_digits_at_most(ms: float, shown: str) -> None:
    assert form.milliseconds(ms) == shown


@pytest.mark.parametrize(("ns", "shown"), [(-5, "0:00"), (7_900_000_000, "0:07"), (725 * 10**9, "12:05"), (10_869 * 10**9, "3:01:09")])
def test_duration(ns: int, shown: str) -> None:
    assert form.duration(ns) == shown


def test_moment_is_to_the_millisecond() -> None:
    assert form.moment(131_310_999_999) == "02:11.310"


def test_amount_has_groups() -> None:
    assert form.amount(1_000_000_000) == "1,000,000,000"


@pytest.mark.parametrize(("position", "shown"), [(1, "1st"), (2, "2nd"), (3, "3rd"), (4, "4th"), (11, "11th"), (13, "13th"), (22, "22nd"), (111, "111th")])
def test_ordinal(position: int, shown: str) -> None:
    assert form.ordinal(position) == shown


def test_short_cuts_only_what_is_longer() -> None:
    assert form.short("12345678") == "12345678"
    assert form.short("123456789") == "123456789"
    assert form.short("1234567890") == "12345678…"


def test_groups_hold_everything() -> None:
    assert "".join(form.groups("ab" * 32)) == "ab" * 32
    assert len(form.groups("ab" * 32)) == 8


def test_sparkline_scales_to_the_greatest() -> None:
    assert form.sparkline((0, 1, 7)) == "▁▂█"
    assert form.sparkline((0, 0)) == "▁▁"
    assert form.sparkline(()) == ""
