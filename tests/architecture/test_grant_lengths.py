"""Each field of an application that says how long it may be is not longer: a form cuts off what is, or refuses it on the evening of the deadline."""

import re
from pathlib import Path

import pytest

DRAFTS = Path(__file__).parents[2] / "docs" / "grant"
LIMIT = re.compile(r"\*At most ([\d,]+) (characters|words)[^*]*\*\n")


def fields() -> list[tuple[str, str, int, str]]:
    """Draft and field, the limit, its unit, and the text up to the next title."""
    found = []
    for path in sorted(DRAFTS.glob("*.md")):
        for section in re.split(r"^## ", path.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]:
            limit = LIMIT.search(section)
            if limit is not None:
                title = section.partition("\n")[0]
                found.append((f"{path.stem}: {title}", section[limit.end() :].strip(), int(limit[1].replace(",", "")), limit[2]))
    return found


def test_the_drafts_name_limits() -> None:
    # Otherwise a change of the form of limits would make the test below pass by finding none.
    assert {name.partition(":")[0] for name, *_ in fields()} == {"nlnet-ngi-zero", "otf", "sovereign-tech-fund"}
    assert len(fields()) == 17


@pytest.mark.parametrize(("name", "text", "limit", "unit"), fields(), ids=[name for name, *_ in fields()])
def test_no_field_is_longer_than_it_may_be(name: str, text: str, limit: int, unit: str) -> None:
    length = len(text) if unit == "characters" else len(text.split())
    assert 0 < length <= limit, f"{name} has {length} {unit}, {limit} are allowed"
