"""The lock files: they hold what pyproject.toml asks for, and an installation from them is fixed to the byte."""

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path

import pytest
from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

PROJECT = Path(__file__).parents[2]
PYPROJECT = tomllib.loads((PROJECT / "pyproject.toml").read_text())
LOCKS = ("build", "run", "dev")


@dataclass(frozen=True)
class Pin:
    version: Version
    marker: Marker | None
    hashes: tuple[str, ...]


def read_lock(name: str) -> dict[str, Pin]:
    """Pins by canonical name. Raises AssertionError on any line that is no pin, hash or comment: an index, a path, a bare name."""
    text = (PROJECT / "requirements" / f"{name}.lock").read_text().replace("\\\n", " ")
    pins: dict[str, Pin] = {}
    for line in text.splitlines():
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        match = re.fullmatch(r"(?P<name>[a-z0-9-]+)==(?P<version>[^ ;]+)( ; (?P<marker>[^\\]+?))? +(?P<hashes>(--hash=sha256:[0-9a-f]{64} *)+)", line)
        assert match, f"{name}.lock: not a pin with hashes: {line[:80]}"
        marker = Marker(match["marker"]) if match["marker"] else None
        pins[canonicalize_name(match["name"])] = Pin(Version(match["version"]), marker, tuple(match["hashes"].split()))
    return pins


def asked_for(name: str) -> list[Requirement]:
    project, extras = PYPROJECT["project"], PYPROJECT["project"]["optional-dependencies"]
    asked = {
        "build": PYPROJECT["build-system"]["requires"],
        "run": project["dependencies"],
        "dev": [*project["dependencies"], *extras["test"], *extras["lint"]],
    }
    return [Requirement(text) for text in asked[name]]


@pytest.mark.parametrize("name", LOCKS)
def test_lock_holds_what_the_project_asks_for(name: str) -> None:
    pins = read_lock(name)
    for requirement in asked_for(name):
        pin = pins.get(canonicalize_name(requirement.name))
        assert pin is not None, f"{requirement.name} is not in {name}.lock: run tools/lock"
        assert requirement.specifier.contains(pin.version), f"{requirement} but {name}.lock holds {pin.version}: run tools/lock"


@pytest.mark.parametrize("system", [("linux", "x86_64"), ("linux", "aarch64"), ("linux", "riscv64"), ("darwin", "arm64"), ("darwin", "x86_64")])
@pytest.mark.parametrize("python", ["3.11", "3.12", "3.13"])
def test_lock_holds_the_same_packages_as_the_markers_ask_for(system: tuple[str, str], python: str) -> None:
    environment = {"sys_platform": system[0], "platform_machine": system[1], "python_version": python, "python_full_version": f"{python}.0"}
    pins = read_lock("run")
    for requirement in asked_for("run"):
        pin = pins[canonicalize_name(requirement.name)]
        wanted = requirement.marker is None or requirement.marker.evaluate(environment)
        held = pin.marker is None or pin.marker.evaluate(environment)
        assert held == wanted, f"{requirement.name} on {system}"


def test_locks_agree_with_each_other() -> None:
    dev = read_lock("dev")
    for name in ("build", "run"):
        for package, pin in read_lock(name).items():
            assert dev[package].version == pin.version, f"{package}: {name}.lock and dev.lock differ"


@pytest.mark.parametrize("package", ["textual", "aioquic", "sqlitedict", "pysodium"])
def test_package_known_from_the_inside_is_pinned_exactly(package: str) -> None:
    (requirement,) = [requirement for requirement in asked_for("run") if requirement.name == package]
    (specifier,) = requirement.specifier
    assert specifier.operator == "=="
