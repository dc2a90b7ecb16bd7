"""What a demonstration's events have said so far of the network and its wallets: the ground on which a summary calls itself good."""

from dataclasses import dataclass, field
from typing import Any

from mesh_app.ports import Event
from mesh_core.errors import ErrorCode, LocalFault
from testnet.genesis import VALIDATORS_COUNT


@dataclass(slots=True)
class Facts:
    """Take in every event; then ask. `down` are validators whose end is part of the play."""

    balances: dict[str, int] = field(default_factory=dict)
    addresses: dict[str, str] = field(default_factory=dict)
    statuses: dict[int, Event] = field(default_factory=dict)
    certificates: dict[int, Event] = field(default_factory=dict)
    """By payment: the event that says that it is final."""
    votes_count: int = 0
    up: set[int] = field(default_factory=set)
    down: set[int] = field(default_factory=set)
    fault: LocalFault | None = None
    """One that concerns no payment: a process ended that is needed to the end, or the wallets could not be opened."""
    error: str | None = None

    def take(self, event: Event) -> None:
        """Take in one event."""
        match event:
            case {"event": "wallet", "wallet": str(name), "balance": int(balance)}:
                self.balances[name] = balance
                self.addresses[name] = str(event.get("address", ""))
            case {"event": "status", "validator": int(index)}:
                self.statuses[index] = event
            case {"event": "vote_cast"}:
                self.votes_count += 1
            case {"event": "certificate", "payment": int(payment)}:
                self.certificates[payment] = event
            case {"event": "validator_state", "state": str(state), "validator": int(index)}:
                self._take_state(index, state, event)
            case {"event": "fault", "wallet": None, "payment": None, "text": str(text)} if self.fault is None:
                self.fault = LocalFault(ErrorCode.STORE_UNAVAILABLE, text)
            case _:
                pass

    def _take_state(self, index: int, state: str, event: Event) -> None:
        if state == "up":
            self.up.add(index)
            return
        # What a validator said in an earlier life must not pass for what it says now.
        self.statuses.pop(index, None)
        if state == "exited" and index in self.up and index not in self.down and self.fault is None:
            self.fault = LocalFault(ErrorCode.INTERNAL, f"V{index + 1} ended with status {event.get('exit')} before all was done")
        self.up.discard(index)

    @property
    def are_wallets_open(self) -> bool:
        """Whether both wallets have told their balance."""
        return {"alice", "bob"} <= self.balances.keys()

    def agreed(self, key: str) -> Any:
        """What every validator's latest status says of `key`, if all are up and say the same; else None."""
        values = {status.get(key) for status in self.statuses.values()}
        return values.pop() if len(values) == 1 and len(self.statuses) == VALIDATORS_COUNT else None

    def are_equal(self, certificates_count: int) -> bool:
        """Whether all validators are up, have applied so many certificates, and show one digest and a good supply audit."""
        return self.agreed("log_length") == certificates_count and self.agreed("state_digest") is not None and self.agreed("supply_audit") is True
