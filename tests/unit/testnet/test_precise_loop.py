"""The relays' event loop: its timers keep to fractions of a millisecond, and nothing else about it is different."""

import asyncio
import socket
import threading
import time
from collections.abc import Coroutine
from typing import Any

from testnet.precise_loop import new_precise_loop

ASKED_S = 0.0003


def run(work: Coroutine[Any, Any, None]) -> None:
    with asyncio.Runner(loop_factory=new_precise_loop) as runner:
        runner.run(work)


def test_a_timer_is_not_rounded_up_to_a_millisecond() -> None:
    """The best of many: a busy machine may be late at any of them, but rounding would make each of them 0.7 ms late."""
    late_s: list[float] = []

    async def work() -> None:
        loop = asyncio.get_running_loop()
        for _ in range(200):
            due, fired = loop.time() + ASKED_S, asyncio.Event()
            loop.call_at(due, fired.set)
            await fired.wait()
            late_s.append(loop.time() - due)

    run(work())
    assert 0 <= min(late_s) < 0.0005


def test_what_can_be_read_interrupts_a_long_wait() -> None:
    one, other = socket.socketpair()
    one.setblocking(False)

    async def work() -> None:
        loop = asyncio.get_running_loop()
        threading.Timer(0.02, lambda: other.send(b"x")).start()
        async with asyncio.timeout(20):
            assert await loop.sock_recv(one, 1) == b"x"

    started = time.monotonic()
    with one, other:
        run(work())
    assert time.monotonic() - started < 10


def test_another_thread_wakes_it() -> None:
    async def work() -> None:
        loop, called = asyncio.get_running_loop(), asyncio.Event()
        threading.Timer(0.02, lambda: loop.call_soon_threadsafe(called.set)).start()
        async with asyncio.timeout(20):
            await called.wait()

    run(work())
