"""Themes, zoom, errors above the keys, toasts, selecting text, and keys of one's own."""

import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from textual.css import stylesheet
from textual.css.parse import parse as parse_css
from textual.widgets import Static

from mesh_app.app import MeshApp
from mesh_app.locations import Locations
from mesh_app.orders.validators import KillValidator, RestartValidator
from mesh_app.settings.kept import Kept
from mesh_app.settings.settings import Settings
from mesh_app.widgets.event_stream import EventStream
from mesh_app.widgets.filter_bar import FilterInput
from mesh_app.widgets.line_view import LineView
from mesh_app.workstation import make_setup
from tests.tui.conftest import Desk, Running
from tests.tui.fake_workbench import digest

SCREENS_FOLDER = Path(__file__).parents[2] / "mesh_app" / "screens"


def fault(text: str) -> dict[str, object]:
    return {"event": "fault", "t_ns": 1, "wallet": None, "payment": None, "code": "1502", "text": text}


# --- Themes ----------------------------------------------------------------------------------------------------------------------------------------


async def test_a_key_goes_through_the_themes(desk: Desk) -> None:
    async with desk() as running:
        seen = []
        for _ in range(3):
            await running.press("T")
            seen.append(running.app.theme)
        assert seen == ["mesh-light", "mesh-mono", "mesh-dark"]


