"""Everything that a proof must be bound to is: the check that anybody can run with `python -m tests.absorbed`."""

import pytest

from mesh_core.crypto.transcript import Transcript
from tests import absorbed


def test_whatever_is_left_out_or_changed_makes_something_fail(capsys: pytest.CaptureFixture[str]) -> None:
    assert absorbed.main() == 0
    lines = capsys.readouterr().out.splitlines()
    total = len(lines) - 1
    assert lines[-1] == f"absorbed {total} of {total}"
    # 12 messages of the statement, A, 7 times L and R, A1, B, 3 answers; then the public inputs.
    assert sum(" left out" in line for line in lines) == 12 + 1 + 14 + 2 + 3
    assert sum(" changed" in line for line in lines) == 24


def test_a_transcript_that_ignores_an_element_is_found(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """The check itself bites: with a transcript that does not really absorb the last answers, exactly their three lines change."""
    absorb = Transcript.append

    def append(transcript: Transcript, label: bytes, message: bytes) -> None:
        if label not in (b"r1", b"s1", b"d1"):
            absorb(transcript, label, message)

    monkeypatch.setattr(Transcript, "append", append)
    assert absorbed.main() == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1] == "absorbed 53 of 56"
    assert [line.split("(")[1][:2] for line in lines if line.startswith("STILL PASSES")] == ["r1", "s1", "d1"]
