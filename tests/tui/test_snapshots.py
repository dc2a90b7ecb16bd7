"""The main states of the screens at three sizes, compared with their pictures. A state is one line in STATES and a few that bring it about."""

from collections.abc import Awaitable, Callable
from typing import Final

import pytest

from tests.tui import laboratory_story as story
from tests.tui.conftest import Desk, Running
from tests.tui.fake_workbench import MS
from tests.tui.snapshots import check

SIZES: Final = ((80, 24), (120, 40), (200, 60))


async def starting(running: Running) -> None:
    running.bench.emit(running.bench.network(), *(running.bench.process(index, "starting") for index in range(4)))
    running.bench.clock_ns += 500 * MS


async def up(running: Running) -> None:
    running.bench.boot()


async def paid(running: Running) -> None:
    running.bench.boot()
    running.bench.play(running.bench.settled_payment("alice", "bob", 500, "lunch"))
    running.bench.clock_ns += 1_000 * MS
    running.bench.emit(*(running.bench.status(index) for index in range(4)))


async def killed(running: Running) -> None:
    await paid(running)
    running.bench.down.add(2)
    running.bench.emit(running.bench.process(2, "exited", exit_status=-9))
    running.bench.play(running.bench.settled_payment("alice", "bob", 20, ""))


async def silent(running: Running) -> None:
    running.bench.boot()
    await running.settle()
    running.bench.clock_ns += 6_000 * MS
    running.bench.emit(*(running.bench.status(index) for index in range(3)))


async def dead(running: Running) -> None:
    running.bench.boot()
    await running.settle()
    for index in range(4):
        running.bench.clock_ns += 100 * MS
        running.bench.emit(running.bench.process(index, "exited", exit_status=1, detail="disk full"))
    await running.settle()
    running.app.clear_notifications()


async def question(running: Running) -> None:
    running.bench.boot()
    await running.settle()
    await running.press("q")


async def pay_empty(running: Running) -> None:
    running.bench.boot()
    await running.press("3")


async def pay_settled(running: Running) -> None:
    await paid(running)
    await running.press("3")


def paid_and_then(key: str) -> Callable[[Running], Awaitable[None]]:
    """A screen as it is after a payment."""

    async def go(running: Running) -> None:
        await paid(running)
        await running.settle()
        await running.press(key)

    return go


async def pay_without_one(running: Running) -> None:
    await killed(running)
    await running.press("3")


async def laboratory(running: Running) -> None:
    running.bench.emit(story.catalogue())
    await paid(running)
    await running.settle()
    await running.press("5")


async def help_of_a_validator(running: Running) -> None:
    running.bench.boot()
    await running.press("question_mark")


async def without_colours(running: Running) -> None:
    await killed(running)
    running.app.theme = "mesh-mono"


async def light(running: Running) -> None:
    await killed(running)
    running.app.theme = "mesh-light"


STATES: Final[dict[str, Callable[[Running], Awaitable[None]]]] = {
    "network-starting": starting,
    "network-up": up,
    "network-paid": paid,
    "network-killed": killed,
    "network-silent": silent,
    "network-dead": dead,
    "network-mono": without_colours,
    "network-light": light,
    "question": question,
    "pay-empty": pay_empty,
    "pay-settled": pay_settled,
    "pay-without-one": pay_without_one,
    "wallets": paid_and_then("2"),
    "ledger": paid_and_then("4"),
    "laboratory": laboratory,
    "validators": paid_and_then("6"),
    "performance": paid_and_then("7"),
    "help": help_of_a_validator,
}


@pytest.mark.parametrize("name", STATES)
async def test_screen_looks_as_it_did(desk: Desk, name: str) -> None:
    async with desk(size=SIZES[0], is_booted=False) as running:
        await STATES[name](running)
        for width, height in SIZES:
            await running.pilot.resize_terminal(width, height)
            await running.settle()
            check(running, name)
