"""`mesh-wallet verify`: what a receipt, a certificate or an equivocation proof proves, checked with the genesis document alone."""

from pathlib import Path
from typing import Any

import click

from mesh_core.crypto.startup import prepare
from mesh_core.errors import ErrorCode, LocalFault
from mesh_core.protocol.certificates import CheckedCertificate
from mesh_core.protocol.genesis import Genesis
from mesh_core.protocol.identifiers import compute_proof_id
from mesh_core.protocol.receipts import VerifiedReceipt
from mesh_core.types.address import Address, format_address
from mesh_core.types.evidence import ClientEquivocation, EquivocationProof
from mesh_core.wallet.cli.output import field_lines
from mesh_core.wallet.cli.parties import find_recipient, parse_amount
from mesh_core.wallet.cli.prompts import read_named
from mesh_core.wallet.cli.settings import Settings, WalletCommand, pass_settings
from mesh_core.wallet.documents import MAX_DOCUMENT_BYTES, Document, DocumentError, read_document

Form = dict[str, Any]
FILE_LIMIT_BYTES = 3 * MAX_DOCUMENT_BYTES
"""Hexadecimal digits, with line ends."""


@click.command(cls=WalletCommand)
@click.argument("file", type=click.Path(path_type=Path, allow_dash=True))
@click.option("--genesis", type=click.Path(path_type=Path), metavar="FILE", help="The network's genesis document (default: that of --network, or of the home).")
@click.option("--amount", metavar="N", help="A receipt must be for exactly so many units.")
@click.option("--payee", metavar="ADDRESS|CONTACT|WALLET", help="A receipt must be for a payment to this address.")
@click.option("--context", "context_text", metavar="TEXT", help="A receipt must be made for this context, such as the number of your invoice.")
@pass_settings
def verify(settings: Settings, file: Path, *, genesis: Path | None, amount: str | None, payee: str | None, context_text: str | None) -> None:
    """Check what FILE proves: a payment receipt, a certificate or an equivocation proof.

    No network is asked. All that is trusted is the genesis document, which names the validators, so take it from where you trust it. FILE holds the
    document's bytes, or their hexadecimal digits; - is standard input.

    A receipt proves that its payment is final, to whom and of which amount, and who made the receipt for which context. It does not prove that the
    payee has claimed it. One that was made for somebody else's question is worthless: give your own with --context. A certificate proves that a
    transition is final and hides its amounts. An equivocation proof shows that somebody signed twice for one slot.
    """
    prepare()
    units = None if amount is None else parse_amount(amount)
    known = settings.load_genesis(genesis)
    document = read_document(_read(file), known)
    expected = None if payee is None else find_recipient(settings, payee).address
    _check_expectations(document, units, expected, context_text)
    form, fields, remark = describe_document(document, known)
    network = {"network": known.doc.name, "network_id": known.network_id}
    lines = field_lines([*fields, ("network", f"{known.doc.name}, id {known.network_id.hex()}")])
    settings.output.tell({**form, "valid": True, **network}, [*lines, "", remark])


def _read(path: Path) -> bytes:
    """LocalFault (CONFIG_INVALID) if it cannot be read, DocumentError if it is too long for any document."""
    try:
        content = read_named(path, FILE_LIMIT_BYTES + 1)
    except OSError as error:
        raise LocalFault(ErrorCode.CONFIG_INVALID, f"{path} cannot be read: {error.strerror or error}") from error
    if len(content) > FILE_LIMIT_BYTES:
        raise DocumentError(f"{path} is longer than {FILE_LIMIT_BYTES:,} bytes: no document is")
    return content


def _check_expectations(document: Document, amount: int | None, payee: Address | None, context: str | None) -> None:
    """DocumentError unless the document is a receipt that says what was asked for."""
    if amount is None and payee is None and context is None:
        return
    if not isinstance(document, VerifiedReceipt):
        raise DocumentError("--amount, --payee and --context ask for a receipt, and this is none")
    if amount is not None and document.value != amount:
        raise DocumentError(f"the receipt holds, but it is for {document.value:,} units and not for {amount:,}")
    if payee is not None and document.payee != payee:
        raise DocumentError(f"the receipt holds, but it is for a payment to {format_address(document.payee)}")
    if context is not None and document.context != context.encode("utf-8", "surrogateescape"):
        raise DocumentError(f"the receipt holds, but it was made for another context: {_context_text(document.context)}")


def describe_document(document: Document, genesis: Genesis) -> tuple[Form, list[tuple[str, str]], str]:
    """JSON, fields in words, and what it proves or does not prove."""
    if isinstance(document, VerifiedReceipt):
        return _describe_receipt(document, genesis)
    if isinstance(document, CheckedCertificate):
        return describe_certificate(document, genesis)
    return _describe_proof(document, genesis)


