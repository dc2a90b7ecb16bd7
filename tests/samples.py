"""Well-formed objects of exact shapes, for tests of bytes and sizes. Keys, points and signatures in them are arbitrary bytes: no rule would accept them."""

from mesh_core.types.basic import Commitment, Hash32, PublicKey, Signature, ViewPublicKey
from mesh_core.types.certificate import Certificate, Signer
from mesh_core.types.transition import MEMO_SIZES, PROOF_SIZES, SELF_MEMO_SIZE, Claim, Kind, Output, Transition, TransitionCore

NETWORK_ID = Hash32(b"n" * 32)
ASSET_ID = b"a" * 32
SENDER = PublicKey(b"s" * 32)
SIGNATURE = Signature(b"g" * 64)


def sample_output(memo_size: int = MEMO_SIZES[0]) -> Output:
    """One output with a memo of so many bytes."""
    return Output(PublicKey(b"o" * 32), ViewPublicKey(b"v" * 32), Commitment(b"c" * 32), ViewPublicKey(b"e" * 32), b"m" * memo_size)


def sample_claims(count: int) -> tuple[Claim, ...]:
    """So many claims on one certificate, ascending."""
    return tuple(Claim(Hash32(b"i" * 32), index, Commitment(b"c" * 32)) for index in range(count))


def sample_send(outputs_count: int = 1, *, memo_size: int = MEMO_SIZES[0]) -> Transition:
    """A SEND with so many outputs and a proof of the size that belongs to them."""
    commitments = next(size for size in PROOF_SIZES if size >= outputs_count + 1)
    return Transition(_core(Kind.SEND, (sample_output(memo_size),) * outputs_count, ()), b"p" * PROOF_SIZES[commitments], SIGNATURE)


def sample_receive(claims_count: int = 1) -> Transition:
    """A RECEIVE of so many outputs."""
    return Transition(_core(Kind.RECEIVE, (), sample_claims(claims_count)), b"", SIGNATURE)


def sample_certificate(transition: Transition, votes_count: int = 3) -> Certificate:
    """A certificate with the votes of the first validators."""
    return Certificate(transition, tuple(Signer(index, SIGNATURE) for index in range(votes_count)))


def _core(kind: Kind, outputs: tuple[Output, ...], claims: tuple[Claim, ...]) -> TransitionCore:
    return TransitionCore(
        kind=kind,
        network_id=NETWORK_ID,
        epoch=0,
        asset_id=ASSET_ID,
        sender=SENDER,
        sequence=7,
        prev=Hash32(b"h" * 32),
        new_balance=Commitment(b"b" * 32),
        fee=1,
        outputs=outputs,
        claims=claims,
        self_memo=b"f" * SELF_MEMO_SIZE,
    )
