"""What a scenario waits for: a few words about the state, the same in a file and on the screen.

up 4              so many validators answer           down V3          this one does not
payments 2        so many payments are settled        claims 1         so many claims are
certificates 4    every validator that is up has so many     equal     all are up and hold one state
proofs 1          so many equivocation proofs are known      attacks 1 so many attacks are over
measured 1        so many measurements are over       screen ledger    this screen is in front
text "4/4"        these words stand on the screen     wallets 3        so many wallets are open
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from mesh_app.state import State


@dataclass(frozen=True, slots=True)
class Scene:
    """What a condition is asked about."""

    state: State
    screen: str
    text: Callable[[], str]


Condition = Callable[[Scene], bool]

_PARTS: Final = re.compile(r'([a-z]+)(?: +(?:(\d{1,6})|V(\d{1,2})|([a-z]+)|"([^"]{1,200})"))?')


def parse_condition(words: str) -> Condition:
    """The condition that the words say. ValueError that says what is expected instead."""
    parts = _PARTS.fullmatch(words.strip())
    if parts is None:
        raise ValueError(f"{words[:60]!r} is no condition")
    name, number, validator, word, text = parts.groups()
    if name in _COUNTS and number is not None:
        count, least = _COUNTS[name], int(number)
        return lambda scene: count(scene.state) >= least
    if name == "down" and validator is not None and int(validator) > 0:
        index = int(validator) - 1
        return lambda scene: index < len(scene.state.validators) and not scene.state.validators[index].is_up
    if name == "equal" and number is validator is word is text is None:
        return lambda scene: _is_equal(scene.state)
    if name == "screen" and word is not None:
        return lambda scene: scene.screen == word
    if name == "text" and text is not None:
        return lambda scene: text in scene.text()
    raise ValueError(f'{words[:60]!r} is no condition: {", ".join([*_COUNTS, ""])}each with a number, down V3, equal, screen NAME, text "WORDS"')


def _settled(state: State, *, is_claim: bool) -> int:
    return sum(1 for payment in state.payments.values() if payment.is_claim is is_claim and payment.is_final and payment.applied_count >= state.quorum)


def _is_equal(state: State) -> bool:
    return state.validators_up == len(state.validators) and len({(one.log_length, one.state_digest) for one in state.validators}) == 1


_COUNTS: Final[dict[str, Callable[[State], int]]] = {
    "up": lambda state: state.validators_up,
    "payments": lambda state: _settled(state, is_claim=False),
    "claims": lambda state: _settled(state, is_claim=True),
    "certificates": lambda state: min((one.log_length for one in state.validators if one.is_up), default=0),
    "proofs": lambda state: len(state.laboratory.proofs),
    "attacks": lambda state: sum(1 for run in state.laboratory.runs.values() if run.is_over),
    "measured": lambda state: sum(1 for run in state.performance.runs.values() if run.kind == "measure" and not run.is_running),
    "wallets": lambda state: len(state.wallets),
}
