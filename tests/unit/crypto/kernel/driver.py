"""Builds driver.c with the kernel's sources, for the tests that run it."""

import shutil
import subprocess
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[4]
CRYPTO = PROJECT / "mesh_core/crypto"
SOURCE = Path(__file__).parent / "driver.c"
STRICT = ["-std=c11", "-Wall", "-Wextra", "-Werror"]
SHIPPED = ["-O3"]
COMPILERS = ["gcc", "clang"]


def need_program(name: str) -> None:
    """Skips the test where the program is not there."""
    if shutil.which(name) is None:
        pytest.skip(f"{name} is not installed")


def compile_driver(compiler: str, flags: list[str], program: Path) -> None:
    """Any warning is an error. Skips the test where the compiler, or the sanitizers that `flags` ask for, are missing."""
    need_program(compiler)
    sources = sorted(str(path) for path in CRYPTO.glob("_kernel/*.c"))
    command = [compiler, *STRICT, "-pedantic", *flags, "-I", str(CRYPTO), str(SOURCE), *sources, "-o", str(program)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=100)
    if done.returncode != 0 and "-fsanitize" in " ".join(flags) and any(word in done.stderr for word in ("libasan", "libclang_rt", "unsupported")):
        pytest.skip(f"{compiler} has no sanitizers here")
    assert done.returncode == 0, done.stderr


def run_driver(command: list[str], *arguments: str) -> str:
    """What the driver prints. Its laws hold, or it says on standard error which does not."""
    done = subprocess.run([*command, *arguments], capture_output=True, text=True, check=False, timeout=100)
    assert done.returncode == 0, done.stderr
    return done.stdout


def assert_nothing_remains(command: list[str]) -> None:
    """No byte of the stack depends on a secret once it is wiped. Before that many do, which shows that they would be seen."""
    done = subprocess.run([*command, "remains"], capture_output=True, text=True, check=False, timeout=100)
    if done.returncode == 77:
        pytest.skip("this system's C library has no makecontext")
    assert done.returncode == 0, done.stderr
    counts = {name: tuple(map(int, numbers.split())) for name, _, numbers in (line.partition(":") for line in done.stdout.splitlines())}
    assert len(counts) == 8
    assert {name: wiped for name, (_, wiped) in counts.items()} == dict.fromkeys(counts, 0)
    assert all(before > 0 for name, (before, _) in counts.items() if name != "scalar bytes")
