"""`mesh-testnet simulate`: seeds in, what they did and which properties broke out."""

import argparse
import importlib.metadata
import json
import sys
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from mesh_core.errors import ErrorCode, LocalFault
from mesh_core.storage.named_path import named_path
from mesh_core.types.committee import MAX_VALIDATORS
from mesh_core.types.visible_text import visible_text
from testnet.journal import SIMULATED, Header, JournalWriter, written_journal
from testnet.simulation.modelled import command as modelled

if TYPE_CHECKING:
    from testnet.simulation.seed_run import Options

EXIT_FAILED: Final = 1
LEAST_VALIDATORS: Final = 4
"""Fewer bear no fault, and faults are what is simulated."""
REPEATED_EVERY: Final = 50
"""One seed in so many runs twice, and at least one."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--seeds", type=int, metavar="N", help="run the seeds 0 to N-1 (default: 20)")
    what.add_argument("--seed", type=int, metavar="S", help="run one seed")
    what.add_argument("--replay", type=named_path, metavar="FILE", help="run a trace again, and compare")
    what.add_argument("--list-mutations", action="store_true", help="name the defences that can be switched off")
    parser.add_argument("--first", type=int, default=0, metavar="S", help="with --seeds: begin here")
    sizes = f"size of the committee, {LEAST_VALIDATORS} to {MAX_VALIDATORS} (default: 4), or several: 4,7,10"
    parser.add_argument("--validators", type=_sizes, default=(4,), metavar="N", help=sizes)
    parser.add_argument(
        "--byzantine",
        type=int,
        metavar="K",
        help="so many validators misbehave; f + 1 are more than the committee bears (default: the seed's choice, at most f)",
    )
    parser.add_argument("--real-proofs", action="store_true", help="real range proofs in the place of the transparent stand-in: slow")
    parser.add_argument("--real-store", action="store_true", help="the validators' disks are real files, written by the product's own store: slow")
    parser.add_argument("--mutate", default="", metavar="NAME", help="switch a defence off: the simulator must then find a violation")
    parser.add_argument("--trace", type=named_path, metavar="FILE", help="with --seed: write every event to a file")
    parser.add_argument("--events", type=named_path, metavar="FILE", help="with --seed: a journal of the run, for mesh-app --replay FILE")
    parser.add_argument("--json", action="store_true", help="one JSON object a seed, and one for all")
    modelled.add_arguments(parser)


def check(options: argparse.Namespace, parser: argparse.ArgumentParser) -> None:
    """End with status 2 where numbers cannot be."""
    if options.byzantine is not None and not 0 <= options.byzantine <= min(options.validators):
        parser.error("--byzantine is from 0 to the number of validators")
    if len(options.validators) > 1 and any((options.trace, options.events, options.replay)):
        parser.error("a trace or a journal is of one run, with one size of the committee")
    modelled.check(options, parser)


def _sizes(text: str) -> tuple[int, ...]:
    sizes = tuple(int(part) for part in text.split(","))
    if not all(LEAST_VALIDATORS <= size <= MAX_VALIDATORS for size in sizes):
        raise argparse.ArgumentTypeError(f"{text} is not from {LEAST_VALIDATORS} to {MAX_VALIDATORS}")
    return sizes


def run(options: argparse.Namespace) -> int:
    """Exit status 1 if a property broke, a seed fell short, or a second run differed from the first."""
    if options.list_mutations:
        return _list_mutations()
    if options.latency:
        return modelled.run(options)
    if options.replay is not None:
        return _replay(options.replay)
    if options.events is not None:
        if options.seed is None:
            raise LocalFault(ErrorCode.CONFIG_INVALID, "--events FILE goes with --seed S: a journal is of one run")
        return _run_told(options)
    seeds = [options.seed] if options.seed is not None else range(options.first, options.first + (options.seeds or 20))
    return _run_seeds(seeds, options)


def _list_mutations() -> int:
    from testnet.simulation.mutations.registry import MUTATIONS

    for name, mutation in MUTATIONS.items():
        print(f"{name:28} {mutation.text}")
    return 0


def _replay(path: Path) -> int:
    """Run what a trace's header says, and compare the bytes."""
    import tempfile

    from mesh_core.network.plain_file import open_plain_file
    from testnet.simulation.seed_run import run_seed
    from testnet.simulation.trace import read_header

    try:
        with open_plain_file(path) as first, tempfile.TemporaryDirectory() as folder:
            options = _read_options(read_header(first)["options"])
            again = Path(folder) / "again.jsonl"
            run_seed(options, again)
            with again.open("rb") as second:
                problem = _first_difference(first, second)
            size = again.stat().st_size
    except OSError as error:
        raise LocalFault(ErrorCode.CONFIG_INVALID, f"{path} cannot be read: {error.strerror or error}") from error
    print(problem or f"the same {size} bytes: {options.command()}")
    return EXIT_FAILED if problem else 0


def _read_options(told: dict[str, Any]) -> "Options":
    """What a trace says that it is of: anybody may have written it. LocalFault (CONFIG_INVALID)."""
    from testnet.simulation.mutations.registry import MUTATIONS
    from testnet.simulation.seed_run import Options

    match {**asdict(Options(0)), **told}:
        case {
            "seed": int(),
            "byzantine": int() | None as byzantine,
            "real_proofs": bool(),
            "real_store": bool(),
            "mutation": str(mutation),
            "calm": bool(),
            "validators": int(validators),
            **others,
        } if not others and LEAST_VALIDATORS <= validators <= MAX_VALIDATORS and 0 <= (byzantine or 0) <= validators and mutation in ("", *MUTATIONS):
            return Options(**told)
        case _:
            raise LocalFault(ErrorCode.CONFIG_INVALID, "the trace is of a run with options that this version does not have")


