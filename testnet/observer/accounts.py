"""An account as the validators and its own chain describe it: every link of the chain checked, every validator's word compared with what proves it."""

import asyncio
from dataclasses import dataclass

from mesh_core.crypto.pedersen import commit_public
from mesh_core.errors import PeerFault
from mesh_core.protocol.certificates import CheckedCertificate, InvalidCertificate, read_certificate
from mesh_core.protocol.genesis import Genesis
from mesh_core.types.account import AccountState, zero_account
from mesh_core.types.basic import ZERO_HASH, Commitment, Hash32, PublicKey
from mesh_core.types.messages import AccountStateMessage, QueryAccount, Want
from mesh_core.types.transition import OutputKey
from mesh_core.wallet.asking import FIRST_KEY, QUERY_TIMEOUT_S
from mesh_core.wallet.fetching import fetch_chain
from testnet.observer.client import Sights

CHAIN_PAGE = 200
CLAIMABLE_MOST = 200


@dataclass(frozen=True, slots=True)
class Link:
    """One certificate of an account's chain. `linked` says whether `prev` is the transition before it; None where that one is not at hand."""

    checked: CheckedCertificate
    linked: bool | None


@dataclass(frozen=True, slots=True)
class Word:
    """What one validator says of an account. `lie` says what in it contradicts its own evidence; `error` why it said nothing."""

    validator: int
    sequence: int = 0
    balance: Commitment | None = None
    head: Hash32 = ZERO_HASH
    claimable: tuple[tuple[OutputKey, Commitment], ...] = ()
    has_more: bool = False
    exists: bool = False
    lie: str = ""
    error: str = ""


@dataclass(frozen=True, slots=True)
class AccountChain:
    """The newest part of an account's chain that ends before `end`, oldest first, and the validators' words.

    `sequence`, `balance` and `head` are the account after its newest proven certificate; `allocation` is what the genesis gave it.
    """

    owner: PublicKey
    words: tuple[Word, ...]
    links: tuple[Link, ...]
    sequence: int
    balance: Commitment
    head: Hash32
    allocation: int | None
    end: int


async def read_account(client: Sights, owner: PublicKey, genesis: Genesis, end: int | None = None) -> AccountChain:
    """Ask all validators for an account, and read its chain up to `end` (its newest by default)."""
    answers = await asyncio.gather(*(_ask(client, index, owner, genesis) for index in range(genesis.committee.size)))
    words = tuple(word for word, _ in answers)
    heads = [head for _, head in answers if head is not None]
    newest = max(heads, key=lambda head: head.core.sequence, default=None)
    state = proven_state(owner, newest, genesis)
    last = state.sequence if end is None else min(end, state.sequence)
    links = await _read_links(client, owner, max(0, last - CHAIN_PAGE), last)
    return AccountChain(owner, words, links, state.sequence, state.balance, state.head, _allocation(owner, genesis), last)


def proven_state(owner: PublicKey, head: CheckedCertificate | None, genesis: Genesis) -> AccountState:
    """The state that an account has after its head certificate: the certificate says it, whoever sent it."""
    if head is None:
        amount = _allocation(owner, genesis)
        return zero_account(owner) if amount is None else AccountState(owner, 0, commit_public(amount), ZERO_HASH)
    return AccountState(owner, head.core.sequence + 1, head.core.new_balance, head.transition_id)


def check_links(certificates: list[CheckedCertificate], before: CheckedCertificate | None) -> tuple[Link, ...]:
    """Certificates of consecutive slots, each compared with the one before it."""
    links: list[Link] = []
    for checked in certificates:
        if checked.core.sequence == 0:
            linked: bool | None = checked.core.prev == ZERO_HASH
        else:
            linked = None if before is None else checked.core.prev == before.transition_id
        links.append(Link(checked, linked))
        before = checked
    return tuple(links)


async def _read_links(client: Sights, owner: PublicKey, first: int, end: int) -> tuple[Link, ...]:
    """Slots `first` to `end`, and the one before the first, which its link needs."""
    wanted = max(0, first - 1)
    found: list[CheckedCertificate] = []
    while wanted < end:
        page = await fetch_chain(client, owner, wanted, end - 1)
        if not page:
            break
        found += page
        wanted += len(page)
    before = found.pop(0) if found and found[0].core.sequence < first else None
    return check_links(found, before)


async def _ask(client: Sights, index: int, owner: PublicKey, genesis: Genesis) -> tuple[Word, CheckedCertificate | None]:
    query = QueryAccount(0, owner, Want.HEAD_CERTIFICATE | Want.CLAIMABLE, FIRST_KEY, CLAIMABLE_MOST)
    try:
        answer = await client.request(index, query, QUERY_TIMEOUT_S)
    except PeerFault as fault:
        return Word(index, error=fault.text), None
    assert isinstance(answer, AccountStateMessage), "the connection matches answers with their questions"
    return judge_answer(index, answer, owner, genesis)


def judge_answer(index: int, answer: AccountStateMessage, owner: PublicKey, genesis: Genesis) -> tuple[Word, CheckedCertificate | None]:
    """A validator's word about an account, and the head certificate in it where it holds. A word that its own evidence contradicts is a lie."""
    account = answer.account
    claimable = tuple((entry.key, entry.commitment) for entry in answer.claimable)
    head, lie = _read_head(answer, owner, genesis)
    if not lie:
        proven = proven_state(owner, head, genesis)
        if account.owner != owner:
            lie = f"asked for one account, it answered with {account.owner.hex()[:16]}"
        elif (account.sequence, account.balance, account.head) != (proven.sequence, proven.balance, proven.head):
            shown = "nothing" if head is None else f"certificate #{head.core.sequence}"
            lie = f"it says sequence {account.sequence}, balance {account.balance.hex()[:16]}; {shown} proves {proven.sequence}, {proven.balance.hex()[:16]}"
    return Word(index, account.sequence, account.balance, account.head, claimable, answer.more, answer.exists, lie), head


def _read_head(answer: AccountStateMessage, owner: PublicKey, genesis: Genesis) -> tuple[CheckedCertificate | None, str]:
    if answer.head_certificate is None:
        return None, ""
    try:
        head = read_certificate(answer.head_certificate, genesis)
    except InvalidCertificate as error:
        return None, f"its head certificate does not hold: {error.text}"
    if head.core.sender != owner:
        return None, f"its head certificate is one of {head.core.sender.hex()[:16]}"
    return head, ""


def _allocation(owner: PublicKey, genesis: Genesis) -> int | None:
    return next((allocation.amount for allocation in genesis.doc.allocations if allocation.owner == owner), None)
