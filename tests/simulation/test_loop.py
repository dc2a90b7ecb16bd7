"""The virtual-time loop: order, time, lives, and what it refuses."""

import asyncio
import itertools
import time

import pytest

from testnet.simulation.entropy import Stream
from testnet.simulation.life import Life
from testnet.simulation.loop import Runaway, SimulatedLoop, make_loop


def loop_of(seed: str = "ties", most_steps: int = 100_000, most_seconds: float = 10_000.0) -> SimulatedLoop:
    return make_loop(Stream(seed), most_steps=most_steps, most_seconds=most_seconds)


def test_hours_pass_at_once() -> None:
    loop = loop_of()

    async def main() -> float:
        await asyncio.sleep(7200.0)
        return asyncio.get_running_loop().time()

    started = time.monotonic()
    assert loop.run(main()) == 7200.0
    assert time.monotonic() - started < 60.0
    loop.close()


def test_asyncio_works_as_it_does_elsewhere() -> None:
    async def main() -> list[str]:
        told: list[str] = []
        queue: asyncio.Queue[int] = asyncio.Queue()
        lock = asyncio.Lock()

        async def put() -> None:
            async with lock:
                await asyncio.sleep(0.1)
                await queue.put(1)

        async with asyncio.TaskGroup() as group:
            group.create_task(put())
            told.append(str(await queue.get()))
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1.0):
                await asyncio.Event().wait()
        told.append(str(await asyncio.gather(asyncio.sleep(0.2, "b"), asyncio.sleep(0.1, "a"))))
        return told

    loop = loop_of()
    assert loop.run(main()) == ["1", "['b', 'a']"]
    loop.close()


def order_of_ties(seed: str) -> list[int]:
    seen: list[int] = []

    async def main() -> None:
        for number in range(20):
            asyncio.get_running_loop().call_at(1.0, seen.append, number)
        await asyncio.sleep(2.0)

    loop = loop_of(seed)
    loop.run(main())
    loop.close()
    return seen


def test_timers_of_one_moment_run_in_an_order_that_the_seed_decides() -> None:
    orders = [order_of_ties(f"{number}") for number in range(4)]
    assert all(sorted(order) == list(range(20)) for order in orders)
    assert len({tuple(order) for order in orders}) == 4
    assert order_of_ties("1") == orders[1]


def test_nothing_of_a_life_that_is_over_runs_any_more() -> None:
    told: list[str] = []

    async def work() -> None:
        try:
            while True:
                told.append("works")
                await asyncio.sleep(1.0)
        finally:
            told.append("finally")

    async def main() -> None:
        life = Life("node", 1)
        loop.enter(life)
        task = life.spawn(work())
        await asyncio.sleep(2.5)
        life.is_over = True
        await asyncio.sleep(5.0)
        assert not task.done()

    loop = loop_of()
    loop.run(main())
    assert told == ["works", "works", "works"]
    loop.close()


def test_a_paused_life_goes_on_where_it_stopped() -> None:
    told: list[float] = []

    async def work() -> None:
        for _ in range(3):
            await asyncio.sleep(1.0)
            told.append(asyncio.get_running_loop().time())

    async def main() -> None:
        life = Life("node", 1)
        loop.enter(life)
        life.spawn(work())
        await asyncio.sleep(1.5)
        loop.pause(life, 10.0)
        await asyncio.sleep(20.0)

    loop = loop_of()
    loop.run(main())
    assert told == [1.0, 11.5, 12.5]
    loop.close()


def test_threads_are_refused() -> None:
    async def main() -> None:
        await asyncio.to_thread(print)

    loop = loop_of()
    with pytest.raises(RuntimeError, match="thread"):
        loop.run(main())
    loop.close()


def test_an_exception_that_nobody_takes_is_kept() -> None:
    async def main() -> None:
        asyncio.get_running_loop().call_soon(lambda: 1 // 0)
        await asyncio.sleep(1.0)

    loop = loop_of()
    loop.run(main())
    assert len(loop.failures) == 1
    assert "ZeroDivisionError" in loop.failures[0]
    loop.close()


async def spin() -> None:
    for _ in itertools.count():
        await asyncio.sleep(0.0)


async def wait_long() -> None:
    await asyncio.sleep(1e9)


async def wait_for_nothing() -> None:
    await asyncio.Event().wait()


@pytest.mark.parametrize(("work", "reason"), [(spin, "steps"), (wait_long, "virtual seconds"), (wait_for_nothing, "everybody waits")])
def test_what_does_not_end_is_ended(work: object, reason: str) -> None:
    assert callable(work)
    loop = loop_of(most_steps=1000, most_seconds=1000.0)
    with pytest.raises(Runaway, match=reason):
        loop.run(work())
    loop.close()
