"""What holds on all screens: sizes, keys, focus, leaving, the command palette."""

from pathlib import Path

import pytest
from textual.dom import DOMNode
from textual.events import Paste
from textual.widget import Widget
from textual.widgets import Input, Static

from mesh_app.actions import ACTIONS
from mesh_app.app import MeshApp
from mesh_app.orders.validators import KillValidator
from mesh_app.screens.confirm import Confirm
from mesh_app.shell.telling import MAX_TOASTS
from mesh_app.widgets.key_bar import KeyBar
from tests.tui.conftest import Desk, Running

SIZES = [(60, 18), (80, 24), (120, 40), (160, 45), (200, 60)]
SCREENS = ["1", "2", "3", "4", "5", "6", "7", "8"]


def visible_widgets(running: Running) -> list[Widget]:
    return [widget for widget in running.app.screen.query("*") if widget.display and widget.region.area and is_shown(widget)]


def is_shown(widget: Widget) -> bool:
    return all(node.display for node in widget.ancestors_with_self if isinstance(node, Widget))


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
async def test_every_screen_fits(desk: Desk, size: tuple[int, int]) -> None:
    async with desk(size=size) as running:
        running.bench.play(running.bench.settled_payment("alice", "bob", 500, "lunch"))
        for key in SCREENS:
            await running.press(key)
            for widget in visible_widgets(running):
                inside_scroll = any(isinstance(node, Widget) and node.is_scrollable and node is not running.app.screen for node in widget.ancestors)
                assert inside_scroll or running.app.screen.region.contains_region(widget.region), f"{widget!r} at {widget.region}"


async def test_tab_reaches_every_pane(desk: Desk) -> None:
    async with desk(size=(80, 24)) as running:
        for key in SCREENS:
            running.app.screen.set_focus(None)
            await running.press(key)
            panes = {*running.app.screen.focus_chain}
            reached = set()
            for _ in panes:
                await running.pilot.press("tab")
                reached.add(running.app.screen.focused)
            assert reached == panes
            running.app.screen.set_focus(None)


@pytest.mark.parametrize("keys", [["p"], ["2", "i"], ["ctrl+p"]], ids=" ".join)
async def test_a_megabyte_that_is_pasted_by_mistake_is_cut(desk: Desk, keys: list[str]) -> None:
    """A field that held it would be measured and painted whole with every key, for seconds."""
    async with desk() as running:
        await running.press(*keys)
        field = running.app.focused
        assert isinstance(field, Input)
        field.post_message(Paste("x" * 1_000_000))
        await running.pilot.pause()
        assert len(field.value) <= 1_000


async def test_resize_goes_through_all_sizes(desk: Desk) -> None:
    async with desk(size=(200, 60)) as running:
        running.bench.play(running.bench.settled_payment("alice", "bob", 500, "lunch"))
        for key, sizes in (("1", SIZES), ("2", SIZES[::-1]), ("3", [(120, 40), (40, 10), (1, 1), (60, 18), (200, 60)])):
            await running.press(key)
            for width, height in sizes:
                await running.pilot.resize_terminal(width, height)
                await running.settle()
                assert {strip.cell_length for strip in running.app.screen._compositor.render_strips()} == {width}


async def test_too_small_a_terminal_says_how_large_it_must_be(desk: Desk) -> None:
    async with desk(size=(59, 18)) as running:
        assert "MESH needs 60x18" in running.screen_text()
        assert "now 59x18" in running.screen_text()
        await running.pilot.resize_terminal(60, 18)
        await running.settle()
        assert "MESH needs" not in running.screen_text()
        assert "V1" in running.screen_text()


async def test_every_binding_has_its_action(desk: Desk) -> None:
    async with desk() as running:
        nodes: list[DOMNode] = [running.app]
        for key in SCREENS:
            await running.press(key)
            nodes += [running.app.screen, *running.app.screen.query("*")]
        missing = {
            f"{type(node).__name__}: {binding.action}"
            for node in nodes
            for binding in (binding for bindings in node._bindings.key_to_bindings.values() for binding in bindings)
            if not has_action(running.app, node, binding.action)
        }
        assert missing == set()


def has_action(app: MeshApp, node: DOMNode, action: str) -> bool:
    namespace, _, name = action.split("(")[0].rpartition(".")
    owner = {"": node, "app": app, "screen": app.screen}[namespace]
    return hasattr(owner, f"action_{name}") or hasattr(owner, f"_action_{name}")


async def test_every_action_of_the_registry_is_bound_somewhere(desk: Desk) -> None:
    async with desk() as running:
        bound = set()
        for key in SCREENS:
            await running.press(key)
            for node in (running.app, running.app.screen, *running.app.screen.query("*")):
                bound |= {binding.id for bindings in node._bindings.key_to_bindings.values() for binding in bindings}
        assert {action.id for action in ACTIONS} <= bound


async def test_help_names_every_action_and_its_keys(desk: Desk) -> None:
    async with desk(size=(200, 60)) as running:
        await running.press("question_mark")
        shown = str(running.app.screen.query_one("#help-keys-text", Static).content)
        for action in ACTIONS:
            assert action.text[:20] in shown


async def test_quit_asks_while_validators_run_with_the_safe_answer_in_focus(desk: Desk) -> None:
    async with desk() as running:
        await running.press("q")
        assert isinstance(running.app.screen, Confirm)
        assert running.focused_id == "no"
        await running.press("n")
        assert running.app.is_running
        await running.press("q", "escape", "q", "l", "h", "enter")
        assert running.app._exit is False
        await running.press("q", "y")
        await running.wait_until(lambda: running.app._exit)


