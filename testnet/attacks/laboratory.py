"""The laboratory: one attack at a time against the validators of a local network, from a throw-away account to the comparison with the specification.

    prepare  an account of its own; whoever calls pays it
    run      what everything is; what is made, sent, answered; the evidence
    conclude what everything is afterwards, and whether that is what must come of it

Between `run` and `conclude` whoever has started a validator with a fault starts it again as it was.
"""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mesh_core.errors import ErrorCode, LocalFault
from mesh_core.storage.files import make_private_directory
from mesh_core.types.address import format_address
from mesh_core.wallet.network import Network
from testnet.attacks.accounts import NAME, AttackerWallet, next_number
from testnet.attacks.catalogue import BY_ID, FIRST_SHOP, FUNDING, NOT_AS_SPECIFIED, SECOND_SHOP, Attack
from testnet.attacks.checking import check_proof
from testnet.attacks.events import AttackEvent, AttackFailed, AttackOver, AttackStarted, AttackStep, ProofChecked
from testnet.attacks.judging import Bystander, expected_evidence, judge
from testnet.attacks.making import look_afterwards, make
from testnet.attacks.observing import Observation, find_voting, observe
from testnet.attacks.run import Payee, Run, names
from testnet.attacks.wire import REQUEST_TIMEOUT_S, Wire
from testnet.layout import NetworkFolder

FOLDER = "laboratory"
CONNECT_DEADLINE_S = 5.0
MAX_PROOF_BYTES = 1_000


@dataclass(frozen=True, slots=True)
class Prepared:
    """What is to be paid before the attack can run."""

    run: int
    account: str
    address: str
    amount: int


@dataclass(slots=True)
class _Active:
    """The attack under way. `begun`: `run` was called; what follows it is there once it has returned."""

    attack: Attack
    number: int
    account: AttackerWallet
    begun: bool = False
    bystanders: Sequence[Bystander] = field(default_factory=tuple)
    run: Run | None = None
    before: Observation | None = None


