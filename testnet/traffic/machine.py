"""What a figure depends on besides the program: the machine, its load, and what else runs there."""

import ipaddress
import platform
from typing import Any

from mesh_core.crypto import ristretto
from mesh_core.validator.reporting import installed_version
from mesh_core.wallet.network import Network
from testnet.machine import processor_name, usable_cores


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


def _is_here(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
