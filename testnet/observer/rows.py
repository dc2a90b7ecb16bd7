"""What a list shows of a certificate: one row, small enough that ten thousand of them can be kept."""

from dataclasses import dataclass

from mesh_core.protocol.certificates import CheckedCertificate
from mesh_core.types.basic import Hash32, PublicKey
from mesh_core.types.transition import Kind, OutputKey


@dataclass(frozen=True, slots=True)
class Row:
    """A certificate in a validator's log, everything in it public. `memo_bytes` are the sizes of the encrypted memos."""

    index: int
    cert_id: Hash32
    kind: Kind
    sender: PublicKey
    sequence: int
    fee: int
    recipients: tuple[PublicKey, ...]
    memo_bytes: tuple[int, ...]
    claims: tuple[OutputKey, ...]
    signers: tuple[int, ...]
    size_bytes: int


def make_row(index: int, checked: CheckedCertificate) -> Row:
    """The row of a certificate that stands in a log at `index`."""
    core = checked.core
    return Row(
        index=index,
        cert_id=checked.cert_id,
        kind=core.kind,
        sender=core.sender,
        sequence=core.sequence,
        fee=core.fee,
        recipients=tuple(output.owner for output in core.outputs),
        memo_bytes=tuple(len(output.memo) for output in core.outputs),
        claims=tuple(claim.key for claim in core.claims),
        signers=tuple(vote.validator_index for vote in checked.certificate.votes),
        size_bytes=len(checked.data),
    )


def output_name(key: OutputKey) -> str:
    """An output as events name it: digits of the certificate, a dot, its index."""
    return f"{key.cert_id.hex()}.{key.index}"
