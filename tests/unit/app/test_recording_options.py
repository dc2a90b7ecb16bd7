"""Options of recordings: which go together, what is refused with which words, and what is said where a package is missing."""

import json
from pathlib import Path

import pytest

from mesh_app.cli import main, make_completion, make_parser
from mesh_app.demo.scenario import shipped_scenarios
from mesh_app.recording import extras

HEAD = json.dumps({"version": 2, "width": 20, "height": 5, "title": "x"})


def refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit) as exit_:
        main(arguments)
    assert exit_.value.code == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    return shown.err


def failed(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """Status 1, and one line that begins with the program's name."""
    assert main(arguments) == 1
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith("mesh-app: ")
    assert shown.err.count("\n") == 1
    return shown.err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--live"], "--live goes with --demo"),
        (["--live", "--replay", "x", "--demo", "first-payment"], "three ways: choose one"),
        (["--replay", "x", "--render", "y"], "three ways: choose one"),
        (["--render", "x.cast"], "--render FILE.cast goes with --record"),
        (["--render", "x.cast", "--record", "y.mp4", "--demo", "first-payment"], "without --demo"),
        (["--events", "x"], "--events goes with --demo"),
        (["--replay", "x", "--events", "y", "--demo", "first-payment"], "without --replay"),
        (["--demo", "first-payment", "--headless", "--record", "x.cast"], "--headless plays without a screen: --record does not go with it"),
        (["--speed", "2"], "--speed goes with --demo, --replay or --render"),
        (["--record", "x.cast", "--v3"], "--v3 goes with"),
        (["--font", "x.ttf"], "--font goes with"),
        (["--replay", "x", "--speed", "0"], "is no number from 0.25 to 20"),
        (["--replay", "x", "--speed", "nan"], "is no number from 0.25 to 20"),
        (["--replay", "x", "--speed", "inf"], "is no number from 0.25 to 20"),
        (["--replay", "x", "--size", "10x10"], "is no size from 60x18 to 240x80"),
        (["--replay", "x", "--size", "120"], "is no size from"),
        (["--replay", "x", "--size", "\N{ARABIC-INDIC DIGIT THREE}9x30"], "is no size from"),
        (["--replay", "x", "--theme", "pink"], "invalid choice"),
        (["--demo", "first-payment", "--json"], "--json and --amount go with --headless"),
    ],
)
def test_words_that_do_not_go_together_are_wrong_usage(capsys: pytest.CaptureFixture[str], arguments: list[str], words: str) -> None:
    assert words in refused(arguments, capsys)


