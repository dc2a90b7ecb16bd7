"""The compose file, started: each service's own command in a namespace with its own address. Goal: what an operator starts pays, outlives a kill, is watched.

Method: `containers.py` reads testnet/docker-compose.yml and does what an engine would. The tests are one story, in their order.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from mesh_core.crypto.signatures import SigningKey
from mesh_core.errors import LocalFault
from mesh_core.validator.lifting import confirmation_sentence
from mesh_core.validator.metrics import DEFINITIONS
from mesh_core.validator.status import ask_status
from tests.e2e.containers import Container, Engine, compose, size_bytes, why_no_namespaces
from tests.e2e.processes import REPOSITORY

TESTNET = REPOSITORY / "testnet"
VALIDATORS = ("v1", "v2", "v3", "v4")

pytestmark = [pytest.mark.slow, pytest.mark.skipif(bool(why_no_namespaces()), reason=why_no_namespaces())]


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """All services, healthy."""
    with compose(TESTNET / "docker-compose.yml", TESTNET / "Dockerfile", tmp_path_factory.mktemp("engine")) as running:
        running.up()
        running.until(lambda: running.is_healthy("wallet"), "wallet")
        running.until(lambda: "watching what comes in" in running.containers["wallet"].output, "wallet")
        yield running


def send(engine: Engine, amount: int) -> dict[str, Any]:
    done = engine.run_inside("wallet", "mesh-wallet", "--wallet", "alice", "send", "--to", "bob", "--amount", str(amount), "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


def status(engine: Engine, name: str) -> dict[str, Any]:
    """What a validator says of itself, asked at its volume's socket: quicker than its health check, which asks the same."""
    try:
        found: dict[str, Any] = json.loads(ask_status(engine.volume(name) / "data"))
    except LocalFault:
        return {}
    return found


def until_in_step(engine: Engine, log_length: int) -> list[dict[str, Any]]:
    """The status of each validator when all have applied so many certificates, and are in one state."""
    found: list[dict[str, Any]] = []

    def are_in_step() -> bool:
        found[:] = [status(engine, name) for name in VALIDATORS]
        states = {(one.get("log_length"), one.get("state_digest"), one.get("supply_audit")) for one in found}
        return len(states) == 1 and states.pop()[::2] == (log_length, True)

    engine.until(are_in_step, "v1")
    return found


def test_all_come_up_and_a_payment_is_final_and_claimed(engine: Engine) -> None:
    answer = send(engine, 500)
    engine.until(lambda: f"500 units from alice, certificate {answer['cert_id']}" in engine.containers["wallet"].output, "wallet")
    engine.until(lambda: "claimed: certificate" in engine.containers["wallet"].output, "wallet")
    reports = until_in_step(engine, 2)
    assert [one["address"] for one in reports] == [f"172.31.47.{number}:47001" for number in (11, 12, 13, 14)]
    # A link that has heard nothing for a while says so until it does.
    engine.until(lambda: all(peer["up"] for name in VALIDATORS for peer in status(engine, name).get("peers", [{"up": False}])), "v1")
    assert {(one["quarantine"], one["backend"]) for one in reports} <= {(None, "native"), (None, "libsodium")}


def test_prometheus_at_its_address_reads_metrics_from_every_validator(engine: Engine) -> None:
    scrape = "import sys, urllib.request; [print(urllib.request.urlopen(url, timeout=20).read().decode()) for url in sys.argv[1:]]"
    settings = yaml.safe_load((TESTNET / "prometheus.yml").read_text())
    targets = [target for job in settings["scrape_configs"] for static in job["static_configs"] for target in static["targets"]]
    assert len(targets) == len(VALIDATORS)
    found: list[Metric] = []

    def read() -> bool:
        """A snapshot is up to a second old."""
        done = engine.run_inside("wallet", "python3", "-I", "-c", scrape, *(f"http://{target}/metrics" for target in targets))
        assert done.returncode == 0, done.stderr
        found[:] = text_string_to_metric_families(done.stdout)
        # A vote is cast a moment before it is durable, and only then its time is known.
        votes, timed, peers = (sum_of(found, name) for name in ("mesh_votes_cast_total", "mesh_vote_seconds_count", "mesh_peer_up"))
        return votes >= 2 * 3 and timed >= 2 * 3 and peers == 12

    engine.until(read, "v1")
    names = {family.name for family in found if family.name.startswith("mesh_")}
    assert names == {one.sample_name.removesuffix("_total") for one in DEFINITIONS}
    samples = [sample for family in found for sample in family.samples]
    assert {one.labels["validator"] for one in samples if one.name == "mesh_build_info"} == {"V1", "V2", "V3", "V4"}
    assert [one.value for one in samples if one.name == "mesh_quorum_validators"] == [3.0] * 4


