"""What can be checked of one certificate, check by check, for whoever shows people why they may believe it.

`read_certificate` says whether a certificate is valid; a wallet needs no more. Here every part of that judgement, and of the one that its voters made before
they voted, is a check of its own with a name, and with what it proves. All are made from the certificate's bytes, the genesis document and earlier
certificates; no validator's word counts. Who runs a check may measure how long it takes.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from types import MappingProxyType
from typing import Final

from mesh_core.crypto import domains
from mesh_core.crypto.pedersen import commit_public
from mesh_core.crypto.range_proof import RangeProof, verify
from mesh_core.crypto.signatures import verify_signature
from mesh_core.errors import DecodeError, ErrorCode, Rejected
from mesh_core.protocol.certificates import CheckedCertificate
from mesh_core.protocol.genesis import Genesis
from mesh_core.protocol.identifiers import Identified, identify
from mesh_core.protocol.validation import build_range_statement, validate_amounts, validate_balance, validate_fields, validate_owner
from mesh_core.types.basic import IDENTITY_COMMITMENT, ZERO_HASH, Commitment, Hash32, PublicKey
from mesh_core.types.certificate import CERTIFICATE, Certificate, Signer
from mesh_core.types.transition import STATEMENT, Kind, TransitionCore

ENCODING: Final = "encoding"
NETWORK: Final = "network"
IDENTIFIER: Final = "identifier"
OWNER: Final = "owner"
QUORUM: Final = "quorum"
VOTE: Final = "vote"
CHAIN: Final = "chain"
CLAIMS: Final = "claims"
AMOUNTS: Final = "amounts"
BALANCE: Final = "balance"
PROOF_ENCODING: Final = "proof-encoding"
RANGE: Final = "range"

_SHOWN_DIGITS: Final = 16


@dataclass(frozen=True, slots=True)
class History:
    """The verified certificates that a certificate builds on: the one before it on its account, those whose outputs it claims. What is absent is not known."""

    previous: CheckedCertificate | None = None
    sources: Mapping[Hash32, CheckedCertificate] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True)
class Check:
    """One check. `run` returns what was found, in words, and raises a MeshError that says what does not hold.

    `proves` says what follows where it holds. `validator` is whose vote it is about. A check that `lacks` something cannot be run: that is no failure.
    """

    name: str
    title: str
    proves: str
    run: Callable[[], str]
    validator: int | None = None
    lacks: str = ""


def list_checks(data: bytes, cert_id: Hash32, genesis: Genesis, history: History) -> tuple[Check, ...]:
    """All checks of a certificate's bytes that were asked for by `cert_id`. Bytes that are no certificate have one alone, which fails."""
    encoding = Check(ENCODING, "canonical encoding", "these bytes mean one thing: no second form of this payment exists", partial(_check_encoding, data))
    try:
        certificate = CERTIFICATE.decode(data)
    except DecodeError:
        return (encoding,)
    candidate = identify(certificate.transition)
    core, committee = candidate.core, genesis.committee
    votes = tuple(_vote_check(vote, candidate, genesis) for vote in certificate.votes)
    needed = f"{committee.quorum_threshold} of {committee.size}"
    return (
        encoding,
        Check(
            NETWORK,
            "network, epoch and asset",
            "it was made for this network, and cannot be replayed from another",
            partial(_check_network, certificate, genesis),
        ),
        Check(IDENTIFIER, "identifier", "its name is the hash of what was signed", partial(_check_identifier, candidate, cert_id)),
        Check(OWNER, "owner's signature", "the owner of the account ordered exactly this", partial(_check_owner, certificate, candidate)),
        Check(QUORUM, f"quorum, {needed}", "no other transition of this slot can ever have a quorum", partial(_check_quorum, certificate, genesis)),
        *votes,
        _chain_check(core, genesis, history),
        *((_claims_check(core, history),) if core.kind is Kind.RECEIVE else ()),
        _amounts_check(core, genesis),
        _balance_check(core, genesis, history),
        *(() if core.kind is Kind.RECEIVE else _range_checks(candidate)),
    )


