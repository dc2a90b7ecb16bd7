"""What all benchmarks have in common towards whoever runs them: `--json`, `--output DIR`, `--name`, `--plot DIR`, and the words on the terminal."""

import argparse
import json
import sys
from collections.abc import Sequence

from mesh_core.storage.named_path import named_path
from mesh_core.types.visible_text import visible_text
from testnet.bench.plots import Figure, draw, require_matplotlib
from testnet.bench.report import tables_of
from testnet.bench.results import Result, form, require_name, write_result
from testnet.bench.tables import as_text, describe_run


def add_output_arguments(parser: argparse.ArgumentParser) -> None:
    """Where the figures go."""
    parser.add_argument("--json", action="store_true", help="the result as one JSON object")
    parser.add_argument("--output", type=named_path, metavar="DIR", help="write the result into this folder, for 'bench report'")
    parser.add_argument("--name", metavar="NAME", help="with --output: what the file is called (default: as the benchmark)")
    parser.add_argument("--plot", type=named_path, metavar="DIR", help="write figures as SVG into this folder")


def require_output(options: argparse.Namespace) -> None:
    """Refuse before an hour is spent what could not be written after it. LocalFault (CONFIG_INVALID)."""
    if options.name is not None:
        require_name(options.name)
    if options.plot is not None:
        require_matplotlib()


def say(options: argparse.Namespace, text: str) -> None:
    """What is being done, for whoever waits; standard output stays free for the result."""
    if not options.json:
        # A network's name is in it, and the path of a folder.
        sys.stderr.write(f"{visible_text(text)}\n")
        sys.stderr.flush()


def deliver(options: argparse.Namespace, result: Result, figures: Sequence[Figure] = ()) -> None:
    """Tell a result in every way that was asked for. LocalFault (STORE_UNAVAILABLE)."""
    if options.json:
        sys.stdout.write(json.dumps(form(result), separators=(",", ":")) + "\n")
    else:
        sys.stdout.write(f"{as_text(tables_of(result))}\n\n{describe_run(result)}\n")
    sys.stdout.flush()
    if options.output is not None:
        say(options, f"written: {write_result(options.output, result, options.name)}")
    if options.plot is not None:
        for path in draw(options.plot, figures):
            say(options, f"written: {path}")