def sum_of(families: list[Metric], name: str) -> float:
    """Over all validators."""
    return sum(one.value for family in families for one in family.samples if one.name == name)


def test_each_sees_its_own_volume_and_writes_nowhere_else(engine: Engine) -> None:
    seen = engine.run_inside(
        "v2", "sh", "-c", "ls /mesh; touch /mesh/x /etc/x /x /usr/x; echo '#!/bin/sh' >/tmp/x; chmod 700 /tmp/x; /tmp/x; id -u; cat /proc/self/status"
    )
    assert seen.stdout.splitlines()[0] == "v2"
    assert "v1" not in seen.stdout.split()
    assert seen.stderr.count("Read-only file system") == 4
    assert "/tmp/x: Permission denied" in seen.stderr  # noexec
    own = Path("/proc") / str(engine.containers["v2"].pid) / "status"
    fields = dict(re.findall(r"^(\w+):\s+(\S+)", own.read_text(), re.MULTILINE))
    assert (int(fields["CapEff"], 16), int(fields["CapBnd"], 16), fields["NoNewPrivs"]) == (0, 0, "1")
    held = {path.name for path in engine.volume("v2").iterdir()}
    assert {"identity.key", "tls.key", "validator.toml", "genesis.bin", "data", "votes.journal"} <= held
    assert not any((engine.volume("public") / name).exists() for name in ("identity.key", "tls.key"))


def test_killed_one_is_started_again_and_catches_up_while_payments_go_on(engine: Engine) -> None:
    before = status(engine, "v3")["log_length"]
    engine.kill("v3")
    assert not engine.is_healthy("v3")
    send(engine, 7)
    assert engine.apply_restart_policies() == ["v3"]
    reports = until_in_step(engine, before + 2)
    assert reports[2]["quarantine"] is None
    assert len({one["state_digest"] for one in reports}) == 1
    assert engine.containers["v3"].restarts == 1


def test_second_start_finds_keys_and_genesis_and_changes_nothing(engine: Engine) -> None:
    before = {path: path.stat().st_mtime_ns for path in engine.folder.glob("volumes/v1/*.*")}
    keys = engine.start("keys")
    assert keys.process is not None
    assert keys.process.wait(30) == 0, keys.output
    assert "there is a network in /mesh" in keys.output
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_limits_have_room(engine: Engine) -> None:
    for name in (*VALIDATORS, "wallet"):
        service = engine.services[name]
        assert engine.status_of(name, "VmHWM") * 1024 < size_bytes(service["mem_limit"]) / 2
        assert engine.status_of(name, "Threads") < service["pids_limit"] / 2


def test_stop_signals_end_all_in_good_order_within_their_grace(engine: Engine) -> None:
    began = time.monotonic()
    statuses = {name: engine.stop(name) for name in VALIDATORS}
    assert statuses == dict.fromkeys(VALIDATORS, 0)
    assert engine.stop("wallet") in {0, 1, 130}
    assert time.monotonic() - began < 5 * 20
    assert engine.apply_restart_policies() == []
    assert all('{"event":"stopping"' in engine.containers[name].output for name in VALIDATORS)


# --- The init container of Kubernetes --------------------------------------------------------------------------------------------------------------


