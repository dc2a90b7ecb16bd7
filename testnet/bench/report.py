"""docs/benchmarks.md from results: `mesh-testnet bench report docs/benchmarks -o docs/benchmarks.md`.

The document is its own template. What stands between two markers is made from the result of that name, everything else is written by hand and left as it is:

    <!-- bench throughput -->
    ... tables ...
    <!-- /bench -->

So a run writes its file (`mesh-testnet bench throughput --output docs/benchmarks`), and this command brings the document up to date. A marker whose result is
missing is a fault, and so is a result that no marker names: a figure that nobody shows is forgotten. To give a benchmark its tables, add its `tables` function
to `TABLES`: it takes a `Result` and returns tables for the terminal and the document alike.
"""

import contextlib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib import import_module
from typing import Final

from mesh_core.errors import ErrorCode, LocalFault
from testnet.bench.results import Result
from testnet.bench.tables import Table, as_markdown, describe_run, markdown_text

MODULES: Final[dict[str, str]] = {
    "throughput": "testnet.bench.throughput_tables",
    "scale": "testnet.bench.scale_tables",
    "catch-up": "testnet.bench.catch_up_tables",
    "soak": "testnet.bench.soak_tables",
    "proofs": "testnet.bench.proofs_tables",
    "latency": "testnet.bench.latency_tables",
    "hosts": "testnet.bench.hosts_tables",
}
"""By benchmark: the module whose `tables(result)` understands its figures."""

SHOWN_CHARACTERS: Final = 100

_REGION: Final = re.compile(r"(?P<open><!-- bench (?P<name>\S+) -->\n)(?P<body>.*?)(?P<close><!-- /bench -->)", re.DOTALL)
_MARKER: Final = re.compile(r"<!-- /?bench\b[^>]*-->")


def tables_of(result: Result) -> Sequence[Table]:
    """The tables of any result. LocalFault (CONFIG_INVALID) for a benchmark that this version does not know, or figures that it does not understand."""
    if result.benchmark not in MODULES:
        raise LocalFault(ErrorCode.CONFIG_INVALID, f"no benchmark is called {result.benchmark[:SHOWN_CHARACTERS]!r}")
    tables: Callable[[Result], Sequence[Table]] = import_module(MODULES[result.benchmark]).tables
    with _understanding(result):
        return tables(result)


@contextlib.contextmanager
def _understanding(result: Result) -> Iterator[None]:
    """A file says what it likes: text for a number, a number that no float holds, a list for a table. LocalFault (CONFIG_INVALID) where that shows."""
    try:
        yield
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        text = f"the figures of {result.benchmark!r} are not of this version: measure again ({repr(error)[:SHOWN_CHARACTERS]})"
        raise LocalFault(ErrorCode.CONFIG_INVALID, text) from error


def render(document: str, results: Mapping[str, Result]) -> str:
    """The document with its tables made anew. LocalFault (CONFIG_INVALID)."""
    named = [match["name"] for match in _REGION.finditer(document)]
    if len(_MARKER.findall(document)) != 2 * len(named):
        raise LocalFault(ErrorCode.CONFIG_INVALID, "a marker '<!-- bench NAME -->' or '<!-- /bench -->' has no partner")
    for name in named:
        if name not in results:
            raise LocalFault(ErrorCode.CONFIG_INVALID, f"there is no result {name!r}, which the document shows")
    for name in results:
        if name not in named:
            raise LocalFault(ErrorCode.CONFIG_INVALID, f"the result {name!r} is shown nowhere in the document: no marker '<!-- bench {name} -->'")
    return _REGION.sub(lambda match: f"{match['open']}{_body(results[match['name']])}{match['close']}", document)


def _body(result: Result) -> str:
    tables = tables_of(result)
    with _understanding(result):
        return f"{as_markdown(tables)}\n\n{markdown_text(describe_run(result))}\n"
