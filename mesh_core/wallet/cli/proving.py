"""`mesh-wallet receipt`: a file that proves one payment to whoever holds the genesis document. `verify` checks it."""

from pathlib import Path

import click

from mesh_core.errors import ErrorCode, LocalFault
from mesh_core.protocol.receipts import verify_receipt
from mesh_core.storage.files import write_atomically
from mesh_core.types.address import format_address
from mesh_core.types.receipt import PAYMENT_RECEIPT
from mesh_core.wallet.cli.output import field_lines
from mesh_core.wallet.cli.parties import find_cert_id
from mesh_core.wallet.cli.reading import get_certificate
from mesh_core.wallet.cli.session import open_wallet, patience_option, run
from mesh_core.wallet.cli.settings import Settings, WalletCommand, pass_settings
from mesh_core.wallet.proving import make_receipt

RECEIPT_FILE_MODE = 0o600


@click.command(cls=WalletCommand)
@click.argument("hash_", metavar="HASH")
@click.option("--output", "output_index", type=click.IntRange(0, 255), metavar="I", help="Which output of the payment, where it has several; the first is 0.")
@click.option("--context", default="", metavar="TEXT", help="What the verifier asked for, such as an invoice's number: the receipt holds for it alone.")
@click.option("--no-memo", is_flag=True, help="Do not disclose the memo. (A recipient's receipt never does: only the sender can.)")
@click.option("-o", "path", type=click.Path(path_type=Path), required=True, metavar="FILE", help="Where to write the receipt.")
@patience_option()
@pass_settings
def receipt(settings: Settings, hash_: str, *, output_index: int | None, context: str, no_memo: bool, path: Path, timeout_s: float) -> None:
    """Write the receipt of a payment from or to this wallet to FILE.

    HASH is its certificate's, as history shows it; the first digits will do. A receipt discloses one output: recipient, amount, and where the sender
    makes it and does not say --no-memo the memo. It shows no balance and no other output. Anybody can check it with 'mesh-wallet verify FILE' and the
    genesis document, without a network.
    """
    run(_receipt(settings, hash_, output_index, context, path, timeout_s, discloses_memo=not no_memo))


async def _receipt(settings: Settings, hash_: str, output: int | None, context: str, path: Path, timeout_s: float, *, discloses_memo: bool) -> None:
    async with open_wallet(settings, timeout_s) as session:
        keys = session.wallet.require_signing_keys()
        certificate = await get_certificate(session, find_cert_id(hash_, session.wallet))
        made = make_receipt(keys, certificate, output, context, discloses_memo=discloses_memo)
        proven = verify_receipt(made, session.network.genesis)
    try:
        write_atomically(path, PAYMENT_RECEIPT.encode(made), RECEIPT_FILE_MODE)
    except FileExistsError:
        raise LocalFault(ErrorCode.KEY_FILE, f"{path} exists and is not overwritten: choose another name") from None
    form = {
        "file": str(path),
        "cert_id": proven.cert_id,
        "payee": format_address(proven.payee),
        "amount": proven.value,
        "memo": proven.text,
        "context": context,
    }
    fields = [
        ("receipt", str(path)),
        ("of", f"{proven.value:,} units to {format_address(proven.payee)}"),
        ("memo", "not disclosed" if proven.text is None else proven.text or "none"),
        ("context", context or "none"),
        ("certificate", proven.cert_id.hex()),
    ]
    settings.output.tell(form, field_lines(fields))
