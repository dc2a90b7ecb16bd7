"""What validators say of an account, believed only where it proves itself (docs/protocol.md, "Trusting answers").

An account's state counts with the certificate that made it; outputs count with theirs. Absence is never proven by one validator.
"""

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import dataclass

from mesh_core.errors import PeerFault, Rejected
from mesh_core.protocol.certificates import CheckedCertificate, InvalidCertificate, read_certificate
from mesh_core.protocol.genesis import Genesis
from mesh_core.protocol.identifiers import Identified
from mesh_core.protocol.validation import validate_format, validate_signature
from mesh_core.types.basic import Hash32, PublicKey
from mesh_core.types.messages import (
    AccountStateMessage,
    Claimable,
    QueryAccount,
    SyncAccount,
    SyncCertificates,
    SyncMode,
    SyncRequest,
    SyncResponse,
    Want,
)
from mesh_core.types.transition import OUTPUT_KEY
from mesh_core.wallet.ports import Validators

QUERY_TIMEOUT_S = 2.0
RETRY_INTERVAL_S = 0.2
CLAIMABLE_PAGE = 500
CLAIMABLE_PAGES_MOST = 64
FIRST_KEY = bytes(33)
MAX_SYNC_IDS = 255
SYNC_BYTES = 200_000


@dataclass(frozen=True, slots=True)
class AccountAnswer:
    """One validator's answer about an account: what of it proves itself."""

    validator: int
    head: CheckedCertificate | None
    pending: Identified | None


@dataclass(frozen=True, slots=True)
class LatestState:
    """What several validators' answers amount to. `head` is the newest proven state beyond the genesis; `pending` are transitions for the slot after it."""

    answers_count: int
    head: CheckedCertificate | None
    pending: tuple[Identified, ...]


async def find_latest_state(client: Validators, owner: PublicKey) -> LatestState:
    """Ask all validators for an account. Silent ones are not waited for longer than two seconds."""
    genesis = client.network.genesis
    answers = [
        answer for answer in await asyncio.gather(*(_ask(client, validator, owner) for validator in range(genesis.committee.size))) if answer is not None
    ]
    heads = [answer.head for answer in answers if answer.head is not None]
    head = max(heads, key=lambda head: head.core.sequence, default=None)
    next_sequence = 0 if head is None else head.core.sequence + 1
    pending = {
        answer.pending.transition_id: answer.pending for answer in answers if answer.pending is not None and answer.pending.core.sequence == next_sequence
    }
    return LatestState(len(answers), head, tuple(pending.values()))


async def _ask(client: Validators, validator: int, owner: PublicKey) -> AccountAnswer | None:
    query = QueryAccount(0, owner, Want.HEAD_CERTIFICATE | Want.PENDING_TRANSITION, FIRST_KEY, 0)
    try:
        answer = await client.request(validator, query, QUERY_TIMEOUT_S)
    except PeerFault:
        return None
    if not isinstance(answer, AccountStateMessage):
        return None
    genesis = client.network.genesis
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


async def list_claimable(client: Validators, validator: int, owner: PublicKey) -> list[Claimable]:
    """All outputs that one validator holds for an account. PeerFault."""
    found: list[Claimable] = []
    after = FIRST_KEY
    for _ in range(CLAIMABLE_PAGES_MOST):
        answer = await client.request(validator, QueryAccount(0, owner, Want.CLAIMABLE, after, CLAIMABLE_PAGE), QUERY_TIMEOUT_S)
        if not isinstance(answer, AccountStateMessage):
            break
        found += answer.claimable
        if not answer.more or not answer.claimable:
            break
        after = OUTPUT_KEY.encode(answer.claimable[-1].key)
    return found


async def fetch_certificates(client: Validators, validator: int, cert_ids: Sequence[Hash32]) -> list[CheckedCertificate]:
    """Certificates by id from one validator, verified; those that it does not give are missing. PeerFault."""
    found: list[CheckedCertificate] = []
    wanted = list(cert_ids)
    while wanted:
        page = await _sync(client, validator, SyncCertificates(tuple(wanted[:MAX_SYNC_IDS])))
        found += page
        given = {certificate.cert_id for certificate in page}
        left = [cert_id for cert_id in wanted if cert_id not in given]
        if len(left) == len(wanted):
            break
        wanted = left
    return found


async def fetch_own_certificates(client: Validators, owner: PublicKey, first: int, last: int) -> list[CheckedCertificate]:
    """The certificates of an account's slots from `first` to `last`, in order and without a gap, from whichever validators have them.

    Fewer where no validator that answers has one. None is believed without its signatures, so a validator that lies can only be of no use.
    """
    found: list[CheckedCertificate] = []
    for validator in range(client.network.genesis.committee.size):
        with contextlib.suppress(PeerFault):
            while first + len(found) <= last:
                wanted = first + len(found)
                page = await _sync(client, validator, SyncAccount(owner, wanted))
                fitting = _without_gap(page, owner, wanted)
                found += fitting[: last + 1 - wanted]
                if not fitting:
                    break
    return found


def _without_gap(page: Sequence[CheckedCertificate], owner: PublicKey, sequence: int) -> list[CheckedCertificate]:
    fitting: list[CheckedCertificate] = []
    for certificate in page:
        if certificate.core.sender != owner or certificate.core.sequence != sequence + len(fitting):
            break
        fitting.append(certificate)
    return fitting


async def find_slot_certificate(client: Validators, owner: PublicKey, sequence: int) -> CheckedCertificate | None:
    """The certificate of one slot, from the first validator that has it; None if a quorum has answered and has none. Asks until then."""
    while True:
        answers_count = 0
        for validator in range(client.network.genesis.committee.size):
            try:
                found = _without_gap(await _sync(client, validator, SyncAccount(owner, sequence)), owner, sequence)
            except PeerFault:
                continue
            answers_count += 1
            if found:
                return found[0]
        if answers_count >= client.network.genesis.committee.quorum_threshold:
            return None
        await asyncio.sleep(RETRY_INTERVAL_S)


async def _sync(client: Validators, validator: int, mode: SyncMode) -> list[CheckedCertificate]:
    answer = await client.request(validator, SyncRequest(0, mode, MAX_SYNC_IDS, SYNC_BYTES), QUERY_TIMEOUT_S)
    found: list[CheckedCertificate] = []
    if isinstance(answer, SyncResponse):
        for item in answer.items:
            try:
                found.append(read_certificate(item.certificate, client.network.genesis))
            except InvalidCertificate:
                break
    return found