async def test_styles_are_parsed_once_and_anew_with_a_theme(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Textual would parse everything again with each kind of screen and widget that comes to be shown, and no key is answered meanwhile."""
    parsed: Counter[object] = Counter()

    def parse(scope: str, css: str, read_from: tuple[str, str], **options: Any) -> Any:
        if read_from[0].endswith(".tcss"):
            parsed[read_from[0]] += 1
        return parse_css(scope, css, read_from, **options)

    monkeypatch.setattr(stylesheet, "parse", parse)
    async with desk() as running:
        for key in "23456781":
            await running.press(key)
        assert len(parsed) == 1 + len(MeshApp.MODES)
        assert {*parsed.values()} == {1}
        before = colours_of(running)
        await running.press("T")
        assert {*parsed.values()} == {2}
        assert colours_of(running) != before


def colours_of(running: Running) -> set[object]:
    return {
        colour.triplet
        for strip in running.app.screen._compositor.render_strips()
        for segment in strip
        if segment.style is not None
        for colour in (segment.style.color, segment.style.bgcolor)
        if colour is not None and colour.triplet is not None and len({*colour.triplet}) > 1
    }


async def test_theme_without_colours_draws_none_on_any_screen(desk: Desk) -> None:
    async with desk(theme="mesh-mono") as running:
        running.bench.play(running.bench.settled_payment("alice", "bob", 500, "lunch"))
        running.bench.emit(running.bench.process(2, "exited", exit_status=-9), fault("V3 did not start"))
        for key in "1238":
            await running.press(key)
            assert colours_of(running) == set()
            assert "up 3/4" in running.screen_text()


async def test_cursor_can_be_told_without_colours(desk: Desk) -> None:
    async with desk(theme="mesh-mono") as running:
        assert "━" in running.screen_text(), "the border of the pane in focus is heavy"
        assert "▸ V1 ● up" in running.screen_text()


async def test_a_title_is_text_and_never_markup(desk: Desk) -> None:
    """Words of a validator, of a file's name or of a contact stand in titles: they must neither break the pane nor be something to click on."""
    words = "[/x] [@click=app.leave]V1 says[/] [bold"
    async with desk() as running:
        pane = running.app.screen.query_one("#certificates", LineView)
        pane.border_title = pane.border_subtitle = words
        await running.pilot.pause()
        assert running.screen_text().count(words) == 2


# --- Zoom ------------------------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [(60, 18), (120, 40)])
async def test_pane_in_focus_fills_the_screen_and_goes_back(desk: Desk, size: tuple[int, int]) -> None:
    async with desk(size=size) as running:
        running.app.screen.query_one(EventStream).focus()
        before = running.app.screen.query_one(EventStream).region
        await running.press("z")
        zoomed = running.app.screen.query_one(EventStream).region
        assert zoomed.width == size[0]
        assert zoomed.height >= size[1] - 4
        assert "up 4/4" in running.pane_text("#status-bar")
        assert "Help" in running.pane_text("#key-bar")
        await running.press("escape")
        assert running.app.screen.query_one(EventStream).region == before
        await running.press("z", "z")
        assert running.app.screen.query_one(EventStream).region == before


async def test_zoomed_list_keeps_its_filter(desk: Desk) -> None:
    async with desk() as running:
        running.app.screen.query_one(EventStream).focus()
        await running.press("z", "slash")
        await running.type("connected")
        assert "connected" in running.screen_text()
        assert running.app.screen.query_one(FilterInput).region.width > 0


# --- Errors and toasts -----------------------------------------------------------------------------------------------------------------------------


async def test_errors_stay_above_the_keys_until_they_are_dismissed(desk: Desk) -> None:
    async with desk() as running:
        running.bench.emit(fault("V2 did not start: its port is taken"), fault("V3 did not start: its disk is full"))
        await running.settle()
        running.app.clear_notifications()
        strip = running.pane_text("#error-strip")
        assert "2 errors, the last: V3 did not start: its disk is full" in strip
        assert "esc dismisses" in strip
        await running.press("2")
        assert "its disk is full" in running.pane_text("#error-strip")
        await running.press("escape")
        assert running.app.current_mode == "wallets"
        assert not running.app.screen.query_one("#error-strip").display
        await running.press("1")
        assert "V2 did not start: its port is taken" in running.pane_text("#events")


async def test_errors_can_be_dismissed_by_mouse(desk: Desk) -> None:
    async with desk() as running:
        running.bench.emit(fault("V2 did not start"))
        await running.settle()
        running.app.clear_notifications()
        await running.pilot.pause()
        await running.pilot.click("#error-strip")
        await running.settle()
        assert not running.app.errors


async def test_long_error_takes_three_lines_at_most_and_covers_nothing(desk: Desk) -> None:
    async with desk(size=(60, 18)) as running:
        running.bench.emit(fault("word " * 200))
        await running.settle()
        await running.pilot.pause()
        strip = running.app.screen.query_one("#error-strip")
        assert strip.region.height == 3
        assert not strip.region.overlaps(running.app.screen.query_one("#key-bar").region)
        assert not strip.region.overlaps(running.app.screen.query_one("#body").region)


async def test_the_same_toast_is_never_there_twice(desk: Desk) -> None:
    async with desk() as running:
        for _ in range(5):
            running.app.toast("once")
        assert running.toasts() == ["once"]
        for number in range(5):
            running.app.toast(str(number))
            assert len(running.toasts()) <= 2


async def test_last_words_stay_when_no_validator_is_left(desk: Desk) -> None:
    async with desk() as running:
        for index in range(4):
            running.bench.clock_ns += 1_000_000
            running.bench.emit(running.bench.process(index, "exited", exit_status=1, detail="its disk is full"))
        await running.settle()
        assert "no validator is left; the last was V4" in running.pane_text("#error-strip")
        assert len(running.app.errors) == 1
        await running.press("escape")
        assert not running.app.errors


async def test_problems_of_the_start_are_told(desk: Desk) -> None:
    async with desk(problems=("config.toml, line 2: slow is true or false; the defaults are in use",)) as running:
        assert "line 2: slow is true or false" in running.pane_text("#error-strip")
        assert any("line 2: slow is true or false" in entry.text for entry in running.app.state.entries)


# --- Text can be selected --------------------------------------------------------------------------------------------------------------------------


async def drag(running: Running, begin: tuple[int, int], end: tuple[int, int]) -> None:
    await running.pilot.mouse_down(offset=begin)
    await running.pilot.hover(offset=end)
    await running.pilot.mouse_up(offset=end)
    await running.pilot.pause()


async def test_text_of_a_pane_is_selected_with_the_mouse_and_copied(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    copied: list[str] = []
    async with desk() as running:
        monkeypatch.setattr(running.app, "copy_to_clipboard", copied.append)
        card = running.app.screen.query_one("#validator-1").content_region
        await drag(running, (card.x, card.y), (card.x + 10, card.y))
        assert running.app.screen.get_selected_text() == running.pane_text("#validator-1").splitlines()[0][:11]
        await running.press("ctrl+c")
        assert copied == [running.pane_text("#validator-1").splitlines()[0][:11]]
        assert "copied: what is selected" in running.toasts()
        assert running.app.is_running
        await running.press("escape")
        assert not running.app.screen.selections


async def test_selection_goes_over_lines_and_is_seen(desk: Desk) -> None:
    async with desk() as running:
        running.bench.play(running.bench.settled_payment("alice", "bob", 500, ""))
        await running.settle()
        pane = running.app.screen.query_one("#certificates").content_region
        cursor = running.app.screen.query_one("#certificates").cursor  # type: ignore[attr-defined]
        await drag(running, (pane.x + 2, pane.y + 1), (pane.x + 12, pane.y + 2))
        lines = running.pane_text("#certificates").splitlines()
        assert running.app.screen.get_selected_text() == f"{lines[1][2:].rstrip()}\n{lines[2][:13].rstrip()}"
        assert digest("certificate", "bob", 0).hex()[:8] in (running.app.screen.get_selected_text() or "")
        strip = running.app.screen._compositor.render_strips()[pane.y + 2]
        backgrounds = {segment.style.bgcolor for segment in strip.crop(pane.x + 2, pane.x + 10) if segment.style is not None}
        around = {segment.style.bgcolor for segment in strip.crop(pane.x + 20, pane.x + 24) if segment.style is not None}
        assert backgrounds.isdisjoint(around)
        assert running.app.screen.query_one("#certificates").cursor == cursor  # type: ignore[attr-defined]


async def test_selection_over_two_panes_has_the_text_of_both(desk: Desk) -> None:
    async with desk() as running:
        first = running.app.screen.query_one("#validator-0").content_region
        second = running.app.screen.query_one("#validator-1").content_region
        await drag(running, (first.x, first.y), (second.x + 8, second.y))
        selected = running.app.screen.get_selected_text() or ""
        assert "4101" in selected
        assert "pid" in selected


async def test_ctrl_c_without_a_selection_says_how_to_leave(desk: Desk) -> None:
    async with desk() as running:
        await running.press("ctrl+c")
        assert running.app.is_running
        assert any("q quits" in toast for toast in running.toasts())


async def test_ctrl_z_says_why_it_does_not_suspend(desk: Desk) -> None:
    async with desk() as running:
        await running.press("ctrl+z")
        assert any("does not suspend" in toast for toast in running.toasts())


# --- Keys of one's own -----------------------------------------------------------------------------------------------------------------------------


async def test_keys_of_the_configuration_take_the_place_of_the_old_ones(desk: Desk) -> None:
    keys = {"validator.kill": "f9,D", "everywhere.show-wallets": "f2", "everywhere.leave": "p", "everywhere.pay": "q"}
    async with desk(size=(200, 60), settings=Settings(keys=keys)) as running:
        await running.press("K")
        assert running.bench.orders == []
        await running.press("f9", "right", "D", "r")
        assert running.bench.orders == [KillValidator(0), KillValidator(1), RestartValidator(1)]
        await running.press("2")
        assert running.app.current_mode == "network"
        await running.press("f2")
        assert running.app.current_mode == "wallets"
        await running.press("q")
        assert running.app.current_mode == "pay"


async def test_bar_and_help_show_the_keys_in_force(desk: Desk) -> None:
    settings = Settings(keys={"validator.kill": "f9"})
    async with desk(size=(200, 60), settings=settings) as running:
        assert "f9 Kill" in running.pane_text("#key-bar")
        await running.press("question_mark")
        shown = str(running.app.screen.query_one("#help-keys-text", Static).content)
        assert any(line.split()[0] == "f9" for line in shown.splitlines() if "Kill it (SIGKILL)" in line)


async def test_help_is_scrolled_by_the_keys_of_lists_and_begins_where_one_was(desk: Desk) -> None:
    async with desk(size=(80, 24)) as running:
        await running.press("question_mark")
        keys = running.app.screen.query_one("#help-keys")
        assert "Kill it (SIGKILL)" in running.screen_text()
        await running.press("j", "j")
        assert keys.scroll_y == 2
        await running.press("G")
        assert keys.scroll_y == keys.max_scroll_y
        await running.press("k", "g")
        assert keys.scroll_y == 0
        await running.press("G", "2", "question_mark")
        assert keys.scroll_y == 0
        shown = str(running.app.screen.query_one("#help-keys-text", Static).content)
        assert shown.index("Where you were") < shown.index("Wallets") < shown.index("Everywhere else") < shown.index("Kill it (SIGKILL)")


# --- What is kept ----------------------------------------------------------------------------------------------------------------------------------


async def test_last_screen_theme_and_filter_are_kept_and_come_back(desk: Desk) -> None:
    written: list[Kept] = []

    def keep(kept: Kept) -> str:
        written.append(kept)
        return ""

    async with desk(keep=keep) as running:
        running.app.screen.query_one(EventStream).focus()
        await running.press("slash")
        await running.type("V3")
        await running.press("enter", "T", "2")
        await running.wait_until(lambda: bool(written) and written[-1].screen == "wallets")
        expected = Kept("wallets", "mesh-light", {"network": {"events-pane": {"filter": "V3"}}})
        assert written[-1] == expected
    async with desk(kept=written[-1], theme="mesh-light", keep=keep) as running:
        assert running.app.current_mode == "wallets"
        await running.press("1")
        stream = running.app.screen.query_one(EventStream)
        assert stream.filter_text == "V3"
        assert {line.replace("▸", " ").split()[1] for line in running.pane_text("#events").splitlines()} == {"V3"}


async def test_nonsense_that_was_kept_changes_nothing(desk: Desk) -> None:
    kept = Kept("nowhere", None, {"network": {"events-pane": {"filter": 5, "x": True}, "validator-0": {"y": 1}}, "gone": {"a": {"b": 1}}})
    async with desk(kept=kept) as running:
        assert running.app.current_mode == "network"
        assert running.app.screen.query_one(EventStream).filter_text == ""


async def test_place_that_cannot_be_written_costs_a_line_and_nothing_else(desk: Desk) -> None:
    async with desk(keep=lambda _: "cannot write state.toml") as running:
        await running.press("2", "1")
        await running.wait_until(lambda: any("cannot write state.toml" in entry.text for entry in running.app.state.entries))


# --- Slow links ------------------------------------------------------------------------------------------------------------------------------------


async def test_slow_links_have_no_animation_and_figures_twice_a_second(desk: Desk) -> None:
    async with desk(settings=Settings(slow=True)) as running:
        ticks = [timer for timer in running.app._timers if timer._callback == running.app.tick]
        assert [timer._interval for timer in ticks] == [0.5]


def test_no_colour_is_honoured_by_the_first_theme(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    locations = Locations(config=tmp_path / "config.toml", home=tmp_path)
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert make_setup(locations, Settings(), Kept()).theme == "mesh-dark"
    assert make_setup(locations, Settings(), Kept(theme="mesh-light")).theme == "mesh-light"
    assert make_setup(locations, Settings(theme="mesh-dark"), Kept(theme="mesh-light")).theme == "mesh-dark"
    monkeypatch.setenv("NO_COLOR", "1")
    assert make_setup(locations, Settings(), Kept(theme="mesh-light")).theme == "mesh-mono"
    assert make_setup(locations, Settings(theme="mesh-light"), Kept()).theme == "mesh-light"


@pytest.mark.parametrize("path", sorted(SCREENS_FOLDER.glob("*.tcss")), ids=lambda path: path.stem)
def test_no_screen_lays_out_another_one(path: Path) -> None:
    """Textual reads every screen's rules for the whole application: an id of one screen is one of any other, unless the rule names its screen."""
    rules = re.findall(r"^([^{}/]+)\{", path.read_text(), re.MULTILINE)
    assert rules
    assert not [selector for rule in rules for selector in rule.split(",") if selector.strip().startswith("#")] or path.stem in {"dialogs", "forms"}
