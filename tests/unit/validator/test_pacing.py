"""Bulk work stands back while votes are under way, takes a share while they are asked for, and everything when nobody is there."""

import pytest

from mesh_core.validator.pacing import ASKED_LATELY_S, BURST_S, LOOK_AGAIN_S, SHARE, STAND_BACK_MOST_S, BulkPace


class Urgent:
    count = 0


@pytest.fixture
def urgent() -> Urgent:
    return Urgent()


@pytest.fixture
def pace(urgent: Urgent) -> BulkPace:
    return BulkPace(lambda: urgent.count)


def test_with_nobody_there_bulk_work_takes_everything(pace: BulkPace) -> None:
    now = 0.0
    for _ in range(1000):
        assert pace.delay(now, now) == 0.0
        now += 0.01
        pace.worked(0.01, now)


def test_while_requests_are_under_way_a_piece_waits_but_not_for_ever(pace: BulkPace, urgent: Urgent) -> None:
    urgent.count = 2
    assert pace.delay(5.0, 5.0) == LOOK_AGAIN_S
    assert pace.delay(5.0, 5.0 + 0.9 * STAND_BACK_MOST_S) == LOOK_AGAIN_S
    assert pace.delay(5.0, 5.0 + STAND_BACK_MOST_S) == 0.0
    urgent.count = 0
    assert pace.delay(5.0, 5.0) == 0.0


def worked_within(pace: BulkPace, began: float, seconds: float, piece: float, *, asked: bool) -> float:
    """How much bulk work is done in so many seconds, by somebody who always has more of it."""
    now, done = began, 0.0
    while now < began + seconds:
        if asked:
            pace.on_request(now)
        delay = pace.delay(now, now)
        if delay == 0.0:
            now += piece
            done += piece
            pace.worked(piece, now)
        else:
            now += delay
    return done


@pytest.mark.parametrize("piece", [0.0005, 0.001, 0.02])
def test_while_votes_are_asked_for_it_takes_a_share_of_the_time_and_no_more(pace: BulkPace, piece: float) -> None:
    seconds = 10.0
    done = worked_within(pace, 0.0, seconds, piece, asked=True)
    assert 0.5 * SHARE * seconds < done <= SHARE * seconds + BURST_S + piece


def test_a_second_after_the_last_request_it_takes_everything_again(pace: BulkPace) -> None:
    worked_within(pace, 0.0, 1.0, 0.01, asked=True)
    assert worked_within(pace, 1.0 + ASKED_LATELY_S, 1.0, 0.01, asked=False) == pytest.approx(1.0, abs=0.011)
