"""Compares what validators say of their states, from their statuses as they come: one `audit` event for each new outcome."""

import time
from collections.abc import Callable

from mesh_app.ports import Event
from testnet.supervisor import ValidatorState


class StateAudit:
    """Knows the last status of each validator that is up."""

    def __init__(self, quorum: int, publish: Callable[[Event], None]) -> None:
        self._quorum = quorum
        self._publish = publish
        self._statuses: dict[int, Event] = {}
        self._audited: tuple[bool, bool | None, bool, int] | None = None

    def take(self, event: Event) -> None:
        """Any event of the network."""
        if event["event"] == "status":
            self._statuses[event["validator"]] = event
            self._audit()
        elif event["event"] == "validator_state" and event["state"] != ValidatorState.UP:
            self._statuses.pop(event["validator"], None)

    def _audit(self) -> None:
        """Compare the validators that have applied equally many certificates; while some are still at it, there is nothing to compare."""
        statuses = list(self._statuses.values())
        lengths = {status.get("log_length") for status in statuses}
        if len(lengths) != 1 or len(statuses) < self._quorum:
            return
        audits = [status.get("supply_audit") for status in statuses]
        supply = False if False in audits else None if None in audits else True
        equal = len({status.get("state_digest") for status in statuses}) == 1
        # From outside nobody knows the sums before the ledger was read, which is not the same as a ledger that is too large.
        is_read = all("supply_audit" in status for status in statuses)
        audited = (equal, supply, is_read, int(lengths.pop() or 0))
        if audited != self._audited:
            self._audited = audited
            told = {"supply_audit": supply, "is_read": is_read, "digests_equal": equal, "log_length": audited[3]}
            self._publish({"event": "audit", "t_ns": time.monotonic_ns(), **told})
