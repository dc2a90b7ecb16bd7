"""Profiles: what they say of each line, the floor under every payment, and that a file with anything wrong in it is refused with line and reason."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh_core.errors import ErrorCode, LocalFault
from testnet.cli import main
from testnet.conditions import GOOD, Conditions
from testnet.genesis import make_network
from testnet.layout import NetworkFolder
from testnet.lines import WALLETS, Line
from testnet.profiles import Profile, kept_profile, known_profiles, load_profile, parse_profile
from testnet.recipe import read_recipe

TWO = """text = "two cities"
source = "a test"
[validators]
cities = ["Here", "There"]
same_city_round_trip_ms = 2
[wallet]
city = "Away"
[line]
jitter_ms = 1
loss = 0.5
bandwidth_kbit_s = 1000
[wallet.line]
delay_ms = 30
jitter_ms = 3
loss = 0.5
reordering = 0.25
bandwidth_kbit_s = 500
[round_trips_ms]
"Here - There" = 10
"Away - Here" = 20
"There - Away" = 40
"""


def two() -> Profile:
    return parse_profile(TWO, "two", "two.toml")


def test_profiles_that_come_with_the_program() -> None:
    assert known_profiles() == ("australia", "bad-mobile", "global", "local")
    for name in known_profiles():
        profile = load_profile(name)
        assert profile.name == name
        assert profile.source
        assert [profile.conditions(line) for line, _ in profile.lines(4)] == [conditions for _, conditions in profile.lines(4)]


def test_australia_is_what_was_agreed() -> None:
    profile = load_profile("australia")
    assert [profile.city(end) for end in (WALLETS, 0, 1, 2, 3)] == ["Sydney", "Sydney", "Melbourne", "Brisbane", "Perth"]
    trips = {(low, high): profile.round_trip_ms(low, high) for low in range(4) for high in range(low + 1, 4)}
    assert trips == {(0, 1): 12, (0, 2): 16, (0, 3): 48, (1, 2): 26, (1, 3): 44, (2, 3): 62}
    assert profile.floor_ms(4, 3) == 16, "Sydney, Melbourne, Brisbane: Perth is not needed"
    assert profile.conditions(Line(1, 3)) == Conditions(delay_ms=22, jitter_ms=1, loss=0.001)
    assert profile.with_loss(0.01).conditions(Line(1, 3)) == Conditions(delay_ms=22, jitter_ms=1, loss=0.01)


def test_on_local_every_line_is_direct() -> None:
    assert {conditions for _, conditions in load_profile("local").lines(4)} == {GOOD}


def test_figures_of_others_name_their_source() -> None:
    assert "Microsoft" in load_profile("global").source
    assert "model" in load_profile("australia").source
    assert "assumed" in load_profile("bad-mobile").source


def test_more_validators_than_cities_take_them_in_turn() -> None:
    assert [two().city(index) for index in range(5)] == ["Here", "There", "Here", "There", "Here"]
    assert two().round_trip_ms(0, 2) == 2
    assert two().round_trip_ms(1, 2) == 10
    assert len([*two().lines(5)]) == 15


def test_the_wallets_own_line_is_on_top_of_the_others() -> None:
    profile = two()
    assert profile.conditions(Line(0, 1)) == Conditions(delay_ms=5, jitter_ms=1, loss=0.5, bandwidth_kbit_s=1000)
    assert profile.conditions(Line(WALLETS, 1)) == Conditions(delay_ms=50, jitter_ms=4, loss=0.75, reordering=0.25, bandwidth_kbit_s=500)
    assert [profile.floor_ms(4, quorum) for quorum in (1, 2, 3, 4)] == [80, 80, 100, 100]


@given(st.integers(1, 10), st.data())
def test_the_floor_rises_with_the_quorum_and_is_one_of_the_round_trips(count: int, data: st.DataObject) -> None:
    quorum = data.draw(st.integers(1, count))
    profile = load_profile("global")
    trips = [profile.round_trip_ms(WALLETS, index) for index in range(count)]
    assert profile.floor_ms(count, quorum) in trips
    assert sum(trip <= profile.floor_ms(count, quorum) for trip in trips) >= quorum


def _without(line: str) -> str:
    assert line in TWO
    return TWO.replace(line, "")


def _with(old: str, new: str) -> str:
    assert old in TWO
    return TWO.replace(old, new)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a = ", "line 1"),
        ("a = " + "[" * 4000, "is nested too deeply"),
        ("a = " + "{b=" * 1000, "is nested too deeply"),
        ("\na = " + "1" * 4090, "line 2: nothing is called 'a'"),
        ("\na = " + "1" * 4091 + "\n" + "a" * 4097, "line 3: it has more than 4,096 characters"),
        (".".join("a" * 40_000), "line 1: it has more than 4,096 characters"),
        (_with("delay_ms = 30", "delay_ms = 9990"), "line 12: the line Away - There, all of it together: a line's delay is from 0 to 10000 ms"),
        (_with("jitter_ms = 3", "jitter_ms = 1000"), "line 12: the line Away - Here, all of it together: a line's jitter is from 0 to 1000 ms"),
        (_with("[line]", "[lines]"), "line 8: nothing is called 'lines'"),
        (_with("jitter_ms = 1", "jitters = 1"), "line 9: a line has no 'jitters'"),
        (_with("loss = 0.5\nband", "loss = 1.5\nband"), "line 10: a line's loss"),
        (_with("[line]\n", "[line]\ndelay_ms = 5\n"), "line 9: 'delay_ms' is nothing that a profile says here"),
        (_with("[line]\n", "[line]\ncut = true\n"), "line 9: 'cut' is nothing"),
        (_with('city = "Away"', 'city = "Away"\ncoty = 1'), "line 8: nothing is called 'coty'"),
        (_with('city = "Away"', "city = 7"), "line 7: city is text"),
        (_with('city = "Away"', 'city = ""'), "line 7: city is text"),
        (_with('text = "two cities"', 'text = "two\\u202ecities"'), "line 1: text is text"),
        (_with('["Here", "There"]', "[]"), "line 4: cities is a list"),
        (_with('["Here", "There"]', '["Here - There"]'), "line 4: at most 64 cities"),
        (_with('["Here", "There"]', '["Here", 5]'), "line 4: cities is text"),
        (_with("round_trip_ms = 2", "round_trip_ms = -2"), "line 5: same_city_round_trip_ms"),
        (_with("round_trip_ms = 2", "round_trip_ms = nan"), "line 5: same_city_round_trip_ms"),
        (_with("round_trip_ms = 2", "round_trip_ms = true"), "line 5: same_city_round_trip_ms"),
        (_with('"Here - There" = 10', '"Here - There" = 10001'), "line 19: Here - There: a round trip is a number from 0 to 10000 ms"),
        (_with('"Here - There" = 10', '"Here - Here" = 10'), "line 19: 'Here - Here' is no pair"),
        (_with('"Here - There" = 10', '"Here - Nowhere" = 10'), "line 19: 'Here - Nowhere' is no pair"),
        (_with('"There - Away" = 40', '"There - Away" = 40\n"Away - There" = 41'), "line 22: 'Away - There': a round trip is the same from both ends"),
        (_without('"There - Away" = 40\n'), "line 18: the round trip of 'There - Away' is missing"),
        (_without('source = "a test"\n'), "'source' is missing"),
        (_without("same_city_round_trip_ms = 2\n"), "line 3: 'same_city_round_trip_ms' is missing in [validators]"),
        ('text = "a"\nsource = "b"\nvalidators = 5\nwallet = 5\n', "line 3: validators is a table"),
    ],
)
def test_a_profile_with_anything_wrong_in_it_is_refused_with_line_and_reason(text: str, said: str) -> None:
    with pytest.raises(LocalFault) as refusal:
        parse_profile(text, "two", "two.toml")
    assert refusal.value.code is ErrorCode.CONFIG_INVALID
    assert refusal.value.text.startswith("two.toml")
    assert said in refusal.value.text


@given(st.text(max_size=300))
def test_no_text_does_more_than_be_refused(text: str) -> None:
    with pytest.raises(LocalFault):
        parse_profile(text, "x", "x.toml")


def test_from_a_file_and_from_what_is_none(tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    path.write_text(TWO)
    assert load_profile(str(path)) == parse_profile(TWO, "own", str(path))
    os.mkfifo(tmp_path / "pipe.toml")
    (tmp_path / "long.toml").write_text("#" * 100_001)
    (tmp_path / "latin.toml").write_bytes(b"# \xff\n")
    for name in ("pipe.toml", "long.toml", "latin.toml", "absent.toml", "."):
        with pytest.raises(LocalFault) as refusal:
            load_profile(str(tmp_path / name))
        assert (refusal.value.code, "cannot be read" in refusal.value.text) == (ErrorCode.CONFIG_INVALID, True)
    with pytest.raises(LocalFault) as refusal:
        load_profile("atlantis")
    assert "there are australia, bad-mobile, global, local" in refusal.value.text


def test_a_network_keeps_the_profile_that_it_is_made_with(tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text(TWO)
    recipe = tmp_path / "recipe.toml"
    recipe.write_text('[network]\nname = "test"\nvalidators = 4\nprofile = "./own.toml"\n[wallets]\nalice = 5\n')
    folder = NetworkFolder(tmp_path / "home")
    assert kept_profile(folder.profile_file) is None
    make_network(folder, read_recipe(recipe))
    assert folder.profile_file.read_text() == TWO
    kept = kept_profile(folder.profile_file)
    assert kept is not None
    assert dict(kept.lines(4)) == dict(two().lines(4))


def test_a_network_is_not_made_with_a_profile_that_there_is_not(tmp_path: Path) -> None:
    folder = NetworkFolder(tmp_path / "home")
    assert main(["init", str(folder.home), "--profile", "atlantis"]) == 1
    assert not folder.exists
    assert main(["init", str(folder.home), "--profile", "australia"]) == 0
    assert kept_profile(folder.profile_file) is not None
