"""The kernel without Python: strict warnings, sanitizers, bounds of limbs, the form without 128-bit integers, and constant time.

Method: driver.c is compiled with the kernel's sources in several ways. It checks laws and compares methods; what it prints is computed again with libsodium.
For constant time, memcheck runs the paths that take secrets, with the secrets marked as undefined memory: a branch or an address that depends on one is
reported like any use of undefined memory. That is a statement about this compiler's code on this machine.
"""

import shutil
import subprocess
import sysconfig
from pathlib import Path

import pytest

from mesh_core.crypto import ristretto_libsodium as libsodium

PROJECT = Path(__file__).parents[4]
CRYPTO = PROJECT / "mesh_core/crypto"
DRIVER = Path(__file__).parent / "driver.c"
STRICT = ["-std=c11", "-Wall", "-Wextra", "-Werror", "-pedantic"]
SHIPPED = ["-O3"]

# Name, flags: what the driver is built with for `answers`.
BUILDS = [
    ("as shipped", SHIPPED),
    ("without optimisation", ["-O0"]),
    ("without 128-bit integers", [*SHIPPED, "-DMESH_NO_INT128"]),
    ("limbs checked", ["-O1", "-DMESH_CHECK_BOUNDS"]),
    ("sanitizers", ["-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-DMESH_CHECK_BOUNDS"]),
    ("sanitizers without 128-bit integers", ["-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-DMESH_NO_INT128"]),
]


def compilers() -> list[str]:
    return [name for name in ("gcc", "clang") if shutil.which(name)] or ["cc"]


def compile_driver(compiler: str, flags: list[str], program: Path) -> None:
    if shutil.which(compiler) is None:
        pytest.skip("there is no C compiler here (gcc, clang, cc)")
    sources = sorted(str(path) for path in CRYPTO.glob("_kernel/*.c"))
    command = [compiler, *STRICT, *flags, "-I", str(CRYPTO), str(DRIVER), *sources, "-o", str(program)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=100)
    if done.returncode != 0 and "-fsanitize" in " ".join(flags) and ("libasan" in done.stderr or "unsupported" in done.stderr):
        pytest.skip(f"{compiler} has no sanitizers here")
    assert done.returncode == 0, done.stderr


def assert_matches_libsodium(line: str) -> None:
    terms, _, encoding = line.partition("=")
    pairs = [term.split("*") for term in terms.split("+")] if terms else []
    scalars = libsodium.scalars_from_bytes(b"".join(bytes.fromhex(scalar) for scalar, _ in pairs))
    elements = tuple(libsodium.map_to_group(bytes.fromhex(uniform)) for _, uniform in pairs)
    assert libsodium.multiply_secret(scalars, elements).hex() == encoding


@pytest.mark.parametrize("compiler", compilers())
@pytest.mark.parametrize(("name", "flags"), BUILDS, ids=[name for name, _ in BUILDS])
def test_kernel_holds_its_laws_and_agrees_with_libsodium(compiler: str, name: str, flags: list[str], tmp_path: Path) -> None:
    program = tmp_path / "driver"
    compile_driver(compiler, flags, program)
    for seed in ("1", "2"):
        done = subprocess.run([program, "answers", seed], capture_output=True, text=True, check=False, timeout=100)
        assert done.returncode == 0, f"{name}: {done.stderr}"
        lines = done.stdout.splitlines()
        assert len(lines) == 12
        for line in lines:
            assert_matches_libsodium(line)


@pytest.mark.parametrize("compiler", compilers())
def test_python_module_compiles_without_a_warning(compiler: str, tmp_path: Path) -> None:
    include = Path(sysconfig.get_path("include"))
    if shutil.which(compiler) is None or not (include / "Python.h").exists():
        pytest.skip("there is no C compiler here, or Python's headers are missing")
    # Python's own headers are not written for -pedantic.
    flags = ["-std=c11", "-Wall", "-Wextra", "-Werror", *SHIPPED, "-I", str(CRYPTO), "-isystem", str(include)]
    done = subprocess.run([compiler, *flags, "-c", str(CRYPTO / "_ristretto.c"), "-o", str(tmp_path / "module.o")], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module", params=compilers())
def memcheck(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The command that runs the driver, as optimised as it is shipped, under memcheck."""
    compiler = str(request.param)
    if shutil.which("valgrind") is None:
        pytest.skip("valgrind is not installed")
    if shutil.which(compiler) is None:
        pytest.skip("there is no C compiler here (gcc, clang, cc)")
    probe = subprocess.run([compiler, "-E", "-include", "valgrind/memcheck.h", "-x", "c", "/dev/null"], capture_output=True, check=False)
    if probe.returncode != 0:
        pytest.skip("valgrind's header memcheck.h is not installed")
    program = tmp_path_factory.mktemp("memcheck") / "driver"
    # clang writes DWARF 5 for -g, which valgrind reads from 3.20 on, and not all of it there.
    compile_driver(compiler, [*SHIPPED, "-gdwarf-4", "-Wno-pedantic", "-DWITH_MEMCHECK"], program)
    return ["valgrind", "--quiet", "--error-exitcode=9", str(program)]


def test_no_branch_and_no_address_depends_on_a_secret(memcheck: list[str]) -> None:
    done = subprocess.run([*memcheck, "secrets"], capture_output=True, text=True, check=False, timeout=100)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 2


def test_a_branch_on_a_secret_would_be_reported(memcheck: list[str]) -> None:
    done = subprocess.run([*memcheck, "leak"], capture_output=True, text=True, check=False, timeout=100)
    assert done.returncode == 9
    assert "depends on uninitialised value" in done.stderr
