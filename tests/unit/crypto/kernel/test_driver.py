"""The kernel without Python: strict warnings, sanitizers, bounds of limbs, the form without 128-bit integers, constant time, and the stack.

Method: driver.c is compiled with the kernel's sources in several ways, by gcc and by clang. It checks laws and compares methods; what it prints is computed
again with libsodium. For constant time, memcheck runs the paths that take secrets, with the secrets marked as undefined memory: a branch or an address that
depends on one is reported like any use of undefined memory. For the stack, functions run on a stack of their own with different secrets, and what they leave
is compared. Both are statements about these compilers' code on this machine.
"""

import subprocess
import sysconfig
from collections.abc import Callable
from pathlib import Path

import pytest

from mesh_core.crypto import ristretto_libsodium as libsodium
from tests.unit.crypto.kernel.driver import COMPILERS, CRYPTO, SHIPPED, STRICT, assert_nothing_remains, compile_driver, need_program, run_driver

SANITIZERS = ["-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]

# What both compilers build, and what is so little the compiler's own matter that one is enough.
BUILDS = {
    "as shipped": SHIPPED,
    "without 128-bit integers": [*SHIPPED, "-DMESH_NO_INT128"],
    "sanitizers, limbs checked": [*SANITIZERS, "-DMESH_CHECK_BOUNDS"],
}
BUILDS_OF_ONE = {
    "without optimisation": ["-O0"],
    "sanitizers without 128-bit integers": [*SANITIZERS, "-DMESH_NO_INT128"],
}
ALL_BUILDS = [(compiler, name) for compiler in COMPILERS for name in BUILDS] + [(COMPILERS[0], name) for name in BUILDS_OF_ONE]


def assert_matches_libsodium(line: str) -> None:
    terms, _, encoding = line.partition("=")
    pairs = [term.split("*") for term in terms.split("+")] if terms else []
    scalars = libsodium.scalars_from_bytes(b"".join(bytes.fromhex(scalar) for scalar, _ in pairs))
    elements = tuple(libsodium.map_to_group(bytes.fromhex(uniform)) for _, uniform in pairs)
    assert libsodium.multiply_secret(scalars, elements).hex() == encoding


Builder = Callable[[str, str], list[str]]


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Builder:
    """Gives the command of the driver that a compiler makes, compiled once."""
    folder = tmp_path_factory.mktemp("drivers")

    def build(compiler: str, name: str) -> list[str]:
        program = folder / f"{compiler} {name}"
        if not program.exists():
            compile_driver(compiler, (BUILDS | BUILDS_OF_ONE)[name], program)
        return [str(program)]

    return build


@pytest.mark.parametrize(("compiler", "name"), ALL_BUILDS, ids=[f"{compiler} {name}" for compiler, name in ALL_BUILDS])
def test_kernel_holds_its_laws_and_agrees_with_libsodium(compiler: str, name: str, build: Builder) -> None:
    command = build(compiler, name)
    for seed in ("1", "2"):
        lines = run_driver(command, "answers", seed).splitlines()
        assert len(lines) == 12
        for line in lines:
            assert_matches_libsodium(line)


@pytest.mark.parametrize("compiler", COMPILERS)
@pytest.mark.parametrize("name", ["as shipped", "without 128-bit integers"])
def test_nothing_that_depends_on_a_secret_is_left_on_the_stack(compiler: str, name: str, build: Builder) -> None:
    assert_nothing_remains(build(compiler, name))


@pytest.mark.parametrize("compiler", COMPILERS)
def test_python_module_compiles_without_a_warning(compiler: str, tmp_path: Path) -> None:
    need_program(compiler)
    include = Path(sysconfig.get_path("include"))
    if not (include / "Python.h").exists():
        pytest.skip("Python's headers are not installed")
    # Python's own headers are not written for -pedantic.
    flags = [*STRICT, *SHIPPED, "-I", str(CRYPTO), "-isystem", str(include)]
    done = subprocess.run([compiler, *flags, "-c", str(CRYPTO / "_ristretto.c"), "-o", str(tmp_path / "module.o")], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module", params=COMPILERS)
def memcheck(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The command that runs the driver, as optimised as it is shipped, under memcheck."""
    compiler = str(request.param)
    need_program(compiler)
    need_program("valgrind")
    probe = subprocess.run([compiler, "-E", "-include", "valgrind/memcheck.h", "-x", "c", "/dev/null"], capture_output=True, check=False)
    if probe.returncode != 0:
        pytest.skip("valgrind's header memcheck.h is not installed")
    program = tmp_path_factory.mktemp("memcheck") / "driver"
    # clang writes DWARF 5 for -g, at which valgrind 3.19 gives up.
    compile_driver(compiler, [*SHIPPED, "-gdwarf-4", "-Wno-pedantic", "-DWITH_MEMCHECK"], program)
    return ["valgrind", "--quiet", "--error-exitcode=9", str(program)]


def test_no_branch_and_no_address_depends_on_a_secret(memcheck: list[str]) -> None:
    assert len(run_driver(memcheck, "secrets").splitlines()) == 2


def test_a_branch_on_a_secret_would_be_reported(memcheck: list[str]) -> None:
    done = subprocess.run([*memcheck, "leak"], capture_output=True, text=True, check=False, timeout=100)
    assert done.returncode == 9
    assert "depends on uninitialised value" in done.stderr
