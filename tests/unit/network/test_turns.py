"""Requests are handled after what arrives has been read, one of each connection in turn, and neither reading nor handling goes on for ever."""

import asyncio
from collections.abc import Callable

import pytest

from mesh_core.network.turns import MOST_TURNS_OF_READING, Turns
from tests.unit.network.peers import eventually


def queue_of(count: int, name: str, served: list[str]) -> Callable[[], bool]:
    """Somebody with so many requests."""
    left = count

    def serve() -> bool:
        nonlocal left
        if left:
            left -= 1
            served.append(name)
        return left > 0

    return serve


@pytest.fixture
def slices_of_no_length(monkeypatch: pytest.MonkeyPatch) -> None:
    """One request a slice."""
    monkeypatch.setattr("mesh_core.network.turns.SLICE_S", 0.0)


async def test_whoever_waits_is_served_in_turn() -> None:
    served: list[str] = []
    turns = Turns()
    for count, name in ((4, "a"), (1, "b"), (2, "c")):
        turns.add(queue_of(count, name, served))
    assert served == []
    await eventually(lambda: len(served) == 7)
    assert served == ["a", "b", "c", "a", "c", "a", "a"]


async def test_who_is_there_already_is_served_no_more_often() -> None:
    served: list[str] = []
    turns = Turns()
    often, once = queue_of(3, "often", served), queue_of(3, "once", served)
    for serve in (often, often, once, often):
        turns.add(serve)
    await eventually(lambda: len(served) == 6)
    assert served == ["often", "once"] * 3


async def test_reading_comes_first_but_not_for_ever() -> None:
    served: list[str] = []
    turns = Turns()
    turns.add(queue_of(1, "a", served))
    for turn in range(MOST_TURNS_OF_READING):
        turns.has_read()
        await asyncio.sleep(0)
        assert served == [], turn
    turns.has_read()
    await asyncio.sleep(0)
    assert served == ["a"]


async def test_quiet_turn_is_enough() -> None:
    served: list[str] = []
    turns = Turns()
    turns.has_read()
    turns.add(queue_of(1, "a", served))
    for _ in range(2):
        await asyncio.sleep(0)
    assert served == ["a"]


@pytest.mark.usefixtures("slices_of_no_length")
async def test_loop_goes_on_between_slices() -> None:
    served: list[str] = []
    turns = Turns()
    turns.add(queue_of(5, "a", served))
    seen = set()
    while len(served) < 5:
        seen.add(len(served))
        await asyncio.sleep(0)
    assert seen == {0, 1, 2, 3, 4}


@pytest.mark.usefixtures("slices_of_no_length")
async def test_who_has_left_is_served_no_more_and_the_others_are() -> None:
    served: list[str] = []
    turns = Turns()
    leaving = queue_of(9, "leaving", served)
    turns.add(leaving)
    turns.add(queue_of(2, "staying", served))
    while len(served) < 2:  # noqa: ASYNC110 - slice by slice
        await asyncio.sleep(0)
    turns.remove(leaving)
    await eventually(lambda: served.count("staying") == 2)
    for _ in range(5):
        await asyncio.sleep(0)
    assert served == ["leaving", "staying", "staying"]
    turns.add(queue_of(1, "later", served))
    await eventually(lambda: served[-1] == "later")
