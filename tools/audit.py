"""Asks the advisory service about every locked version, by pip-audit, and judges the answer.

    python tools/audit.py

Exit status 1 if a locked version has a published vulnerability that tools/audit-waivers.toml does not waive. Where the service cannot
be reached, or a mirror in front of it knows no advisories, one line says that the audit was skipped, and why, and the status is 0: a
check that needs the network must not stop work without one. Anything else that goes wrong is an error.
"""

import json
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

PROJECT: Final = Path(__file__).resolve().parent.parent
LOCKED: Final = PROJECT / "requirements" / "dev.lock"
WAIVERS: Final = PROJECT / "tools" / "audit-waivers.toml"
PATIENCE_S: Final = 120
REQUEST_TIMEOUT_S: Final = 10
# How pip-audit, and the HTTP library below it, say that nobody answered.
UNREACHABLE: Final = ("ConnectionError", "ConnectTimeout", "ReadTimeout", "ServiceError", "ProxyError", "SSLError", "Could not connect", "Max retries exceeded")


@dataclass(frozen=True)
class Waiver:
    """Vulnerabilities of one version of one package that do not concern this project."""

    package: str
    version: str
    ids: frozenset[str]
    reason: str


@dataclass(frozen=True)
class Verdict:
    """What the audit comes to, in one line, and whether it is to stop the work."""

    text: str
    is_failure: bool


def main() -> int:
    """Runs the audit; returns the exit status."""
    verdict = audit(load_waivers(WAIVERS))
    print(f"pip-audit {verdict.text}")
    return 1 if verdict.is_failure else 0


def load_waivers(path: Path) -> list[Waiver]:
    """The waivers in a file. A waiver without a reason is none: that is a KeyError or a ValueError."""
    waivers = []
    for entry in tomllib.loads(path.read_text())["waiver"]:
        waiver = Waiver(entry["package"], entry["version"], frozenset(entry["ids"]), entry["reason"].strip())
        if not (waiver.ids and waiver.reason):
            raise ValueError(f"{path.name}: the waiver for {waiver.package} names no vulnerability or no reason")
        waivers.append(waiver)
    return waivers


def audit(waivers: Sequence[Waiver]) -> Verdict:
    """Runs pip-audit over the locked versions. Nothing is installed or resolved: the lock says it all."""
    with tempfile.TemporaryDirectory() as cache:
        command = [
            *(sys.executable, "-m", "pip_audit", "--requirement", str(LOCKED), "--require-hashes", "--disable-pip"),
            *("--format", "json", "--progress-spinner", "off", "--timeout", str(REQUEST_TIMEOUT_S), "--cache-dir", cache),
        ]
        try:
            done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
        except subprocess.TimeoutExpired:
            return skipped(f"no answer within {PATIENCE_S} seconds")
    try:
        report = json.loads(done.stdout)
    except ValueError:
        return judge_failure(done.stderr)
    return judge_report(report, waivers)


def skipped(why: str) -> Verdict:
    """The audit could not be made, through no fault of the project."""
    return Verdict(f"skipped: {why}", is_failure=False)


def judge_failure(stderr: str) -> Verdict:
    """What to make of a run that gave no report: nobody answered, or the tool itself is broken."""
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    last = lines[-1] if lines else "it said nothing"
    reasons = [line for line in lines if any(word in line for word in UNREACHABLE)]
    if reasons:
        return skipped(f"the advisory service cannot be reached ({reasons[-1][:160]})")
    return Verdict(f"failed: {last}", is_failure=True)


def judge_report(report: dict[str, Any], waivers: Sequence[Waiver]) -> Verdict:
    """What to make of a report.

    A package that the service does not know is reported without findings. If it knows none of them, a mirror without advisories
    answered in its place, and "no vulnerability found" would be a lie.
    """
    packages = report["dependencies"]
    audited = [package for package in packages if "skip_reason" not in package]
    if not audited:
        return skipped("the advisory service knows none of the packages, as if a mirror without advisories had answered")
    open_findings = []
    waived_count = 0
    for package in audited:
        for finding in package["vulns"]:
            ids = {finding["id"], *finding.get("aliases", [])}
            if any(w.package == package["name"] and w.version == package["version"] and ids & w.ids for w in waivers):
                waived_count += 1
            else:
                fixed = ", ".join(finding["fix_versions"]) or "no version yet"
                open_findings.append(f"{package['name']} {package['version']}: {', '.join(sorted(ids))} (fixed in {fixed})")
    counted = f"{len(audited)} of {len(packages)} packages audited, {waived_count} finding(s) waived in {WAIVERS.name}"
    if open_findings:
        return Verdict("\n".join([f"found vulnerabilities ({counted})", *sorted(open_findings)]), is_failure=True)
    return Verdict(f"found nothing to act on ({counted})", is_failure=False)


if __name__ == "__main__":
    sys.exit(main())
