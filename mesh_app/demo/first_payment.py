"""The first payment: Alice pays Bob, four validators vote, Bob claims."""

from dataclasses import dataclass, field

from mesh_app.demo.facts import Facts
from mesh_app.demo.stage import Stage
from mesh_app.ports import Event
from testnet.genesis import ALICE_ALLOCATION, FEE_BASE

DEFAULT_AMOUNT = 500
CERTIFICATES_EXPECTED = 2
"""Alice's SEND and Bob's RECEIVE."""


@dataclass(slots=True)
class FirstPayment:
    """One payment of `amount`, and what was measured of it."""

    amount: int = DEFAULT_AMOUNT
    facts: Facts = field(default_factory=Facts)
    sending: int | None = None
    prove_ms: float | None = None

    def take(self, event: Event) -> None:
        """Take in one event."""
        self.facts.take(event)
        match event:
            case {"event": "payment_started", "kind": "send", "payment": int(number)}:
                self.sending = number
            case {"event": "payment_step", "payment": number, "step": "proved", "ms": float(ms)} if number == self.sending:
                self.prove_ms = ms
            case _:
                pass

    async def act(self, stage: Stage) -> None:
        """Pay, and wait until the money has moved and all validators have applied the same certificates."""
        await stage.workbench.pay_and_wait("alice", "bob", self.amount, "the first payment")
        await stage.until(lambda: self.is_complete)

    @property
    def payment_ms(self) -> float | None:
        """From the order to the durable certificate, milliseconds."""
        certificate = None if self.sending is None else self.facts.certificates.get(self.sending)
        return None if certificate is None else certificate["payment_ms"]

    @property
    def is_complete(self) -> bool:
        """Whether the money has moved and all validators have applied the same certificates."""
        facts = self.facts
        return (
            facts.balances.get("alice") == ALICE_ALLOCATION - self.amount - FEE_BASE
            and facts.balances.get("bob") == self.amount
            and facts.agreed("log_length") == CERTIFICATES_EXPECTED
            and facts.agreed("state_digest") is not None
        )

    def summary(self) -> Event:
        """The last line. `ok` says that all of it is as it must be."""
        facts = self.facts
        holds = {
            "alice": facts.balances.get("alice"),
            "bob": facts.balances.get("bob"),
            "fee_pool": facts.agreed("fee_pool"),
            "certificates": facts.agreed("log_length"),
            "votes": facts.votes_count,
            "digests_equal": facts.agreed("state_digest") is not None,
            "supply_audit": facts.agreed("supply_audit") is True,
            "payment_ms": self.payment_ms,
            "prove_ms": self.prove_ms,
        }
        is_good = facts.error is None and self.is_complete and holds["fee_pool"] == FEE_BASE and holds["supply_audit"] and self.payment_ms is not None
        return {"event": "summary", "ok": bool(is_good), **holds} | ({} if facts.error is None else {"error": facts.error})
