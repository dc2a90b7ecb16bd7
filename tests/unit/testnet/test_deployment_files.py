"""Files for containers, Kubernetes, systemd, Prometheus and Grafana: valid by their own schemas, one with each other, and about metrics that exist."""

import ipaddress
import json
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate
import pytest
import yaml

from mesh_core.network.toml_table import TomlTable
from mesh_core.validator.config import load_config
from mesh_core.validator.metrics import DEFINITIONS
from testnet.cli import main
from testnet.layout import NetworkFolder

PROJECT = Path(__file__).parents[3]
TESTNET = PROJECT / "testnet"
SCHEMA = Path(__file__).parent / "schemas" / "compose-spec.json"
UNIT = TESTNET / "systemd" / "mesh-validator@.service"
KUBERNETES_VERSION = "1.32"
COMMAND = ["mesh-app", "--validator", "--config"]
EXPOSURE_MOST = 20
"""Of `systemd-analyze security`, in tenths."""
SAMPLES = {f"{one.sample_name}{suffix}" for one in DEFINITIONS for suffix in (("_bucket", "_sum", "_count") if one.kind_name == "histogram" else ("",))}
PROCESS_SAMPLES = {"process_cpu_seconds_total", "process_resident_memory_bytes", "process_open_fds", "process_start_time_seconds"}
"""Those of prometheus_client's ProcessCollector that are used."""

Document = dict[str, Any]


@cache
def documents(path: Path) -> list[Document]:
    return list(yaml.safe_load_all(path.read_text()))


def compose() -> Document:
    return deepcopy(documents(TESTNET / "docker-compose.yml")[0])


def validators() -> dict[str, Document]:
    return {name: service for name, service in compose()["services"].items() if re.fullmatch(r"v\d", name)}


def manifests() -> list[Document]:
    return deepcopy(documents(TESTNET / "kubernetes" / "validators.yaml"))


def of_kind(kind: str) -> list[Document]:
    return [document for document in manifests() if document["kind"] == kind]


def pod() -> Document:
    [stateful_set] = of_kind("StatefulSet")
    found: Document = stateful_set["spec"]["template"]["spec"]
    return found


def unit() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for key, value in re.findall(r"^(\w+)=(.*)$", UNIT.read_text(), re.MULTILINE):
        found.setdefault(key, []).append(value)
    return found


# --- Each by itself --------------------------------------------------------------------------------------------------------------------------------


def test_compose_file_satisfies_the_specification() -> None:
    specification = jsonschema.Draft201909Validator(json.loads(SCHEMA.read_text()))
    specification.validate(compose())
    wrong = compose()
    wrong["services"]["v1"]["read_onyl"] = True
    with pytest.raises(jsonschema.ValidationError, match="read_onyl"):
        specification.validate(wrong)


def test_every_service_is_locked_down() -> None:
    for name, service in compose()["services"].items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert "mem_limit" in service, name
        assert not service.get("privileged"), name
        # What listens on this machine does so for this machine.
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", ())), name
        if "profiles" not in service:
            assert service["user"] == "10001:10001", name
            assert service["pull_policy"] == ("build" if "build" in service else "never"), "a registry may have something else of that name"
            assert "pids_limit" in service, name
            assert all("noexec" in entry for entry in service["tmpfs"]), name
        else:
            assert re.fullmatch(r"[\w/]+:v?\d+\.\d+\.\d+", service["image"]), "a tag that stays"


def test_dockerfile_keeps_secrets_out_and_runs_as_nobody_in_particular() -> None:
    dockerfile = (TESTNET / "Dockerfile").read_text()
    bases = re.findall(r"^FROM (\S+)", dockerfile, re.MULTILINE)
    assert len(bases) == 2
    assert set(bases) == {"python:3.12.11-slim-bookworm"}
    assert re.findall(r"^USER (.*)$", dockerfile, re.MULTILINE) == ["10001:10001"]
    assert "libsodium23" in dockerfile.split("\nFROM ")[-1]
    assert "--require-hashes" in dockerfile
    copied = {source for line in re.findall(r"^COPY (?!--from)(.*) \S+$", dockerfile, re.MULTILINE) for source in line.split()}
    assert all((PROJECT / source).exists() for source in copied)
    ignored = (TESTNET / "Dockerfile.dockerignore").read_text().splitlines()
    assert next(line for line in ignored if not line.startswith("#")) == "*"
    assert {line[1:] for line in ignored if line.startswith("!")} == {source.rstrip("/") for source in copied}
    assert {"**/*.key", "**/*.db", "**/*.journal", "**/seed"} <= set(ignored)


