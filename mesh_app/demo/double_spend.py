"""A double spend: Mallory signs two payments for one slot and splits the validators 3-1, then, with the next slot, 2-2. Alice goes on paying Bob."""

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mesh_app.demo.facts import Facts
from mesh_app.demo.stage import Stage
from mesh_app.ports import Event
from mesh_core.crypto.keys import WalletKeys
from mesh_core.errors import LocalFault
from mesh_core.protocol.construction import Payment
from mesh_core.protocol.equivocation import verify_equivocation
from mesh_core.storage.wallet_store import SEED_SIZE_BYTES, WalletStore
from mesh_core.types.address import format_address, parse_address
from mesh_core.types.json_form import json_form
from mesh_core.wallet.client import ValidatorClient
from mesh_core.wallet.events import WalletChanged, WalletEvent
from mesh_core.wallet.home import WalletHome
from mesh_core.wallet.network import load_network
from testnet.attacks.double_spend import AttackEvent, DoubleSpender, SplitOutcome
from testnet.genesis import ALICE_ALLOCATION, FEE_BASE, VALIDATORS_COUNT

MALLORY_AMOUNT = 2_000
SPENT_TWICE = 300
HONEST_AMOUNT = 500
HONEST_PAYMENTS = 2
"""One before the attack and one after it."""
THREE_AND_ONE = (0, 1, 2)
TWO_AND_TWO = (0, 1)
CERTIFICATES_EXPECTED = 2 + 2 * HONEST_PAYMENTS + 2
"""Mallory is paid and claims; each honest payment and its claim; of the 3-1 split the one payment that settled, and its claim."""


@dataclass(slots=True)
class DoubleSpend:
    """What the validators answered to both splits, and how the honest payments went before and after."""

    facts: Facts = field(default_factory=Facts)
    sends: list[int] = field(default_factory=list)
    outcomes: dict[str, SplitOutcome] = field(default_factory=dict)
    proofs_checked: int = 0
    proofs_valid: int = 0
    evidence_seen_by: dict[str, set[int]] = field(default_factory=dict)

    def take(self, event: Event) -> None:
        """Take in one event."""
        self.facts.take(event)
        match event:
            case {"event": "payment_started", "kind": "send", "payment": int(number)}:
                self.sends.append(number)
            case {"event": "equivocation", "proof_id": str(proof), "validator": int(index)}:
                self.evidence_seen_by.setdefault(proof, set()).add(index)
            case _:
                pass

    async def act(self, stage: Stage) -> None:
        """Pay Mallory; pay Bob; split 3-1; split 2-2; pay Bob again."""
        facts = self.facts
        await stage.until(lambda: bool(facts.addresses.get("alice")))
        mallory = _Mallory(stage, stage.folder.home / "mallory", os.urandom(SEED_SIZE_BYTES))
        try:
            await stage.workbench.pay_and_wait("alice", format_address(mallory.keys.address), MALLORY_AMOUNT, "for Mallory")
            await stage.until(lambda: facts.balances.get("mallory") == MALLORY_AMOUNT)
            await self._pay_honestly(stage, 1)
            spender = await mallory.turn_bad()
            for name, shown_first in (("3-1", THREE_AND_ONE), ("2-2", TWO_AND_TWO)):
                payments = tuple(Payment(parse_address(facts.addresses[to]).address, SPENT_TWICE, f"the same coin for {to}") for to in ("bob", "alice"))
                self._keep(name, await spender.split(name, shown_first, (payments[0], payments[1])), stage)
        finally:
            await mallory.leave()
        await stage.until(lambda: facts.balances.get("bob") == HONEST_AMOUNT + SPENT_TWICE)
        await self._pay_honestly(stage, 2)
        await stage.until(lambda: self.is_complete)

    async def _pay_honestly(self, stage: Stage, number: int) -> None:
        before = self.facts.balances["bob"]
        await stage.workbench.pay_and_wait("alice", "bob", HONEST_AMOUNT, f"honest payment {number}")
        await stage.until(lambda: self.facts.balances.get("bob") == before + HONEST_AMOUNT)

    def _keep(self, name: str, outcome: SplitOutcome, stage: Stage) -> None:
        """Every proof is checked once more with nothing but itself and the genesis document."""
        self.outcomes[name] = outcome
        self.proofs_checked += len(outcome.proofs)
        self.proofs_valid += sum(verify_equivocation(proof, stage.workbench.genesis) for proof in outcome.proofs.values())

    @property
    def is_complete(self) -> bool:
        """Whether one of the 3-1 split settled and none of the 2-2 split, every validator holds a proof of both, and all show one state."""
        facts = self.facts
        return (
            [outcome.votes_counts for outcome in self.outcomes.values()] == [(3, 1), (2, 2)]
            and [outcome.settled for outcome in self.outcomes.values()] == ["A", None]
            and len(self.evidence_seen_by) == len(self.outcomes)
            and all(seen == set(range(VALIDATORS_COUNT)) for seen in self.evidence_seen_by.values())
            and self.proofs_checked == self.proofs_valid == len(self.evidence_seen_by)
            and facts.balances.get("alice") == ALICE_ALLOCATION - MALLORY_AMOUNT - FEE_BASE - HONEST_PAYMENTS * (HONEST_AMOUNT + FEE_BASE)
            and facts.balances.get("bob") == HONEST_PAYMENTS * HONEST_AMOUNT + SPENT_TWICE
            and facts.are_equal(CERTIFICATES_EXPECTED)
        )

    def summary(self) -> Event:
        """The last line. `ok` says that all of it is as it must be."""
        facts = self.facts
        honest = [facts.certificates[number]["payment_ms"] for number in self.sends[1:] if number in facts.certificates]
        holds = {
            "splits": [_describe(name, outcome) for name, outcome in self.outcomes.items()],
            "proofs": self.proofs_checked,
            "proofs_valid": self.proofs_valid,
            "proof_ids": sorted(self.evidence_seen_by),
            "alice": facts.balances.get("alice"),
            "bob": facts.balances.get("bob"),
            "certificates": facts.agreed("log_length"),
            "honest_payment_ms_before": honest[0] if honest else None,
            "honest_payment_ms_after": honest[1] if len(honest) > 1 else None,
            "digests_equal": facts.agreed("state_digest") is not None,
            "supply_audit": facts.agreed("supply_audit") is True,
        }
        return {"event": "summary", "ok": facts.error is None and self.is_complete, **holds} | ({} if facts.error is None else {"error": facts.error})


