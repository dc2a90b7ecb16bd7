"""Scenarios. Goal: a wrong file is refused before anything starts, with its line and the reason; conditions say what they wait for."""

from pathlib import Path

import pytest

from mesh_app.demo.conditions import Scene, parse_condition
from mesh_app.demo.scenario import load_scenario, parse_scenario, shipped_scenarios
from mesh_app.state import State, ValidatorView
from mesh_core.errors import ErrorCode, LocalFault

HEAD = 'title = "T"\n\n[[chapter]]\ntitle = "C"\n\n[[chapter.step]]\n'
"""The step begins in line 6."""


def refused(text: str) -> str:
    with pytest.raises(LocalFault) as refusal:
        parse_scenario(text, Path("mine.toml"))
    assert refusal.value.code is ErrorCode.CONFIG_INVALID
    assert "mine.toml" in refusal.value.text
    return refusal.value.text


@pytest.mark.parametrize(
    ("step", "words"),
    [
        ("colour = 1", "line 6: colour is unknown here; there are action, at, caption"),
        ('action = "everywhere.fly"', "line 6: there is no action everywhere.fly"),
        ('action = "everywhere.pay"\ntype = "5"', "line 6: action and type are one step too many in one"),
        ('keys = "tab"', "line 6: keys is a list of names"),
        ('keys = ["wait:99999999"]', "line 6: keys is a list of names"),
        ('keys = ["\\u001b"]', "line 6: keys is a list of names"),
        ('keys = [""]', "line 6: keys is a list of names"),
        ('type = "a\\nb"', "line 6: type is a text of one line"),
        ('type = ""', "line 6: type is a text of 1 to 400 characters"),
        (f'caption = "{"x" * 401}"', "line 6: caption is a text of 1 to 400 characters"),
        ("hold = -1", "line 6: hold is a number of seconds from 0 to 600"),
        ("hold = nan", "line 6: hold is a number"),
        ("hold = inf", "line 6: hold is a number"),
        ("hold = true", "line 6: hold is a number"),
        ('at = "2"', "line 6: at is a number"),
        ("within = 5", "line 6: within goes with until"),
        ('until = "up"', "line 6: until: 'up' is no condition"),
        ('until = "down V0"', "line 6: until: 'down V0' is no condition"),
        ('until = "equal 3"', "line 6: until: 'equal 3' is no condition"),
        ('until = "up 4; rm"', "line 6: until:"),
        ("poster = 1", "line 6: poster is true or false"),
    ],
)
def test_wrong_step_is_refused_with_its_line(step: str, words: str) -> None:
    assert words in refused(HEAD + step + "\n")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "line 1: title is a text"),
        ('title = "T"', "line 1: at least one [[chapter]] is needed"),
        ('title = "T"\n[[chapter]]\ntitle = "C"\n', "line 2: a chapter needs at least one [[chapter.step]]"),
        ('title = "T"\n[[chapter]]\n[[chapter.step]]\n', "line 2: title is a text"),
        ('title = "T"\nchapter = 5', "line 1: at least one [[chapter]]"),
        ('title = "T"\ncolour = 5', "line 1: colour is unknown here"),
        ("title = ", "Invalid value"),
        ("x = " + "[" * 10_000, "mine.toml"),
        ("#" * 300_000, "is longer than"),
        (HEAD + "hold = 0\n" + "[[chapter.step]]\nhold = 0\n" * 500, "more than 500 steps"),
    ],
)
def test_wrong_file_is_refused(text: str, words: str) -> None:
    assert words in refused(text)


def test_line_is_that_of_the_step_also_behind_comments() -> None:
    text = HEAD + "hold = 1\n\n# a word\n  [[ chapter . step ]]  # the second\nhold = 700\n"
    assert "line 10: hold" in refused(text)


@pytest.mark.parametrize("name", sorted(shipped_scenarios()))
def test_shipped_ones_can_be_read_and_say_what_they_are(name: str) -> None:
    scenario = load_scenario(name)
    assert scenario.about
    assert sum(step.is_poster for chapter in scenario.chapters for step in chapter.steps) == 1


def test_own_file_is_found_by_its_path_and_a_missing_one_told(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(HEAD + "hold = 1\n")
    assert load_scenario(str(path)).name == "mine"
    path.write_bytes(b"\xff\xfe")
    for given, words in ((str(path), "cannot be read"), (str(tmp_path / "no.toml"), "there is no demonstration"), ("../x", "there is no demonstration")):
        with pytest.raises(LocalFault, match=words):
            load_scenario(given)


def holds(words: str, state: State, *, screen: str = "network", text: str = "") -> bool:
    return parse_condition(words)(Scene(state, screen, lambda: text))


def test_conditions_hold_when_they_say_so() -> None:
    state = State()
    state.validators = [ValidatorView(index) for index in range(4)]
    for validator in state.validators[:3]:
        validator.state, validator.log_length, validator.state_digest = "up", 2, "aa"
    assert holds("up 3", state)
    assert not holds("up 4", state)
    assert holds("down V4", state)
    assert not holds("down V1", state)
    assert not holds("down V9", state)
    assert holds("certificates 2", state)
    assert not holds("certificates 3", state)
    assert not holds("equal", state)
    state.validators[3].state, state.validators[3].log_length, state.validators[3].state_digest = "up", 2, "aa"
    assert holds("equal", state)
    state.validators[3].state_digest = "bb"
    assert not holds("equal", state)
    assert holds("screen ledger", state, screen="ledger")
    assert not holds("screen ledger", state)
    assert holds('text "4/4 ✔"', state, text="held by 4/4 ✔")
    assert not holds("payments 1", state)
    assert holds("payments 0", state)
