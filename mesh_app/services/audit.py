"""Compares what validators say of their states, from their statuses as they come: one `audit` event for each new outcome."""

import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass

from mesh_app.event_fields import Fields, MalformedEventError
from mesh_app.ports import Event
from testnet.supervisor import ValidatorState


@dataclass(frozen=True, slots=True)
class _Standing:
    """What a validator said last. `is_read`: from outside nobody knows the sums before the ledger was read, which is not one that is too large."""

    log_length: int
    state_digest: str
    supply_audit: bool | None
    is_read: bool


class StateAudit:
    """Knows the last status of each validator that is up."""

    def __init__(self, quorum: int, publish: Callable[[Event], None]) -> None:
        self._quorum = quorum
        self._publish = publish
        self._standings: dict[int, _Standing] = {}
        self._audited: tuple[bool, bool | None, bool, int] | None = None

    def take(self, event: Event) -> None:
        """Any event of the network. One that is malformed counts nothing: the screen shows it as what it is."""
        fields = Fields(event)
        with contextlib.suppress(MalformedEventError):
            if event["event"] == "status":
                self._standings[fields.validator()] = _Standing(
                    fields.integer("log_length"), fields.text("state_digest"), fields.optional_truth("supply_audit"), is_read="supply_audit" in event
                )
                self._audit()
            elif event["event"] == "validator_state" and fields.text("state") != ValidatorState.UP:
                self._standings.pop(fields.validator(), None)

    def _audit(self) -> None:
        """Compare the validators that have applied equally many certificates; while some are still at it, there is nothing to compare."""
        standings = list(self._standings.values())
        lengths = {standing.log_length for standing in standings}
        if len(lengths) != 1 or len(standings) < self._quorum:
            return
        audits = [standing.supply_audit for standing in standings]
        supply = False if False in audits else None if None in audits else True
        equal = len({standing.state_digest for standing in standings}) == 1
        audited = (equal, supply, all(standing.is_read for standing in standings), lengths.pop())
        if audited != self._audited:
            self._audited = audited
            told = {"supply_audit": supply, "is_read": audited[2], "digests_equal": equal, "log_length": audited[3]}
            self._publish({"event": "audit", "t_ns": time.monotonic_ns(), **told})
