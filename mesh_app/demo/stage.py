"""Where a demonstration without a screen is played: a new network in a temporary home, every event told while it plays, nothing left behind."""

import asyncio
import contextlib
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

from mesh_app.demo.facts import Facts
from mesh_app.demo.narrator import Narrator
from mesh_app.exit_status import ExitStatus
from mesh_app.ports import Event
from mesh_app.services.workbench import LocalWorkbench
from mesh_core.errors import ErrorCode, MeshError
from testnet.genesis import seeded_keys
from testnet.layout import NetworkFolder

DEADLINE_S = 60.0
_STOP_SIGNALS = (signal.SIGTERM, signal.SIGHUP)


class Stage:
    """What a play acts with: the workbench, and the facts that its events have told."""

    def __init__(self, workbench: LocalWorkbench, facts: Facts, folder: NetworkFolder) -> None:
        self.workbench = workbench
        self.facts = facts
        self.folder = folder
        self._changed = asyncio.Condition()

    async def until(self, holds: Callable[[], bool]) -> None:
        """Wait until the events have made it true. Raises a fault that is told meanwhile."""
        async with self._changed:
            await self._changed.wait_for(lambda: self.facts.fault is not None or holds())
        if self.facts.fault is not None:
            raise self.facts.fault

    async def tell(self, narrator: Narrator, take: Callable[[Event], None]) -> None:
        """Print every event, take it in, and wake who waits; for ever."""
        while True:
            event = await self.workbench.events.get()
            take(event)
            narrator.tell(event)
            async with self._changed:
                self._changed.notify_all()


class Play(Protocol):
    """One demonstration."""

    facts: Facts

    def take(self, event: Event) -> None:
        """Take in one event."""
        ...

    async def act(self, stage: Stage) -> None:
        """From the first payment to the last; validators and wallets are up. MeshError if it cannot go on."""
        ...

    def summary(self) -> Event:
        """The last line. `ok` says that all of it is as it must be; false while `facts.error` is set."""
        ...


async def perform(play: Play, narrator: Narrator, *, seed: int | None) -> ExitStatus:
    """Play in a new network of four validators, in a temporary home. GOOD if everything in the summary holds.

    `seed` fixes the keys of the network, and nothing else. SIGTERM and SIGHUP cancel it, so that every process is stopped and the home is removed:
    asyncio.CancelledError.
    """
    facts = play.facts
    status = ExitStatus.FAILED
    with tempfile.TemporaryDirectory(prefix="mesh-demo-") as home, _cancelled_by_signals():
        folder = NetworkFolder(Path(home) / "home")
        workbench = LocalWorkbench(folder) if seed is None else LocalWorkbench(folder, key_entropy=seeded_keys(seed))
        try:
            async with workbench, asyncio.timeout(DEADLINE_S):
                await _act_and_tell(Stage(workbench, facts, folder), play, narrator)
        except MeshError as error:
            facts.error = str(error)
            if error.code is ErrorCode.VALIDATOR_START:
                status = ExitStatus.NO_VALIDATOR
        except TimeoutError:
            facts.error = f"not complete after {DEADLINE_S:g} s"
        while not workbench.events.empty():
            narrator.tell(workbench.events.get_nowait())
    summary = play.summary()
    narrator.conclude(summary)
    if facts.error is not None:
        sys.stderr.write(f"mesh-app: {facts.error}\n")
    return ExitStatus.GOOD if summary["ok"] else status


async def _act_and_tell(stage: Stage, play: Play, narrator: Narrator) -> None:
    """Play while the events are told; what goes wrong with either ends both."""

    async def act() -> None:
        stage.workbench.open()
        await stage.workbench.start()
        await stage.until(lambda: stage.facts.are_wallets_open)
        await play.act(stage)

    async def watch() -> None:
        await stage.until(lambda: False)

    loop = asyncio.get_running_loop()
    tasks = [loop.create_task(act()), loop.create_task(stage.tell(narrator, play.take)), loop.create_task(watch())]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@contextlib.contextmanager
def _cancelled_by_signals() -> Iterator[None]:
    loop, playing = asyncio.get_running_loop(), asyncio.current_task()
    assert playing is not None
    for number in _STOP_SIGNALS:
        loop.add_signal_handler(number, playing.cancel)
    try:
        yield
    finally:
        for number in _STOP_SIGNALS:
            loop.remove_signal_handler(number)
