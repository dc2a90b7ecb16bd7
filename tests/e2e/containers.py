"""A container engine in miniature: runs the services of a compose file as processes, each in its own network and mount namespace, with its own address.

What is as in the file: command, environment (with that of the Dockerfile), working folder, addresses, volumes and what is read-only of them, the read-only
root, tmpfs with size and flags, dropped capabilities, no-new-privileges, open files, health checks, the order and conditions of dependencies, restart
policies, stop signals and grace periods. Looked at afterwards: memory and threads against their limits. What is not: the image's own files (this machine's
stand in their place), the user's number (all run as the one who runs the test, called root inside), seccomp, the small init process, logging.
"""

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from tests.e2e.processes import REPOSITORY

INSIDE = Path(__file__).with_name("container_inside.py")
BRIDGE = "mesh0"
WAIT_S = 60.0
"""For whatever a busy machine takes; nothing waits so long where nothing is wrong."""
HEALTH_S = 0.5
"""Between health checks: each is a process, which takes from the start that it looks at."""
UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0}
SIZES = {"k": 1024, "m": 1024**2, "g": 1024**3}

Service = Mapping[str, Any]


@cache
def why_no_namespaces() -> str:
    """Why this machine cannot do it; empty where it can."""
    probe = "ip link add cable type veth peer name end && ip link add bridge0 type bridge && mount -t tmpfs tmpfs /mnt && unshare -n -m true"
    try:
        done = subprocess.run(["unshare", "-Urnm", "sh", "-ec", probe], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return "no program `unshare` here (Linux, util-linux)"
    if done.returncode != 0:
        return f"no user, network and mount namespaces for this user here: {done.stderr.strip().splitlines()[-1:]}"
    return "" if os.uname().release.split(".") >= ["5", "12"] or int(os.uname().release.split(".")[0]) > 5 else "this kernel has no mount_setattr"


@dataclass(frozen=True)
class Image:
    """What a Dockerfile's last stage says about every container."""

    environment: Mapping[str, str]
    working_dir: str
    stop_signal: str

    @classmethod
    def read(cls, dockerfile: Path) -> "Image":
        text = dockerfile.read_text().replace("\\\n", " ")
        last = text[text.rindex("\nFROM ") :]
        found = dict(word.split("=", 1) for line in re.findall(r"^ENV (.*)$", last, re.MULTILINE) for word in shlex.split(line))
        [working_dir], [stop_signal] = re.findall(r"^WORKDIR (\S+)$", last, re.MULTILINE), re.findall(r"^STOPSIGNAL (\S+)$", last, re.MULTILINE)
        return cls(found, working_dir, stop_signal)


def seconds(text: str) -> float:
    """A duration such as 20s or 1m30s."""
    return sum(float(number) * UNITS[unit] for number, unit in re.findall(r"([\d.]+)([smh])", text))


def size_bytes(text: str) -> int:
    """A size such as 512m."""
    return int(text[:-1]) * SIZES[text[-1].lower()]


@dataclass
class Container:
    """One service. `restarts` counts what its policy has done."""

    name: str
    service: Service
    specification: dict[str, Any]
    log: Path
    process: "subprocess.Popen[bytes] | None" = None
    restarts: int = 0
    was_stopped: bool = False

    @property
    def pid(self) -> int:
        assert self.process is not None, self.name
        return self.process.pid

    @property
    def is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    @property
    def output(self) -> str:
        return self.log.read_text(errors="replace")


@dataclass
class Engine:
    """All services of one file that need no profile."""

    file: Path
    folder: Path
    holder: "subprocess.Popen[bytes]"
    image: Image
    services: dict[str, Service]
    containers: dict[str, Container] = field(default_factory=dict)

    # --- Starting

    def up(self) -> None:
        """Start everything in the order of the dependencies, each when what it waits for is as it wants it."""
        todo = dict(self.services)
        while todo:
            ready = [name for name, service in todo.items() if not set(service.get("depends_on", {})) & set(todo)]
            assert ready, f"these wait for each other: {sorted(todo)}"
            for name in ready:
                for other, wanted in todo.pop(name).get("depends_on", {}).items():
                    self.await_condition(other, wanted["condition"])
                self.start(name)

    def await_condition(self, name: str, condition: str) -> None:
        container = self.containers[name]
        if condition == "service_completed_successfully":
            assert container.process is not None
            assert container.process.wait(WAIT_S) == 0, container.output
        elif condition == "service_healthy":
            self.until(lambda: self.is_healthy(name), name, every_s=HEALTH_S)
        else:
            assert condition == "service_started", condition

    def start(self, name: str) -> Container:
        """A new process for a service."""
        container = self.containers.get(name) or self._make(name)
        self.containers[name] = container
        container.was_stopped = False
        enter = ["nsenter", "--target", str(self.holder.pid), "--user", "--preserve-credentials", "--net", "--mount"]
        command = [*enter, "unshare", "--net", "--mount", "--propagation", "private", sys.executable, "-I", str(INSIDE), json.dumps(container.specification)]
        with container.log.open("ab") as log:
            container.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=log, stderr=log, start_new_session=True)
        if container.specification["address"]:
            self._plug_in(container)
        assert container.process.stdin is not None
        container.process.stdin.close()
        return container

    def _plug_in(self, container: Container) -> None:
        """A cable between its network namespace, as soon as it has one, and the bridge."""

        def namespace(pid: int) -> Path:
            return Path(f"/proc/{pid}/ns/net").readlink()

        others = {namespace(os.getpid()), namespace(self.holder.pid)}
        self.until(lambda: namespace(container.pid) not in others, container.name)
        cable = f"c{container.pid}"
        # Named in here, where nothing else is called eth0, and renamed in the other namespace by moving it there.
        self._in_holder(f"ip link add {cable} type veth peer name eth0 netns {container.pid} && ip link set {cable} master {BRIDGE} up")

    def _in_holder(self, script: str) -> None:
        enter = ["nsenter", "--target", str(self.holder.pid), "--user", "--preserve-credentials", "--net"]
        done = subprocess.run([*enter, "sh", "-ec", script], capture_output=True, text=True, check=False)
        assert done.returncode == 0, (script, done.stderr)

    def _make(self, name: str) -> Container:
        service = self.services[name]
        networks = service.get("networks", {})
        environment = {**self.image.environment, **service.get("environment", {}), "HOSTNAME": name}
        # The programs of this machine's installation stand where the image has its own.
        environment["PATH"] = os.pathsep.join((str(Path(sys.executable).parent), environment["PATH"]))
        root = self.folder / "roots" / name
        root.mkdir(parents=True, exist_ok=True)
        subnet = ""
        if networks:
            [network] = networks
            subnet = f"{networks[network]['ipv4_address']}/24"
        specification = {
            "root": str(root),
            "address": subnet,
            "shown": sorted({str(REPOSITORY), sys.prefix, sys.base_prefix}),
            "volumes": [self._volume(entry) for entry in service.get("volumes", [])],
            "tmpfs": service.get("tmpfs", []),
            "read_only": service.get("read_only", False),
            "working_dir": service.get("working_dir", self.image.working_dir),
            "environment": environment,
            "command": service["command"],
            "nofile": service.get("ulimits", {}).get("nofile", 0),
            "drops_capabilities": service.get("cap_drop") == ["ALL"],
            "no_new_privileges": "no-new-privileges:true" in service.get("security_opt", []),
        }
        return Container(name, service, specification, self.folder / f"{name}.log")

    def volume(self, name: str) -> Path:
        """The folder of a named volume, empty at first, with the mode that the image gives it."""
        folder = self.folder / "volumes" / name
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return folder

    def _volume(self, entry: str) -> dict[str, Any]:
        source, target, *modes = entry.split(":")
        path = (self.file.parent / source).resolve() if source.startswith(".") else self.volume(source)
        return {"source": str(path), "target": target, "read_only": "ro" in modes}

    # --- Running

    def run_inside(self, name: str, *command: str) -> "subprocess.CompletedProcess[str]":
        """`docker compose exec`."""
        container = self.containers[name]
        enter = ["nsenter", "--target", str(container.pid), "--user", "--preserve-credentials", "--net", "--mount", "--root", "--wd"]
        return subprocess.run([*enter, *command], capture_output=True, text=True, env=dict(container.specification["environment"]), timeout=WAIT_S, check=False)

    def is_healthy(self, name: str) -> bool:
        """Its health check, as the file has it."""
        container = self.containers[name]
        kind, *command = container.service["healthcheck"]["test"]
        assert kind == "CMD"
        return container.is_running and self.run_inside(name, *command).returncode == 0

    def kill(self, name: str) -> None:
        """kill -9."""
        container = self.containers[name]
        assert container.process is not None
        container.process.kill()
        container.process.wait(WAIT_S)

    def apply_restart_policies(self) -> list[str]:
        """Start again what has ended and should not have; their names."""
        restarted = []
        for container in self.containers.values():
            policy = container.service.get("restart", "no")
            status = None if container.process is None else container.process.poll()
            if status is None or container.was_stopped or policy == "no" or (policy == "on-failure" and status == 0):
                continue
            container.restarts += 1
            self.start(container.name)
            restarted.append(container.name)
        return restarted

    def stop(self, name: str) -> int:
        """Its stop signal; SIGKILL after its grace period. The exit status."""
        container = self.containers[name]
        assert container.process is not None
        container.was_stopped = True
        container.process.send_signal(signal.Signals[container.service.get("stop_signal", self.image.stop_signal)])
        try:
            return container.process.wait(seconds(container.service.get("stop_grace_period", "10s")))
        except subprocess.TimeoutExpired:
            self.kill(name)
            return -signal.SIGKILL

    def status_of(self, name: str, key: str) -> int:
        """A number of /proc/PID/status: VmHWM in kilobytes, Threads."""
        text = (Path("/proc") / str(self.containers[name].pid) / "status").read_text()
        [found] = re.findall(rf"^{key}:\s+(\d+)", text, re.MULTILINE)
        return int(found)

    def until(self, condition: Callable[[], bool], name: str, *, every_s: float = 0.05) -> None:
        """Return when it is so; a container that has ended meanwhile fails the test with its log."""
        deadline = time.monotonic() + WAIT_S
        while not condition():
            container = self.containers.get(name)
            assert container is None or container.is_running, (name, container.output[-2000:])
            assert time.monotonic() < deadline, (name, "" if container is None else container.output[-2000:])
            time.sleep(every_s)

    def down(self) -> None:
        """End whatever is left."""
        for container in self.containers.values():
            if container.is_running:
                self.kill(container.name)
        assert self.holder.stdin is not None
        self.holder.stdin.close()
        with suppress(subprocess.TimeoutExpired):
            self.holder.wait(5)
        self.holder.kill()
        self.holder.wait()


@contextmanager
def compose(file: Path, dockerfile: Path, folder: Path) -> Iterator[Engine]:
    """An engine with the network of a compose file, and nothing started."""
    document = yaml.safe_load(file.read_text())
    [network] = document["networks"].values()
    [settings] = network["ipam"]["config"]
    gateway = settings["subnet"].replace("0/24", "1/24")
    services = {name: service for name, service in document["services"].items() if not service.get("profiles")}
    script = f"ip link set lo up; ip link add {BRIDGE} type bridge; ip address add {gateway} dev {BRIDGE}; ip link set {BRIDGE} up; echo ready; exec cat"
    holder = subprocess.Popen(
        ["unshare", "--user", "--map-root-user", "--net", "--mount", "--propagation", "private", "sh", "-ec", script],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    assert holder.stdout is not None
    with holder.stdout:
        assert holder.stdout.readline() == b"ready\n"
        engine = Engine(file, folder, holder, Image.read(dockerfile), services)
        try:
            yield engine
        finally:
            engine.down()
