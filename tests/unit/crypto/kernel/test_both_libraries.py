"""Whole proofs with either group library: the same bytes from the same entropy, and the same verdict, with the same reason, on every damaged proof.

Method: one process for each library, since it is chosen once a process; both print what they made and found for one seed.
"""

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

PROJECT = Path(__file__).parents[4]
LIBRARIES = ("native", "libsodium")


def report(library: str, seed: str) -> Any:
    environment = os.environ | {"MESH_RISTRETTO": library}
    command = [sys.executable, "-m", "tests.unit.crypto.kernel.verdicts", seed]
    return json.loads(subprocess.run(command, cwd=PROJECT, env=environment, capture_output=True, text=True, check=True, timeout=110).stdout)


@pytest.mark.parametrize("seed", ["first", "second"])
def test_both_libraries_make_the_same_proofs_and_agree_on_every_verdict(seed: str) -> None:
    pytest.importorskip("mesh_core.crypto._ristretto", reason="the C module was not built here")
    with ThreadPoolExecutor() as pool:
        native, libsodium = pool.map(lambda library: report(library, seed), LIBRARIES)
    assert (native["backend"], libsodium["backend"]) == LIBRARIES
    assert native["proofs"] == libsodium["proofs"]
    assert native["verdicts"] == libsodium["verdicts"]
    assert native["batch"] == libsodium["batch"]
    # The good ones are accepted, and the damage reaches every check that bytes alone can fail.
    assert native["verdicts"].count("") >= 2 * 7
    assert {"PROOF_SIZE", "EXTENSION", "SCALAR_ENCODING", "POINT_ENCODING", "IDENTITY_POINT", "EQUATION"} <= set(native["verdicts"])
