"""Events of traffic and of measurements that never were, in the exact form of the real ones."""

from collections import Counter
from typing import Any

from testnet.traffic.latencies import Latencies, bucket_of, percentile
from testnet.traffic.samples import PARTS
from testnet.traffic.tally import SHOWN_MS

Event = dict[str, Any]
MACHINE = {"cpu": "Test Processor", "cores": 2, "python": "3.11.7", "system": "Linux", "version": "0.1.0", "backend": "native"}
MACHINE |= {"validators": 4, "validators_here": 4}
TRAFFIC = {"rate": 20.0, "arrivals": "poisson", "amount_least": 1, "amount_most": 100, "wallets": 8, "duration_s": None, "seed": 1, "to": ""}
MEASURE = {"payments": 100, "at_once": 1, "wallets": 2, "warm_up": 5, "amount": 1}
SPLIT = (0.3, 0.4, 8.1, 3.6, 0.1, 2.7, 18.1, 2.2)


def times(count: int = 100, *, base: float = 30.0) -> list[float]:
    """Payments around `base` milliseconds, with a tail."""
    return [round(base * (0.8 + (number * 37 % 100) / 160) * (5.0 if number % 50 == 49 else 1.0), 3) for number in range(count)]


def figures(found: list[float]) -> Event:
    """The figures of payments, as the process tells them."""
    latencies = Latencies(len(found) or 1)
    for ms in found:
        latencies.add(ms)
    ordered = sorted(found)
    acks = {} if not found else {"acks_p50_ms": percentile(ordered, 50) + 9.0, "acks_p99_ms": percentile(ordered, 99) + 12.0}
    return {
        **latencies.figures(),
        **acks,
        "counted": len(found),
        "target_ms": 300.0,
        "within_target": latencies.within(300.0),
        "cumulative": [[ms, latencies.within(ms)] for ms in SHOWN_MS],
        "buckets": [[bucket, count] for bucket, count in sorted(Counter(map(bucket_of, found)).items())],
        "parts": [[name, ms] for name, ms in zip(PARTS, SPLIT, strict=True)] if found else [],
    }


def started(kind: str, t_ns: int, **plan: object) -> Event:
    """A run was taken."""
    return {"event": f"{kind}_started", "t_ns": t_ns, **(TRAFFIC if kind == "traffic" else MEASURE), **plan, **MACHINE, "load": 1.2}


def counts(found: list[float], **other: object) -> Event:
    """What progress and end have in common."""
    return {
        "elapsed_s": 12.5,
        "sent": len(found) + 2,
        "done": len(found),
        "skipped": 0,
        "failures": [],
        "per_second": [18, 22, 20, 19, 24, 17, 20, 21],
        "links": [True] * 4,
        "claims": 90,
        "lag_p99_ms": 4.1,
        "load": 2.1,
        **figures(found),
        **other,
    }


def progress(kind: str, t_ns: int, found: list[float], *, phase: str = "running", text: str = "", **other: object) -> Event:
    """How it goes."""
    return {"event": f"{kind}_progress", "t_ns": t_ns, "phase": phase, "text": text, "in_flight": 2, **counts(found, **other)}


def over(kind: str, t_ns: int, found: list[float], *, reason: str = "finished", **other: object) -> Event:
    """How it ended."""
    end = {"reason": reason, "text": "", "throughput": 18.3, "unfinished": 0, "load_before": 1.2}
    plan = TRAFFIC if kind == "traffic" else MEASURE
    kept = {"date": "2026-11-23T04:15:00+00:00", "file": "/home/you/.local/share/mesh/measurements/measure-20261123-041500.json"}
    return {"event": f"{kind}_over", "t_ns": t_ns, **plan, **end, **counts(found), **MACHINE, **(kept if kind == "measure" else {}), **other}


def record(number: int, found: list[float], **other: Any) -> Event:
    """A measurement of an earlier day."""
    file = f"/home/you/.local/share/mesh/measurements/measure-202611{number:02}-041500.json"
    return over("measure", number, found, file=file, date=f"2026-11-{number:02}T04:15:00+00:00", **other) | {"event": "measure_record"}
