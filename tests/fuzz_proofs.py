"""Damaged range proofs before both group libraries: each verdict must be the same, with the same reason, one by one and in batches.

    python -m tests.fuzz_proofs [--minutes M | --cases N] [--seed S]

Two validators with different libraries that judge one proof differently would vote differently, and one that crashes on bytes from a stranger does not vote at
all. Prints how many cases were compared, how many of them had which verdict, and what was found, each finding with the case as JSON. Exit status 1 if anything
was found. The same seed gives the same cases, up to where the time ends. How proofs are damaged: tests/unit/crypto/kernel/damage.py.
"""

import argparse
import random
import secrets
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from typing_extensions import override

from mesh_core.crypto.ristretto import is_native_built
from tests.unit.crypto.kernel.damage import Pool, make_group, make_pool
from tests.unit.crypto.kernel.verdicts import ACCEPTED, BothLibraries, Judgement, LibraryEnded, find_defects, to_json

GROUP_SIZE = 16
# The good proofs that damage starts from are made anew after so many groups.
GROUPS_OF_A_POOL = 500
MOST_FINDINGS = 20
"""Beyond so many the run ends: they have one cause."""


@dataclass(slots=True)
class Report:
    """What a run has seen so far."""

    cases: int = 0
    batches: int = 0
    verdicts: Counter[str] = field(default_factory=Counter)
    findings: list[str] = field(default_factory=list)

    def add(self, judgements: Sequence[Judgement], findings: list[str]) -> None:
        """Another group, judged by all libraries."""
        self.cases += len(judgements[0].verdicts)
        self.batches += 1
        self.verdicts.update(judgements[0].verdicts)
        self.findings += findings

    @override
    def __str__(self) -> str:
        counts = [f"{count:>9}  {verdict}" for verdict, count in self.verdicts.most_common()]
        accepted = self.verdicts[ACCEPTED]
        summary = f"{self.cases} cases in {self.batches} batches compared, {accepted} accepted, {self.cases - accepted} refused, {len(self.findings)} findings"
        return "\n".join([*counts, *self.findings, summary])


def run(seed: str, goes_on: Callable[[Report], bool]) -> Report:
    """Compare group after group while `goes_on`."""
    source = random.Random(seed)
    report = Report()
    pool: Pool = {}
    with BothLibraries() as libraries:
        while goes_on(report) and len(report.findings) < MOST_FINDINGS:
            if report.batches % GROUPS_OF_A_POOL == 0:
                pool = make_pool(source)
            group = make_group(source, pool, size=GROUP_SIZE)
            try:
                judgements = libraries.judge(group)
            except LibraryEnded as end:
                report.findings.append(f"{end}: [{', '.join(map(to_json, group))}]")
                break
            report.add(judgements, find_defects(group, judgements))
    return report


def main(arguments: Sequence[str] | None = None) -> int:
    """Compare for some time, or so many cases."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz_proofs", description=main.__doc__)
    amount = parser.add_mutually_exclusive_group()
    amount.add_argument("--minutes", type=float, default=1.0)
    amount.add_argument("--cases", type=int)
    parser.add_argument("--seed", default=secrets.token_hex(4))
    options = parser.parse_args(arguments)
    if not is_native_built():
        sys.stderr.write("mesh_core.crypto._ristretto was not built here: there is nothing to compare libsodium with\n")
        return 2
    sys.stdout.write(f"seed {options.seed}\n")
    ends_at = time.monotonic() + 60 * options.minutes

    def goes_on(report: Report) -> bool:
        return time.monotonic() < ends_at if options.cases is None else report.cases < int(options.cases)

    report = run(options.seed, goes_on)
    sys.stdout.write(f"{report}\n")
    return 1 if report.findings else 0


if __name__ == "__main__":
    sys.exit(main())
