"""Payment receipts: one output of a certified SEND, opened for a third party who holds the genesis document and nothing else (docs/protocol.md, "Receipts").

A receipt proves that a quorum certified a SEND whose output `output_index` is for this payee and holds this value. It says nothing of the SEND's other outputs
or of anybody's balance. It does not prove that the payee has claimed: for that the RECEIVE's certificate goes along.
"""

from dataclasses import dataclass, replace

from mesh_core.crypto import domains
from mesh_core.crypto.memo import MemoContext, MemoError, MemoPlain, open_memo_with_eph_secret
from mesh_core.crypto.pedersen import Opening, commit
from mesh_core.crypto.ristretto import decode_scalar, encode_scalar
from mesh_core.crypto.signatures import SigningKey, verify_signature
from mesh_core.errors import DecodeError, ErrorCode, MeshError
from mesh_core.protocol.certificates import CheckedCertificate, InvalidCertificate, verify_quorum
from mesh_core.protocol.genesis import Genesis
from mesh_core.protocol.identifiers import compute_cert_id, compute_core_hash, compute_proof_hash, compute_statement, compute_transition_id
from mesh_core.types.address import Address
from mesh_core.types.basic import Hash32, PublicKey, Scalar32, Signature
from mesh_core.types.receipt import PAYMENT_RECEIPT, PaymentReceipt
from mesh_core.types.transition import Kind, Output, TransitionCore

MAX_CONTEXT_BYTES = 1024
"""Room for an invoice number or a challenge. A receipt is handed over by file, so nothing else bounds it."""
_SIGNATURE_BYTES = 64
_UNSIGNED = Signature(bytes(_SIGNATURE_BYTES))


class ReceiptError(MeshError):
    """Bytes that prove no payment. The text says which check failed."""

    def __init__(self, text: str) -> None:
        super().__init__(ErrorCode.RECEIPT_INVALID, text)


@dataclass(frozen=True, slots=True)
class VerifiedReceipt:
    """What a receipt proves. `text` is None unless the sender disclosed the memo; it was written by the sender, so whoever shows it escapes control characters.

    `payee` is the full address that the output names. A receipt for another view key than the payee's own would show a payment that the payee could never read:
    compare the whole address. `context` is what the prover signed along, for example the verifier's own challenge.
    """

    cert_id: Hash32
    sender: PublicKey
    sequence: int
    payee: Address
    value: int
    text: str | None
    context: bytes
    prover: PublicKey
    votes_count: int


def build_receipt(
    certificate: CheckedCertificate, output_index: int, opening: Opening, eph_sk: bytes | None, context: bytes, prover: SigningKey
) -> PaymentReceipt:
    """The receipt of one output of a verified certificate, signed by its sender or its recipient.

    `opening` (secret until now) opens the output; `eph_sk` is the memo's ephemeral secret, which the sender alone can derive, or None to keep the text hidden.
    ReceiptError where the result would not verify: a certificate of a RECEIVE, no such output, another's opening, a prover who is neither side.
    """
    core = certificate.core
    if len(context) > MAX_CONTEXT_BYTES:
        raise ReceiptError(f"the context has {len(context)} bytes: at most {MAX_CONTEXT_BYTES}")
    output = _find_output(core, output_index)
    if commit(opening) != output.commitment:
        raise ReceiptError("this opening is not that of the output")
    if prover.public_key not in (core.sender, output.owner):
        raise ReceiptError("only the sender or the recipient of an output can make its receipt")
    receipt = PaymentReceipt(
        core=core,
        proof_hash=compute_proof_hash(certificate.certificate.transition.range_proof),
        owner_signature=certificate.certificate.transition.owner_signature,
        votes=certificate.certificate.votes,
        output_index=output_index,
        value=opening.value,
        blinding=Scalar32(encode_scalar(opening.blinding)),
        eph_sk=eph_sk,
        context=context,
        prover=prover.public_key,
        prover_signature=_UNSIGNED,
    )
    return replace(receipt, prover_signature=prover.sign(domains.SIG_RECEIPT, _signed_part(receipt)))


