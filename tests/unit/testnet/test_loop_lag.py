"""The probe sees what holds up its loop."""

import asyncio
import time

from testnet.loop_lag import LoopLag


async def test_a_loop_that_is_held_up_is_late() -> None:
    lag = LoopLag(period_s=0.002, seconds=60.0)
    assert lag.figures() == (0.0, 0.0, 0.0)
    lag.start()
    lag.start()
    await asyncio.sleep(0.01)
    time.sleep(0.08)  # noqa: ASYNC251 - this is the fault that is to be seen
    await asyncio.sleep(0.01)
    lag.stop()
    p50, p99, longest = lag.figures()
    assert 70 < longest < 2_000
    assert p50 <= p99 <= longest
    seen = lag.figures()
    await asyncio.sleep(0.01)
    assert lag.figures() == seen
