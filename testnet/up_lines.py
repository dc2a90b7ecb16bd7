"""What a network in the foreground tells: which of its processes' events are worth a line, and that line in words."""

import json
from collections import OrderedDict
from typing import Final

from mesh_core.types.visible_text import visible_text
from testnet.child import Event
from testnet.supervisor import ValidatorState

MAX_REMEMBERED: Final = 10_000
"""Certificates and proofs that were told: every validator tells each, and one line is enough."""
SHOWN_DIGITS: Final = 16


class UpLines:
    """Chooses events and words them. With `as_json` the events themselves are the lines."""

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json
        self._told: OrderedDict[str, None] = OrderedDict()
        self._start_ns: int | None = None

    def line(self, event: Event) -> str | None:
        """The line for an event, newline included; None for one that is not told."""
        text = self._describe(event)
        if text is None:
            return None
        if self._as_json:
            return json.dumps(event, separators=(",", ":")) + "\n"
        t_ns = event.get("t_ns")
        if not isinstance(t_ns, int):
            t_ns = self._start_ns or 0
        self._start_ns = t_ns if self._start_ns is None else self._start_ns
        source = _source(event)
        # What other processes wrote may hold anything: a terminal obeys none of it.
        return f"{(t_ns - self._start_ns) / 1e9:9.3f} s  {source:<8}  {visible_text(text)}\n"

    def _describe(self, event: Event) -> str | None:
        match event:
            case {"event": "network_made", "home": home, "validators": count, "faucet_units": units}:
                return f"made in {home}: {count} validators, {units:,} units in the faucet"
            case {"event": "profile", "name": name, "text": text, "relayed": file}:
                return f"profile {name}: {text}" + (f"; for mesh-wallet: --network {file}" if file else "")
            case {"event": "network_ready"}:
                return "ready"
            case {"event": "network_stopping", "reason": reason}:
                return f"stopping: {reason}"
            case {"event": "network_stopped"}:
                return "every process has ended"
            case {"event": "validator_state"}:
                return _describe_state(event)
            case {"event": "validator_wiped", "files": files}:
                return f"its data are wiped: {files} files"
            case {"event": "quarantine_lifted"}:
                return "its quarantine is lifted: it votes from its next start on"
            case {"event": "control_order", "text": text}:
                return f"another program orders: {text}"
            case {"event": "line_state", "line": line}:
                return f"line {line} {describe_line(event)}"
            case {"event": "ready"}:
                quarantine = event.get("quarantine")
                held = f", in quarantine and not voting: {quarantine}" if quarantine else ""
                return f"listens on {event.get('host')}:{event.get('port')}, {event.get('log_length')} certificates{held}"
            case {"event": "certificate_applied", "cert_id": str(cert_id)} if self._is_new(cert_id):
                signers = event.get("signers")
                votes = len(signers) if isinstance(signers, list) else 0
                slot = f"{str(event.get('kind')).upper()} of {_short(event.get('sender'))}, sequence {event.get('sequence')}"
                return f"{slot}, is final with {votes} votes: certificate {_short(cert_id)}"
            case {"event": "vote_rejected"}:
                why = f"[{event.get('code')}] {event.get('name')} {event.get('reason')}"
                return f"refuses {why}: a transition of {_short(event.get('sender'))}, sequence {event.get('sequence')}"
            case {"event": "equivocation", "proof_id": str(proof_id)} if self._is_new(proof_id):
                return f"the {event.get('kind')} {_short(event.get('offender'))} signed twice for sequence {event.get('sequence')}: proof {_short(proof_id)}"
            case {"event": "safety_alarm"}:
                return "ALARM: two certificates for one slot exist; more than f validators have signed both"
            case {"event": "faucet", "ok": ok, "amount": amount, "address": address}:
                return f"paid {amount:,} units to {address}" if ok else f"refuses {amount:,} units to {address}: {event.get('text')} [{event.get('code')}]"
            case {"event": "fatal" | "garbage" | "fault", "text": text} if event.get("payment") is None:
                return f"{event['event']}: {text}"
            case _:
                return None

    def _is_new(self, key: str) -> bool:
        if key in self._told:
            return False
        self._told[key] = None
        if len(self._told) > MAX_REMEMBERED:
            self._told.popitem(last=False)
        return True


def _source(event: Event) -> str:
    validator = event.get("validator")
    if isinstance(validator, int):
        return f"V{validator + 1}"
    if event["event"] == "faucet":
        return "faucet"
    wallet = event.get("wallet")
    return str(wallet)[:8] if wallet else "network"


def describe_line(event: Event) -> str:
    """A line's condition, from its `line_state`."""
    if event.get("cut"):
        return "is cut"
    words = {
        "delay_ms": "is {:g} ms slower each way",
        "jitter_ms": "has a jitter of {:g} ms",
        "loss": "loses {:.3g} % of its datagrams",
        "reordering": "swaps {:.3g} %",
        "duplication": "doubles {:.3g} %",
        "bandwidth_kbit_s": "carries {:g} kbit/s",
    }
    shares = {"loss", "reordering", "duplication"}
    parts = [text.format(event[name] * (100 if name in shares else 1)) for name, text in words.items() if event.get(name)]
    return ", ".join(parts) or "is direct"


def _describe_state(event: Event) -> str | None:
    match event.get("state"):
        case ValidatorState.STARTING:
            return f"starts, process {event.get('pid')}"
        case ValidatorState.RESTARTING | ValidatorState.EXITED:
            why = f": {event.get('detail')}" if event.get("detail") else ""
            again = "" if event.get("state") == ValidatorState.EXITED else ", is started again"
            return f"has ended with status {event.get('exit')}{again}{why}"
        case ValidatorState.PAUSED:
            return "is paused (SIGSTOP)"
        case ValidatorState.STOPPED:
            return "has stopped"
        case _:
            # "up" is told by its own ready line, "stopping" by its end.
            return None


def _short(digits: object) -> str:
    return str(digits)[:SHOWN_DIGITS]