def balance_before(core: TransitionCore, genesis: Genesis, previous: CheckedCertificate | None) -> Commitment | None:
    """The commitment to the account's balance before a transition; None where the certificate before it is not known."""
    if core.sequence:
        return None if previous is None else previous.core.new_balance
    amount = next((allocation.amount for allocation in genesis.doc.allocations if allocation.owner == core.sender), None)
    return IDENTITY_COMMITMENT if amount is None else commit_public(amount)


# --- The certificate itself ------------------------------------------------------------------------------------------------------------------------


def _check_encoding(data: bytes) -> str:
    decoded = CERTIFICATE.decode(data)
    if CERTIFICATE.encode(decoded) != data:
        raise DecodeError("these bytes are not the canonical encoding of what they say")
    return f"{len(data):,} bytes, read and written again: the same"


def _check_network(certificate: Certificate, genesis: Genesis) -> str:
    validate_fields(certificate.transition, genesis)
    return f"network {genesis.network_id.hex()[:_SHOWN_DIGITS]}, epoch {genesis.committee.epoch}"


def _check_identifier(candidate: Identified, cert_id: Hash32) -> str:
    if candidate.cert_id != cert_id:
        raise Rejected(ErrorCode.MALFORMED, f"the bytes hash to {candidate.cert_id.hex()[:_SHOWN_DIGITS]}, asked for was {cert_id.hex()[:_SHOWN_DIGITS]}")
    return f"the bytes hash to {cert_id.hex()[:_SHOWN_DIGITS]}"


def _check_owner(certificate: Certificate, candidate: Identified) -> str:
    validate_owner(candidate.statement, certificate.transition.owner_signature)
    return f"Ed25519, key {candidate.core.sender.hex()[:_SHOWN_DIGITS]}, over the 112 bytes of the statement"


def _check_quorum(certificate: Certificate, genesis: Genesis) -> str:
    committee, count = genesis.committee, len(certificate.votes)
    if not committee.quorum_threshold <= count <= committee.size:
        raise Rejected(ErrorCode.BAD_SIGNATURE, f"{count} votes, {committee.quorum_threshold} to {committee.size} needed")
    strangers = [vote.validator_index for vote in certificate.votes if vote.validator_index >= committee.size]
    if strangers:
        raise Rejected(ErrorCode.BAD_SIGNATURE, f"no validator has the index {strangers[0]}")
    return f"{count} votes of different validators"


def _vote_check(vote: Signer, candidate: Identified, genesis: Genesis) -> Check:
    index = vote.validator_index
    title, proves = f"vote of V{index + 1}", f"V{index + 1} checked it and will sign nothing else for this slot"
    return Check(VOTE, title, proves, partial(_check_vote, vote, candidate, genesis), index)


def _check_vote(vote: Signer, candidate: Identified, genesis: Genesis) -> str:
    validators = genesis.committee.validators
    if vote.validator_index >= len(validators):
        raise Rejected(ErrorCode.BAD_SIGNATURE, f"no validator has the index {vote.validator_index}")
    key: PublicKey = validators[vote.validator_index]
    if not verify_signature(domains.SIG_VOTE, key, STATEMENT.encode(candidate.statement), vote.signature):
        raise Rejected(ErrorCode.BAD_SIGNATURE, f"the signature does not verify under the key {key.hex()[:_SHOWN_DIGITS]}")
    return f"Ed25519, key {key.hex()[:_SHOWN_DIGITS]}, over the statement"


# --- What it builds on -----------------------------------------------------------------------------------------------------------------------------


def _chain_check(core: TransitionCore, genesis: Genesis, history: History) -> Check:
    lacks = "the certificate before it is not at hand" if core.sequence and history.previous is None else ""
    proves = "it continues the account's chain where it ended: nothing was left out or put in between"
    return Check(CHAIN, "link to the one before", proves, partial(_check_chain, core, history.previous), lacks=lacks)


