"""tools/bootstrap and tools/environment.py: an environment comes about on machines that lack this or that, or the reason is named.

Method: the two files run in a toy project in a folder with a space in its name, without HOME, and with a PATH that holds nothing but
what the case puts there. Its one dependency is a wheel in a folder that only pip's settings name, so that nothing needs a network and
a way that ignores those settings fails. Most cases put a venv module in the way of the real one that saves the seconds of unpacking pip.
"""

import base64
import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType

import pytest

PROJECT = Path(__file__).parents[2]
SYSTEM_COMMANDS = ("sh", "dirname", "rm", "mkdir", "cat")
INTERPRETER = Path(sys.base_prefix) / "bin" / f"python{sys.version_info.major}.{sys.version_info.minor}"

PYPROJECT = """
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
[project]
name = "toy-project"
version = "1.0"
"""
# A build backend that needs nothing: an editable wheel is a path file and its metadata.
BACKEND = """
import pathlib, zipfile
def build_editable(folder, config_settings=None, metadata_directory=None):
    name = "toy_project-1.0-py3-none-any.whl"
    with zipfile.ZipFile(pathlib.Path(folder) / name, "w") as wheel:
        wheel.writestr("toy_project.pth", str(pathlib.Path.cwd()))
        wheel.writestr("toy_project-1.0.dist-info/METADATA", "Metadata-Version: 2.1\\nName: toy-project\\nVersion: 1.0\\n")
        wheel.writestr("toy_project-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\\nGenerator: toy\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        wheel.writestr("toy_project-1.0.dist-info/RECORD", "")
    return name
"""

# An environment as the venv module makes it, with the pip of the tests' own environment instead of one unpacked for it.
QUICK_VENV = """
import pathlib, subprocess, sys
subprocess.run([sys.executable, "-I", "-m", "venv", "--without-pip", sys.argv[1]], check=True)
(packages,) = pathlib.Path(sys.argv[1]).glob("lib/python*/site-packages")
(packages / "pip").symlink_to({pip!r})
"""


