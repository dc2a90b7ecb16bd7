"""The configuration file: read as a whole or not at all, refused with its line and reason; and the file with the defaults reads as the defaults."""

import json
import re
import string
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual.keys import _character_to_key

from mesh_app.actions import ACTIONS, SCOPE_TITLES
from mesh_app.settings.keys import EVERYWHERE, PARTS, SCREEN_OF, are_in_force_together, keys_problem, normalised
from mesh_app.settings.reading import ConfigProblem, parse_settings, read_settings
from mesh_app.settings.settings import LOG_LEVELS, THEMES, Settings
from mesh_app.settings.writing import default_config

SCREENS = {"network", "wallets", "pay", "ledger", "laboratory", "validators", "performance"}


def problem_of(text: str) -> ConfigProblem:
    with pytest.raises(ConfigProblem) as caught:
        parse_settings(text)
    return caught.value


def test_empty_file_means_the_defaults() -> None:
    assert parse_settings("") == Settings()


def test_everything_that_can_be_set() -> None:
    text = 'log_level = "debug"\n[look]\ntheme = "mesh-light"\nslow = true\nmouse = false\nanimations = false\n[keys]\n"everywhere.pay" = "ctrl+b,f9"\n'
    assert parse_settings(text) == Settings("mesh-light", True, False, False, "debug", {"everywhere.pay": "ctrl+b,f9"})


def test_printed_default_reads_as_the_default_and_names_every_action() -> None:
    text = default_config()
    assert parse_settings(text) == Settings()
    assert all(f'"{action.id}"' in text for action in ACTIONS)


def test_printed_keys_are_the_keys_in_force() -> None:
    uncommented = re.sub(r'^# ("\w+\.[\w-]+" =)', r"\1", default_config(), flags=re.MULTILINE)
    assert parse_settings(uncommented).keys == {action.id: action.keys for action in ACTIONS}


def test_keys_may_be_written_as_printed_on_the_keyboard() -> None:
    assert parse_settings('[keys]\n"everywhere.pay" = "&, ctrl+-, alt+@"').keys == {"everywhere.pay": "ampersand,ctrl+minus,alt+at"}


@pytest.mark.parametrize("sign", [sign for sign in string.punctuation if sign != ","])
def test_every_sign_has_the_name_that_textual_gives_it(sign: str) -> None:
    assert normalised(sign) == _character_to_key(sign)
    assert not keys_problem(sign, "everywhere")


def test_dotted_names_without_quotes_are_the_same() -> None:
    assert parse_settings('[keys]\neverywhere.pay = "f9"').keys == {"everywhere.pay": "f9"}


def test_two_actions_can_exchange_their_keys() -> None:
    assert parse_settings('[keys]\n"everywhere.pay" = "q"\n"everywhere.leave" = "p"').keys == {"everywhere.pay": "q", "everywhere.leave": "p"}


def test_screens_that_are_never_there_together_may_share_a_key() -> None:
    assert not are_in_force_together("ledger", "wallets")
    assert are_in_force_together("validator", "network")
    assert are_in_force_together("ledger", "lists")
    assert are_in_force_together("ledger", "everywhere")


