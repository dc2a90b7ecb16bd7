"""The nine validation rules (docs/protocol.md, "The nine rules"), one function each, in order.

A rule returns when it is satisfied and raises `Rejected` with its code when it is not; it changes nothing. The order is part of the protocol: cheap and
stateless checks first, then one signature, so that no later rule works for bytes that nobody signed and so that evidence is always signed; the proof last.
No rule depends on time, load or chance: honest votes would split over it and lock an honest account.

Where a rule looks at several items the first offending item decides, and for that item the lowest code.
"""

from itertools import pairwise
from typing import Protocol

from mesh_core.crypto import domains
from mesh_core.crypto.pedersen import IDENTITY, add_commitments, commit_public, is_canonical_point
from mesh_core.crypto.range_proof import RangeStatement, build_statement, verify
from mesh_core.crypto.signatures import is_acceptable_key, verify_signature
from mesh_core.errors import DecodeError, ErrorCode, Rejected
from mesh_core.protocol.equivocation import build_client_equivocation
from mesh_core.protocol.genesis import Genesis
from mesh_core.protocol.identifiers import Identified, identify
from mesh_core.types.account import AccountState, ClaimableOutput, zero_account
from mesh_core.types.basic import Commitment, Hash32, PublicKey, Signature
from mesh_core.types.evidence import ClientEquivocation
from mesh_core.types.transition import PROOF_SIZES, STATEMENT, TRANSITION, Kind, OutputKey, Statement, Transition, TransitionCore


class LedgerView(Protocol):
    """What the rules ask of the ledger."""

    def account(self, owner: PublicKey) -> AccountState | None:
        """State of an account, or None if it never existed."""
        ...

    def output(self, key: OutputKey) -> ClaimableOutput | None:
        """An output that waits to be claimed, or None."""
        ...

    def claimed_by(self, key: OutputKey) -> Hash32 | None:
        """cert_id of the RECEIVE that claimed an output, or None."""
        ...


class Conflict(Rejected):
    """Rule 4: the owner signed another transition for this slot. `proof` convicts it before anybody who holds the genesis document."""

    def __init__(self, code: ErrorCode, text: str, proof: ClientEquivocation) -> None:
        super().__init__(code, text)
        self.proof = proof


class MissingOutput(Rejected):
    """Rule 6: outputs that are claimed are unknown here; perhaps this validator is behind. `cert_ids` are the certificates it lacks."""

    def __init__(self, text: str, cert_ids: tuple[Hash32, ...]) -> None:
        super().__init__(ErrorCode.UNKNOWN_OUTPUT, text)
        self.cert_ids = cert_ids


# --- Rule 1: FORMAT --------------------------------------------------------------------------------------------------------------------------------


def validate_format(data: bytes, genesis: Genesis) -> Identified:
    """Rule 1. Decode a transition and check all that needs neither state nor keys; its hashes come with it."""
    try:
        transition = TRANSITION.decode(data)
    except DecodeError as error:
        raise Rejected(error.code, f"{error.field}: {error.reason}" if error.field else error.reason) from error
    validate_fields(transition, genesis)
    return identify(transition)


def validate_fields(transition: Transition, genesis: Genesis) -> None:
    """Rule 1 behind the decoder: network, epoch, asset, order of claims, exact proof size."""
    core = transition.core
    if core.network_id != genesis.network_id:
        raise Rejected(ErrorCode.NETWORK, f"made for network {core.network_id.hex()[:16]}, this is {genesis.network_id.hex()[:16]}")
    if core.epoch != genesis.committee.epoch:
        raise Rejected(ErrorCode.EPOCH, f"made for epoch {core.epoch}, this is {genesis.committee.epoch}")
    if core.asset_id != genesis.doc.asset_id:
        raise Rejected(ErrorCode.ASSET, f"asset {core.asset_id.hex()[:16]}, this network has {genesis.doc.asset_id.hex()[:16]}")
    keys = [claim.key for claim in core.claims]
    if any(one >= other for one, other in pairwise(keys)):
        raise Rejected(ErrorCode.COUNT_OR_ORDER, "claims are not strictly ascending")
    expected = compute_proof_size(core)
    if len(transition.range_proof) != expected:
        raise Rejected(ErrorCode.PROOF_SIZE, f"range proof of {len(transition.range_proof)} bytes, {expected} expected")


