"""Building transitions, the wallet's mirror of validation.py (docs/protocol.md, "Transition", "Wallet").

    draft_send / draft_receive   commitments, memos, the new balance
    prove_draft                  the range proof of a SEND
    sign_draft                   the owner's signature: from here on this slot is taken

A draft that is given up is never mended: a new one draws new blinding factors, since two amounts under one blinding factor show their difference.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from mesh_core.crypto import domains
from mesh_core.crypto.keys import WalletKeys
from mesh_core.crypto.memo import MemoContext, MemoPlain, SelfMemoContext, derive_output_blinding, seal_memo, seal_self_memo
from mesh_core.crypto.pedersen import Opening, commit
from mesh_core.crypto.range_proof import build_witness, prove
from mesh_core.crypto.ristretto import GROUP_ORDER
from mesh_core.crypto.signatures import SigningKey, is_acceptable_key
from mesh_core.errors import ErrorCode, LocalFault
from mesh_core.protocol.genesis import Genesis
from mesh_core.protocol.identifiers import identify
from mesh_core.protocol.validation import build_range_statement
from mesh_core.types.account import AccountState
from mesh_core.types.address import Address
from mesh_core.types.basic import Commitment, Signature
from mesh_core.types.transition import MAX_CLAIMS, MAX_OUTPUTS, STATEMENT, Claim, Kind, Output, OutputKey, Transition, TransitionCore

Entropy = Callable[[int], bytes]
"""Gives so many fresh random bytes."""

UNSIGNED = Signature(bytes(64))
"""Stands where the signature of a draft will be."""


@dataclass(frozen=True, slots=True)
class Payment:
    """One amount for one recipient, with a text that only the two can read. `amount` in units, at least 1; at most 215 bytes of UTF-8."""

    address: Address
    amount: int
    text: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class OpenedOutput:
    """A claimable output whose opening was verified: the only kind that may be claimed."""

    key: OutputKey
    commitment: Commitment
    opening: Opening


@dataclass(frozen=True, slots=True)
class Draft:
    """A transition without proof and signature, with the openings that belong to it (secret)."""

    core: TransitionCore
    new_opening: Opening
    output_openings: tuple[Opening, ...]


def draft_send(keys: WalletKeys, genesis: Genesis, account: AccountState, opening: Opening, payments: Sequence[Payment], entropy: Entropy) -> Draft:
    """Draft a SEND from `account`, whose balance `opening` opens. LocalFault: AMOUNT_INVALID, ADDRESS_INVALID, INSUFFICIENT_FUNDS, MEMO_TEXT_INVALID.

    The sender's new blinding factor is what is left: `r_new = r_old - sum(r_out) mod l`, so that the balance equation holds on commitments.
    """
    if not 1 <= len(payments) <= MAX_OUTPUTS:
        raise LocalFault(ErrorCode.AMOUNT_INVALID, f"{len(payments)} recipients: a payment has 1 to {MAX_OUTPUTS}")
    for payment in payments:
        if not 1 <= payment.amount < 2**64:
            raise LocalFault(ErrorCode.AMOUNT_INVALID, f"{payment.amount} is no amount: pay at least 1")
        if not is_acceptable_key(payment.address.owner):
            raise LocalFault(
                ErrorCode.ADDRESS_INVALID, "the owner key in the address is not an acceptable Ed25519 key: ask the recipient for the address again"
            )
    fee = genesis.doc.fee_of_send(len(payments))
    total = sum(payment.amount for payment in payments) + fee
    if total > opening.value:
        raise LocalFault(ErrorCode.INSUFFICIENT_FUNDS, _describe_shortage(total - fee, fee, opening.value))
    openings = tuple(_draw_opening(keys, genesis, account, index, payment, entropy) for index, payment in enumerate(payments))
    outputs = tuple(_build_output(keys, genesis, account, index, *pair) for index, pair in enumerate(zip(payments, openings, strict=True)))
    new_opening = Opening(opening.value - total, (opening.blinding - sum(one.blinding for one in openings)) % GROUP_ORDER)
    return Draft(_build_core(keys, genesis, account, Kind.SEND, new_opening, fee, outputs, ()), new_opening, openings)


def draft_receive(keys: WalletKeys, genesis: Genesis, account: AccountState, opening: Opening, outputs: Sequence[OpenedOutput]) -> Draft:
    """Draft a RECEIVE of outputs whose openings were verified. LocalFault: NOTHING_TO_CLAIM, AMOUNT_INVALID for more than 16.

    An output with an unknown opening must never get here: it would make the balance unspendable for ever.
    """
    if not outputs:
        raise LocalFault(ErrorCode.NOTHING_TO_CLAIM, "there is nothing to claim")
    if len(outputs) > MAX_CLAIMS:
        raise LocalFault(ErrorCode.AMOUNT_INVALID, f"{len(outputs)} outputs: one claim takes at most {MAX_CLAIMS}")
    ordered = sorted(outputs, key=lambda output: output.key)
    new_opening = opening
    for output in ordered:
        new_opening = new_opening + output.opening
    claims = tuple(Claim(output.key.cert_id, output.key.index, output.commitment) for output in ordered)
    return Draft(_build_core(keys, genesis, account, Kind.RECEIVE, new_opening, 0, (), claims), new_opening, ())


def prove_draft(draft: Draft, entropy: Entropy) -> bytes:
    """The range proof of a draft: the new balance and every output are in [0, 2^64), in the context of this core. Empty for a RECEIVE."""
    if draft.core.kind is Kind.RECEIVE:
        return b""
    statement = build_range_statement(identify(Transition(draft.core, b"", UNSIGNED)))
    return prove(statement, build_witness(draft.new_opening, draft.output_openings), entropy)


def sign_draft(draft: Draft, range_proof: bytes, signing_key: SigningKey) -> Transition:
    """Sign. Whoever signs a second transition for this slot has equivocated: store the result durably before it leaves, and send these bytes for ever."""
    candidate = identify(Transition(draft.core, range_proof, UNSIGNED))
    return Transition(draft.core, range_proof, signing_key.sign(domains.SIG_OWNER, STATEMENT.encode(candidate.statement)))


def _describe_shortage(amount: int, fee: int, spendable: int) -> str:
    return f"{amount} and a fee of {fee} are more than the {spendable} that can be spent: pay at most {max(0, spendable - fee)}"


def _draw_opening(keys: WalletKeys, genesis: Genesis, account: AccountState, index: int, payment: Payment, entropy: Entropy) -> Opening:
    blinding = derive_output_blinding(
        keys.view_key.self_key,
        entropy(32),
        network_id=genesis.network_id,
        sender=account.owner,
        sequence=account.sequence,
        index=index,
        value=payment.amount,
        text=payment.text,
    )
    return Opening(payment.amount, blinding)


def _build_output(keys: WalletKeys, genesis: Genesis, account: AccountState, index: int, payment: Payment, opening: Opening) -> Output:
    commitment = commit(opening)
    address = payment.address
    context = MemoContext(genesis.network_id, account.owner, account.sequence, index, address.owner, address.view_pk, commitment)
    sealed = seal_memo(keys.view_key, context, MemoPlain(opening, payment.text))
    return Output(address.owner, address.view_pk, commitment, sealed.eph_pk, sealed.memo)


def _build_core(
    keys: WalletKeys,
    genesis: Genesis,
    account: AccountState,
    kind: Kind,
    new_opening: Opening,
    fee: int,
    outputs: tuple[Output, ...],
    claims: tuple[Claim, ...],
) -> TransitionCore:
    new_balance = commit(new_opening)
    self_memo = seal_self_memo(keys.view_key, SelfMemoContext(genesis.network_id, account.owner, account.sequence, new_balance), new_opening)
    return TransitionCore(
        kind=kind,
        network_id=genesis.network_id,
        epoch=genesis.committee.epoch,
        asset_id=genesis.doc.asset_id,
        sender=account.owner,
        sequence=account.sequence,
        prev=account.head,
        new_balance=new_balance,
        fee=fee,
        outputs=outputs,
        claims=claims,
        self_memo=self_memo,
    )
