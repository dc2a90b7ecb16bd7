"""A double spend: Mallory signs two payments for one slot and splits the validators 3-1, then, with the next slot, 2-2. Alice goes on paying Bob."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from mesh_app.demo.facts import Facts
from mesh_app.demo.stage import Stage
from mesh_app.ports import Event
from mesh_core.protocol.equivocation import verify_equivocation
from mesh_core.types.address import format_address, parse_address
from mesh_core.types.json_form import json_form
from mesh_core.wallet.events import WalletChanged, WalletEvent
from mesh_core.wallet.network import load_network
from testnet.attacks.accounts import Attacker, AttackerWallet
from testnet.attacks.catalogue import AMOUNT, NOT_AS_SPECIFIED, SPLIT_2_2, SPLIT_3_1, Attack
from testnet.attacks.double_spend import make_rivals
from testnet.attacks.events import AttackCatalogue, AttackEvent, AttackOver, AttackStarted
from testnet.attacks.laboratory import CONNECT_DEADLINE_S, FOLDER
from testnet.attacks.run import Payee, Run
from testnet.attacks.wire import Wire
from testnet.genesis import ALICE_ALLOCATION, FEE_BASE, VALIDATORS_COUNT

MALLORY_AMOUNT = 2_000
HONEST_AMOUNT = 500
HONEST_PAYMENTS = 2
"""One before the attack and one after it."""
SPLITS: Final = {"3-1": SPLIT_3_1, "2-2": SPLIT_2_2}
CERTIFICATES_EXPECTED = 2 + 2 * HONEST_PAYMENTS + 2
"""Mallory is paid and claims; each honest payment and its claim; of the 3-1 split the one payment that settled, and its claim."""


@dataclass(slots=True)
class DoubleSpend:
    """What the validators answered to both splits, and how the honest payments went before and after."""

    facts: Facts = field(default_factory=Facts)
    sends: list[int] = field(default_factory=list)
    runs: dict[str, Run] = field(default_factory=dict)
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
        mallory = _Mallory(stage, stage.folder.home / FOLDER)
        try:
            await stage.workbench.pay_and_wait("alice", format_address(mallory.address), MALLORY_AMOUNT, "for Mallory")
            await mallory.turn_bad()
            await self._pay_honestly(stage, 1)
            for name, attack in SPLITS.items():
                bob, alice = (Payee(to, parse_address(facts.addresses[to]).address) for to in ("bob", "alice"))
                self._keep(name, await mallory.spend_twice(attack, (bob, alice)), stage)
        finally:
            await mallory.leave()
        await stage.until(lambda: facts.balances.get("bob") == HONEST_AMOUNT + AMOUNT)
        await self._pay_honestly(stage, 2)
        await stage.until(lambda: self.is_complete)

    async def _pay_honestly(self, stage: Stage, number: int) -> None:
        before = self.facts.balances["bob"]
        await stage.workbench.pay_and_wait("alice", "bob", HONEST_AMOUNT, f"honest payment {number}")
        await stage.until(lambda: self.facts.balances.get("bob") == before + HONEST_AMOUNT)

    def _keep(self, name: str, run: Run, stage: Stage) -> None:
        """Every proof is checked once more with nothing but itself and the genesis document."""
        self.runs[name] = run
        self.proofs_checked += len(run.proofs)
        self.proofs_valid += sum(verify_equivocation(proof, stage.workbench.genesis) for proof in run.proofs.values())

    @property
    def is_complete(self) -> bool:
        """Whether one of the 3-1 split settled and none of the 2-2 split, every validator holds a proof of both, and all show one state."""
        facts = self.facts
        return (
            [run.votes_counts() for run in self.runs.values()] == [(("A", 3), ("B", 1)), (("A", 2), ("B", 2))]
            and [run.settled() for run in self.runs.values()] == [("A",), ()]
            and not any(run.deviations for run in self.runs.values())
            and len(self.evidence_seen_by) == len(self.runs)
            and all(seen == set(range(VALIDATORS_COUNT)) for seen in self.evidence_seen_by.values())
            and self.proofs_checked == self.proofs_valid == len(self.evidence_seen_by)
            and facts.balances.get("alice") == ALICE_ALLOCATION - MALLORY_AMOUNT - FEE_BASE - HONEST_PAYMENTS * (HONEST_AMOUNT + FEE_BASE)
            and facts.balances.get("bob") == HONEST_PAYMENTS * HONEST_AMOUNT + AMOUNT
            and facts.are_equal(CERTIFICATES_EXPECTED)
        )

    def summary(self) -> Event:
        """The last line. `ok` says that all of it is as it must be."""
        facts = self.facts
        honest = [facts.certificates[number]["payment_ms"] for number in self.sends[1:] if number in facts.certificates]
        holds = {
            "splits": [_describe(name, run) for name, run in self.runs.items()],
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


def _describe(name: str, run: Run) -> dict[str, Any]:
    """A split for the summary: votes, what settled, and each validator's answers in the order in which it gave them."""
    answers: dict[str, list[str]] = {}
    for answer in run.answers:
        if answer.item in run.votes:
            said = f"votes for {answer.item}" if answer.voted else f"refuses {answer.item}: {answer.code or '-'} {answer.name or answer.text}"
            answers.setdefault(f"V{answer.validator + 1}", []).append(said)
    votes = [count for _, count in run.votes_counts()]
    return {"split": name, "votes": votes, "settled": next(iter(run.settled()), None), "answers": dict(sorted(answers.items()))}


