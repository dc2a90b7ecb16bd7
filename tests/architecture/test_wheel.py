"""The wheel is what others install: it carries every module and every data file, and nothing from beside the packages.

Method: the build backend makes one from a copy of the packages, without a network; the list of its files is compared.
"""

import shutil
import subprocess
import sys
import zipfile
from fnmatch import fnmatch
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
PACKAGES = ("mesh_core", "testnet", "mesh_app")
BUILD = "import sys; from setuptools.build_meta import build_wheel; print(build_wheel(sys.argv[1]))"
NOT_CARRIED = ("__pycache__", "*.pyc", "*.so")
REPOSITORY_ALONE = ("testnet/Dockerfile*", "testnet/*.yml", "testnet/*.sh", "testnet/grafana/*", "testnet/kubernetes/*", "testnet/systemd/*")
"""Files of whoever deploys: they name the sources beside them, and an installation has none."""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    copy = tmp_path_factory.mktemp("source")
    for file in ("pyproject.toml", "setup.py", "LICENSE", "README.md"):
        if (PROJECT / file).exists():
            shutil.copy(PROJECT / file, copy)
    for package in PACKAGES:
        shutil.copytree(PROJECT / package, copy / package, ignore=shutil.ignore_patterns(*NOT_CARRIED))
    # Files of the kinds that the packages carry, deep in folders, so that this test means something wherever they stand.
    for planted in ("mesh_app/screens/planted.tcss", "mesh_app/planted.tcss", "testnet/profiles/planted.toml", "mesh_core/crypto/range_proof/planted.md"):
        (copy / planted).parent.mkdir(exist_ok=True)
        (copy / planted).write_text("planted\n")
    result = subprocess.run([sys.executable, "-c", BUILD, str(copy)], cwd=copy, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    (made,) = copy.glob("*.whl")
    return zipfile.ZipFile(made)


def files_of(wheel: zipfile.ZipFile) -> set[str]:
    return {name for name in wheel.namelist() if ".dist-info/" not in name}


def test_wheel_carries_every_file_of_the_packages(wheel: zipfile.ZipFile) -> None:
    source = Path(wheel.filename or "").parent
    found = {str(path.relative_to(source)) for package in PACKAGES for path in (source / package).rglob("*") if path.is_file()}
    expected = {name for name in found if not any(fnmatch(name, pattern) for pattern in REPOSITORY_ALONE)}
    # The compiled module is there if a compiler was.
    assert files_of(wheel) - expected <= {"mesh_core/crypto/_ristretto.abi3.so"}
    assert expected <= files_of(wheel)
    assert {
        "mesh_core/crypto/_ristretto.c",
        "mesh_core/crypto/_kernel/field.h",
        "mesh_app/screens/planted.tcss",
        "testnet/profiles/planted.toml",
        "mesh_core/errors.py",
    } <= expected


def test_wheel_carries_nothing_from_beside_the_packages(wheel: zipfile.ZipFile) -> None:
    assert {name.partition("/")[0] for name in files_of(wheel)} == set(PACKAGES)


def test_wheel_declares_the_command_and_the_licence(wheel: zipfile.ZipFile) -> None:
    (prefix,) = {name.partition("/")[0] for name in wheel.namelist() if ".dist-info/" in name}
    assert "mesh-app = mesh_app.cli:main" in wheel.read(f"{prefix}/entry_points.txt").decode()
    assert b"License-Expression: Apache-2.0" in wheel.read(f"{prefix}/METADATA")
    assert b"Apache License" in wheel.read(f"{prefix}/licenses/LICENSE")