def _check_chain(core: TransitionCore, previous: CheckedCertificate | None) -> str:
    if previous is None:
        if core.prev != ZERO_HASH:
            raise Rejected(ErrorCode.PREV_MISMATCH, f"the first of its account names a predecessor, {core.prev.hex()[:_SHOWN_DIGITS]}")
        return "the first of its account: no predecessor"
    if (previous.core.sender, previous.core.sequence + 1) != (core.sender, core.sequence):
        raise Rejected(ErrorCode.PREV_MISMATCH, f"the one before is #{previous.core.sequence} of {previous.core.sender.hex()[:_SHOWN_DIGITS]}")
    if previous.transition_id != core.prev:
        found = previous.transition_id.hex()[:_SHOWN_DIGITS]
        raise Rejected(ErrorCode.PREV_MISMATCH, f"prev is {core.prev.hex()[:_SHOWN_DIGITS]}, transition #{previous.core.sequence} is {found}")
    return f"prev is the hash of #{previous.core.sequence}, {core.prev.hex()[:_SHOWN_DIGITS]}"


def _claims_check(core: TransitionCore, history: History) -> Check:
    unknown = [claim for claim in core.claims if claim.cert_id not in history.sources]
    lacks = f"the certificate {unknown[0].cert_id.hex()[:_SHOWN_DIGITS]} that it claims from is not at hand" if unknown else ""
    proves = "what it claims was paid to this account, with just these commitments"
    return Check(CLAIMS, "claimed outputs", proves, partial(_check_claims, core, history), lacks=lacks)


def _check_claims(core: TransitionCore, history: History) -> str:
    for claim in core.claims:
        name = f"output {claim.index} of {claim.cert_id.hex()[:_SHOWN_DIGITS]}"
        outputs = history.sources[claim.cert_id].core.outputs
        if claim.index >= len(outputs):
            raise Rejected(ErrorCode.UNKNOWN_OUTPUT, f"{name} does not exist")
        if outputs[claim.index].owner != core.sender:
            raise Rejected(ErrorCode.NOT_OWNER, f"{name} belongs to {outputs[claim.index].owner.hex()[:_SHOWN_DIGITS]}")
        if outputs[claim.index].commitment != claim.commitment:
            raise Rejected(ErrorCode.CLAIM_COMMITMENT, f"{name} has another commitment")
    return f"{len(core.claims)} certified, owned, with the same commitments"


# --- Amounts ---------------------------------------------------------------------------------------------------------------------------------------


def _amounts_check(core: TransitionCore, genesis: Genesis) -> Check:
    def run() -> str:
        validate_amounts(core, genesis)
        return f"fee {core.fee}, {1 + len(core.outputs) + len(core.claims)} commitments are points of the group"

    proves = "the fee is the network's, every commitment hides one amount, every recipient can sign"
    return Check(AMOUNTS, "fee, commitments, keys", proves, run)


def _balance_check(core: TransitionCore, genesis: Genesis, history: History) -> Check:
    before = balance_before(core, genesis, history.previous)
    equation = "before = after + outputs + fee" if core.kind is Kind.SEND else "after = before + claimed"

    def run() -> str:
        assert before is not None, "a check that lacks something is not run"
        validate_balance(core, before)
        return f"{equation}, on commitments"

    lacks = "" if before is not None else "the balance before it is not at hand"
    return Check(BALANCE, "balance equation", "nothing was made or lost, and nobody had to open an amount to see it", run, lacks=lacks)


def _range_checks(candidate: Identified) -> tuple[Check, Check]:
    proof = candidate.transition.range_proof

    def run_encoding() -> str:
        parsed = RangeProof.parse(build_range_statement(candidate), proof)
        return f"{len(proof)} bytes: 3 scalars, {3 + 2 * len(parsed.L)} points, {len(parsed.L)} rounds"

    def run_proof() -> str:
        statement = build_range_statement(candidate)
        verify(statement, proof)
        return f"Bulletproofs+ for {len(statement.commitments)} commitments, bound to this transition"

    return (
        Check(PROOF_ENCODING, "range proof's encoding", "nobody but the owner could have changed a bit of it", run_encoding),
        Check(RANGE, "range proof", "every amount is from 0 to 2^64 - 1: none is negative, none was overspent", run_proof),
    )
