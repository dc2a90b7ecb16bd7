"""Where libsodium comes from. Each case runs in a fresh interpreter, because the library is chosen once a process."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
MULTIPLY = """
import ctypes.util, json, sys
{prepare}
from mesh_core.crypto import ristretto, ristretto_libsodium
from mesh_core.errors import LocalFault
try:
    twice = ristretto.multiply(2, ristretto.BASEPOINT).encode().hex()
except LocalFault as fault:
    print(json.dumps({{"code": fault.code.name, "text": fault.text}}))
else:
    print(json.dumps({{"twice": twice, "path": ristretto_libsodium.load_library()._name, "found": str(ctypes.util.find_library("sodium"))}}))
"""
TWICE_THE_BASEPOINT = "6a493210f7499cd17fecb510ae0cea23a110e8d5b901f8acadd3095c73a3b919"
NO_SYSTEM_LIBRARY = "ctypes.util.find_library = lambda name: None"
NO_BUNDLED_LIBRARY = "sys.modules['rbcl'] = sys.modules['rbcl._sodium'] = None"


def run(folder: Path, *prepare: str) -> dict[str, str]:
    """What a new process prints that multiplies once after `prepare`; its temporary files go to `folder`."""
    environment = os.environ | {"TMPDIR": str(folder), "PYTHONPATH": str(ROOT), "MESH_RISTRETTO": "libsodium"}
    code = MULTIPLY.format(prepare="\n".join(prepare))
    done = subprocess.run([sys.executable, "-c", code], env=environment, cwd=ROOT, capture_output=True, text=True, timeout=60, check=True)
    answer: dict[str, str] = json.loads(done.stdout)
    return answer


def test_without_a_system_library_the_copy_of_rbcl_is_used_and_its_file_removed(tmp_path: Path) -> None:
    pytest.importorskip("rbcl", reason="the rbcl wheel does not exist for this platform")
    answer = run(tmp_path, NO_SYSTEM_LIBRARY)
    assert answer["twice"] == TWICE_THE_BASEPOINT
    assert Path(answer["path"]).parent == tmp_path
    assert list(tmp_path.iterdir()) == []
    # ctypes looks libraries up as before.
    assert answer["found"] == "None"


@pytest.mark.parametrize("name", ["no-such-library.so", "libc.so.6"])
def test_a_library_that_does_not_load_or_is_too_old_is_passed_over(tmp_path: Path, name: str) -> None:
    pytest.importorskip("rbcl", reason="the rbcl wheel does not exist for this platform")
    answer = run(tmp_path, f"ctypes.util.find_library = lambda _: {name!r}")
    assert answer["twice"] == TWICE_THE_BASEPOINT
    assert Path(answer["path"]).parent == tmp_path


def test_without_any_library_the_error_names_the_package(tmp_path: Path) -> None:
    answer = run(tmp_path, NO_SYSTEM_LIBRARY, NO_BUNDLED_LIBRARY)
    assert answer["code"] == "CRYPTO_LIBRARY"
    for remedy in ("apt-get install libsodium23", "brew install libsodium", "pip install rbcl"):
        assert remedy in answer["text"]


def test_a_library_of_the_system_comes_first(tmp_path: Path) -> None:
    answer = run(tmp_path, NO_BUNDLED_LIBRARY)
    if "code" in answer:
        pytest.skip("this system has no libsodium of its own")
    assert answer["twice"] == TWICE_THE_BASEPOINT
    assert answer["path"] == answer["found"]


REPORT = """
import json, sys
{prepare}
from mesh_core.crypto import ristretto
from mesh_core.errors import LocalFault
try:
    twice = ristretto.multiply(2, ristretto.BASEPOINT).encode().hex()
except LocalFault as fault:
    print(json.dumps({{"code": fault.code.name, "text": fault.text}}))
else:
    print(json.dumps({{"twice": twice, "backend": ristretto.BACKEND, "libsodium": str("pysodium" in sys.modules)}}))
"""
NOT_BUILT = "sys.modules['mesh_core.crypto._ristretto'] = None"


def choose(wanted: str, prepare: str = "") -> dict[str, str]:
    """What a new process that asks for a library says of the one that it got."""
    environment = os.environ | {"PYTHONPATH": str(ROOT), "MESH_RISTRETTO": wanted}
    code = REPORT.format(prepare=prepare)
    done = subprocess.run([sys.executable, "-c", code], env=environment, cwd=ROOT, capture_output=True, text=True, timeout=60, check=True)
    answer: dict[str, str] = json.loads(done.stdout)
    return answer


@pytest.mark.parametrize("wanted", ["", "native"])
def test_the_compiled_library_is_used_where_it_was_built_and_libsodium_is_not_loaded(wanted: str) -> None:
    pytest.importorskip("mesh_core.crypto._ristretto", reason="the C module was not built here")
    assert choose(wanted) == {"twice": TWICE_THE_BASEPOINT, "backend": "native", "libsodium": "False"}


def test_libsodium_is_used_where_it_is_asked_for() -> None:
    assert choose("libsodium") == {"twice": TWICE_THE_BASEPOINT, "backend": "libsodium", "libsodium": "True"}


def test_libsodium_is_used_where_the_compiled_library_was_not_built() -> None:
    assert choose("", NOT_BUILT) == {"twice": TWICE_THE_BASEPOINT, "backend": "libsodium", "libsodium": "True"}


def test_asking_for_the_compiled_library_where_it_was_not_built_is_an_error_that_names_the_remedy() -> None:
    answer = choose("native", NOT_BUILT)
    assert answer["code"] == "CRYPTO_LIBRARY"
    assert "MESH_RISTRETTO=native" in answer["text"]
    assert "C compiler" in answer["text"]


def test_asking_for_a_library_that_does_not_exist_is_an_error_that_names_those_that_do() -> None:
    answer = choose("dalek")
    assert answer["code"] == "CRYPTO_LIBRARY"
    assert "native" in answer["text"]
    assert "libsodium" in answer["text"]