def test_manifests_satisfy_the_schemas_of_kubernetes() -> None:
    for document in manifests():
        kubernetes_validate.validate(document, KUBERNETES_VERSION, strict=True)
    kinds = [document["kind"] for document in manifests()]
    assert sorted(set(kinds)) == ["Namespace", "NetworkPolicy", "PodDisruptionBudget", "Service", "StatefulSet"]
    wrong = of_kind("StatefulSet")[0]
    wrong["spec"]["template"]["spec"]["containers"][0]["readinessProb"] = {}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, KUBERNETES_VERSION, strict=True)


def test_pods_are_restricted_and_everything_that_is_named_is_there() -> None:
    spec = pod()
    [stateful_set] = of_kind("StatefulSet")
    volumes = {volume["name"] for volume in spec["volumes"]} | {claim["metadata"]["name"] for claim in stateful_set["spec"]["volumeClaimTemplates"]}
    for container in (*spec["initContainers"], *spec["containers"]):
        security = container["securityContext"]
        assert security == {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}}
        assert {mount["name"] for mount in container["volumeMounts"]} <= volumes
        assert container["resources"]["limits"].keys() == {"cpu", "memory"}
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert spec["automountServiceAccountToken"] is False
    selector = stateful_set["spec"]["selector"]["matchLabels"]
    assert stateful_set["spec"]["template"]["metadata"]["labels"] == selector
    [budget], [policy] = of_kind("PodDisruptionBudget"), of_kind("NetworkPolicy")
    assert budget["spec"] == {"maxUnavailable": 1, "selector": {"matchLabels": selector}}
    assert policy["spec"]["podSelector"] == {"matchLabels": selector}
    services = {service["metadata"]["name"]: service["spec"] for service in of_kind("Service")}
    assert services[stateful_set["spec"]["serviceName"]]["clusterIP"] == "None"
    # One address for each, so that a configuration holds through restarts; all of them may be reached before they are ready, to catch up.
    own = {services[name]["clusterIP"] for name in (f"mesh-validator-{number}" for number in range(4))}
    assert len(own) == 4
    assert all(ipaddress.ip_address(address) for address in own)
    assert all(service["publishNotReadyAddresses"] for service in services.values())


def test_no_pod_s_container_sees_another_s_key() -> None:
    """The keys of all pods are in one volume, since a template cannot name one secret for each: what is mounted is the folder of the pod's own name."""
    spec = pod()
    [init] = spec["initContainers"]
    [mount] = [mount for mount in init["volumeMounts"] if mount["name"] == "keys"]
    assert mount["subPathExpr"] == "$(POD_NAME)"
    assert "keys" not in {mount["name"] for container in spec["containers"] for mount in container["volumeMounts"]}
    [keys] = [volume for volume in spec["volumes"] if volume["name"] == "keys"]
    for source in keys["projected"]["sources"]:
        secret = source["secret"]
        assert [(item["key"], item["path"]) for item in secret["items"]] == [(name, f"{secret['name']}/{name}") for name in ("identity.key", "tls.key")]


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="no kubectl here")
def test_kubectl_builds_the_same() -> None:
    built = subprocess.run(["kubectl", "kustomize", str(TESTNET / "kubernetes")], capture_output=True, text=True, check=True).stdout
    found = list(yaml.safe_load_all(built))
    assert sorted((one["kind"], one["metadata"]["name"]) for one in found) == sorted((one["kind"], one["metadata"]["name"]) for one in manifests())
    [stateful_set] = [one for one in found if one["kind"] == "StatefulSet"]
    [keys] = [volume for volume in stateful_set["spec"]["template"]["spec"]["volumes"] if volume["name"] == "keys"]
    assert keys["projected"]["defaultMode"] == 0o440


