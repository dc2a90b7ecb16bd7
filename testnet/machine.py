"""What the system says of the machine that it runs on. Imports nothing of the protocol: benchmarks of the proofs run where little else does."""

import os
import platform
from pathlib import Path


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
