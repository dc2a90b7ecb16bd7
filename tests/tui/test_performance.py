"""Screen 7: the forms give orders, the panes show what the process that pays has measured, and nothing is measured on events that are not of this moment."""

import pytest

from mesh_app.orders.performance import ExportMeasurement, StartMeasurement, StartTraffic, StopMeasurement, StopTraffic
from mesh_app.widgets.line_view import LineView
from tests.tui import performance_story as story
from tests.tui.conftest import Desk
from tests.tui.fake_workbench import FakeWorkbench, address


@pytest.fixture(autouse=True)
def live(monkeypatch: pytest.MonkeyPatch) -> None:
    """The events stand for real ones."""
    monkeypatch.setattr(FakeWorkbench, "mode", property(lambda self: "LIVE"))


async def test_traffic_is_started_as_the_form_says_and_stopped_again(desk: Desk) -> None:
    async with desk() as running:
        await running.press("7", "f")
        assert running.focused_id == "rate"
        await running.press("end", "backspace", "backspace")
        await running.type("5")
        await running.press("tab", "tab", "tab", "tab", "tab")
        assert running.focused_id == "to"
        await running.press("left")
        await running.press("t")
        assert running.bench.orders == [StartTraffic(rate=5.0, to=str(address("faucet")), to_name="faucet")]
        begun = running.bench.now_ns()
        running.bench.emit(story.started("traffic", begun), story.progress("traffic", begun, story.times(400, base=60.0), skipped=3))
        await running.settle()
        shown = running.screen_text()
        assert "traffic 20/s" in shown
        assert "3 left out: 8 wallets cannot pay faster" in shown
        assert "4 validators, payers and screen share 2 cores" in shown
        await running.press("t")
        assert running.bench.orders[-1] == StopTraffic()


async def test_an_attached_workstation_says_where_traffic_can_be_made(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FakeWorkbench, "mode", property(lambda self: "ATTACHED (read-only)"))
    async with desk() as running:
        await running.press("7", "t", "m")
        assert "traffic is paid by wallets of the program" in running.pane_text("#now")
        assert len([toast for toast in running.toasts() if "mesh-app in the network's home measures" in toast]) >= 1
        assert running.bench.orders == []


async def test_a_measurement_shows_percentiles_target_and_split(desk: Desk) -> None:
    async with desk() as running:
        await running.press("7", "m")
        assert running.bench.orders == [StartMeasurement()]
        begun = running.bench.now_ns()
        running.bench.emit(story.record(20, story.times(base=33.0)), story.started("measure", begun), story.progress("measure", begun, story.times(60)))
        await running.settle()
        assert "60 of 100" in running.pane_text("#now")
        running.bench.emit(story.over("measure", begun, story.times()))
        await running.settle()
        latency = running.pane_text("#latency")
        assert "300 ms target" in latency
        assert "▴p50" in latency
        assert "≤300 ms 100 %" in latency
        assert "votes         18.1 ms" in running.pane_text("#split")
        assert "−9%" in running.pane_text("#runs")
        assert "✔ no payment failed" in running.pane_text("#now")


async def test_escape_asks_before_it_stops_a_measurement(desk: Desk) -> None:
    async with desk() as running:
        await running.press("7")
        begun = running.bench.now_ns()
        running.bench.emit(story.started("measure", begun), story.progress("measure", begun, story.times(60)))
        await running.settle()
        await running.press("f", "f")
        assert running.focused_id == "payments"
        await running.press("escape")
        assert running.focused_id == "runs"
        await running.press("escape")
        assert "Stop the measurement?" in running.screen_text()
        assert running.bench.orders == []
        await running.press("y")
        assert running.bench.orders == [StopMeasurement()]