def make_wheel(folder: Path, name: str) -> str:
    """Writes a wheel of one module and returns the line for the lock."""
    content = {
        f"{name}.py": "",
        f"{name}-1.0.dist-info/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n",
        f"{name}-1.0.dist-info/WHEEL": "Wheel-Version: 1.0\nGenerator: toy\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = ""
    for path, text in content.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
        record += f"{path},sha256={digest},{len(text)}\n"
    place = folder / f"{name}-1.0-py3-none-any.whl"
    with zipfile.ZipFile(place, "w") as wheel:
        for path, text in {**content, f"{name}-1.0.dist-info/RECORD": f"{record}{name}-1.0.dist-info/RECORD,,\n"}.items():
            wheel.writestr(path, text)
    return f"{name}==1.0 --hash=sha256:{hashlib.sha256(place.read_bytes()).hexdigest()}\n"


@dataclass
class Machine:
    """A toy project, and what its machine has: commands, wheels, modules that Python finds before its own, environment variables."""

    project: Path
    commands: Path
    wheels: Path
    modules: Path
    variables: dict[str, str] = field(default_factory=dict)

    def add_command(self, name: str, script: str) -> None:
        path = self.commands / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)

    def lock(self, *lines: str) -> None:
        for level in ("build", "run", "dev"):
            (self.project / "requirements" / f"{level}.lock").write_text("".join(lines))

    def environment(self) -> dict[str, str]:
        # The settings of the real machine are out of sight: only the folder of wheels is configured.
        settings = {"PIP_CONFIG_FILE": os.devnull, "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(self.wheels)}
        return {"PATH": str(self.commands), "HOME": "/nonexistent", "PYTHONPATH": str(self.modules), **settings, **self.variables}

    def start(self) -> subprocess.Popen[str]:
        command = [str(self.commands / "sh"), str(self.project / "tools" / "bootstrap"), "run"]
        return subprocess.Popen(command, env=self.environment(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def bootstrap(self) -> subprocess.CompletedProcess[str]:
        process = self.start()
        output, errors = process.communicate()
        return subprocess.CompletedProcess(process.args, process.returncode, output, errors)

    def can_import(self, *modules: str) -> bool:
        python = self.project / ".venv" / "bin" / "python"
        return python.exists() and subprocess.run([python, "-I", "-c", f"import {', '.join(modules)}"], capture_output=True, check=False).returncode == 0

    def tried(self) -> str:
        return (self.project / ".bootstrap.log").read_text()


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """A machine with one good Python and neither uv nor virtualenv."""
    made = Machine(tmp_path / "a project", tmp_path / "commands", tmp_path / "wheels", tmp_path / "modules")
    for folder in (made.project / "tools", made.project / "requirements", made.commands, made.wheels):
        folder.mkdir(parents=True)
    for name in ("bootstrap", "environment.py"):
        shutil.copy(PROJECT / "tools" / name, made.project / "tools")
    (made.project / "pyproject.toml").write_text(PYPROJECT)
    (made.project / "backend.py").write_text(BACKEND)
    made.lock(make_wheel(made.wheels, "toy"))
    for name in SYSTEM_COMMANDS:
        command = shutil.which(name)
        assert command is not None
        (made.commands / name).symlink_to(command)
    made.add_command("python3", f'exec "{INTERPRETER}" "$@"')
    made.modules.mkdir()
    pip = importlib.util.find_spec("pip")
    if pip is not None and pip.submodule_search_locations:
        (made.modules / "venv.py").write_text(QUICK_VENV.format(pip=pip.submodule_search_locations[0]))
    return made


def without_venv_module(machine: Machine) -> None:
    """As on a system that keeps a part of the venv module in a package of its own: it starts, leaves half an environment, and fails."""
    half = "import pathlib, sys; pathlib.Path(sys.argv[1], 'bin').mkdir(parents=True); sys.exit('ensurepip is not available')\n"
    (machine.modules / "venv.py").write_text(half)
    (machine.modules / "virtualenv.py").write_text("raise ImportError\n")


def test_environment_is_made_once_without_a_home(machine: Machine) -> None:
    (machine.modules / "venv.py").unlink(missing_ok=True)  # the real thing, once
    first = machine.bootstrap()
    assert first.returncode == 0, first.stderr
    assert machine.can_import("toy", "backend")
    stamp = machine.project / ".venv" / "mesh-bootstrap.json"
    made_at = stamp.stat().st_mtime_ns
    second = machine.bootstrap()
    assert (second.returncode, second.stdout, second.stderr) == (0, "", "")
    assert stamp.stat().st_mtime_ns == made_at


@pytest.mark.slow
def test_environment_is_refreshed_or_made_again_as_its_state_demands(machine: Machine) -> None:
    """One environment goes through the four states in a row, since making one takes seconds. A stray file tells what happened to it."""
    venv = machine.project / ".venv"
    stray = venv / "stray"
    assert machine.bootstrap().returncode == 0

    stray.touch()
    machine.lock(make_wheel(machine.wheels, "toy"), make_wheel(machine.wheels, "more"))
    assert machine.bootstrap().returncode == 0
    assert machine.can_import("toy", "more")
    assert stray.exists(), "a changed lock is installed on top"

    (venv / "mesh-bootstrap.json").unlink()
    assert machine.bootstrap().returncode == 0
    assert not stray.exists(), "what an interrupted run left is made again"

    stray.touch()
    (venv / "bin" / "python").unlink()
    (venv / "bin" / "python").symlink_to("/nonexistent/python3")
    assert machine.bootstrap().returncode == 0
    assert not stray.exists(), "an environment whose interpreter is gone is made again"

    stray.touch()
    machine.project = machine.project.rename(machine.project.with_name("moved here"))
    stray = machine.project / ".venv" / "stray"
    assert machine.bootstrap().returncode == 0
    assert not stray.exists(), "an environment that was moved is made again: its scripts hold the old place"
    assert machine.can_import("toy", "more")


@pytest.mark.parametrize(
    "script",
    [
        "exit 3",
        # Makes an environment, and cannot fill it: as where only pip knows the index.
        f'case $1 in venv) for last; do :; done; exec "{INTERPRETER}" -I -m venv --without-pip "$last" ;; cache) echo /nonexistent/cache ;; *) exit 3 ;; esac',
    ],
    ids=["at once", "when installing"],
)
def test_uv_that_fails_gives_way_to_venv(machine: Machine, script: str) -> None:
    machine.add_command("uv", script)
    result = machine.bootstrap()
    assert result.returncode == 0, result.stderr
    assert machine.can_import("toy", "backend")
    assert "uv: uv ended with status 3" in machine.tried()


def test_uv_is_given_the_settings_of_pip(machine: Machine) -> None:
    uv = shutil.which("uv")
    if uv is None:
        pytest.skip("uv is not on this machine")
    (machine.commands / "uv").symlink_to(uv)
    result = machine.bootstrap()
    assert result.returncode == 0, result.stderr
    assert "with uv" in result.stderr
    assert "with pip" not in result.stderr
    assert machine.can_import("toy", "backend")


def test_missing_venv_module_gives_way_to_virtualenv(machine: Machine) -> None:
    without_venv_module(machine)
    machine.add_command("virtualenv", f'unset PYTHONPATH; for last; do :; done; exec "{INTERPRETER}" -I -m venv "$last"')
    result = machine.bootstrap()
    assert result.returncode == 0, result.stderr
    assert "ensurepip is not available" in machine.tried()
    assert machine.can_import("toy", "backend")


def test_missing_everything_names_the_package_in_one_line(machine: Machine) -> None:
    without_venv_module(machine)
    result = machine.bootstrap()
    assert result.returncode == 1
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    assert "install python3" in line
    assert "-venv" in line
    assert not (machine.project / ".venv").exists()


def test_commands_that_are_no_usable_python_are_passed_over(machine: Machine) -> None:
    machine.add_command("python3.13", "echo 'python3.13: command not found' >&2; exit 127")
    machine.add_command("python3.12", "echo 'Python 3.9 is too old' >&2; exit 1")
    machine.add_command("python3.11", "echo /nonexistent/python3.11")
    machine.variables["PYTHON"] = "python2.7"
    result = machine.bootstrap()
    assert result.returncode == 0, result.stderr
    assert "PYTHON=python2.7 is no usable Python" in result.stderr
    assert machine.can_import("toy")


def test_machine_without_python_is_told_so_in_one_line(machine: Machine) -> None:
    (machine.commands / "python3").unlink()
    result = machine.bootstrap()
    assert result.returncode == 1
    (line,) = result.stderr.splitlines()
    assert "Python 3.11 or newer is needed" in line


def test_package_that_is_not_the_locked_one_is_not_installed(machine: Machine) -> None:
    """A changed file under the same name and version is what an attacker's mirror would serve."""
    good = make_wheel(machine.wheels, "toy")
    bad = good[:-2] + ("0" if good[-2] != "0" else "1") + "\n"
    machine.lock(bad)
    result = machine.bootstrap()
    assert result.returncode == 1
    assert result.stderr.splitlines()[-1].startswith("mesh: the packages could not be installed")
    assert not machine.can_import("toy")
    assert not (machine.project / ".venv" / "mesh-bootstrap.json").exists()


def test_two_runs_at_once_make_one_environment(machine: Machine) -> None:
    runs = [machine.start(), machine.start()]
    outputs = [run.communicate()[1] for run in runs]
    assert [run.returncode for run in runs] == [0, 0], outputs
    assert sum("installing what" in errors for errors in outputs) == 1
    assert machine.can_import("toy", "backend")


# --- pip's settings in uv's words ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def environment() -> ModuleType:
    spec = importlib.util.spec_from_file_location("environment", PROJECT / "tools" / "environment.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["environment"] = module
    spec.loader.exec_module(module)
    return module


def test_setting_in_a_variable_overrides_one_for_install_overrides_a_global_one(environment: ModuleType) -> None:
    listing = "\n".join(
        [":env:.index-url='c'", "global.cert='/it''s/here'", "global.index-url='a'", "install.index-url='b'", "install.proxy='p'", "freeze.proxy='q'", "noise"]
    )
    assert environment.parse_pip_settings(listing) == {"index-url": "c", "cert": "/its/here", "proxy": "p"}


def test_settings_of_pip_reach_uv_behind_those_of_uv(environment: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = {
        "index-url": "https://one.example/x",
        "extra-index-url": "\nhttps://two.example/x\nhttps://three.example/x",
        "find-links": "/a /b",
        "cert": "/cert.pem",
    }
    settings |= {
        "client-cert": "/me.pem",
        "proxy": "http://proxy.example:8080",
        "trusted-host": "one.example two.example",
        "timeout": "60",
        "no-index": "false",
    }
    monkeypatch.setattr(environment, "pip_settings", lambda: settings)
    monkeypatch.setattr(environment, "has_writable_cache", lambda _: False)
    monkeypatch.setattr(os, "environ", {"UV_INDEX_URL": "https://chosen.example/x"})
    assert environment.uv_switches() == []
    assert environment.uv_environment() == {
        "UV_INDEX_URL": "https://chosen.example/x",
        "UV_EXTRA_INDEX_URL": "https://two.example/x https://three.example/x",
        "UV_FIND_LINKS": "/a,/b",
        "UV_INSECURE_HOST": "one.example two.example",
        "UV_HTTP_TIMEOUT": "60",
        "SSL_CERT_FILE": "/cert.pem",
        "SSL_CLIENT_CERT": "/me.pem",
        "HTTP_PROXY": "http://proxy.example:8080",
        "HTTPS_PROXY": "http://proxy.example:8080",
        "UV_INDEX_STRATEGY": "unsafe-best-match",
        "UV_PYTHON_DOWNLOADS": "never",
        "UV_NO_CACHE": "1",
    }


def test_stamp_that_cannot_be_read_counts_as_none(environment: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    stamp = tmp_path / "stamp"
    monkeypatch.setattr(environment, "STAMP", stamp)
    assert not environment.is_current("run")
    for text in ("", "[]", '"run"', "\x00"):
        stamp.write_text(text)
        assert not environment.is_current("run")
    for made, wanted, expected in [("dev", "run", True), ("dev", "dev", True), ("run", "run", True), ("run", "dev", False), ("other", "run", False)]:
        stamp.write_text(json.dumps({"level": made, "fingerprint": environment.fingerprint(), "project": str(PROJECT)}))
        assert environment.is_current(wanted) is expected