def compute_proof_size(core: TransitionCore) -> int:
    """Bytes of the range proof that a transition must carry: 0 for a RECEIVE."""
    if core.kind is Kind.RECEIVE:
        return 0
    return next(size for commitments, size in sorted(PROOF_SIZES.items()) if commitments >= 1 + len(core.outputs))


# --- Rule 2: SIGNATURE -----------------------------------------------------------------------------------------------------------------------------


def validate_signature(candidate: Identified) -> None:
    """Rule 2. The owner signed the statement, with a key that all validators accept."""
    validate_owner(candidate.statement, candidate.transition.owner_signature)


def validate_owner(statement: Statement, signature: Signature) -> None:
    """Rule 2 on a statement alone, for whoever has no transition at hand."""
    if not is_acceptable_key(statement.sender):
        raise Rejected(ErrorCode.BAD_KEY, f"sender {statement.sender.hex()[:16]} is not an acceptable Ed25519 key")
    if not verify_signature(domains.SIG_OWNER, statement.sender, STATEMENT.encode(statement), signature):
        raise Rejected(ErrorCode.BAD_SIGNATURE, "the owner's signature does not verify")


# --- Rule 3: ACCOUNT -------------------------------------------------------------------------------------------------------------------------------


def validate_account(core: TransitionCore, ledger: LedgerView) -> AccountState:
    """Rule 3. A SEND needs an account; a RECEIVE may open one. The account is returned for the rules that follow."""
    account = ledger.account(core.sender)
    if account is None:
        if core.kind is Kind.SEND:
            raise Rejected(ErrorCode.UNKNOWN_ACCOUNT, f"no account {core.sender.hex()[:16]} here")
        return zero_account(core.sender)
    return account


# --- Rule 4: CONFLICT ------------------------------------------------------------------------------------------------------------------------------


def validate_conflict(candidate: Identified, voted: tuple[Hash32, Signature] | None, certified: tuple[Hash32, Signature] | None) -> bool:
    """Rule 4. No other transition of this slot has this validator's vote, nor a certificate.

    `voted` and `certified` are the recorded transition_id and the owner's signature on it. True says that this very transition has the vote: it is to be
    returned as it stands. Stands before rule 5 so that a second spend of a settled slot yields evidence and not just "stale".
    """
    for recorded, code, what in (
        (certified, ErrorCode.CONFLICTS_WITH_CERTIFICATE, "a certificate"),
        (voted, ErrorCode.CONFLICTS_WITH_VOTE, "this validator's vote"),
    ):
        if recorded is not None and recorded[0] != candidate.transition_id:
            proof = build_client_equivocation(candidate.statement, candidate.transition.owner_signature, *recorded)
            raise Conflict(code, f"slot {candidate.core.sequence} has {what} for {recorded[0].hex()[:16]}", proof)
    return voted is not None


# --- Rule 5: SEQUENCE ------------------------------------------------------------------------------------------------------------------------------


def validate_sequence(core: TransitionCore, account: AccountState) -> None:
    """Rule 5. The transition continues the account's chain exactly where it ends."""
    if core.sequence < account.sequence:
        raise Rejected(ErrorCode.STALE_SEQUENCE, f"sequence {core.sequence} is settled, the next is {account.sequence}")
    if core.sequence > account.sequence:
        raise Rejected(ErrorCode.SEQUENCE_AHEAD, f"sequence {core.sequence} is ahead, the next is {account.sequence}")
    if core.prev != account.head:
        raise Rejected(ErrorCode.PREV_MISMATCH, f"prev is {core.prev.hex()[:16]}, the account's head is {account.head.hex()[:16]}")


# --- Rule 6: DEPENDENCY ----------------------------------------------------------------------------------------------------------------------------


def validate_dependencies(core: TransitionCore, ledger: LedgerView) -> None:
    """Rule 6. Every claim is a present output of this owner, with the commitment that was certified: a larger one would mint money."""
    for claim in core.claims:
        output = ledger.output(claim.key)
        if output is None:
            taker = ledger.claimed_by(claim.key)
            if taker is not None:
                raise Rejected(ErrorCode.ALREADY_CLAIMED, f"output {claim.cert_id.hex()[:16]}.{claim.index} was claimed by {taker.hex()[:16]}")
            missing = tuple(dict.fromkeys(other.cert_id for other in core.claims if ledger.output(other.key) is None and ledger.claimed_by(other.key) is None))
            raise MissingOutput(f"output {claim.cert_id.hex()[:16]}.{claim.index} is unknown here", missing)
        if output.owner != core.sender:
            raise Rejected(ErrorCode.NOT_OWNER, f"output {claim.cert_id.hex()[:16]}.{claim.index} belongs to {output.owner.hex()[:16]}")
        if output.commitment != claim.commitment:
            raise Rejected(ErrorCode.CLAIM_COMMITMENT, f"output {claim.cert_id.hex()[:16]}.{claim.index} has another commitment")


