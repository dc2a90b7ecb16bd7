"""The document of demonstrations says what the scenarios say, and names every field and condition that there is."""

import os
import re
from pathlib import Path

import pytest

from mesh_app.demo import conditions
from mesh_app.demo.scenario import _STEP_KEYS, load_scenario, parse_scenario, shipped_scenarios

DOCUMENT = Path(__file__).parents[3] / "docs" / "demo.md"
BEGIN = "<!-- script: written by MESH_UPDATE_SNAPSHOTS=1 pytest tests/unit/app/test_demo_document.py -->\n"
END = "<!-- end of script -->\n"


def script() -> str:
    """The narration of the longest demonstration, as a table."""
    rows = ["| Chapter | Seconds | Words |", "|---|---|---|"]
    for chapter in load_scenario("alice-pays-bob").chapters:
        words = "<br>".join(step.caption for step in chapter.steps if step.caption)
        rows.append(f"| {chapter.title} | {sum(step.hold_s for step in chapter.steps):.0f} | {words} |")
    return "\n".join([*rows, ""])


def test_script_is_that_of_the_scenario() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    old, _, after = rest.partition(END)
    assert after, "the document has lost its marks"
    if os.environ.get("MESH_UPDATE_SNAPSHOTS"):
        DOCUMENT.write_text(f"{before}{BEGIN}{script()}{END}{after}", encoding="utf-8")
        return
    assert old == script()


@pytest.mark.parametrize("name", sorted({*_STEP_KEYS, *conditions._COUNTS, "down", "equal", "screen", "text", *shipped_scenarios()}))
def test_every_field_condition_and_demonstration_is_named(name: str) -> None:
    assert re.search(rf"`(?:[^`]*, )?{re.escape(name)}\b", DOCUMENT.read_text(encoding="utf-8"))


def test_example_can_be_played() -> None:
    found = re.search(r"^```toml\n(.*?)^```", DOCUMENT.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    assert found is not None
    assert len(parse_scenario(found[1], Path("mine.toml")).chapters[0].steps) == 3
