"""A crash: Alice pays Bob through four validators; one is killed with SIGKILL; Alice pays again through three; the killed one comes back and catches up."""

import time
from dataclasses import dataclass, field

from mesh_app.demo.facts import Facts
from mesh_app.demo.stage import Stage
from mesh_app.ports import Event
from testnet.genesis import ALICE_ALLOCATION, FEE_BASE, VALIDATORS_COUNT

AMOUNT = 500
PAYMENTS_BEFORE = 1
PAYMENTS_WITHOUT = 2
CERTIFICATES_A_PAYMENT = 2
"""The SEND, and the RECEIVE that claims it."""
VICTIM = VALIDATORS_COUNT - 1


@dataclass(slots=True)
class CrashRecovery:
    """What was measured: payments with all validators, and without the victim; how long the victim took from its start to the others' state."""

    facts: Facts = field(default_factory=Facts)
    sends: list[int] = field(default_factory=list)
    payments_count: int = 0
    killed_at: int | None = None
    behind_by: int | None = None
    recovery_ms: float | None = None

    def take(self, event: Event) -> None:
        """Take in one event."""
        self.facts.take(event)
        match event:
            case {"event": "payment_started", "kind": "send", "payment": int(number)}:
                self.sends.append(number)
            case _:
                pass

    async def act(self, stage: Stage) -> None:
        """Pay; kill; pay; restart; wait until four validators show one state."""
        for _ in range(PAYMENTS_BEFORE):
            await self._pay(stage)
        await stage.until(lambda: self.facts.are_equal(self._certificates_count))
        self.facts.down.add(VICTIM)
        self.killed_at = self._certificates_count
        await stage.workbench.supervisor.kill(VICTIM)
        for _ in range(PAYMENTS_WITHOUT):
            await self._pay(stage)
        await stage.until(lambda: self._live_log_lengths() == {self._certificates_count})
        self.behind_by = self._certificates_count - self.killed_at
        started = time.monotonic()
        await stage.workbench.supervisor.start(VICTIM)
        self.facts.down.discard(VICTIM)
        await stage.until(lambda: self.is_complete)
        self.recovery_ms = round((time.monotonic() - started) * 1000, 3)

    async def _pay(self, stage: Stage) -> None:
        await stage.workbench.pay_and_wait("alice", "bob", AMOUNT, f"payment {self.payments_count + 1}")
        self.payments_count += 1
        await stage.until(lambda: self.facts.balances.get("bob") == AMOUNT * self.payments_count)

    @property
    def _certificates_count(self) -> int:
        return CERTIFICATES_A_PAYMENT * self.payments_count

    def _live_log_lengths(self) -> set[object]:
        lengths = [self.facts.statuses[index].get("log_length") for index in range(VALIDATORS_COUNT) if index != VICTIM and index in self.facts.statuses]
        return set(lengths) if len(lengths) == VALIDATORS_COUNT - 1 else set()

    @property
    def is_complete(self) -> bool:
        """Whether all payments arrived and four validators, the victim among them, have applied the same certificates."""
        paid = PAYMENTS_BEFORE + PAYMENTS_WITHOUT
        return (
            self.payments_count == paid
            and self.facts.balances.get("alice") == ALICE_ALLOCATION - paid * (AMOUNT + FEE_BASE)
            and self.facts.balances.get("bob") == paid * AMOUNT
            and self.facts.are_equal(self._certificates_count)
        )

    def summary(self) -> Event:
        """The last line. `ok` says that all of it is as it must be."""
        facts = self.facts
        measured = [facts.certificates[number]["payment_ms"] for number in self.sends if number in facts.certificates]
        holds = {
            "killed": f"V{VICTIM + 1}" if self.killed_at is not None else None,
            "alice": facts.balances.get("alice"),
            "bob": facts.balances.get("bob"),
            "certificates": facts.agreed("log_length"),
            "caught_up": self.behind_by if self.recovery_ms is not None else None,
            "recovery_ms": self.recovery_ms,
            "payment_ms_with_four": measured[:PAYMENTS_BEFORE],
            "payment_ms_with_three": measured[PAYMENTS_BEFORE:],
            "digests_equal": facts.agreed("state_digest") is not None,
            "supply_audit": facts.agreed("supply_audit") is True,
        }
        is_good = facts.error is None and self.is_complete and self.recovery_ms is not None
        return {"event": "summary", "ok": is_good, **holds} | ({} if facts.error is None else {"error": facts.error})
