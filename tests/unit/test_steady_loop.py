"""The clock of these tests: a process that is held up misses nothing, and whoever waits still waits."""

import asyncio
import socket
import time

from tests.steady_loop import MOST_IN_A_TURN_S, SteadyLoop


def hold_up(seconds: float) -> None:
    """What a busy machine does to a process."""
    time.sleep(seconds)


async def test_tests_run_on_it() -> None:
    assert isinstance(asyncio.get_running_loop(), SteadyLoop)


async def test_what_was_sent_is_read_before_a_deadline_that_passed_while_the_process_was_held_up() -> None:
    loop = asyncio.get_running_loop()
    one, other = socket.socketpair()
    with one, other:
        one.setblocking(False)
        for _ in range(3):
            reading = asyncio.ensure_future(loop.sock_recv(one, 1))
            await asyncio.sleep(0)
            async with asyncio.timeout(0.05):
                other.send(b"x")
                hold_up(0.1)
                assert await reading == b"x"


async def test_a_turn_takes_little_and_a_wait_takes_its_time() -> None:
    loop = asyncio.get_running_loop()
    began = loop.time()
    hold_up(0.05)
    assert 0 < loop.time() - began <= MOST_IN_A_TURN_S
    began, began_at = loop.time(), time.monotonic()
    await asyncio.sleep(0.05)
    assert loop.time() - began >= 0.05
    assert time.monotonic() - began_at >= 0.045


async def test_timers_run_in_the_order_in_which_they_were_asked_for_also_while_the_clock_stands() -> None:
    loop, seen = asyncio.get_running_loop(), list[int]()
    hold_up(2 * MOST_IN_A_TURN_S)
    for number in range(1000):
        loop.call_later(0, seen.append, number)
    await asyncio.sleep(0.01)
    assert seen == list(range(1000))