def test_demonstrations_are_listed_with_what_they_show(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--demo", "list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == sorted(shipped_scenarios())
    assert all(len(line.split()) > 3 for line in lines)


def test_unknown_demonstration_is_told_with_those_that_there_are(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    shown = failed(["--demo", "no-such-thing", "--record", str(tmp_path / "x.cast")], capsys)
    assert "first-payment" in shown
    assert "the path of your own .toml file" in shown
    assert list(tmp_path.iterdir()) == []


def test_fault_in_a_scenario_is_told_with_its_line(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text('title = "x"\n\n[[chapter]]\ntitle = "y"\n\n[[chapter.step]]\nuntil = "nonsense"\n')
    assert "line 6: until: 'nonsense' is no condition" in failed(["--demo", str(path), "--record", str(tmp_path / "x.cast")], capsys)


def test_events_and_recording_cannot_be_one_file(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = str(tmp_path / "x.cast")
    assert "cannot hold the events and a recording" in failed(["--demo", "first-payment", "--events", path, "--record", path], capsys)
    assert "its folder is missing" in failed(["--demo", "first-payment", "--events", str(tmp_path / "no" / "x"), "--record", path], capsys)


@pytest.mark.parametrize("given", ["missing.jsonl", "folder", "text", "empty"])
def test_replay_of_what_is_no_journal_is_refused(capsys: pytest.CaptureFixture[str], tmp_path: Path, given: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "text").write_text("hello\n")
    (tmp_path / "empty").write_text("")
    assert given in failed(["--replay", str(tmp_path / given), "--record", str(tmp_path / "x.cast")], capsys)
    assert not (tmp_path / "x.cast").exists()


def cast_in(folder: Path) -> Path:
    path = folder / "given.cast"
    path.write_text("\n".join([HEAD, '[0.1,"o","\\u001b[31mhello\\u001b[0m"]', '[0.4,"m","two"]', '[0.9,"o","\\r\\nworld"]', ""]))
    return path


def test_earlier_recording_is_rendered_into_several_files_at_once(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    given = cast_in(tmp_path)
    outputs = [tmp_path / f"out{ending}" for ending in (".mp4", ".gif", ".png", ".svg", ".cast")]
    assert main(["--render", str(given), *(word for path in outputs for word in ("--record", str(path))), "--v3"]) == 0
    shown = capsys.readouterr().out
    for path in outputs:
        assert path.stat().st_size > 100
        assert f"{path.name}  {path.stat().st_size:,} bytes" in shown
    assert outputs[-1].read_text().startswith('{"version":3,"term":{"cols":20,"rows":5}')
    manifest = json.loads((tmp_path / "out.manifest.json").read_text())
    assert (manifest["mode"], manifest["source"]["file"], manifest["length_ms"]) == ("CAST", "given.cast", 1_000)
    assert manifest["chapters"] == [{"title": "two", "at_ms": 400}]


def test_recording_is_not_written_over_itself(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    given = cast_in(tmp_path)
    (tmp_path / "link.cast").symlink_to(given)
    before = given.read_bytes()
    for path in (given, tmp_path / ".." / tmp_path.name / "given.cast", tmp_path / "link.cast"):
        assert "would be written over itself" in failed(["--render", str(given), "--record", str(path)], capsys)
    assert given.read_bytes() == before


@pytest.mark.parametrize(
    ("font", "words"), [("missing.ttf", "there is no font"), ("text.ttf", "is no font that can be read"), ("folder.ttf", "there is no font")]
)
def test_font_that_is_none_is_told(capsys: pytest.CaptureFixture[str], tmp_path: Path, font: str, words: str) -> None:
    given = cast_in(tmp_path)
    (tmp_path / "text.ttf").write_text("no font")
    (tmp_path / "folder.ttf").mkdir()
    assert words in failed(["--render", str(given), "--record", str(tmp_path / "x.png"), "--font", str(tmp_path / font)], capsys)
    assert not (tmp_path / "x.png").exists()


def test_font_whose_letters_differ_in_width_is_told(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    proportional = extras.font_file().with_name("DejaVuSans.ttf")
    assert "no monospaced font" in failed(["--render", str(cast_in(tmp_path)), "--record", str(tmp_path / "x.png"), "--font", str(proportional)], capsys)


@pytest.fixture
def without_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """The packages of the extra are not installed."""
    monkeypatch.setattr(extras, "_is_there", lambda module: False)


@pytest.mark.usefixtures("without_extra")
@pytest.mark.parametrize("ending", [".mp4", ".gif", ".png"])
def test_missing_extra_is_told_with_what_to_install(capsys: pytest.CaptureFixture[str], tmp_path: Path, ending: str) -> None:
    shown = failed(["--demo", "first-payment", "--record", str(tmp_path / f"x{ending}")], capsys)
    assert "Pillow, imageio-ffmpeg, matplotlib, pyte" in shown
    assert "pip install 'mesh-protocol[record]'" in shown
    assert "pip install" in failed(["--render", str(cast_in(tmp_path)), "--record", str(tmp_path / "x.svg")], capsys)


@pytest.mark.usefixtures("without_extra")
def test_cast_needs_no_extra(tmp_path: Path) -> None:
    journal = tmp_path / "x.events.jsonl"
    journal.write_text('{"mesh-events":1,"mode":"LIVE","start_ns":0,"about":{}}\n{"at_ms":200,"end":true}\n')
    assert main(["--replay", str(journal), "--record", str(tmp_path / "x.cast"), "--size", "60x18"]) == 0
    assert (tmp_path / "x.cast").exists()


def test_shells_complete_names_of_demonstrations_and_paths() -> None:
    script = make_completion("bash", make_parser())
    assert "first-payment" in script
    for option in ("--render", "--replay", "--record", "--events", "--font"):
        assert option in script
