"""Writes the files of this folder that come from `mesh_core` anew: `python -m tests.vectors.make_all`. A test asserts that this changes nothing."""

from collections.abc import Callable
from typing import Any

from tests.vectors import (
    make_certificates,
    make_evidence,
    make_frames,
    make_genesis,
    make_handshake,
    make_ledger,
    make_messages,
    make_receipts,
    make_rules,
    make_transitions,
)
from tests.vectors.vector_file import FOLDER, render

MODULES = (
    make_genesis,
    make_transitions,
    make_certificates,
    make_evidence,
    make_ledger,
    make_rules,
    make_receipts,
    make_handshake,
    make_messages,
    make_frames,
)
MAKERS: dict[str, Callable[[], dict[str, Any]]] = {module.NAME: module.build for module in MODULES}


if __name__ == "__main__":
    for file_name, build in MAKERS.items():
        (FOLDER / file_name).write_text(render(build()), encoding="utf-8")
