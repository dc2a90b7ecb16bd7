"""The table of `bench proofs`. Pure."""

from collections.abc import Sequence

from testnet.bench.results import Result
from testnet.bench.tables import Table, number

OPERATIONS = {"prove": "prove", "verify": "verify", "batch": "verify {batch} in a batch, each"}


def tables(result: Result) -> Sequence[Table]:
    """One row an operation, one column a group library. KeyError and the like for figures of another version."""
    rows = result.figures["rows"]
    backends = tuple(dict.fromkeys(row["backend"] for row in rows))
    cells: dict[tuple[int, str], dict[str, str]] = {}
    for row in rows:
        words = OPERATIONS[row["operation"]].format(**row)
        each = row["median_ms"] / row["batch"], row["units"] / row["batch"]
        cells.setdefault((row["commitments"], words), {})[row["backend"]] = f"{number(each[0])} ms, {number(each[1])} units"
    lines = tuple((f"m = {m}: {words}", *(found.get(backend, "") for backend in backends)) for (m, words), found in cells.items())
    return [Table(("range proofs, processor time of one thread, median", *backends), lines)]