def _describe_receipt(receipt: VerifiedReceipt, genesis: Genesis) -> tuple[Form, list[tuple[str, str]], str]:
    prover = "sender" if receipt.prover == receipt.sender else "recipient"
    votes = f"{receipt.votes_count} of {genesis.committee.size} validators"
    form = {
        "document": "receipt",
        "cert_id": receipt.cert_id,
        "sender": receipt.sender,
        "sequence": receipt.sequence,
        "payee": format_address(receipt.payee),
        "amount": receipt.value,
        "text": receipt.text,
        "context": receipt.context.decode("utf-8", "backslashreplace"),
        "context_hex": receipt.context,
        "made_by": prover,
        "votes": receipt.votes_count,
        "validators": genesis.committee.size,
    }
    fields = [
        ("valid", "payment receipt"),
        ("amount", f"{receipt.value:,} units"),
        ("payee", format_address(receipt.payee)),
        ("sender", f"{receipt.sender.hex()}, sequence {receipt.sequence}"),
        ("memo", "not disclosed" if receipt.text is None else receipt.text or "none"),
        ("context", _context_text(receipt.context)),
        ("made by", f"the {prover}"),
        ("certificate", f"{receipt.cert_id.hex()}, signed by {votes}"),
    ]
    return form, fields, "The payment is final. Whether the payee has claimed it, a receipt does not say."


def describe_certificate(checked: CheckedCertificate, genesis: Genesis) -> tuple[Form, list[tuple[str, str]], str]:
    """A verified certificate as JSON, as fields in words, and what it proves."""
    core = checked.core
    voters = [f"V{vote.validator_index + 1}" for vote in checked.certificate.votes]
    form = {
        "document": "certificate",
        "cert_id": checked.cert_id,
        "transition_id": checked.transition_id,
        "kind": core.kind,
        "sender": core.sender,
        "sequence": core.sequence,
        "prev": core.prev,
        "fee": core.fee,
        "new_balance": core.new_balance,
        "outputs": [{"payee": format_address(Address(output.owner, output.view_pk)), "commitment": output.commitment} for output in core.outputs],
        "claims": [{"cert_id": claim.cert_id, "output": claim.index, "commitment": claim.commitment} for claim in core.claims],
        "voters": voters,
        "validators": genesis.committee.size,
    }
    fields = [
        ("valid", f"certificate of a {core.kind.name}"),
        ("certificate", checked.cert_id.hex()),
        ("sender", f"{core.sender.hex()}, sequence {core.sequence}"),
        ("fee", f"{core.fee:,} units"),
        *((f"output {index}", f"{format_address(Address(output.owner, output.view_pk))}, hidden amount") for index, output in enumerate(core.outputs)),
        *((f"claim {index}", f"output {claim.index} of {claim.cert_id.hex()}") for index, claim in enumerate(core.claims)),
        ("signed by", f"{', '.join(voters)}, of {genesis.committee.size}"),
    ]
    return form, fields, "The transition is final: no other can take its place. Its amounts are hidden; a receipt opens one."


def _describe_proof(proof: EquivocationProof, genesis: Genesis) -> tuple[Form, list[tuple[str, str]], str]:
    is_client = isinstance(proof, ClientEquivocation)
    offender, sender = (proof.owner, proof.owner) if isinstance(proof, ClientEquivocation) else (proof.validator, proof.sender)
    index = None if is_client else genesis.committee.index_of(offender)
    who = "the owner of the account" if index is None else f"validator V{index + 1}"
    form = {
        "document": "equivocation_proof",
        "proof_id": compute_proof_id(proof),
        "offender": "client" if is_client else "validator",
        "offender_key": offender,
        "validator": None if index is None else f"V{index + 1}",
        "sender": sender,
        "sequence": proof.sequence,
        "transition_ids": [proof.id_a, proof.id_b],
    }
    fields = [
        ("valid", "equivocation proof"),
        ("offender", f"{who}, key {offender.hex()}"),
        ("account", f"{sender.hex()}, sequence {proof.sequence}"),
        ("signed", proof.id_a.hex()),
        ("and signed", proof.id_b.hex()),
        ("proof", compute_proof_id(proof).hex()),
    ]
    return form, fields, f"One key has signed two transitions for one slot: {who} did not follow the protocol, or somebody else has its key."


def _context_text(context: bytes) -> str:
    if not context:
        return "none"
    try:
        return repr(context.decode("utf-8"))
    except UnicodeDecodeError:
        return f"{context.hex()} (hexadecimal digits)"
