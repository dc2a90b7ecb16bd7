"""From what stands in the fields of the performance screen to an order, or to the words that say what is wrong. The process that pays checks it all again."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from mesh_app.format import amount
from mesh_app.orders.performance import StartMeasurement, StartTraffic

RATE_LEAST: Final = 0.01
RATE_MOST: Final = 1_000.0
WALLETS_LEAST: Final = 2
WALLETS_MOST: Final = 32
AMOUNT_MOST: Final = 10_000
MEASURED_AMOUNT_MOST: Final = 1_000
SECONDS_MOST: Final = 7 * 24 * 3600
PAYMENTS_MOST: Final = 10_000
WARM_UP_MOST: Final = 1_000
EACH_OTHER: Final = "each other"


@dataclass(frozen=True, slots=True)
class Wrong:
    """`field` is the one to go to; `text` says what it may hold."""

    field: str
    text: str


class _WrongFieldError(Exception):
    def __init__(self, wrong: Wrong) -> None:
        super().__init__(wrong.text)
        self.wrong = wrong


def draft_traffic(fields: Mapping[str, str], addresses: Mapping[str, str]) -> StartTraffic | Wrong:
    """`fields`: rate, amounts ("5" or "1-100"), wallets, seconds (empty: until stopped), arrivals, to. `addresses` are those of this home's wallets by name."""
    to = fields["to"] if fields["to"] != EACH_OTHER else ""
    try:
        rate = _rate(fields["rate"])
        least, most = _amounts(fields["amounts"])
        wallets = _whole("wallets", fields["wallets"], WALLETS_LEAST, WALLETS_MOST)
        seconds = _whole("seconds", fields["seconds"], 1, SECONDS_MOST) if fields["seconds"].strip() not in {"", "0"} else None
    except _WrongFieldError as error:
        return error.wrong
    if to and to not in addresses:
        return Wrong("to", f"there is no wallet {to} any more")
    duration_s = None if seconds is None else float(seconds)
    return StartTraffic(rate, fields["arrivals"], least, most, wallets, duration_s, to=addresses.get(to, ""), to_name=to)


def draft_measurement(fields: Mapping[str, str]) -> StartMeasurement | Wrong:
    """`fields`: payments, at-once, between (wallets), warm-up, amount."""
    try:
        payments = _whole("payments", fields["payments"], 1, PAYMENTS_MOST)
        wallets = _whole("between", fields["between"], WALLETS_LEAST, WALLETS_MOST)
        at_once = _whole("at-once", fields["at-once"], 1, WALLETS_MOST)
        warm_up = _whole("warm-up", fields["warm-up"], 0, WARM_UP_MOST)
        units = _whole("amount", fields["amount"], 1, MEASURED_AMOUNT_MOST)
    except _WrongFieldError as error:
        return error.wrong
    if at_once > wallets:
        return Wrong("at-once", f"at most {wallets} with {wallets} wallets: one wallet pays one after the other")
    return StartMeasurement(payments, at_once, wallets, warm_up, units)


def bound_words(order: StartTraffic | StartMeasurement, payment_ms: float | None) -> str:
    """What so many wallets can do at most, in words: each pays one after the other. `payment_ms` passes from a payment's call until its wallet is free."""
    wallets = order.wallets if isinstance(order, StartTraffic) else order.at_once
    payers = "1 wallet pays" if wallets == 1 else f"{wallets} wallets pay, each"
    bound = f"{wallets} / latency" if payment_ms is None or payment_ms <= 0 else f"{wallets * 1000 / payment_ms:.0f}"
    return f"{payers} one after the other: at most about {bound} a second"


def _rate(text: str) -> float:
    words = f"{RATE_LEAST:g} to {amount(int(RATE_MOST))} payments a second"
    try:
        rate = float(text.strip())
    except ValueError:
        raise _WrongFieldError(Wrong("rate", words)) from None
    if not math.isfinite(rate) or not RATE_LEAST <= rate <= RATE_MOST:
        raise _WrongFieldError(Wrong("rate", words))
    return rate


def _amounts(text: str) -> tuple[int, int]:
    least, dash, most = text.partition("-")
    wrong = _WrongFieldError(Wrong("amounts", f"1 to {amount(AMOUNT_MOST)} units, as 5 or as 1-100"))
    try:
        found = _number(least), _number(most if dash else least)
    except ValueError:
        raise wrong from None
    if not 1 <= found[0] <= found[1] <= AMOUNT_MOST:
        raise wrong
    return found


def _whole(field: str, text: str, least: int, most: int) -> int:
    wrong = _WrongFieldError(Wrong(field, f"{amount(least)} to {amount(most)}"))
    try:
        number = _number(text)
    except ValueError:
        raise wrong from None
    if not least <= number <= most:
        raise wrong
    return number


def _number(text: str) -> int:
    """Digits and nothing else; ValueError."""
    stripped = text.strip()
    if not stripped.isascii() or not stripped.isdigit() or len(stripped) > 12:
        raise ValueError
    return int(stripped)
