"""What validators say of an account, believed only where it proves itself (docs/protocol.md, "Trusting answers").

An account's state counts with the certificate that made it, a pending transition with its owner's signature. Absence is never proven by one validator.
"""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Final

from mesh_core.errors import PeerFault, Rejected
from mesh_core.protocol.certificates import CheckedCertificate, InvalidCertificate, read_certificate
from mesh_core.protocol.genesis import Genesis
from mesh_core.protocol.identifiers import Identified
from mesh_core.protocol.validation import validate_format, validate_signature
from mesh_core.types.basic import Hash32, PublicKey
from mesh_core.types.committee import Committee
from mesh_core.types.messages import AccountStateMessage, Claimable, QueryAccount, Want
from mesh_core.types.transition import OUTPUT_KEY
from mesh_core.wallet.ports import Validators

QUERY_TIMEOUT_S: Final = 2.0
GRACE_LEAST_S: Final = 0.05
GRACE_PART: Final = 0.2
"""How much longer than a quorum took the others are waited for: a part of that time, and at least so long."""
CLAIMABLE_PAGE: Final = 500
CLAIMABLE_PAGES_MOST: Final = 64
FIRST_KEY: Final = bytes(33)

Spawn = Callable[[Coroutine[None, None, None]], object]


@dataclass(frozen=True, slots=True)
class AccountAnswer:
    """One validator's answer about an account: what of it proves itself."""

    validator: int
    head: CheckedCertificate | None
    pending: Identified | None


@dataclass(frozen=True, slots=True)
class Contender:
    """A transition that validators hold for an account's next slot, and which of them say so."""

    candidate: Identified
    voters: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class LatestState:
    """What several validators' answers amount to. `head` is the newest proven state beyond the genesis; contenders are for the slot after it."""

    answered: tuple[int, ...]
    head: CheckedCertificate | None
    contenders: tuple[Contender, ...]

    def contenders_beside(self, own: Identified | None) -> tuple[Contender, ...]:
        """The contenders, and what this disk holds for the slot where nobody has shown it."""
        if own is None or own.transition_id in {contender.candidate.transition_id for contender in self.contenders}:
            return self.contenders
        return (*self.contenders, Contender(own, ()))


def reachable_contenders(contenders: Sequence[Contender], committee: Committee, own: Identified | None) -> list[Contender]:
    """Those that may still get q votes, the best first: by votes, then what this disk holds. Whoever did not answer, or holds none, may vote for any.

    All devices of an owner that ask come to the same choice, where there is a difference in votes.
    """
    undecided = committee.size - sum(len(contender.voters) for contender in contenders)
    possible = [contender for contender in contenders if len(contender.voters) + undecided >= committee.quorum_threshold]
    own_id = None if own is None else own.transition_id
    return sorted(possible, key=lambda one: (-len(one.voters), one.candidate.transition_id != own_id, one.candidate.transition_id))


async def ask_all(client: Validators, owner: PublicKey, spawn: Spawn, on_late: Callable[[AccountAnswer], None], *, wait_for_all: bool) -> list[AccountAnswer]:
    """Ask all validators for an account at once. Returns when a quorum has answered and a moment has passed, or nobody is left to wait for.

    The moment is for the others: who is up is seldom much slower, and who is not must not hold up every start for the length of a time-out. An answer
    that comes later still counts: it goes to `on_late`. `wait_for_all` waits until the time-out; it is for a wallet that has forgotten what it signed.
    """
    committee = client.network.genesis.committee
    loop = asyncio.get_running_loop()
    began = loop.time()
    inbox: asyncio.Queue[AccountAnswer | None] = asyncio.Queue()
    is_over = False

    async def ask(validator: int) -> None:
        answer = await _ask(client, validator, owner)
        if not is_over:
            inbox.put_nowait(answer)
        elif answer is not None:
            on_late(answer)

    for validator in range(committee.size):
        spawn(ask(validator))
    answers: list[AccountAnswer] = []
    deadline: float | None = None
    for _ in range(committee.size):
        try:
            async with asyncio.timeout_at(deadline):
                answer = await inbox.get()
        except TimeoutError:
            break
        if answer is not None:
            answers.append(answer)
        if len(answers) == committee.quorum_threshold and not wait_for_all and deadline is None:
            deadline = loop.time() + max(GRACE_LEAST_S, GRACE_PART * (loop.time() - began))
    is_over = True
    return sorted(answers, key=lambda answer: answer.validator)


