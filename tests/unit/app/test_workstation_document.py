"""docs/workstation.md says what is so: its table of keys is that of the registry, its settings are those that are read."""

import os
import re
from dataclasses import fields
from pathlib import Path

from mesh_app.actions import ACTIONS, SCOPE_TITLES, actions_of
from mesh_app.settings.settings import LOG_LEVELS, THEMES, Settings

DOCUMENT = Path(__file__).parents[3] / "docs/workstation.md"
BEGIN = "<!-- keys: written by MESH_UPDATE_SNAPSHOTS=1 pytest tests/unit/app/test_workstation_document.py -->\n"
END = "<!-- end of keys -->\n"


def key_table() -> str:
    rows = ["| Action | Keys | What it does |", "|---|---|---|"]
    for scope, title in SCOPE_TITLES.items():
        if actions_of(scope):
            rows.append(f"| **{title}** | | |")
        rows += [f"| `{action.id}` | {' '.join(f'`{key}`' for key in action.shown_keys)} | {action.text.replace('|', ' ')} |" for action in actions_of(scope)]
    return "\n".join(rows) + "\n"


def test_keys_are_those_of_the_registry() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    before, rest = text.split(BEGIN)
    table, after = rest.split(END)
    if os.environ.get("MESH_UPDATE_SNAPSHOTS"):
        DOCUMENT.write_text(before + BEGIN + key_table() + END + after, encoding="utf-8")
        return
    assert table == key_table(), "MESH_UPDATE_SNAPSHOTS=1 writes it anew"


def test_every_setting_is_described() -> None:
    text = DOCUMENT.read_text(encoding="utf-8").partition("## Configuration")[2].partition("## Themes")[0]
    for setting in fields(Settings):
        assert setting.name in text
    assert all(f"`{value}`" in text for value in (*THEMES, *LOG_LEVELS))


def test_examples_name_actions_that_exist() -> None:
    named = re.findall(r'^    "([\w.-]+)" = ', DOCUMENT.read_text(encoding="utf-8"), re.MULTILINE)
    assert named
    assert set(named) <= {action.id for action in ACTIONS}