class Laboratory:
    """One home's laboratory. `start`, then attacks one after the other; `close` at the end."""

    def __init__(
        self,
        folder: NetworkFolder,
        network: Network,
        publish: Callable[[AttackEvent], None],
        *,
        attacks: Mapping[str, Attack] = BY_ID,
        timeout_s: float = REQUEST_TIMEOUT_S,
    ) -> None:
        """`publish` is given every event. `attacks` says what there is, and how each must end; `timeout_s` how long an answer is waited for."""
        self._folder = folder
        self._home: Path = folder.home / FOLDER
        self._publish = publish
        self._attacks = attacks
        self._wire = Wire(network, timeout_s)
        self._active: _Active | None = None

    def start(self) -> None:
        """Begin to connect."""
        self._wire.start()

    async def close(self) -> None:
        """Give up what is under way, and close all connections."""
        active, self._active = self._active, None
        if active is not None:
            await active.account.close()
        self._wire.close()

    # --- One attack

    async def prepare(self, attack_id: str) -> Prepared:
        """Make the attacking account. LocalFault (LABORATORY): there is no such attack, another one is under way, or too few validators vote."""
        attack = self._attacks.get(attack_id)
        if attack is None:
            raise LocalFault(ErrorCode.LABORATORY, f"there is no attack '{attack_id[:40]}'")
        if self._active is not None:
            raise LocalFault(ErrorCode.LABORATORY, f"“{self._active.attack.name}” is under way: one attack at a time")
        await self._require_validators(attack)
        try:
            make_private_directory(self._home)
            number = next_number(self._home)
        except OSError as error:
            raise LocalFault(ErrorCode.STORE_UNAVAILABLE, f"cannot use the folder {self._home}: {error.strerror or error}") from error
        account = AttackerWallet.make(self._home, f"{NAME}-{number}", self._wire.network)
        self._active = _Active(attack, number, account)
        self._publish(AttackStarted(time.monotonic_ns(), number, attack.id, account.name, account.address.owner))
        return Prepared(number, account.name, format_address(account.address), FUNDING)

    async def run(self, bystanders: Sequence[Bystander] = (), liar: int | None = None) -> None:
        """Attack, once the account was paid. `liar` is the validator that was started with a fault. LocalFault: the attack is over, and told as failed."""
        active = self._require_active()
        if active.begun:
            raise LocalFault(ErrorCode.LABORATORY, f"“{active.attack.name}” runs already")
        active.begun = True
        try:
            await self._run(active, bystanders, liar)
        except LocalFault as fault:
            await self.abandon(fault.text)
            raise
        except BaseException:
            await self.abandon("internal error: see the log of the laboratory")
            raise

    async def _run(self, active: _Active, bystanders: Sequence[Bystander], liar: int | None) -> None:
        attack, number = active.attack, active.number
        await active.account.until_paid(FUNDING)
        self._tell(f"{active.account.name} has claimed {FUNDING:,} units")
        voting = await self._require_validators(attack)
        attacker = await active.account.turn_bad()
        payees = (Payee.fresh(FIRST_SHOP), Payee.fresh(SECOND_SHOP))
        owners = [attacker.keys.owner, *(payee.address.owner for payee in payees), *(one.owner for one in bystanders)]
        active.before = await observe(self._wire, self._folder, voting, owners, evidence={})
        active.bystanders = tuple(bystanders)
        active.run = Run(attack, number, self._wire, self._publish, attacker, payees, voting, liar)
        await make(active.run, self._home)
        await active.run.play()
        if active.run.silent:
            raise LocalFault(ErrorCode.LABORATORY, f"{names(sorted(active.run.silent))} did not answer: gone, or held up, while the attack ran")
        await look_afterwards(active.run, self._home)

    async def conclude(self) -> AttackOver:
        """Measure what came of it, compare, and tell. LocalFault (LABORATORY): nothing has run."""
        active = self._require_active()
        run, before = active.run, active.before
        if run is None or before is None:
            raise LocalFault(ErrorCode.LABORATORY, f"“{active.attack.name}” has not run so far")
        try:
            await self._wire.wait_up(run.voting, CONNECT_DEADLINE_S)
            after = await observe(self._wire, self._folder, run.voting, list(before.accounts), evidence=expected_evidence(run, before))
            gone = sorted(before.standings.keys() - after.standings.keys())
            if gone:
                raise LocalFault(ErrorCode.LABORATORY, f"{names(gone)} stopped while the attack ran: what came of it cannot be compared")
            judgement = await judge(run, before, after, active.bystanders)
        except LocalFault as fault:
            await self.abandon(fault.text)
            raise
        except BaseException:
            await self.abandon("what came of it could not be measured: see the log of the laboratory")
            raise
        is_good = not judgement.deviations
        over = AttackOver(
            t_ns=time.monotonic_ns(),
            run=active.number,
            attack=active.attack.id,
            outcome=active.attack.outcome if is_good else NOT_AS_SPECIFIED,
            as_specified=is_good,
            deviations=judgement.deviations,
            settled=judgement.ending.settled,
            votes=run.votes_counts(),
            proof_ids=tuple(run.proofs),
            effects=judgement.effects,
        )
        self._active = None
        self._publish(over)
        return over

    async def abandon(self, text: str) -> None:
        """Give up the attack that is under way, and say why. Without effect if there is none."""
        active, self._active = self._active, None
        if active is not None:
            await active.account.close()
            self._publish(AttackFailed(time.monotonic_ns(), active.number, active.attack.id, text))

    # --- Proofs

    async def check(self, digits: str) -> ProofChecked:
        """Verify a proof, given as hexadecimal digits, and tell each check. LocalFault (DOCUMENT_INVALID): these are no digits, or too many."""
        try:
            data = bytes.fromhex(digits)
        except ValueError:
            raise LocalFault(ErrorCode.DOCUMENT_INVALID, "a proof is given as hexadecimal digits") from None
        if len(data) > MAX_PROOF_BYTES:
            raise LocalFault(ErrorCode.DOCUMENT_INVALID, f"{len(data):,} bytes are no equivocation proof")
        checked = await asyncio.to_thread(check_proof, data, self._wire.genesis)
        self._publish(checked)
        return checked

    # --- What it needs

    def _require_active(self) -> _Active:
        if self._active is None:
            raise LocalFault(ErrorCode.LABORATORY, "no attack is under way")
        return self._active

    def _tell(self, text: str) -> None:
        active = self._require_active()
        self._publish(AttackStep(time.monotonic_ns(), active.number, active.attack.id, text))

    async def _require_validators(self, attack: Attack) -> tuple[int, ...]:
        """The validators that vote and are reached. LocalFault (LABORATORY) if they are too few for this attack."""
        size, quorum = self._wire.genesis.committee.size, self._wire.genesis.committee.quorum_threshold
        needed = size if attack.needs_all else quorum
        voting = await find_voting(self._folder, size)
        if len(voting) >= needed:
            await self._wire.wait_up(voting, CONNECT_DEADLINE_S)
            voting = tuple(validator for validator in voting if self._wire.is_up(validator))
        if len(voting) >= needed:
            return voting
        whom = f"all {size} validators" if attack.needs_all else f"a quorum of {quorum} validators"
        raise LocalFault(ErrorCode.LABORATORY, f"“{attack.name}” needs {whom} that vote, and {len(voting)} do: start the others first")
