"""Files that prove something to whoever holds the genesis document, and nothing else: a payment receipt, a certificate, an equivocation proof.

Which of them a file is, its bytes say: each has an encoding that no other document has. Raw bytes and hexadecimal digits are both read.
"""

import re
from typing import Any

from mesh_core.errors import DecodeError, ErrorCode, MeshError
from mesh_core.protocol.certificates import CheckedCertificate, InvalidCertificate, read_certificate
from mesh_core.protocol.equivocation import verify_equivocation
from mesh_core.protocol.genesis import Genesis
from mesh_core.protocol.receipts import ReceiptError, VerifiedReceipt, verify_receipt
from mesh_core.types.certificate import CERTIFICATE, Certificate
from mesh_core.types.codec import Codec
from mesh_core.types.evidence import EQUIVOCATION_PROOF, EquivocationProof
from mesh_core.types.receipt import PAYMENT_RECEIPT, PaymentReceipt

MAX_DOCUMENT_BYTES = 1024 * 1024
"""Far more than the largest of them, and little enough to be read at once."""

Document = VerifiedReceipt | CheckedCertificate | EquivocationProof
"""What is proven."""

_HEX = re.compile(rb"(?:[0-9a-fA-F]{2})+")
_SPACE = re.compile(rb"\s+")
_FIRST_BYTES = (b"\x01", b"\x02")
_CODECS: tuple[tuple[str, Codec[Any]], ...] = (
    ("payment receipt", PAYMENT_RECEIPT),
    ("certificate", CERTIFICATE),
    ("equivocation proof", EQUIVOCATION_PROOF),
)


class DocumentError(MeshError):
    """A file that proves nothing. The text says why."""

    def __init__(self, text: str) -> None:
        super().__init__(ErrorCode.DOCUMENT_INVALID, text)


def read_document(content: bytes, genesis: Genesis) -> Document:
    """What a file's content proves, everything in it checked. DocumentError, or ReceiptError for a receipt that does not hold."""
    data = _from_hexadecimal(content)
    match _decode(data):
        case PaymentReceipt() as receipt:
            try:
                return verify_receipt(receipt, genesis)
            except ReceiptError as error:
                raise ReceiptError(f"this receipt does not hold: {error.text}") from error
        case Certificate():
            try:
                return read_certificate(data, genesis)
            except InvalidCertificate as error:
                raise DocumentError(f"this certificate does not hold: {error.text}") from error
        case proof:
            return _verify_proof(proof, genesis)


def _from_hexadecimal(content: bytes) -> bytes:
    """No document begins with a digit or a space: its first byte is a version or a tag."""
    digits = _SPACE.sub(b"", content)
    return bytes.fromhex(digits.decode("ascii")) if _HEX.fullmatch(digits) else content


def _decode(data: bytes) -> PaymentReceipt | Certificate | EquivocationProof:
    if data[:1] not in _FIRST_BYTES:
        raise DocumentError(f"these {len(data):,} bytes are no payment receipt, certificate or equivocation proof: each of them begins with a byte 1 or 2")
    reasons: list[str] = []
    for name, codec in _CODECS:
        try:
            decoded: PaymentReceipt | Certificate | EquivocationProof = codec.decode(data)
        except DecodeError as error:
            reasons.append(f"no {name} ({error.text})")
        else:
            return decoded
    raise DocumentError(f"these {len(data):,} bytes are {', '.join(reasons)}")


def _verify_proof(proof: EquivocationProof, genesis: Genesis) -> EquivocationProof:
    if proof.network_id != genesis.network_id:
        raise DocumentError(f"this proof belongs to network {proof.network_id.hex()[:16]}, the genesis document to {genesis.network_id.hex()[:16]}")
    if not verify_equivocation(proof, genesis):
        raise DocumentError("this equivocation proof does not hold: it shows no two valid signatures of one key of this network for one slot")
    return proof
