"""What is kept between runs: it comes back as it was, and a file that cannot be read counts as none."""

import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh_app.settings.kept import MAX_TEXT, Kept, keep, read_kept, write_kept

names = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), min_size=1, max_size=12)
values = st.one_of(st.booleans(), st.integers(-(2**60), 2**60), st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), max_size=MAX_TEXT))
panes = st.dictionaries(names, st.dictionaries(names, st.dictionaries(names, values, min_size=1, max_size=3), min_size=1, max_size=3), max_size=3)


@given(panes)
def test_what_was_written_is_read(tmp_path_factory: pytest.TempPathFactory, found: dict[str, dict[str, dict[str, str | bool | int]]]) -> None:
    path = tmp_path_factory.mktemp("home") / "state.toml"
    kept = Kept("pay", "mesh-light", found)
    write_kept(path, kept)
    assert read_kept(path) == (kept, "")


def test_no_file_is_no_problem(tmp_path: Path) -> None:
    assert read_kept(tmp_path / "state.toml") == (Kept(), "")


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"\xff", "is damaged"),
        (b"version = ", "is damaged"),
        (b"version = 2\n", "is of another version"),
        (b"", "is of another version"),
        (b"# " + b"x" * 70_000, "is longer than"),
    ],
)
def test_broken_file_counts_as_none_and_is_told(tmp_path: Path, data: bytes, words: str) -> None:
    path = tmp_path / "state.toml"
    path.write_bytes(data)
    kept, problem = read_kept(path)
    assert kept == Kept()
    assert words in problem
    assert problem.startswith(str(path))


def test_parts_of_another_form_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "state.toml"
    path.write_text('version = 1\nscreen = 5\ntheme = "pink"\n[panes]\nnetwork = 3\n[panes.pay]\nlist = 1\n[panes.wallets.list]\nfilter = "a"\nold = [1]\n')
    assert read_kept(path) == (Kept("", None, {"pay": {}, "wallets": {"list": {"filter": "a"}}}), "")


def test_file_is_its_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "state.toml"
    write_kept(path, Kept("network"))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_what_cannot_be_written_is_told_and_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "state.toml"
    write_kept(path, Kept("network"))
    assert keep(tmp_path / "gone" / "state.toml", Kept("pay")).startswith("cannot write")
    assert keep(path, Kept("pay")) == ""
    assert read_kept(path)[0].screen == "pay"
    assert [*tmp_path.iterdir()] == [path]
