"""tools/audit.py: what it makes of each answer. An audit that calls silence a clean answer is worse than none."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

PROJECT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def audit() -> ModuleType:
    spec = importlib.util.spec_from_file_location("audit", PROJECT / "tools" / "audit.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["audit"] = module
    spec.loader.exec_module(module)
    return module


def package(name: str, version: str, *ids: str) -> dict[str, Any]:
    return {"name": name, "version": version, "vulns": [{"id": ids[0], "aliases": list(ids[1:]), "fix_versions": []}] if ids else []}


def test_finding_stops_the_work(audit: ModuleType) -> None:
    verdict = audit.judge_report({"dependencies": [package("textual", "8.2.8"), package("aioquic", "1.7.2", "PYSEC-1", "CVE-1")]}, [])
    assert verdict.is_failure
    assert "aioquic 1.7.2: CVE-1, PYSEC-1" in verdict.text


def test_waived_finding_does_not_stop_the_work_under_any_of_its_names(audit: ModuleType) -> None:
    waivers = audit.load_waivers(PROJECT / "tools" / "audit-waivers.toml")
    for name in ("CVE-2024-35515", "GHSA-g4r7-86gm-pgqc", "PYSEC-2026-1939"):
        verdict = audit.judge_report({"dependencies": [package("sqlitedict", "2.1.0", name)]}, waivers)
        assert not verdict.is_failure
        assert "1 finding(s) waived" in verdict.text


@pytest.mark.parametrize(
    ("name", "version", "finding"), [("sqlitedict", "2.1.0", "CVE-1"), ("sqlitedict", "2.2.0", "CVE-2024-35515"), ("other", "2.1.0", "CVE-2024-35515")]
)
def test_waiver_holds_for_nothing_else(audit: ModuleType, name: str, version: str, finding: str) -> None:
    waivers = audit.load_waivers(PROJECT / "tools" / "audit-waivers.toml")
    assert audit.judge_report({"dependencies": [package(name, version, finding)]}, waivers).is_failure


def test_service_that_knows_no_package_counts_as_unreachable(audit: ModuleType) -> None:
    verdict = audit.judge_report({"dependencies": [{"name": "textual", "skip_reason": "not found"}]}, [])
    assert not verdict.is_failure
    assert verdict.text.startswith("skipped: ")
    assert "\n" not in verdict.text


@pytest.mark.parametrize("last", ["requests.exceptions.ConnectionError: Max retries exceeded", "ERROR: Could not connect to the vulnerability feed"])
def test_nobody_answering_is_skipped_in_one_line(audit: ModuleType, last: str) -> None:
    verdict = audit.judge_failure(f"Traceback (most recent call last):\n  ...\n{last}\n\nTip: try another service\n")
    assert not verdict.is_failure
    assert verdict.text.startswith("skipped: ")
    assert "\n" not in verdict.text


@pytest.mark.parametrize(
    "stderr", ["", "usage: pip-audit [-h]\npip-audit: error: unrecognized arguments: --x", "ModuleNotFoundError: No module named 'pip_audit'"]
)
def test_broken_tool_is_a_failure(audit: ModuleType, stderr: str) -> None:
    assert audit.judge_failure(stderr).is_failure


def test_waiver_without_a_reason_is_refused(audit: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "waivers.toml").write_text('[[waiver]]\npackage = "x"\nversion = "1"\nids = ["CVE-1"]\nreason = " "\n')
    with pytest.raises(ValueError, match="names no vulnerability or no reason"):
        audit.load_waivers(tmp_path / "waivers.toml")


def test_report_of_the_installed_tool_has_the_expected_form(tmp_path: Path) -> None:
    """The form of the report is the tool's own business; this finds out when it changes. An empty list of packages asks nobody."""
    (tmp_path / "none.lock").write_text("# nothing\n")
    command = [sys.executable, "-m", "pip_audit", "-r", "none.lock", "--require-hashes", "--disable-pip", "--format", "json", "--progress-spinner", "off"]
    result = subprocess.run([*command, "--cache-dir", "cache"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert json.loads(result.stdout)["dependencies"] == [], result.stderr
