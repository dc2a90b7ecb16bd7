"""The table of refusals in docs/wallet.md: what a command says is there, word for word."""

import re
from functools import cache
from pathlib import Path

DOCUMENT = Path(__file__).parents[4] / "docs" / "wallet.md"


def documented_sentence(text: str, code: str, status: int) -> str:
    """The sentence of a refusal as it was printed, once it is found in the table with this code and this exit status."""
    (line,) = text.splitlines()
    sentence = line.removeprefix("mesh-wallet: ").removesuffix(f" [{code}]")
    assert line == f"mesh-wallet: {sentence} [{code}]"
    assert any((code, status) == (known, exits) and pattern.fullmatch(sentence) for known, exits, pattern in documented()), sentence
    return sentence


@cache
def documented() -> list[tuple[str, int, re.Pattern[str]]]:
    """Code, status and sentence of each row of the table in docs/wallet.md; an ellipsis stands for anything."""
    table = DOCUMENT.read_text(encoding="utf-8").split("## What a command says when it cannot")[1]
    rows = re.findall(r"^\| ([0-9a-f]{4}) \| (\d) \| (.+) \|$", table, re.MULTILINE)
    assert len(rows) > 30
    return [(code, int(status), re.compile(".*".join(map(re.escape, sentence.split("…"))))) for code, status, sentence in rows]