async def test_a_measurement_is_exported_and_the_path_told(desk: Desk) -> None:
    async with desk() as running:
        await running.press("7", "e")
        assert running.toasts() == ["no measurement to export yet: m measures"]
        kept = story.record(20, story.times())
        running.bench.emit(kept)
        await running.settle()
        await running.press("e")
        assert running.bench.orders == [ExportMeasurement(kept["file"])]
        running.bench.emit({"event": "measure_exported", "t_ns": 1, "json": "/home/you/exports/m.json", "csv": "/home/you/exports/m.csv"})
        await running.settle()
        assert "written to /home/you/exports:\nm.json\nm.csv" in running.toasts()


async def test_a_wrong_field_is_told_and_gone_to(desk: Desk) -> None:
    async with desk() as running:
        await running.press("7", "f")
        await running.press("end", "backspace", "backspace", "0", "enter")
        assert running.focused_id == "rate"
        assert "rate: 0.01 to 1,000" in running.screen_text()
        assert running.bench.orders == []


async def test_letters_in_a_number_are_keys_and_digits_are_digits(desk: Desk) -> None:
    async with desk() as running:
        await running.press("7", "f", "end", "x", "7", "m")
        assert running.bench.orders == [StartMeasurement()]
        assert running.app.current_mode == "performance"
        await running.press("enter")
        assert running.bench.orders[-1] == StartTraffic(rate=207.0)


async def test_nothing_is_measured_where_events_are_not_of_this_moment(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FakeWorkbench, "mode", property(lambda self: "SIM"))
    async with desk() as running:
        await running.press("7", "t", "m")
        assert running.bench.orders == []
        assert "nothing to measure" in running.pane_text("#now")


@pytest.mark.parametrize("size", [(60, 18), (80, 24), (120, 40), (200, 60)])
async def test_what_matters_is_in_sight_at_every_size(desk: Desk, size: tuple[int, int]) -> None:
    async with desk(size=size) as running:
        await running.press("7")
        begun = running.bench.now_ns()
        running.bench.emit({"event": "screen_lag", "t_ns": begun, "p50_ms": 0.2, "p99_ms": 61.0, "max_ms": 80.0, "cpu_percent": 8.2})
        running.bench.emit(story.started("traffic", begun), story.progress("traffic", begun, story.times(400, base=60.0)))
        await running.settle()
        shown = running.screen_text()
        assert "p50" in shown
        assert "300 ms" in shown
        assert "61.0" in shown or "screen's loop lag" in shown or "screen's loop" in shown
        assert "✔ no payment failed" in shown


async def test_a_title_that_stays_as_it_is_paints_nothing(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    async with desk() as running:
        await running.press("7")
        pane = running.app.screen.query_one("#latency", LineView)
        pane.border_subtitle = "as before"
        painted: list[object] = []
        monkeypatch.setattr(pane, "refresh", lambda *regions, **options: painted.append(regions))
        pane.border_subtitle = "as before"
        assert painted == []
        pane.border_subtitle = "another"
        assert painted == [()]
        assert pane.border_subtitle == "another"
        pane.border_subtitle = None
        assert pane.border_subtitle is None


async def test_the_traffic_is_in_the_status_bar_everywhere(desk: Desk) -> None:
    async with desk(size=(200, 60)) as running:
        begun = running.bench.now_ns()
        running.bench.emit(story.started("traffic", begun), story.progress("traffic", begun, story.times()))
        await running.settle()
        assert "traffic 20/s" in running.pane_text("#status-bar")
        running.bench.emit(story.over("traffic", begun, story.times()))
        await running.settle()
        assert "traffic 20/s" not in running.pane_text("#status-bar")


async def test_traffic_starts_and_stops_from_any_screen(desk: Desk) -> None:
    async with desk() as running:
        await running.press("ctrl+t")
        assert running.bench.orders == [StartTraffic()]
        running.bench.emit(story.started("traffic", running.bench.now_ns()))
        await running.settle()
        await running.press("ctrl+t")
        assert running.bench.orders == [StartTraffic(), StopTraffic()]
