"""Bugs: logged each time they are new, told once, counted always."""

import logging

import pytest

from mesh_app.mishaps import MISHAPS_MOST, Mishaps, words_of


def raised(error: Exception) -> Exception:
    with pytest.raises(type(error)) as caught:
        raise error
    return caught.value


def test_bug_is_told_in_one_line_that_names_the_log_and_its_traceback_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    line = Mishaps("/home/mesh-app.log").take(raised(ValueError("wrong\nvalue")))
    assert line == "a bug, ValueError: wrong value; details: /home/mesh-app.log"
    assert "Traceback" in caplog.text
    assert caplog.records[0].levelno == logging.ERROR


def test_bug_of_the_same_place_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    mishaps = Mishaps("log")
    told = [mishaps.take(raised(ValueError(str(number)))) for number in range(5)]
    assert [bool(line) for line in told] == [True, False, False, False, False]
    assert len(caplog.records) == 1
    assert mishaps.count == 5
    assert mishaps.take(raised(KeyError("x")))


def test_far_too_many_are_too_many() -> None:
    mishaps = Mishaps("log")
    for _ in range(MISHAPS_MOST):
        assert not mishaps.too_many
        mishaps.take(ValueError())
    assert mishaps.too_many


def test_words_are_short() -> None:
    assert words_of(ValueError()) == "ValueError"
    assert len(words_of(ValueError("x" * 5000))) < 200