def sum_up(answers: Sequence[AccountAnswer]) -> LatestState:
    """The newest proven head among answers, and the transitions that are pending behind it."""
    heads = [answer.head for answer in answers if answer.head is not None]
    head = max(heads, key=lambda head: head.core.sequence, default=None)
    next_sequence = 0 if head is None else head.core.sequence + 1
    found: dict[Hash32, Contender] = {}
    for answer in answers:
        pending = answer.pending
        if pending is not None and pending.core.sequence == next_sequence:
            voters = found[pending.transition_id].voters if pending.transition_id in found else ()
            found[pending.transition_id] = Contender(pending, (*voters, answer.validator))
    return LatestState(tuple(answer.validator for answer in answers), head, tuple(contender for _, contender in sorted(found.items())))


async def _ask(client: Validators, validator: int, owner: PublicKey) -> AccountAnswer | None:
    query = QueryAccount(0, owner, Want.HEAD_CERTIFICATE | Want.PENDING_TRANSITION, FIRST_KEY, 0)
    try:
        answer = await client.request(validator, query, QUERY_TIMEOUT_S)
    except PeerFault:
        return None
    return read_account_answer(validator, answer, owner, client.network.genesis) if isinstance(answer, AccountStateMessage) else None


def read_account_answer(validator: int, answer: AccountStateMessage, owner: PublicKey, genesis: Genesis) -> AccountAnswer:
    """What an answer proves. The state in it counts for nothing: its head certificate says the same, and cannot lie."""
    return AccountAnswer(validator, _read_head(answer, owner, genesis), _read_pending(answer, owner, genesis))


def _read_head(answer: AccountStateMessage, owner: PublicKey, genesis: Genesis) -> CheckedCertificate | None:
    if answer.head_certificate is None:
        return None
    try:
        head = read_certificate(answer.head_certificate, genesis)
    except InvalidCertificate:
        return None
    return head if head.core.sender == owner else None


def _read_pending(answer: AccountStateMessage, owner: PublicKey, genesis: Genesis) -> Identified | None:
    """A transition that a validator holds for the next slot: it counts with the owner's signature."""
    if answer.pending_transition is None:
        return None
    try:
        pending = validate_format(answer.pending_transition, genesis)
        validate_signature(pending)
    except Rejected:
        return None
    return pending if pending.core.sender == owner else None


@dataclass(frozen=True, slots=True)
class Report:
    """All that one validator says of an account: its words, which must prove themselves, and what it lists as claimable."""

    account: AccountStateMessage
    claimable: tuple[Claimable, ...]


async def ask_for_everything(client: Validators, validator: int, owner: PublicKey) -> Report | None:
    """Head, pending transition and all claimable outputs from one validator; None for an answer of another kind. PeerFault."""
    first: AccountStateMessage | None = None
    found: list[Claimable] = []
    after = FIRST_KEY
    want = Want.HEAD_CERTIFICATE | Want.PENDING_TRANSITION | Want.CLAIMABLE
    for _ in range(CLAIMABLE_PAGES_MOST):
        answer = await client.request(validator, QueryAccount(0, owner, want, after, CLAIMABLE_PAGE), QUERY_TIMEOUT_S)
        if not isinstance(answer, AccountStateMessage):
            break
        first = answer if first is None else first
        found += answer.claimable
        if not answer.more or not answer.claimable:
            break
        after = OUTPUT_KEY.encode(answer.claimable[-1].key)
        want = Want.CLAIMABLE
    return None if first is None else Report(first, tuple(found))
