"""Documents that prove something, made and checked: receipts of own payments, and whatever file somebody hands over. No network is asked."""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

from mesh_core.crypto.keys import WalletKeys
from mesh_core.errors import ErrorCode, LocalFault, MeshError
from mesh_core.network.plain_file import read_plain_file
from mesh_core.protocol.certificates import CheckedCertificate, read_certificate
from mesh_core.protocol.genesis import Genesis
from mesh_core.protocol.inspection import History, list_checks
from mesh_core.protocol.receipts import VerifiedReceipt, verify_receipt
from mesh_core.types.address import format_address
from mesh_core.types.basic import Hash32
from mesh_core.types.evidence import ClientEquivocation, EquivocationProof
from mesh_core.types.receipt import PAYMENT_RECEIPT
from mesh_core.wallet.cli.verify import describe_document
from mesh_core.wallet.documents import MAX_DOCUMENT_BYTES, Document, read_document
from mesh_core.wallet.proving import make_receipt
from mesh_core.wallet.wallet import Wallet

FILE_LIMIT_BYTES: Final = 3 * MAX_DOCUMENT_BYTES
"""Hexadecimal digits, with line ends."""
KINDS: Final = {VerifiedReceipt: "payment receipt", CheckedCertificate: "certificate"}
NANOSECONDS_PER_MS: Final = 1e6

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class DocumentCheck:
    """One check of a document: what it is, whether it holds (None: it could not be made here), what was found, and how long it took."""

    title: str
    holds: bool | None
    found: str
    ms: float


def find_certificate(wallet: Wallet, cert_id: str) -> bytes:
    """The certificate of a payment from or to a wallet, from its own records. LocalFault (CONFIG_INVALID, RECEIPT_INVALID)."""
    try:
        data = wallet.account.certificate(Hash32(bytes.fromhex(cert_id)))
    except ValueError as error:
        raise LocalFault(ErrorCode.CONFIG_INVALID, "a certificate's id is 64 hexadecimal digits") from error
    if data is None:
        raise LocalFault(ErrorCode.RECEIPT_INVALID, f"'{wallet.name}' has no final payment {cert_id[:16]}: only what is certified can be proven")
    return data


def build_receipt(
    keys: WalletKeys, genesis: Genesis, certificate: bytes, output: int | None, context: str, *, discloses_memo: bool
) -> tuple[bytes, dict[str, Any]]:
    """The receipt of a payment, verified once more, and what it says. LocalFault (RECEIPT_INVALID)."""
    made = make_receipt(keys, read_certificate(certificate, genesis), output, context, discloses_memo=discloses_memo)
    proven = verify_receipt(made, genesis)
    told = {"cert_id": proven.cert_id.hex(), "payee": format_address(proven.payee), "amount": proven.value, "text": proven.text, "context": context}
    return PAYMENT_RECEIPT.encode(made), told


def check_file(path: Path, genesis: Genesis) -> dict[str, Any]:
    """What a file proves, as the fields of a `document_checked` event. A file that proves nothing is an answer, too: `valid` is then false, `text` says why."""
    event: dict[str, Any] = {"file": str(path), "kind": "", "fields": [], "remark": "", "text": ""}
    try:
        content = read_bounded(path, FILE_LIMIT_BYTES)
        document, ms = _timed(lambda: read_document(content, genesis))
    except MeshError as error:
        return {**event, "valid": False, "checks": _forms([DocumentCheck("the document", holds=False, found=error.text, ms=0.0)]), "text": error.text}
    checks = _checks_of(document, ms, genesis)
    _, fields, remark = describe_document(document, genesis)
    failed = next((check.found for check in checks if check.holds is False), "")
    described = {"kind": KINDS.get(type(document), "equivocation proof"), "fields": [list(field) for field in fields], "remark": remark}
    return {**event, **described, "valid": not failed, "checks": _forms(checks), "text": failed}