@pytest.fixture
def runnable_unit(tmp_path: Path) -> Path:
    """The unit with a program that exists here: systemd looks at it."""
    copy = tmp_path / UNIT.name
    copy.write_text(UNIT.read_text().replace("/opt/mesh/bin/mesh-app", str(Path(sys.executable).parent / "mesh-app")))
    return copy


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd-analyze here")
def test_systemd_finds_nothing_wrong_and_little_exposed(runnable_unit: Path) -> None:
    environment = {"PATH": "/usr/bin:/bin", "SYSTEMD_LOG_LEVEL": "warning"}
    verified = subprocess.run(["systemd-analyze", "verify", str(runnable_unit)], capture_output=True, text=True, check=False, env=environment)
    # This machine's own units may have faults, too.
    assert not [line for line in verified.stderr.splitlines() if "mesh-validator" in line]
    assert verified.returncode == 0 or "mesh-validator" not in verified.stderr
    security = ["systemd-analyze", "security", "--no-pager", "--offline=yes", f"--threshold={EXPOSURE_MOST}", str(runnable_unit)]
    judged = subprocess.run(security, capture_output=True, text=True, check=False, env=environment)
    if "unrecognized option" in judged.stderr or "Unknown option" in judged.stderr:
        pytest.skip("this systemd-analyze cannot judge a file")
    assert judged.returncode == 0, judged.stdout[-300:] + judged.stderr


# --- One with each other ---------------------------------------------------------------------------------------------------------------------------


def test_all_three_run_one_command_and_end_it_with_one_signal() -> None:
    services, settings = validators(), unit()
    [container] = pod()["containers"]
    dockerfile = (TESTNET / "Dockerfile").read_text()
    [exec_start], [state] = settings["ExecStart"], settings["StateDirectory"]
    commands = {
        **{f"compose {name}": (service["command"], f"/mesh/{name}") for name, service in services.items()},
        "kubernetes": (container["command"], "/mesh/validator"),
        "systemd": (exec_start.replace("/opt/mesh/bin/", "").split(), f"/var/lib/{state}"),
    }
    for where, (command, folder) in commands.items():
        assert command == [*COMMAND, f"{folder}/validator.toml"], where
    for name, service in services.items():
        assert service["volumes"] == [f"{name}:/mesh/{name}"]
        assert service["healthcheck"]["test"] == ["CMD", *service["command"], "--status"]
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        assert container[probe]["exec"]["command"] == [*container["command"], "--status"]
    assert {service["stop_signal"] for service in services.values()} | set(settings["KillSignal"]) == {"SIGTERM"}
    assert re.findall(r"^STOPSIGNAL (\S+)$", dockerfile, re.MULTILINE) == ["SIGTERM"]  # Kubernetes takes the image's
    graces = {service["stop_grace_period"] for service in services.values()}
    assert graces == {f"{pod()['terminationGracePeriodSeconds']}s"} == {f"{settings['TimeoutStopSec'][0]}s"}


def test_all_three_have_the_same_user_program_and_limits() -> None:
    services, settings, spec = validators(), unit(), pod()
    [container] = spec["containers"]
    assert {service["user"] for service in services.values()} == {f"{spec['securityContext']['runAsUser']}:{spec['securityContext']['runAsGroup']}"}
    version = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]["version"]
    kustomization = yaml.safe_load((TESTNET / "kubernetes" / "kustomization.yaml").read_text())
    assert {service["image"] for service in services.values()} == {container["image"]} == {f"mesh-protocol:{version}"}
    assert [(image["name"], image["newTag"]) for image in kustomization["images"]] == [("mesh-protocol", version)]
    assert {service["mem_limit"] for service in services.values()} == {"512m"}
    assert (container["resources"]["limits"]["memory"], settings["MemoryMax"]) == ("512Mi", ["512M"])
    assert {service["pids_limit"] for service in services.values()} == {int(settings["TasksMax"][0])}
    assert {service["ulimits"]["nofile"] for service in services.values()} == {int(settings["LimitNOFILE"][0])}


