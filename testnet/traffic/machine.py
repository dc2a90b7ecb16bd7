"""What a figure depends on besides the program: the machine, its load, and what else runs there."""

import ipaddress
import os
import platform
from pathlib import Path
from typing import Any

from mesh_core.crypto import ristretto
from mesh_core.validator.reporting import installed_version
from mesh_core.wallet.network import Network


def describe_machine(network: Network) -> dict[str, Any]:
    """Processor, cores, versions, group library, and how many of the validators run on this machine as well."""
    return {
        "cpu": processor_name(),
        "cores": usable_cores(),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()}",
        "version": installed_version(),
        "backend": ristretto.BACKEND,
        "validators": len(network.validators),
        "validators_here": sum(1 for peer in network.validators if _is_here(peer.host)),
    }


def load_average() -> float:
    """Processes that wanted a core in the last minute, on average; 0 where the system does not tell."""
    try:
        return round(os.getloadavg()[0], 2)
    except OSError:
        return 0.0


def usable_cores() -> int:
    """Cores that this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:
        return os.cpu_count() or 1


def processor_name() -> str:
    """What the system says that its processor is."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = (line.partition(":")[2].strip() for line in lines if line.lower().startswith(("model name", "hardware")))
    return next((name for name in names if name), platform.processor() or platform.machine())


def _is_here(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