async def test_no_key_leads_past_an_open_question(desk: Desk) -> None:
    async with desk() as running:
        await running.press("q", "p", "3", "question_mark")
        assert isinstance(running.app.screen, Confirm)
        assert running.app.current_mode == "network"


async def test_quit_does_not_ask_when_nothing_runs(desk: Desk) -> None:
    async with desk(is_booted=False) as running:
        await running.pilot.press("q")
        await running.wait_until(lambda: running.app._exit)


async def test_escape_leaves_the_form_then_the_screen(desk: Desk) -> None:
    async with desk() as running:
        await running.press("2", "p")
        assert running.app.current_mode == "pay"
        assert running.focused_id == "amount"
        await running.press("escape")
        assert running.focused_id == "payments"
        await running.press("escape")
        assert running.app.current_mode == "wallets"


async def test_keys_that_a_field_takes_as_text_are_not_offered(desk: Desk) -> None:
    async with desk() as running:
        await running.press("p")
        offered = running.pane_text("#key-bar")
        assert "⏎ Pay" in offered
        assert "esc Leave the form" in offered
        assert "q Quit" not in offered
        await running.press("escape")
        assert "q Quit" in running.pane_text("#key-bar")


async def test_key_bar_can_be_clicked(desk: Desk) -> None:
    async with desk() as running:
        bar = running.app.screen.query_one(KeyBar)
        begin = next(begin for begin, _, key in bar._spots if key == "p")
        await running.pilot.click("#key-bar", offset=(begin, 0))
        await running.wait_until(lambda: running.app.current_mode == "pay")


async def test_tabs_can_be_clicked(desk: Desk) -> None:
    async with desk() as running:
        await running.pilot.click("#status-bar", offset=(16, 0))
        await running.wait_until(lambda: running.app.current_mode == "wallets")


async def test_palette_offers_screens_validators_and_copy(desk: Desk) -> None:
    async with desk() as running:
        titles = {command.title for command in running.app.get_system_commands(running.app.screen)}
        assert {"Make a payment", "Go: Wallets", "Validator: kill V3", "Validator: start V1", "Create a wallet: name, passphrase, recovery phrase"} <= titles


async def test_palette_command_kills_a_validator(desk: Desk) -> None:
    async with desk() as running:
        await running.press("ctrl+p")
        await running.type("kill V3")
        await running.wait_until(lambda: "Validator: kill V3" in running.screen_text())
        await running.press("enter")
        await running.wait_until(lambda: running.bench.orders == [KillValidator(2)])


async def test_toasts_do_not_pile_up(desk: Desk) -> None:
    async with desk() as running:
        for _ in range(5):
            await running.press("s")
        assert len(running.toasts()) <= MAX_TOASTS


async def test_fault_without_a_wallet_is_a_toast_on_every_screen(desk: Desk) -> None:
    async with desk() as running:
        await running.press("3")
        running.bench.emit({"event": "fault", "t_ns": 1, "wallet": None, "payment": None, "code": "1502", "text": "V2 did not start [b]"})
        await running.settle()
        assert "V2 did not start [b]" in running.toasts()


async def test_status_bar_has_network_quorum_certificates_and_mode(desk: Desk) -> None:
    async with desk(size=(160, 45)) as running:
        running.bench.play(running.bench.settled_payment("alice", "bob", 500, ""))
        await running.settle()
        shown = running.pane_text("#status-bar")
        for words in ("NET local-4", "up 4/4", "quorum 3 ok", "epoch 0", "certs 2", "last 140 ms", "SIM"):
            assert words in shown


async def test_all_validators_dead_and_the_screen_stays(desk: Desk) -> None:
    async with desk() as running:
        for index in range(4):
            running.bench.emit(running.bench.process(index, "exited", exit_status=-9))
        await running.settle()
        assert "no quorum: 3 more needed" in running.pane_text("#summary")
        assert "up 0/4" in running.pane_text("#status-bar")


@pytest.mark.parametrize("theme", ["mesh-light", "ansi-dark"])
async def test_themes_draw_every_screen(desk: Desk, theme: str) -> None:
    async with desk(theme=theme) as running:
        running.bench.play(running.bench.settled_payment("alice", "bob", 500, ""))
        for key in SCREENS:
            await running.press(key)
            assert "up 4/4" in running.screen_text()


async def test_without_colours_every_state_still_has_its_word(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    async with desk() as running:
        running.bench.emit(running.bench.process(2, "exited", exit_status=-9))
        await running.settle()
        assert "● up" in running.screen_text()
        assert "✖ killed" in running.screen_text()
        colours = {
            segment.style.color.triplet
            for strip in running.app.screen._compositor.render_strips()
            for segment in strip
            if segment.style is not None and segment.style.color is not None
        }
        assert all(colour is None or colour.red == colour.green == colour.blue for colour in colours)


async def test_screenshot_is_written_into_the_home(desk: Desk, tmp_path: Path) -> None:
    async with desk() as running:
        running.bench.emit(running.bench.network() | {"home": str(tmp_path)})
        await running.settle()
        await running.press("ctrl+s")
        await running.wait_until(lambda: any(path.read_text().rstrip().endswith("</svg>") for path in tmp_path.glob("*.svg")))


async def test_tick_finds_a_screen_that_has_lost_its_panes(desk: Desk) -> None:
    async with desk() as running:
        await running.press("3")
        await running.app.screen.query("#body").remove()
        running.bench.emit(running.bench.process(0, "stopped"))
        running.app.tick()
        assert running.app.state.validators[0].state == "stopped"
