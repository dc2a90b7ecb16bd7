"""Text with a meaning: what widgets draw and narration writes, before anyone chose a colour. A tone says what a piece of text is about, never how it looks."""

from dataclasses import dataclass
from typing import Literal

Tone = Literal["text", "strong", "dim", "label", "up", "wait", "down", "proof", "hidden", "amount", "tab", "v0", "v1", "v2", "v3"]
"""What the text is about.

`up`, `wait`, `down`: state; `proof`: equivocation and evidence; `hidden`: commitments; `amount`: opened values; `tab`: where one is;
`v0` to `v3`: one validator each.
"""

VALIDATOR_TONES: tuple[Tone, ...] = ("v0", "v1", "v2", "v3")


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of one line."""

    text: str
    tone: Tone = "text"


Line = tuple[Span, ...]


def validator_tone(index: int) -> Tone:
    """The tone of a validator's name and lane. A fifth shares the first one's: the name tells them apart."""
    return VALIDATOR_TONES[index % len(VALIDATOR_TONES)]


def validator_name(index: int) -> str:
    """V1 for the validator with index 0 in the committee."""
    return f"V{index + 1}"


def plain(line: Line) -> str:
    """A line without its tones."""
    return "".join(span.text for span in line)
