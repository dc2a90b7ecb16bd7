"""The probe sees what holds up its loop."""

import asyncio
import time

from testnet.loop_lag import LoopLag


def test_a_loop_that_is_held_up_is_late() -> None:
    """On a loop as the product's: the tests' own would not count the time that it was held up."""
    asyncio.run(watch())


async def watch() -> None:
    began = time.monotonic()
    lag = LoopLag(period_s=0.002, seconds=3600.0)
    assert lag.figures() == (0.0, 0.0, 0.0)
    lag.start()
    lag.start()
    await asyncio.sleep(0.01)
    time.sleep(0.08)  # noqa: ASYNC251 - this is the fault that is to be seen
    await asyncio.sleep(0.01)
    lag.stop()
    p50, p99, longest = lag.figures()
    assert 70 < longest <= (time.monotonic() - began) * 1000
    assert p50 <= p99 <= longest
    seen = lag.figures()
    await asyncio.sleep(0.01)
    assert lag.figures() == seen