def test_every_scope_has_its_place() -> None:
    assert SCREENS | PARTS | {EVERYWHERE} | SCREEN_OF.keys() >= set(SCOPE_TITLES)
    assert set(SCREEN_OF.values()) <= SCREENS


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("nonsense", 1, "expected '='"),
        ("\n\n[look\n", 3, "expected ']'"),
        ("colour = 1", 1, "nothing is called 'colour' here"),
        ("[look]\n\nthemes = 1", 3, "nothing is called 'themes' in [look]"),
        ('[look]\ntheme = "pink"', 2, "theme is one of mesh-dark, mesh-light, mesh-mono"),
        ("[look]\ntheme = 5", 2, "theme is one of"),
        ("[look]\nslow = 1", 2, "slow is true or false"),
        ('[look]\nmouse = "yes"', 2, "mouse is true or false"),
        ('log_level = "loud"', 1, "log_level is one of debug, info, warning, error"),
        ("look = 3", 1, "look is a table"),
        ("keys = 3", 1, "keys is a table"),
        ('[keys]\n"everywhere.fly" = "f9"', 2, "no action is called 'everywhere.fly'"),
        ('[keys]\n"everywhere.pay" = 5', 2, "everywhere.pay wants its keys as text"),
        ('[keys]\n"everywhere.pay" = ["a"]', 2, "everywhere.pay wants its keys as text"),
        ('[keys]\n"everywhere.pay" = ""', 2, "an empty key"),
        ('[keys]\n"everywhere.pay" = "f9,"', 2, "an empty key"),
        ('[keys]\n"everywhere.pay" = "hjkl"', 2, "'hjkl' is no key"),
        ('[keys]\n"everywhere.pay" = "ctrl+"', 2, "'ctrl+' is no key"),
        ('[keys]\n"everywhere.pay" = "é"', 2, "'é' is no key"),
        ('[keys]\n"everywhere.pay" = "f9,f9"', 2, "the same key twice"),
        ('[keys]\n"everywhere.pay" = "a,b,c,d,e,f,u"', 2, "more than 6 keys"),
        ('[keys]\n"form.submit" = "k"', 2, "k is text in a field"),
        ('[keys]\n\n"everywhere.pay" = "3"', 3, "3 is taken by everywhere.show-pay"),
        ('[keys]\n"validator.kill" = "k"', 2, "k is taken by validator.previous_card"),
        ('[keys]\n"validator.kill" = "?"', 2, "? is taken by everywhere.show-help"),
        ('[keys]\n"everywhere.pay" = "f9"\n"everywhere.copy" = "f9"', 2, "f9 is taken by everywhere.copy"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(text: str, line: int, reason: str) -> None:
    problem = problem_of(text)
    assert reason in problem.reason
    assert problem.line == line


def settings_or_reason(text: str) -> Settings | str:
    try:
        return parse_settings(text)
    except ConfigProblem as problem:
        return problem.reason


@given(st.text(max_size=200))
def test_no_text_breaks_the_reader(text: str) -> None:
    assert settings_or_reason(text)


@given(st.dictionaries(st.sampled_from([action.id for action in ACTIONS]), st.text(max_size=12), max_size=3))
def test_no_keys_break_the_reader(keys: dict[str, str]) -> None:
    found = settings_or_reason("[keys]\n" + "\n".join(f'"{name}" = {json.dumps(value)}' for name, value in keys.items()))
    assert isinstance(found, str) or found.keys.keys() == keys.keys()


# --- The file --------------------------------------------------------------------------------------------------------------------------------------


def test_no_file_means_the_defaults_without_a_word(tmp_path: Path) -> None:
    read = read_settings(tmp_path / "config.toml")
    assert (read.settings, read.problem) == (Settings(), "")


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"[look]\nslow = 3\n", ", line 2: slow is true or false; the defaults are in use"),
        (b"\xff\xfe", ": not UTF-8; the defaults are in use"),
        (b"#" * 200_000, ": is longer than 100,000 bytes; the defaults are in use"),
    ],
)
def test_file_with_anything_wrong_means_the_defaults_and_one_line(tmp_path: Path, data: bytes, words: str) -> None:
    path = tmp_path / "config.toml"
    path.write_bytes(data)
    read = read_settings(path)
    assert (read.settings, read.problem) == (Settings(), f"{path}{words}")


def test_half_of_a_wrong_file_counts_nothing(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text('log_level = "debug"\n[look]\ntheme = "mesh-light"\nslow = 1\n')
    assert read_settings(path).settings == Settings()


def test_folder_in_place_of_the_file_is_told(tmp_path: Path) -> None:
    assert "Is a directory" in read_settings(tmp_path).problem


def test_words_of_the_settings() -> None:
    assert THEMES == ("mesh-dark", "mesh-light", "mesh-mono")
    assert LOG_LEVELS == ("debug", "info", "warning", "error")
