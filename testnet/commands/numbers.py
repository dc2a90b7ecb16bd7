"""Numbers on a command line."""

import argparse

from mesh_core.types.committee import MAX_VALIDATORS
from mesh_core.types.genesis import SUPPLY_LIMIT

DIGITS_MOST = 19
"""Digits of 2^63 - 1."""


def validators_count(text: str) -> int:
    """How many validators a committee has."""
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(MAX_VALIDATORS)) and 1 <= int(text) <= MAX_VALIDATORS):
        raise argparse.ArgumentTypeError(f"{text[:20]!r} is no number from 1 to {MAX_VALIDATORS}")
    return int(text)


def read_units(text: str) -> int:
    """An amount of money; commas between digits are for people."""
    digits = text.replace(",", "").replace("_", "")
    if not (digits.isascii() and digits.isdigit() and len(digits) <= DIGITS_MOST and int(digits) < SUPPLY_LIMIT):
        raise argparse.ArgumentTypeError(f"{text[:30]!r} is no whole number of units below 2^63")
    return int(digits)