def options_of(command: list[str]) -> dict[str, str]:
    return dict(word.removeprefix("--").split("=", 1) for word in command if word.startswith("--") and not word.startswith("--wallet="))


def test_ports_and_addresses_are_those_that_the_configurations_name(tmp_path: Path) -> None:
    """What compose's first service makes is what its other services, Prometheus and the manifests expect."""
    services = validators()
    command = compose()["services"]["keys"]["command"]
    assert command[:3] == ["mesh-testnet", "provision", "/mesh"]
    assert main([*command[1:2], str(tmp_path / "mesh"), *command[3:]]) == 0
    folder = NetworkFolder(tmp_path / "mesh")
    addresses, listening = [], set()
    for index, service in enumerate(services.values()):
        config = load_config(folder.validator(index).config)
        assert config.metrics is not None
        addresses.append(f"{config.metrics.host}:{config.metrics.port}")
        assert config.listen_host == config.metrics.host == service["networks"]["mesh"]["ipv4_address"]
        listening.add(f"{config.listen_port}/udp {config.metrics.port}/tcp")
        assert " ".join(service["expose"]) == f"{config.listen_port}/udp {config.metrics.port}/tcp"
        assert config.vote_journal == folder.validator(index).path / "votes.journal"
    scraped = yaml.safe_load((TESTNET / "prometheus.yml").read_text())["scrape_configs"][0]["static_configs"][0]["targets"]
    assert scraped == addresses
    [container] = pod()["containers"]
    assert listening == {" ".join(f"{port['containerPort']}/{port['protocol'].lower()}" for port in container["ports"])}
    policy = of_kind("NetworkPolicy")[0]["spec"]
    allowed = {f"{port['port']}/{port['protocol'].lower()}" for rule in (*policy["ingress"], *policy["egress"]) for port in rule["ports"]}
    assert {" ".join(sorted(allowed))} == listening
    # The wallet's home is what everybody may know, and its money is there.
    wallet = compose()["services"]["wallet"]
    assert wallet["volumes"] == ["public:/mesh", "wallets:/mesh/wallets"]
    assert {path.name for path in folder.public.iterdir()} >= {"network.toml", "genesis.bin"}
    assert {path.name for path in folder.wallets.iterdir() if path.is_dir()} == {"alice", "bob", "probe"}


def test_document_names_the_addresses_that_stand_in_the_manifests() -> None:
    document = (PROJECT / "docs" / "operations.md").read_text()
    [hosts] = re.findall(r"mesh-testnet provision net --hosts (\S+) --listen 0.0.0.0 --port 47001 --metrics-port 9464$", document, re.MULTILINE)
    services = {service["metadata"]["name"]: service["spec"]["clusterIP"] for service in of_kind("Service")}
    assert hosts.split(",") == [services[f"mesh-validator-{number}"] for number in range(4)]
    [unit_path] = set(re.findall(r"testnet/systemd/\S+\.service", document))
    assert PROJECT / unit_path == UNIT


# --- mesh-testnet provision ------------------------------------------------------------------------------------------------------------------------


def test_provision_makes_a_network_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    home = tmp_path / "home"
    arguments = ["provision", str(home), "--validators", "2", "--metrics-port", "9464"]
    assert main(arguments) == 0
    configs = [NetworkFolder(home).validator(index).config for index in range(2)]
    # On one machine each has a port of its own, and nobody else's machine asks.
    metrics = [config.metrics for config in map(load_config, configs)]
    assert [(one.host, one.port, one.reach) for one in metrics if one] == [("127.0.0.1", 9464, "loopback"), ("127.0.0.1", 9465, "loopback")]
    before = {path: path.read_bytes() for path in home.rglob("*") if path.is_file()}
    assert main(arguments) == 0
    assert "there is a network in" in capsys.readouterr().out
    assert {path: path.read_bytes() for path in home.rglob("*") if path.is_file()} == before


