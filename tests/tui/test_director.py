"""Whoever plays a scenario. Goal: keys are pressed as a person would, the journal holds what is needed to show it again, and what cannot be played is told."""

import io
from pathlib import Path

from typing_extensions import override

from mesh_app.app import MeshApp
from mesh_app.demo.director import Director, TappedWorkbench
from mesh_app.demo.scenario import parse_scenario
from mesh_app.recording.playback import play
from testnet.journal import LIVE, Header, JournalWriter, parse_journal
from tests.tui.fake_workbench import FakeWorkbench

SCENARIO = """
title = "T"
[[chapter]]
title = "1 · Looking"
[[chapter.step]]
caption = "The wallets."
action = "everywhere.show-wallets"
until = "screen wallets"
poster = true
[[chapter]]
title = "2 · Typing"
[[chapter.step]]
action = "everywhere.pay"
until = "screen pay"
[[chapter.step]]
type = "50"
until = 'text "50"'
"""


class Disk(io.StringIO):
    """Full after so many characters."""

    room = 10**9

    @override
    def write(self, text: str) -> int:
        self.room -= len(text)
        if self.room < 0:
            raise OSError(28, "No space left on device")
        return super().write(text)


async def conducted(text: str, disk: Disk) -> Director:
    bench = FakeWorkbench()
    bench.boot()
    writer = JournalWriter(disk, Header(LIVE, bench.now_ns(), {}))
    tapped = TappedWorkbench(bench, writer)
    director = Director(parse_scenario(text, Path("mine.toml")), tapped, speed=20)
    await MeshApp(tapped).run_async(headless=True, size=(100, 30), auto_pilot=director.conduct)
    if director.is_done:
        writer.end(tapped.at_ms)
    return director


async def test_scenario_is_played_and_its_journal_shows_it_again() -> None:
    disk = Disk()
    director = await conducted(SCENARIO, disk)
    assert director.fault is None
    assert director.is_done
    journal = parse_journal(disk.getvalue().splitlines(), "x")
    assert [entry.key for entry in journal.entries if entry.key] == ["2", "p", "5", "0"]
    named = [entry.event["event"] for entry in journal.entries if entry.event is not None]
    assert named.count("chapter") == 2
    assert journal.poster_ms is not None
    last = None
    async for shot in play(journal, size=(100, 30)):
        last = shot
    assert last is not None
    assert "2 · Typing" in last.frame.text()
    assert "3 Pay" in last.frame.text().split("\n")[0]


async def test_condition_that_does_not_come_true_ends_it_with_words() -> None:
    director = await conducted(SCENARIO.replace('until = "screen pay"', 'until = "screen ledger"\nwithin = 0.2'), Disk())
    assert not director.is_done
    assert director.fault is not None
    assert "chapter '2 · Typing': 'screen ledger' did not come true within 0.2 s" in director.fault.text


async def test_person_who_leaves_does_not_wait_for_the_rest() -> None:
    leaving = SCENARIO.replace('action = "everywhere.pay"', 'keys = ["q", "y"]').replace('until = "screen pay"', 'until = "screen nowhere"')
    director = await conducted(leaving, Disk())
    assert director.fault is None
    assert not director.is_done


async def test_full_disk_ends_it_and_not_the_screen() -> None:
    disk = Disk()
    disk.room = 2_000
    director = await conducted(SCENARIO, disk)
    assert not director.is_done
    assert director.fault is not None
    assert "the journal cannot be written: No space left" in director.fault.text
