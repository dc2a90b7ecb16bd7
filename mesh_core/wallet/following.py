"""Keeping an account where its certificates have brought it, whoever gathered them: this wallet, another device, or this one before its disk was lost."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Final

from mesh_core.crypto.memo import MemoError
from mesh_core.errors import ErrorCode, LocalFault
from mesh_core.protocol.certificates import CheckedCertificate
from mesh_core.protocol.equivocation import build_client_equivocation
from mesh_core.protocol.identifiers import Identified
from mesh_core.types.basic import Hash32, PublicKey
from mesh_core.types.evidence import EquivocationProof
from mesh_core.types.transition import TransitionCore
from mesh_core.wallet.account import OwnCertificate
from mesh_core.wallet.asking import LatestState, reachable_contenders
from mesh_core.wallet.context import WalletContext
from mesh_core.wallet.events import NoticeKind
from mesh_core.wallet.fetching import RETRY_INTERVAL_S, fetch_chain, fetch_from_any
from mesh_core.wallet.records import EVIDENCE_MOST, Condition, Standing

FILL_INTERVAL_MOST_S: Final = 30.0
TWICE: Final = "this account was used on two devices at once, or after its disk was lost while one was on its way"


class Follower:
    """Moves the account behind certificates. Whoever calls holds the turn, but for `fill`, which moves nothing."""

    def __init__(self, context: WalletContext) -> None:
        self._context = context

    async def catch_up(self, head: CheckedCertificate) -> None:
        """Take over every certified transition up to the newest one. LocalFault (ACCOUNT_LOCKED) if its balance cannot be opened.

        The head alone proves the account and opens the balance; what cannot be had of the transitions before it now, `fill` goes on asking for.
        """
        account = self._context.account
        last = head.core.sequence
        is_ours = account.state.sequence == last and self._is_pending(head)
        was = account.state.sequence
        while account.state.sequence < last:
            chain = await fetch_chain(self._context.client, self._context.owner, account.state.sequence, last)
            if not chain:
                break
            await self._adopt(chain)
        if account.state.sequence <= last:
            await self._adopt([head])
        is_news = account.has_all_history and account.state.sequence > was and not is_ours
        if is_news and not self._context.is_view_only:
            slots = f"slot {was} of this account holds a transition" if was == last else f"slots {was} to {last} of this account hold transitions"
            text = f"{slots} that this wallet has not signed: its seed is used elsewhere, or this is an old copy of its disk"
            self._context.notice(NoticeKind.MOVED, text)
        self._context.announce()

    async def adopt_pending(self, candidate: Identified) -> None:
        """Make a transition that our key signed for the next slot ours to complete. LocalFault as `catch_up`."""
        try:
            await self._context.account.adopt_pending(candidate)
        except MemoError as error:
            raise _moved_by_others(error) from error

    async def choose(self, latest: LatestState) -> None:
        """Decide which of the transitions that are signed for the next slot is completed: nothing else may be signed there.

        LocalFault (ACCOUNT_LOCKED) where this disk holds none, and none of those that validators hold can reach a quorum.
        """
        account = self._context.account
        own = account.pending_candidate
        contenders = [contender for contender in latest.contenders_beside(own) if not account.is_given_up(contender.candidate)]
        if len(contenders) > 1:
            self._context.notice(NoticeKind.TWO_SIGNED, f"{len(contenders)} transitions are signed for slot {account.state.sequence}: {TWICE}")
        reachable = reachable_contenders(contenders, self._context.genesis.committee, own)
        if reachable and (own is None or reachable[0].candidate.transition_id != own.transition_id):
            await self.adopt_pending(reachable[0].candidate)
        elif contenders and not reachable and own is None:
            raise await self.lock(prove_conflicts([contender.candidate for contender in contenders]))

    async def lock(self, evidence: tuple[EquivocationProof, ...]) -> LocalFault:
        """Record that no transition of the slot can be certified any more; returns the fault that says so."""
        account = self._context.account
        sequence = account.state.sequence
        text = f"two transitions are signed for slot {sequence}, and neither can reach a quorum: the account cannot move any more"
        kept = tuple(dict.fromkeys((*account.standing.evidence, *evidence)))[:EVIDENCE_MOST]
        await account.record_standing(Standing(Condition.LOCKED, sequence, text, kept, (), self._context.surroundings.now_ms()))
        self._context.notice(NoticeKind.LOCKED, text)
        self._context.announce()
        return LocalFault(ErrorCode.ACCOUNT_LOCKED, text)

    async def fill(self) -> None:
        """Ask for the certificates before the newest ones, and for those whose outputs they claim, until the disk holds them all. Moves no account."""
        account, pause_s = self._context.account, RETRY_INTERVAL_S
        while not account.is_whole or account.unknown_sources():
            if not await self._fill_some():
                await asyncio.sleep(pause_s)
                pause_s = min(FILL_INTERVAL_MOST_S, 2 * pause_s)

    async def _fill_some(self) -> bool:
        """One step of it; whether it brought anything."""
        account, client = self._context.account, self._context.client
        if account.is_whole:
            unknown = account.unknown_sources()
            await account.record_incoming(*(await fetch_from_any(client, unknown)).values())
            return len(account.unknown_sources()) < len(unknown)
        first = account.first_missing
        chain = await fetch_chain(client, self._context.owner, first, account.state.sequence - 1)
        if chain:
            await self._adopt(chain)
            self._context.announce()
        return account.first_missing > first

    async def _adopt(self, certificates: list[CheckedCertificate]) -> None:
        account = self._context.account
        unknown = dict.fromkeys(claim.cert_id for checked in certificates for claim in checked.core.claims if not account.knows(claim.key))
        sources = await fetch_from_any(self._context.client, list(unknown))
        try:
            await account.adopt(*(OwnCertificate(checked, _sources(checked.core, sources)) for checked in certificates))
        except MemoError as error:
            raise _moved_by_others(error) from error

    def _is_pending(self, checked: CheckedCertificate) -> bool:
        own = self._context.account.pending_candidate
        return own is not None and own.transition_id == checked.transition_id


def prove_conflicts(candidates: Sequence[Identified]) -> tuple[EquivocationProof, ...]:
    """Proofs that these transitions of one slot are signed by its owner, each against the first."""
    first, *others = candidates
    return tuple(
        build_client_equivocation(first.statement, first.transition.owner_signature, other.transition_id, other.transition.owner_signature) for other in others
    )


def order_of_payment(checked: CheckedCertificate) -> tuple[PublicKey, int]:
    """An order for payments whose times nobody knows: those of one payer as it made them."""
    return checked.core.sender, checked.core.sequence


def _moved_by_others(error: MemoError) -> LocalFault:
    return LocalFault(ErrorCode.ACCOUNT_LOCKED, f"the account was moved by somebody without this wallet's view key: {error.text}")


def _sources(core: TransitionCore, found: Mapping[Hash32, CheckedCertificate]) -> tuple[CheckedCertificate, ...]:
    here = (found[name] for name in dict.fromkeys(claim.cert_id for claim in core.claims) if name in found)
    return tuple(sorted(here, key=order_of_payment))