def install(engine: Engine, folder: Path, number: int, valid_until: int | None) -> Container:
    """Run the init container of pod `number` over what `provision` has made; its volume is FOLDER/volume."""
    documents = yaml.safe_load_all((TESTNET / "kubernetes" / "validators.yaml").read_text())
    [pod] = [document["spec"]["template"]["spec"] for document in documents if document["kind"] == "StatefulSet"]
    [init] = pod["initContainers"]
    made, marks = engine.volume(f"v{number + 1}"), folder / "first-start"
    marks.mkdir(exist_ok=True)
    if valid_until is not None:
        (marks / "valid-until").write_text(str(valid_until))
        (marks / f"mesh-validator-{number}").write_text("mark")
    public = folder / "public"
    public.mkdir(exist_ok=True)
    for path in (made / "validator.toml", made / "tls.crt", made / "genesis.bin", *(made / "peers").iterdir()):
        (public / path.name).write_bytes(path.read_bytes())
    volume = folder / "volume"
    volume.mkdir(mode=0o700, exist_ok=True)
    lifting = folder / "lift-quarantine"
    lifting.mkdir(exist_ok=True)
    sources = {"/mesh/validator": volume, "/keys": made, "/first-start": marks, "/lift-quarantine": lifting, f"/public/mesh-validator-{number}": public}
    volumes = [
        {"source": str(sources[mount["mountPath"]]), "target": mount["mountPath"], "read_only": mount.get("readOnly", False)}
        for mount in init["volumeMounts"]
        if mount["mountPath"] in sources
    ]
    assert len(volumes) == len(sources)
    container = engine._make("keys")
    container.name, container.log = f"install-{number}", folder / "log"
    container.log.write_text("")
    root = folder / "root"
    root.mkdir(exist_ok=True)
    container.specification |= {
        "root": str(root),
        "address": "",
        "volumes": volumes,
        "command": [*init["command"], *init["args"]],
        "environment": {**container.specification["environment"], "POD_NAME": f"mesh-validator-{number}"},
    }
    engine.containers[container.name] = container
    engine.start(container.name)
    assert container.process is not None
    assert container.process.wait(30) == 0, container.output
    return container


def test_pod_s_volume_is_a_validator_s_folder_and_only_a_new_one_is_marked(engine: Engine, tmp_path: Path) -> None:
    """Whoever lost its volume must come back in quarantine, and so must one whose mark has been lying about."""
    volume = tmp_path / "volume"
    install(engine, tmp_path, 1, valid_until=int(time.time()) + 3600)
    made = engine.volume("v2")
    for name in ("identity.key", "tls.key", "validator.toml", "genesis.bin", "tls.crt", "peers/V1.crt", "peers/V4.crt"):
        assert (volume / name).read_bytes() == (made / name).read_bytes()
    assert {(volume / name).stat().st_mode & 0o777 for name in ("identity.key", "tls.key")} == {0o600}
    assert (volume / "first-start").read_text() == "mark"
    # It has run: the mark is gone, and does not come back while there are data.
    (volume / "first-start").unlink()
    (volume / "data").mkdir()
    install(engine, tmp_path, 1, valid_until=int(time.time()) + 3600)
    assert not (volume / "first-start").exists()
    # The volume is lost, and the hour is over.
    (volume / "data").rmdir()
    install(engine, tmp_path, 1, valid_until=int(time.time()) - 1)
    assert not (volume / "first-start").exists()


def test_quarantine_is_lifted_by_a_sentence_that_is_new_and_by_no_other(engine: Engine, tmp_path: Path) -> None:
    """The folder of a validator that has run comes back as a volume whose journal is lost; nothing lifts that quarantine but its operator, and once."""
    volume, lifting = tmp_path / "volume", tmp_path / "lift-quarantine"
    shutil.copytree(engine.volume("v2"), volume, ignore=shutil.ignore_patterns("*.sock"))
    (volume / "votes.journal").unlink()
    key = SigningKey(bytes.fromhex((volume / "identity.key").read_text())).public_key
    lifting.mkdir()
    # The start finds the loss and records it, then fails: the address is that of a container.
    found = subprocess.run(["mesh-app", "--validator", "--config", volume / "validator.toml"], capture_output=True, text=True, env=programs(), check=False)
    assert "IN QUARANTINE" in found.stderr
    assert "cannot listen on 172.31.47.12" in found.stderr
    (lifting / "mesh-validator-1").write_text(confirmation_sentence(key))
    (lifting / "valid-until").write_text(str(int(time.time()) - 1))
    assert "quarantine" not in install(engine, tmp_path, 1, valid_until=None).output
    (lifting / "valid-until").write_text(str(int(time.time()) + 600))
    (lifting / "mesh-validator-1").write_text("nothing else will ever vote with another key")
    assert "not lifted: the sentence is" in install(engine, tmp_path, 1, valid_until=None).output
    (lifting / "mesh-validator-1").write_text(confirmation_sentence(key))
    assert "The quarantine is lifted." in install(engine, tmp_path, 1, valid_until=None).output


def programs() -> dict[str, str]:
    """An environment in which this installation's programs are found."""
    return os.environ | {"PATH": os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))}
