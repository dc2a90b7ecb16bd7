"""Forming certificates from votes, and checking them (docs/protocol.md, "SettlementCertificate"). Needs the genesis document and nothing else."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mesh_core.crypto import domains
from mesh_core.crypto.signatures import verify_signature
from mesh_core.errors import DecodeError, ErrorCode, Rejected
from mesh_core.protocol.genesis import Genesis
from mesh_core.protocol.identifiers import Identified, identify
from mesh_core.protocol.validation import validate_fields, validate_owner
from mesh_core.types.basic import Hash32, PublicKey, Signature
from mesh_core.types.certificate import CERTIFICATE, Certificate, Signer, Vote
from mesh_core.types.committee import Committee
from mesh_core.types.transition import STATEMENT, Statement, Transition, TransitionCore


class InvalidCertificate(Rejected):
    """Bytes that are no certificate of this network: malformed, not signed by the owner, or without a quorum of valid votes."""

    def __init__(self, text: str) -> None:
        super().__init__(ErrorCode.BAD_SIGNATURE, text)


@dataclass(frozen=True, slots=True)
class CheckedCertificate:
    """A certificate that was decoded, with its hashes and its canonical bytes. Whether it was verified, too, says whoever hands it on."""

    certificate: Certificate
    identified: Identified
    data: bytes

    @property
    def core(self) -> TransitionCore:
        """Core of the certified transition."""
        return self.identified.core

    @property
    def cert_id(self) -> Hash32:
        """Id of the certificate."""
        return self.identified.cert_id

    @property
    def transition_id(self) -> Hash32:
        """Id of the certified transition."""
        return self.identified.transition_id


def verify_vote(vote: Vote, statement: Statement, committee: Committee) -> bool:
    """Whether `vote` is a committee member's valid signature on exactly this statement."""
    return (
        vote.statement == statement
        and committee.index_of(vote.validator) is not None
        and verify_signature(domains.SIG_VOTE, vote.validator, STATEMENT.encode(statement), vote.signature)
    )


def build_certificate(transition: Transition, votes: Mapping[PublicKey, Signature], committee: Committee) -> Certificate:
    """A certificate from verified votes of distinct committee members, ordered by index. Too few votes are a bug of the caller: ValueError."""
    signers = sorted(
        (Signer(index, signature) for validator, signature in votes.items() if (index := committee.index_of(validator)) is not None),
        key=lambda signer: signer.validator_index,
    )
    if len(signers) < committee.quorum_threshold:
        raise ValueError(f"{len(signers)} votes, {committee.quorum_threshold} needed")
    return Certificate(transition, tuple(signers))


def read_certificate(data: bytes, genesis: Genesis) -> CheckedCertificate:
    """Decode a certificate and verify it completely. InvalidCertificate says what is wrong."""
    return verify_certificate(decode_certificate(data, genesis), genesis)


def decode_certificate(data: bytes, genesis: Genesis) -> CheckedCertificate:
    """Decode a certificate and compute its ids, signatures not verified: enough to see whether it was applied already."""
    try:
        certificate = CERTIFICATE.decode(data)
    except DecodeError as error:
        raise InvalidCertificate(f"malformed: {error.field}: {error.reason}") from error
    try:
        validate_fields(certificate.transition, genesis)
    except Rejected as error:
        raise InvalidCertificate(error.text) from error
    return CheckedCertificate(certificate, identify(certificate.transition), data)


def verify_certificate(checked: CheckedCertificate, genesis: Genesis) -> CheckedCertificate:
    """Verify the owner's signature and a quorum of votes over the statement recomputed from the transition itself. InvalidCertificate.

    Rules 4 to 9 are not run again: among the voters are at least f + 1 correct validators that ran them.
    """
    verify_quorum(checked.identified.statement, checked.certificate.transition.owner_signature, checked.certificate.votes, genesis.committee)
    return checked


def is_signed(checked: CheckedCertificate, genesis: Genesis) -> bool:
    """`verify_certificate` as a question. Pure, and most of its time is the signature library's, which holds no lock of the interpreter: for threads."""
    try:
        verify_certificate(checked, genesis)
    except InvalidCertificate:
        return False
    return True


def verify_quorum(statement: Statement, owner_signature: Signature, votes: Sequence[Signer], committee: Committee) -> None:
    """Verify that the owner and a quorum of validators signed this statement. InvalidCertificate says who did not.

    Signers are strictly ascending by the encoding, so none counts twice; an index outside the committee or a single bad signature condemns the whole.
    """
    if not committee.quorum_threshold <= len(votes) <= committee.size:
        raise InvalidCertificate(f"{len(votes)} votes, {committee.quorum_threshold} to {committee.size} needed")
    try:
        validate_owner(statement, owner_signature)
    except Rejected as error:
        raise InvalidCertificate(error.text) from error
    body = STATEMENT.encode(statement)
    for vote in votes:
        if vote.validator_index >= committee.size:
            raise InvalidCertificate(f"no validator has the index {vote.validator_index}")
        if not verify_signature(domains.SIG_VOTE, committee.validators[vote.validator_index], body, vote.signature):
            raise InvalidCertificate(f"the vote of validator {vote.validator_index} does not verify")