class _Mallory:
    """The account that turns bad: the laboratory's, with its own two attacks in this network."""

    def __init__(self, stage: Stage, home: Path) -> None:
        self._stage = stage
        self._network = load_network(stage.folder.network_file)
        self._wallet = AttackerWallet.make(home, "mallory", self._network, self._tell)
        self._wire = Wire(self._network)
        self._attacker: Attacker | None = None
        self._runs = 0
        self.address = self._wallet.address

    async def turn_bad(self) -> None:
        """Close the wallet and take its keys, state and opening."""
        await self._wallet.until_paid(MALLORY_AMOUNT)
        self._attacker = await self._wallet.turn_bad()
        self._wire.start()
        self._publish(AttackCatalogue(self._stage.workbench.now_ns(), tuple(attack.describe() for attack in SPLITS.values())))
        await self._wire.wait_up(range(VALIDATORS_COUNT), CONNECT_DEADLINE_S)

    async def spend_twice(self, attack: Attack, payees: tuple[Payee, Payee]) -> Run:
        """Sign two payments for the account's next slot and split the validators between them. The account goes on behind whichever is final."""
        assert self._attacker is not None, "an honest wallet does not"
        self._runs += 1
        owner = self._attacker.keys.owner
        self._publish(AttackStarted(self._stage.workbench.now_ns(), self._runs, attack.id, self._attacker.name, owner))
        run = Run(attack, self._runs, self._wire, self._publish, self._attacker, payees, tuple(range(VALIDATORS_COUNT)))
        await make_rivals(run)
        await run.play()
        settled = run.settled()
        for name in settled:
            item = run.items[name]
            assert item.candidate is not None, "a transition is settled"
            assert item.opening is not None, "a payment of the account's own leaves a balance"
            self._attacker.advance(item.candidate, item.opening)
        is_good = not run.deviations
        over = AttackOver(
            t_ns=self._stage.workbench.now_ns(),
            run=self._runs,
            attack=attack.id,
            outcome=attack.outcome if is_good else NOT_AS_SPECIFIED,
            as_specified=is_good,
            deviations=tuple(run.deviations),
            settled=settled,
            votes=run.votes_counts(),
            proof_ids=tuple(run.proofs),
            effects=(),
        )
        self._publish(over)
        return run

    async def leave(self) -> None:
        """Close whatever is open."""
        await self._wallet.close()
        self._wire.close()

    def _tell(self, event: WalletEvent) -> None:
        if isinstance(event, WalletChanged):
            self._stage.workbench.publish(json_form(event))

    def _publish(self, event: AttackEvent) -> None:
        self._stage.workbench.publish(json_form(event))
