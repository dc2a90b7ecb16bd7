"""Making a payment's receipt out of what a wallet knows: its keys and the payment's certificate (docs/protocol.md, "Receipts")."""

from mesh_core.crypto.keys import ViewKey, WalletKeys
from mesh_core.crypto.memo import MemoContext, MemoError, derive_eph_secret
from mesh_core.crypto.pedersen import Opening
from mesh_core.errors import ErrorCode, LocalFault
from mesh_core.protocol.certificates import CheckedCertificate
from mesh_core.protocol.receipts import MAX_CONTEXT_BYTES, build_receipt
from mesh_core.types.basic import PublicKey
from mesh_core.types.receipt import PaymentReceipt
from mesh_core.types.transition import Kind, TransitionCore
from mesh_core.wallet.reading import read_incoming, read_sent


def make_receipt(keys: WalletKeys, certificate: CheckedCertificate, output: int | None, context: str, *, discloses_memo: bool) -> PaymentReceipt:
    """The receipt of one output of a verified certificate, by its sender or its recipient.

    `output` None is the only one that can be meant. The sender alone can disclose the memo; the recipient's receipt never does. LocalFault
    (RECEIPT_INVALID): a claim, no such output, somebody else's payment, an output that does not open, a context that is too long.
    """
    core = certificate.core
    encoded = context.encode("utf-8", "surrogateescape")
    if len(encoded) > MAX_CONTEXT_BYTES:
        raise _refuse(f"the context has {len(encoded)} bytes of UTF-8: at most {MAX_CONTEXT_BYTES}")
    index = _find_output(core, keys.owner, output)
    try:
        opening, eph_sk = _open(core, index, keys.owner, keys.view_key)
    except MemoError as error:
        raise _refuse(f"output {index} does not open ({error.text}): it cannot be proven") from error
    return build_receipt(certificate, index, opening, eph_sk if discloses_memo else None, encoded, keys.signing_key)


def _open(core: TransitionCore, index: int, owner: PublicKey, view_key: ViewKey) -> tuple[Opening, bytes | None]:
    if core.sender != owner:
        return read_incoming(view_key, core, index).opening, None
    output = core.outputs[index]
    context = MemoContext(core.network_id, core.sender, core.sequence, index, output.owner, output.view_pk, output.commitment)
    return read_sent(view_key, core, index).opening, derive_eph_secret(view_key, context)


def _find_output(core: TransitionCore, owner: PublicKey, wanted: int | None) -> int:
    """The output that is meant, and that this owner may prove."""
    if core.kind is not Kind.SEND:
        raise _refuse("this certificate is of a claim, which pays nobody: name the certificate of the payment (mesh-wallet history)")
    ours = [index for index, output in enumerate(core.outputs) if owner in (core.sender, output.owner)]
    if not ours:
        raise _refuse("this payment is neither from this wallet nor to it: only its sender or a recipient can make a receipt")
    if wanted is None and len(ours) > 1:
        raise _refuse(f"this payment has several outputs ({', '.join(map(str, ours))}): name one with --output")
    if wanted is not None and wanted not in ours:
        raise _refuse(f"output {wanted} is not this wallet's to prove: it can prove {', '.join(map(str, ours))}")
    return ours[0] if wanted is None else wanted


def _refuse(text: str) -> LocalFault:
    return LocalFault(ErrorCode.RECEIPT_INVALID, text)
