"""Processes that prove and judge with one group library each, since it is chosen once a process; asked over a pipe, one line of JSON a question."""

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from mesh_core.crypto import ristretto
from mesh_core.crypto.pedersen import Opening, commit
from mesh_core.crypto.range_proof import RangeProof, RangeProofError, RangeStatement, RangeWitness, prove, verify, verify_batch
from tests.unit.crypto.kernel.damage import Case, as_statement

PROJECT = Path(__file__).parents[4]
LIBRARIES = ("native", "libsodium")
ACCEPTED = "accepted"
# How the verdict on something that is no statement begins; the reason follows.
NO_STATEMENT = "no statement: "
# How a verdict begins that nobody may give: an exception other than RangeProofError, or a proof that was read in a way in which it was not written.
DEFECT = "defect: "


@dataclass(frozen=True, slots=True)
class Judgement:
    """What one library says of some cases: a verdict on each, and the positions that its batch finds bad (of those whose statement is one)."""

    verdicts: tuple[str, ...]
    bad: tuple[int, ...]


def find_defects(group: Sequence[Case], judgements: Sequence[Judgement]) -> list[str]:
    """What is wrong with these libraries' judgements of one group, each with all that is needed to see it again; empty if all is well."""
    found: list[str] = []
    for position, case in enumerate(group):
        verdicts = [judgement.verdicts[position] for judgement in judgements]
        if len(set(verdicts)) > 1 or verdicts[0].startswith(DEFECT):
            found.append(f"{' / '.join(verdicts)}: {to_json(case)}")
    for judgement in judgements:
        refused = {position for position, verdict in enumerate(judgement.verdicts) if not verdict.startswith((ACCEPTED, NO_STATEMENT, DEFECT))}
        if set(judgement.bad) != refused:
            found.append(f"one by one {sorted(refused)} are refused, as a batch {list(judgement.bad)}: [{', '.join(map(to_json, group))}]")
    return found


def to_json(case: Case) -> str:
    """As the process is sent it."""
    return json.dumps(
        {"bits": case.bits, "commitments": [commitment.hex() for commitment in case.commitments], "context": case.context.hex(), "proof": case.proof.hex()}
    )


def from_json(fields: dict[str, Any]) -> Case:
    """From what `to_json` gave."""
    return Case(fields["bits"], tuple(map(bytes.fromhex, fields["commitments"])), bytes.fromhex(fields["context"]), bytes.fromhex(fields["proof"]))


class LibraryEnded(Exception):
    """A process is gone, with or without a word on standard error. What it was asked last is what ended it."""


class LibraryProcess:
    """One library at work."""

    def __init__(self, library: str) -> None:
        command = [sys.executable, "-m", "tests.unit.crypto.kernel.verdicts"]
        environment = os.environ | {ristretto.LIBRARY_VARIABLE: library}
        self._process = subprocess.Popen(command, cwd=PROJECT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._library = library

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self._process.kill()
        self._process.communicate()

    def ask(self, question: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(question + "\n")
        self._process.stdin.flush()

    def answer(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise LibraryEnded(f"the process that works with {self._library} ended with status {self._process.wait()}")
        return json.loads(line)

    def ask_to_judge(self, group: Sequence[Case]) -> None:
        self.ask(f'{{"judge": [{", ".join(map(to_json, group))}]}}')

    def judgement(self) -> Judgement:
        answer = self.answer()
        return Judgement(tuple(answer["verdicts"]), tuple(answer["bad"]))

    def prove(self, bits: int, openings: Iterable[Opening], context: bytes, seed: str) -> bytes:
        """A proof, with nonces from `seed` alone."""
        fields = {"bits": bits, "openings": [(opening.value, opening.blinding) for opening in openings], "context": context.hex(), "seed": seed}
        self.ask(json.dumps({"prove": fields}))
        return bytes.fromhex(self.answer())


class BothLibraries(ExitStack):
    """A process for each library; both work at the same time."""

    def __init__(self) -> None:
        super().__init__()
        self.processes = [self.enter_context(LibraryProcess(library)) for library in LIBRARIES]

    def judge(self, group: Sequence[Case]) -> list[Judgement]:
        """What each says of the same cases, in the order of `LIBRARIES`. LibraryEnded."""
        for process in self.processes:
            process.ask_to_judge(group)
        return [process.judgement() for process in self.processes]


# --- In the process


def verdict(case: Case) -> str:
    """ACCEPTED, the name of the reason to refuse it, or a defect."""
    try:
        statement = as_statement(case)
    except RangeProofError as error:
        return NO_STATEMENT + error.reason.name
    try:
        if RangeProof.parse(statement, case.proof).encode() != case.proof:
            return f"{DEFECT}the proof has two encodings"
        verify(statement, case.proof)
    except RangeProofError as error:
        return error.reason.name
    return ACCEPTED


def verdict_or_defect(case: Case) -> str:
    try:
        return verdict(case)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is what is looked for
        return f"{DEFECT}{error!r}"


def judge(group: Sequence[Case]) -> Judgement:
    """Each case alone, and those that have a statement as one batch."""
    verdicts = tuple(map(verdict_or_defect, group))
    sound = [position for position, text in enumerate(verdicts) if not text.startswith((NO_STATEMENT, DEFECT))]
    bad = verify_batch([(as_statement(group[position]), group[position].proof) for position in sound])
    return Judgement(verdicts, tuple(sound[position] for position in bad))


def seeded(label: str) -> Callable[[int], bytes]:
    stream = hashlib.shake_256(label.encode()).digest(4096)
    position = 0

    def read(size: int) -> bytes:
        nonlocal position
        position += size
        return stream[position - size : position]

    return read


def answer(question: dict[str, Any]) -> Any:
    if "judge" in question:
        return asdict(judge([from_json(fields) for fields in question["judge"]]))
    fields = question["prove"]
    openings = tuple(Opening(value, blinding) for value, blinding in fields["openings"])
    statement = RangeStatement(tuple(map(commit, openings)), bytes.fromhex(fields["context"]), fields["bits"])
    return prove(statement, RangeWitness(openings), seeded(fields["seed"])).hex()


if __name__ == "__main__":
    ristretto.load_library()
    for line in sys.stdin:
        sys.stdout.write(json.dumps(answer(json.loads(line))) + "\n")
        sys.stdout.flush()