def read_receipt(data: bytes, genesis: Genesis) -> VerifiedReceipt:
    """Decode a receipt and verify it. ReceiptError."""
    try:
        receipt = PAYMENT_RECEIPT.decode(data)
    except DecodeError as error:
        raise ReceiptError(f"malformed: {error.text}") from error
    return verify_receipt(receipt, genesis)


def verify_receipt(receipt: PaymentReceipt, genesis: Genesis) -> VerifiedReceipt:
    """What a receipt proves, everything in it checked against the genesis document. ReceiptError says which check failed."""
    core = receipt.core
    if core.network_id != genesis.network_id:
        raise ReceiptError(f"it belongs to network {core.network_id.hex()[:16]}, the genesis document to {genesis.network_id.hex()[:16]}")
    if core.epoch != genesis.committee.epoch:
        raise ReceiptError(f"it belongs to epoch {core.epoch}, the genesis document to {genesis.committee.epoch}")
    output = _find_output(core, receipt.output_index)
    # All ids are computed from the receipt's own bytes: an id that was taken from it could be another payment's.
    statement = compute_statement(core, compute_transition_id(compute_core_hash(core), receipt.proof_hash))
    try:
        verify_quorum(statement, receipt.owner_signature, receipt.votes, genesis.committee)
    except InvalidCertificate as error:
        raise ReceiptError(f"its certificate does not hold: {error.text}") from error
    opening = _read_opening(receipt)
    if commit(opening) != output.commitment:
        raise ReceiptError("value and blinding factor do not open the output's commitment")
    plain = None if receipt.eph_sk is None else _read_memo(receipt, output, receipt.eph_sk)
    if plain is not None and plain.opening != opening:
        raise ReceiptError("the memo holds another opening than the receipt")
    if receipt.prover not in (core.sender, output.owner):
        raise ReceiptError("it was signed by somebody who is neither sender nor recipient")
    if not verify_signature(domains.SIG_RECEIPT, receipt.prover, _signed_part(receipt), receipt.prover_signature):
        raise ReceiptError("the prover's signature does not hold: context or another part was changed, or somebody else uses this receipt")
    return VerifiedReceipt(
        cert_id=compute_cert_id(statement),
        sender=core.sender,
        sequence=core.sequence,
        payee=Address(output.owner, output.view_pk),
        value=receipt.value,
        text=None if plain is None else plain.text,
        context=receipt.context,
        prover=receipt.prover,
        votes_count=len(receipt.votes),
    )


def _find_output(core: TransitionCore, index: int) -> Output:
    if core.kind is not Kind.SEND:
        raise ReceiptError("the transition is a RECEIVE: it pays nobody")
    if not 0 <= index < len(core.outputs):
        raise ReceiptError(f"the payment has {len(core.outputs)} outputs, there is no number {index}")
    return core.outputs[index]


def _read_opening(receipt: PaymentReceipt) -> Opening:
    try:
        return Opening(receipt.value, decode_scalar(receipt.blinding))
    except DecodeError as error:
        raise ReceiptError("the blinding factor is not a canonical scalar") from error


def _read_memo(receipt: PaymentReceipt, output: Output, eph_sk: bytes) -> MemoPlain:
    """The memo, by the disclosed secret. eph_pk stands in the signed transition and fixes the key, so no other text can be shown."""
    core = receipt.core
    context = MemoContext(core.network_id, core.sender, core.sequence, receipt.output_index, output.owner, output.view_pk, output.commitment)
    try:
        return open_memo_with_eph_secret(eph_sk, context, output.eph_pk, output.memo)
    except MemoError as error:
        raise ReceiptError(f"the disclosed memo does not open: {error.text}") from error


def _signed_part(receipt: PaymentReceipt) -> bytes:
    """Everything before the prover's signature."""
    return PAYMENT_RECEIPT.encode(receipt)[:-_SIGNATURE_BYTES]