def path_of(text: str) -> Path:
    """The file that somebody named. LocalFault (CONFIG_INVALID) where no file can have that name."""
    try:
        path = Path(text.strip()).expanduser()
        os.fsencode(path)
    except (RuntimeError, ValueError) as error:
        raise LocalFault(ErrorCode.CONFIG_INVALID, f"{text[:40]!r} names no file: {error}") from error
    if not text.strip() or "\0" in text:
        raise LocalFault(ErrorCode.CONFIG_INVALID, "name a file")
    return path


def read_bounded(path: Path, limit_bytes: int) -> bytes:
    """A regular file's content. LocalFault (CONFIG_INVALID), also where it is longer."""
    try:
        return read_plain_file(path, limit_bytes)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise LocalFault(ErrorCode.CONFIG_INVALID, f"{path} cannot be read: {reason}") from error


def _checks_of(document: Document, ms: float, genesis: Genesis) -> list[DocumentCheck]:
    """Everything that was checked. A receipt and a proof are checked in one go, and the time stands with the last step; of a certificate each by itself."""
    match document:
        case CheckedCertificate():
            return [_run(check.title, check.run, check.lacks) for check in list_checks(document.data, document.cert_id, genesis, History())]
        case VerifiedReceipt():
            return _receipt_checks(document, ms, genesis)
        case proof:
            return _proof_checks(proof, ms)


def _receipt_checks(receipt: VerifiedReceipt, ms: float, genesis: Genesis) -> list[DocumentCheck]:
    committee = genesis.committee
    made_by = "the sender" if receipt.prover == receipt.sender else "the recipient"
    steps = [
        ("canonical encoding", "a payment receipt, and nothing else"),
        ("network and epoch", f"{genesis.doc.name}, epoch {committee.epoch}"),
        ("owner's signature", f"the sender ordered slot {receipt.sequence} of {receipt.sender.hex()[:16]}"),
        (f"quorum, {committee.quorum_threshold} of {committee.size}", f"{receipt.votes_count} votes of different validators verify: the payment is final"),
        ("opening", f"{receipt.value:,} units and the blinding factor open the output's commitment"),
        ("memo", "not disclosed" if receipt.text is None else "opens with the disclosed secret, and holds the same amount"),
        ("prover's signature", f"{made_by} signed this receipt with this context"),
    ]
    return [DocumentCheck(title, holds=True, found=found, ms=ms if index == len(steps) - 1 else 0.0) for index, (title, found) in enumerate(steps)]


def _proof_checks(proof: EquivocationProof, ms: float) -> list[DocumentCheck]:
    key = proof.owner if isinstance(proof, ClientEquivocation) else proof.validator
    steps = [
        ("canonical encoding", "an equivocation proof, and nothing else"),
        ("network", "of this network, and the key is one that may sign in it"),
        ("two statements", f"one slot, {proof.id_a.hex()[:16]} and {proof.id_b.hex()[:16]}"),
        ("two signatures", f"both verify under the key {key.hex()[:16]}"),
    ]
    return [DocumentCheck(title, holds=True, found=found, ms=ms if index == len(steps) - 1 else 0.0) for index, (title, found) in enumerate(steps)]


def _run(title: str, run: Callable[[], str], lacks: str) -> DocumentCheck:
    if lacks:
        return DocumentCheck(title, holds=None, found=lacks, ms=0.0)
    try:
        found, ms = _timed(run)
    except MeshError as error:
        return DocumentCheck(title, holds=False, found=error.text, ms=0.0)
    return DocumentCheck(title, holds=True, found=found, ms=ms)


def _timed(work: Callable[[], T]) -> tuple[T, float]:
    begin = time.perf_counter_ns()
    return work(), (time.perf_counter_ns() - begin) / NANOSECONDS_PER_MS


def _forms(checks: list[DocumentCheck]) -> list[dict[str, Any]]:
    return [{"title": check.title, "holds": check.holds, "found": check.found, "ms": check.ms} for check in checks]
