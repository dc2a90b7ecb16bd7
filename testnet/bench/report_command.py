"""`mesh-testnet bench report`: the tables of a document from the results of the runs."""

import argparse
import sys
from pathlib import Path

from mesh_core.storage.named_path import named_path

NAME = "report"
HELP = "make the tables of a document from the results of runs"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.add_argument("results", type=named_path, metavar="DIR", help="where runs have left their results (--output DIR)")
    parser.add_argument("-o", "--output", type=named_path, required=True, metavar="FILE", help="the document; what stands between its markers is made anew")
    parser.add_argument("--check", action="store_true", help="change nothing; exit status 1 unless the document is what the results say")


def run(options: argparse.Namespace) -> int:
    """Bring the document up to date. LocalFault."""
    from mesh_core.errors import ErrorCode, LocalFault
    from mesh_core.network.plain_file import read_plain_file
    from testnet.bench.report import render
    from testnet.bench.results import LIMIT_BYTES, read_results, write_document

    document: Path = options.output
    try:
        before = read_plain_file(document, LIMIT_BYTES).decode("utf-8")
        after = render(before, read_results(options.results))
        if after == before:
            return 0
        if options.check:
            sys.stderr.write(f"mesh-testnet: {document} is not what the results in {options.results} say\n")
            return 1
        write_document(document, after)
    except UnicodeDecodeError as error:
        raise LocalFault(ErrorCode.CONFIG_INVALID, f"{document} is not UTF-8") from error
    except OSError as error:
        raise LocalFault(ErrorCode.STORE_UNAVAILABLE, f"{document}: {error.strerror or error}") from error
    return 0