def test_provision_that_was_interrupted_tells_metrics_at_last_and_changes_no_other_choice(tmp_path: Path) -> None:
    home = tmp_path / "home"
    hosts = ["--hosts", "192.0.2.1,192.0.2.2", "--listen", "0.0.0.0"]
    assert main(["init", str(home), *hosts]) == 0
    chosen, other = (NetworkFolder(home).validator(index).config for index in range(2))
    chosen.write_text(chosen.read_text().replace("[validator]\n", '[validator]\nmetrics_listen = "127.0.0.1:1"\n'))
    assert main(["provision", str(home), *hosts, "--metrics-port", "9464"]) == 0
    assert TomlTable.load(chosen).table("validator").text("metrics_listen") == "127.0.0.1:1"
    metrics = load_config(other).metrics
    assert metrics is not None
    assert (metrics.host, metrics.port, metrics.reach) == ("0.0.0.0", 9464, "network")
    assert [peer.host for peer in load_config(other).peers] == ["192.0.2.1"]


@pytest.mark.parametrize("port", ["0", "70000", "x", "-1"])
def test_provision_refuses_ports_that_are_none(tmp_path: Path, port: str) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["provision", str(tmp_path / "home"), "--metrics-port", port])
    assert ended.value.code == 2
    assert not (tmp_path / "home").exists()


# --- About metrics that exist ----------------------------------------------------------------------------------------------------------------------


def names_in(expression: str) -> set[str]:
    """Metrics that an expression asks for."""
    return set(re.findall(r"\b(?:mesh|process)_[a-z_]+", re.sub(r'"[^"]*"', '""', expression)))


def rules() -> Iterator[Document]:
    for group in yaml.safe_load((TESTNET / "prometheus-alerts.yml").read_text())["groups"]:
        yield from group["rules"]


def dashboard_expressions() -> list[str]:
    dashboard = json.loads((TESTNET / "grafana" / "mesh.json").read_text())
    targets = [target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", ())]
    return targets + [variable["definition"] for variable in dashboard["templating"]["list"]]


def test_alerts_ask_for_metrics_that_exist_and_say_what_to_do() -> None:
    document = (PROJECT / "docs" / "operations.md").read_text()
    for rule in rules():
        names = names_in(rule["expr"])
        assert names <= SAMPLES | PROCESS_SAMPLES, rule["alert"]
        assert names or rule["expr"].startswith("up{"), rule["alert"]
        assert rule["expr"].count("(") == rule["expr"].count(")")
        assert rule["labels"]["severity"] in {"warning", "critical"}
        assert rule["annotations"].keys() == {"summary", "action"}
        assert f"| `{rule['alert']}` |" in document, "docs/operations.md says what each alert means"
    assert len({rule["alert"] for rule in rules()}) == len(list(rules())) == document.count("\n| `Mesh")


def test_dashboard_asks_for_metrics_that_exist_and_shows_all_of_them() -> None:
    shown = set().union(*map(names_in, dashboard_expressions()))
    assert shown <= SAMPLES | PROCESS_SAMPLES
    for one in DEFINITIONS:
        assert any(name.startswith(one.sample_name) for name in shown), one.sample_name
    dashboard = json.loads((TESTNET / "grafana" / "mesh.json").read_text())
    identifiers = [panel["id"] for panel in dashboard["panels"]]
    assert len(set(identifiers)) == len(identifiers)
    [source] = yaml.safe_load((TESTNET / "grafana" / "provisioning" / "datasources" / "mesh.yml").read_text())["datasources"]
    assert {target["datasource"]["uid"] for panel in dashboard["panels"] for target in panel.get("targets", ())} == {source["uid"]}


def test_document_has_a_row_for_each_metric() -> None:
    document = (PROJECT / "docs" / "operations.md").read_text()
    rows = re.findall(r"^\| `(mesh_\w+)`(?: by ([^|]*?))? \| (\w+) \| (.*) \|$", document, re.MULTILINE)
    expected = [(one.sample_name, ", ".join(f"`{label}`" for label in one.labels), one.kind_name, one.text) for one in DEFINITIONS]
    assert rows == expected
