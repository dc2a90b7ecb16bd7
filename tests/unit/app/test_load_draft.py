"""What stands in the fields of the performance screen becomes an order, or words. The limits are those of the process that pays."""

import math

import pytest

from mesh_app import load_draft
from mesh_app.load_draft import EACH_OTHER, Wrong, bound_words, draft_measurement, draft_traffic
from mesh_app.orders.performance import StartMeasurement, StartTraffic
from testnet.traffic import plan

TRAFFIC = {"rate": "20", "amounts": "1-100", "wallets": "8", "seconds": "", "arrivals": "poisson", "to": EACH_OTHER}
MEASURE = {"payments": "100", "at-once": "1", "between": "2", "warm-up": "5", "amount": "1"}


def test_the_first_values_of_the_forms_are_the_orders_own() -> None:
    assert draft_traffic(TRAFFIC, {}) == StartTraffic()
    assert draft_measurement(MEASURE) == StartMeasurement()


def test_fields_become_an_order() -> None:
    made = draft_traffic(TRAFFIC | {"rate": "0.5", "amounts": " 7 ", "seconds": "60", "to": "bob"}, {"bob": "mesh1…"})
    assert made == StartTraffic(rate=0.5, amount_least=7, amount_most=7, duration_s=60.0, to="mesh1…", to_name="bob")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("rate", ""),
        ("rate", "nan"),
        ("rate", "inf"),
        ("rate", "0"),
        ("rate", "1001"),
        ("rate", "-5"),
        ("amounts", "0"),
        ("amounts", "9-3"),
        ("amounts", "1-"),
        ("amounts", "1-10001"),
        ("amounts", "1.5"),
        ("wallets", "1"),
        ("wallets", "33"),
        ("wallets", "²"),
        ("seconds", "999999999"),
        ("to", "carol"),
    ],
)
def test_what_is_wrong_names_its_field(field: str, value: str) -> None:
    made = draft_traffic(TRAFFIC | {field: value}, {"bob": "mesh1…"})
    assert isinstance(made, Wrong)
    assert made.field == field


@pytest.mark.parametrize(
    ("field", "value"), [("payments", "0"), ("payments", "10001"), ("at-once", "3"), ("between", "1"), ("warm-up", "-1"), ("amount", "1001")]
)
def test_a_wrong_measurement_names_its_field(field: str, value: str) -> None:
    made = draft_measurement(MEASURE | {field: value})
    assert isinstance(made, Wrong)
    assert made.field == field


def test_the_limits_are_those_of_the_process_that_pays() -> None:
    names = ("RATE_LEAST", "RATE_MOST", "WALLETS_LEAST", "WALLETS_MOST", "AMOUNT_MOST", "MEASURED_AMOUNT_MOST", "PAYMENTS_MOST", "WARM_UP_MOST")
    assert all(getattr(load_draft, name) == getattr(plan, name) for name in names)
    assert math.isclose(load_draft.SECONDS_MOST, plan.DURATION_MOST_S)


def test_the_bound_of_a_sequence_is_told() -> None:
    assert bound_words(StartTraffic(wallets=2), 50.0) == "2 wallets pay, each one after the other: at most about 40 a second"
    assert bound_words(StartMeasurement(), None) == "1 wallet pays one after the other: at most about 1 / latency a second"