def _first_difference(first: BinaryIO, second: BinaryIO) -> str:
    """Where a trace is not the one that was just made; empty where it is. No more of it is held than of the other, and no terminal obeys what it says."""
    for number, other in enumerate(second, 1):
        one = first.readline(len(other) + 1)
        if not one:
            return "one trace is longer than the other"
        if one != other:
            was, now = (visible_text(line.decode("utf-8", "replace").rstrip("\n")) for line in (one, other))
            return f"line {number} differs:\n  was {was}\n  is  {now}"
    return "one trace is longer than the other" if first.read(1) else ""


@dataclass(slots=True)
class _Total:
    """What all seeds amount to."""

    seeds: int = 0
    events: int = 0
    events_least: int = 0
    certificates: int = 0
    payments: int = 0
    payments_least: int = 0
    virtual_seconds: float = 0.0
    faults: dict[str, int] = field(default_factory=dict)
    violations: list[dict[str, Any]] = field(default_factory=list)
    repeated: int = 0
    differing: list[int] = field(default_factory=list)

    def add(self, result: Any) -> None:
        """One more seed."""
        self.events_least = min(self.events_least, result.events_count) if self.seeds else result.events_count
        self.payments_least = min(self.payments_least, result.payments_count) if self.seeds else result.payments_count
        self.seeds += 1
        self.events += result.events_count
        self.certificates += result.certificates_count
        self.payments += result.payments_count
        self.virtual_seconds += result.virtual_seconds
        for name, count in result.faults.items():
            self.faults[name] = self.faults.get(name, 0) + count
        self.violations += [
            {"seed": result.options.seed, "invariant": one.invariant, "at": one.seconds, "text": one.text, "command": result.options.command()}
            for one in result.violations
        ]


def _run_told(told: argparse.Namespace) -> int:
    """One seed, and its journal."""
    about = {
        "title": f"MESH simulation, seed {told.seed}",
        "seed": told.seed,
        "command": _options(told.seed, told.validators[0], told).command(),
        "versions": {"mesh-protocol": importlib.metadata.version("mesh-protocol")},
    }
    with written_journal(told.events, Header(SIMULATED, 0, about)) as journal:
        return _run_seeds([told.seed], told, journal)


def _options(seed: int, validators_count: int, told: argparse.Namespace) -> "Options":
    from testnet.simulation.seed_run import Options

    return Options(seed, told.byzantine, told.real_proofs, told.real_store, told.mutate, validators=validators_count)


def _run_seeds(seeds: Sequence[int], told: argparse.Namespace, journal: JournalWriter | None = None) -> int:
    from testnet.simulation.pool import run_again, run_seeds
    from testnet.simulation.seed_run import Options, run_seed

    several = [_options(seed, size, told) for size in told.validators for seed in seeds]
    results: Iterable[Any] = [run_seed(several[0], told.trace, journal)] if len(several) == 1 else run_seeds(several)
    total = _Total()
    again = several[::REPEATED_EVERY] if not told.mutate else []
    digests: dict[Options, str] = {}
    for result in results:
        total.add(result)
        digests[result.options] = result.digest
        _tell_seed(result, as_json=told.json)
    with ThreadPoolExecutor(2) as threads:
        for options, digest in zip(again, threads.map(run_again, again), strict=True):
            total.repeated += 1
            if digest != digests[options]:
                total.differing.append(options.seed)
    return _tell_total(total, as_json=told.json)


def _tell_seed(result: Any, *, as_json: bool) -> None:
    if as_json:
        line = {
            "event": "seed",
            "seed": result.options.seed,
            "validators": result.options.validators,
            "events": result.events_count,
            "certificates": result.certificates_count,
            "payments": result.payments_count,
            "virtual_seconds": result.virtual_seconds,
            "faults": result.faults,
            "trace": result.digest,
            "violations": [{"invariant": one.invariant, "at": one.seconds, "text": one.text} for one in result.violations],
        }
        print(json.dumps(line), flush=True)
        return
    for one in result.violations:
        where = f"seed {result.options.seed}, {result.options.validators} validators"
        print(f"{where}: {one.invariant} at {one.seconds:.6f}: {one.text}\n    {result.options.command()}", flush=True)


def _tell_total(total: _Total, *, as_json: bool) -> int:
    failed = bool(total.violations or total.differing)
    if as_json:
        fields = {name: getattr(total, name) for name in total.__slots__}
        print(json.dumps({"event": "total", "good": not failed, **fields}))
        return EXIT_FAILED if failed else 0
    print(f"{total.seeds} seeds, {total.events} events (least {total.events_least}), {total.certificates} certificates,", end=" ")
    print(f"{total.payments} payments (least {total.payments_least}), {total.virtual_seconds:.0f} virtual seconds")
    for name, count in sorted(total.faults.items()):
        print(f"  {count:7} {name}")
    print(f"{total.repeated} seeds twice, with other hash seeds: {'all the same' if not total.differing else f'{total.differing} DIFFER'}")
    print(f"{len(total.violations)} violations")
    sys.stdout.flush()
    return EXIT_FAILED if failed else 0