# --- Rule 7: AMOUNTS -------------------------------------------------------------------------------------------------------------------------------


def validate_amounts(core: TransitionCore, genesis: Genesis) -> None:
    """Rule 7. The exact fee; canonical commitments; recipients that can ever sign; no output that provably holds nothing."""
    fee = genesis.doc.fee_of_send(len(core.outputs)) if core.kind is Kind.SEND else 0
    if core.fee != fee:
        raise Rejected(ErrorCode.FEE, f"fee {core.fee}, {fee} expected")
    if not is_canonical_point(core.new_balance):
        raise Rejected(ErrorCode.POINT, "new_balance is not a canonical ristretto255 encoding")
    for index, output in enumerate(core.outputs):
        if not is_canonical_point(output.commitment):
            raise Rejected(ErrorCode.POINT, f"the commitment of output {index} is not a canonical ristretto255 encoding")
        if output.commitment == IDENTITY:
            raise Rejected(ErrorCode.IDENTITY_OUTPUT, f"output {index} commits to nothing")
        if not is_acceptable_key(output.owner):
            raise Rejected(ErrorCode.RECIPIENT_KEY, f"the owner of output {index} is not an acceptable Ed25519 key")
    for index, claim in enumerate(core.claims):
        if not is_canonical_point(claim.commitment):
            raise Rejected(ErrorCode.POINT, f"the commitment of claim {index} is not a canonical ristretto255 encoding")


# --- Rule 8: BALANCE -------------------------------------------------------------------------------------------------------------------------------


def validate_balance(core: TransitionCore, balance: Commitment) -> None:
    """Rule 8. Nothing is created or lost, checked on commitments alone."""
    if not is_balanced(core, balance):
        raise Rejected(ErrorCode.UNBALANCED, "the commitments do not add up")


def is_balanced(core: TransitionCore, balance: Commitment) -> bool:
    """The balance equation, for an account with the commitment `balance`; commitments must be canonical.

    SEND:     balance     == new_balance + sum(output.commitment) + fee * value_generator
    RECEIVE:  new_balance == balance + sum(claim.commitment)

    At most 8 values and a fee, each below 2^64, are far below the group's order of about 2^252, so the equation cannot wrap.
    """
    if core.kind is Kind.SEND:
        return add_commitments((core.new_balance, *(output.commitment for output in core.outputs), commit_public(core.fee))) == balance
    return add_commitments((balance, *(claim.commitment for claim in core.claims))) == core.new_balance


# --- Rule 9: RANGE ---------------------------------------------------------------------------------------------------------------------------------


def build_range_statement(candidate: Identified) -> RangeStatement:
    """What a SEND's range proof must prove: the remaining balance and every output are in [0, 2^64), in the context of this very transition.

    Only the balance would let negative outputs mint; only the outputs would let the sender overspend.
    """
    core = candidate.core
    return build_statement(core.new_balance, tuple(output.commitment for output in core.outputs), candidate.core_hash)


def validate_range(candidate: Identified) -> None:
    """Rule 9. The range proof of a SEND verifies (RangeProofError if not); a RECEIVE needs none, since sums of proven amounts stay below the supply."""
    if candidate.core.kind is Kind.RECEIVE:
        return
    verify(build_range_statement(candidate), candidate.transition.range_proof)


# --- All rules, for a wallet that checks its own draft ---------------------------------------------------------------------------------------------


def validate_draft(transition: Transition, genesis: Genesis, ledger: LedgerView) -> Identified:
    """Every rule but 2 and 4 on a transition that is not signed so far: what a wallet runs before it signs, so that it never signs what validators refuse."""
    candidate = validate_format(TRANSITION.encode(transition), genesis)
    core = candidate.core
    account = validate_account(core, ledger)
    validate_sequence(core, account)
    validate_dependencies(core, ledger)
    validate_amounts(core, genesis)
    validate_balance(core, account.balance)
    validate_range(candidate)
    return candidate
