"""The kernel on ARM, 64 and 32 bits, in emulation: it gives to the last byte what it gives on this machine, and leaves as little. An emulator's times say
nothing, and constant time is not looked at here.

Method: driver.c is built by a cross compiler, without shared libraries, and run by qemu's user mode; it checks its laws there, too. ARM of 32 bits is the
processor without __int128 on which the form for such compilers is what is shipped.
"""

from pathlib import Path

import pytest

from tests.unit.crypto.kernel.driver import COMPILERS, SHIPPED, assert_nothing_remains, compile_driver, need_program, run_driver

# Processor: cross compiler, emulator.
PROCESSORS = {
    "aarch64": ("aarch64-linux-gnu-gcc", "qemu-aarch64"),
    "armhf": ("arm-linux-gnueabihf-gcc", "qemu-arm"),
}
BUILDS = [
    ("aarch64", SHIPPED),
    ("aarch64", [*SHIPPED, "-DMESH_NO_INT128"]),
    ("aarch64", ["-O1", "-DMESH_CHECK_BOUNDS"]),
    ("armhf", [*SHIPPED, "-DMESH_CHECK_BOUNDS"]),
]
RUNS = [("answers", "1"), ("answers", "2"), ("secrets",)]


@pytest.fixture(scope="module")
def native_output(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """What the driver prints on this machine."""
    program = tmp_path_factory.mktemp("native") / "driver"
    compile_driver(COMPILERS[0], SHIPPED, program)
    return [run_driver([str(program)], *arguments) for arguments in RUNS]


@pytest.mark.parametrize(("processor", "flags"), BUILDS, ids=[" ".join((processor, *flags)) for processor, flags in BUILDS])
def test_kernel_gives_the_same_on_arm_and_leaves_nothing_on_the_stack(processor: str, flags: list[str], native_output: list[str], tmp_path: Path) -> None:
    compiler, emulator = PROCESSORS[processor]
    need_program(emulator)
    program = tmp_path / "driver"
    compile_driver(compiler, ["-static", *flags], program)
    assert [run_driver([emulator, str(program)], *arguments) for arguments in RUNS] == native_output
    assert [len(output.splitlines()) for output in native_output] == [12, 12, 2]
    assert_nothing_remains([emulator, str(program)])
