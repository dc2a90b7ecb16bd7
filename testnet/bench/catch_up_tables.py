"""The table of `bench catch-up`. Pure."""

from collections.abc import Sequence

from testnet.bench.profile_option import profile_sentence
from testnet.bench.results import Result
from testnet.bench.tables import Table, number

WORDS = {"fetching": "V4, fetching", "serving": "V1, serving", "another": "another network's, which has nothing to do with it"}


def tables(result: Result) -> Sequence[Table]:
    """Votes idle and meanwhile. KeyError and the like for figures of another version."""
    figures = result.figures
    rate = f"{figures['certificates']:,} certificates, fetched at {figures['certificates_per_s']:,.0f} a second"
    rows = []
    for name, words in WORDS.items():
        idle, busy, slower = figures[name]["idle"], figures[name]["busy"], figures[name]["slower"]
        cells = (number(idle["median_ms"]), number(busy["median_ms"]), "" if slower is None else number(slower), number(idle["p99_ms"]), number(busy["p99_ms"]))
        rows.append((words, *cells, str(busy["count"])))
    headings = ("votes, ms", "idle, median", "meanwhile", "times", "idle, p99", "meanwhile, p99", "votes meanwhile")
    asked = "nobody asks for votes" if result.options["silent"] else "votes asked for meanwhile"
    return [Table(headings, tuple(rows), f"{rate}, {asked}.{profile_sentence(result.options)}")]