def _describe(name: str, outcome: SplitOutcome) -> dict[str, Any]:
    """A split for the summary: votes, what settled, and each validator's answers in the order in which it gave them."""
    answers: dict[str, list[str]] = {}
    for answer in outcome.answers:
        said = f"votes for {answer.transition}" if answer.voted else f"refuses {answer.transition}: {answer.code or '-'} {answer.name or answer.text}"
        answers.setdefault(f"V{answer.validator + 1}", []).append(said)
    return {"split": name, "votes": list(outcome.votes_counts), "settled": outcome.settled, "answers": dict(sorted(answers.items()))}


class _Mallory:
    """An account with a wallet like any other, until it turns bad: then the wallet is closed and its keys sign what a wallet never would."""

    def __init__(self, stage: Stage, home: Path, seed: bytes) -> None:
        self.keys = WalletKeys.from_seed(seed)
        self._stage = stage
        WalletStore.make(home, "mallory", seed)
        self._network = load_network(stage.folder.network_file)
        self._wallets: WalletHome | None = WalletHome(home, self._network, self._tell, self._on_fault)
        self._client: ValidatorClient | None = None
        self._wallets.start()

    async def turn_bad(self) -> DoubleSpender:
        """Close the wallet and take its keys, state and opening."""
        assert self._wallets is not None
        account = self._wallets.wallet("mallory").account
        state, opening = account.state, account.opening
        await self._wallets.close()
        self._wallets = None
        self._client = ValidatorClient(self._network, lambda _: None)
        self._client.start()
        return DoubleSpender(self._client, self.keys, state, opening, self._publish)

    async def leave(self) -> None:
        """Close whatever is open."""
        if self._wallets is not None:
            await self._wallets.close()
        if self._client is not None:
            self._client.close()

    def _tell(self, event: WalletEvent) -> None:
        if isinstance(event, WalletChanged):
            self._stage.workbench.publish(json_form(event))

    def _publish(self, event: AttackEvent) -> None:
        self._stage.workbench.publish(json_form(event))

    def _on_fault(self, fault: LocalFault) -> None:
        self._stage.workbench.tell_fault(fault)
