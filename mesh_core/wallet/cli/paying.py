"""`mesh-wallet send`, `receive` and `watch`: what changes the account."""

import asyncio
import contextlib
from datetime import datetime
from typing import Any, Final

import click

from mesh_core.crypto.memo import memo_size
from mesh_core.errors import ErrorCode, LocalFault
from mesh_core.protocol.construction import Payment
from mesh_core.protocol.identifiers import identify
from mesh_core.types.basic import Hash32, PublicKey
from mesh_core.types.transition import TRANSITION
from mesh_core.wallet import events
from mesh_core.wallet.cli.output import field_lines
from mesh_core.wallet.cli.parties import Names, Recipient, find_cert_id, find_recipient, parse_amount
from mesh_core.wallet.cli.progress import Progress
from mesh_core.wallet.cli.session import GOES_ON, Session, load_settings_network, open_wallet, patience_option, run
from mesh_core.wallet.cli.settings import Settings, WalletCommand, pass_settings
from mesh_core.wallet.cli.stopping import end_at_once, read_switch
from mesh_core.wallet.records import IncomingStatus, OutgoingRecord

SEND_EPILOG: Final = """\b
Examples:
  mesh-wallet send --to bob --amount 500 --memo "rent for May"
  mesh-wallet --wallet alice send --to mesh1... --amount 500 --json"""
WATCH_S: Final = 1e9
"""Whoever watches has patience."""


@click.command(cls=WalletCommand, epilog=SEND_EPILOG)
@click.option("--to", required=True, metavar="ADDRESS|CONTACT|WALLET", help="Whom to pay: an address, a contact, or a wallet of this home.")
@click.option("--amount", required=True, metavar="N", help="How many units, in digits.")
@click.option("--asset", metavar="ID", help="The asset, as 64 hexadecimal digits; a network has one, which is the default.")
@click.option("--memo", default="", metavar="TEXT", help="A text that only the recipient can read; at most 215 bytes.")
@click.option("--again", is_flag=True, help="Pay once more, also where the same payment was interrupted before and is known to have been made.")
@patience_option()
@pass_settings
def send(settings: Settings, *, to: str, amount: str, asset: str | None, memo: str, again: bool, timeout_s: float) -> None:
    """Pay N units to somebody, and return when it is final.

    Each step and each validator's answer is a line on standard error (with --json an object on standard output). A payment is final when a quorum of
    validators has voted for it; its certificate proves that for ever.

    What is signed is stored first, and sent until it is certified. A command that is interrupted, or whose patience ends, loses nothing: the next
    command of this wallet goes on with the same bytes, and this very command, given again, finishes that payment and does not make a second one. A slot
    is never signed twice, so a payment cannot be cancelled.
    """
    recipient, units = find_recipient(settings, to), parse_amount(amount)
    memo_size(memo)
    _check_asset(settings, asset)
    run(_send(settings, recipient, Payment(recipient.address, units, memo), timeout_s, again=again))


def _check_asset(settings: Settings, asset: str | None) -> None:
    """LocalFault (ASSET): to pay with what the recipient does not expect is worse than not to pay."""
    own = load_settings_network(settings).genesis.doc.asset_id.hex()
    if asset is not None and asset.strip().lower() != own:
        raise LocalFault(ErrorCode.ASSET, f"this network has one asset, {own}, and {asset.strip()[:64]!r} is another: leave --asset out")


async def _send(settings: Settings, recipient: Recipient, payment: Payment, timeout_s: float, *, again: bool) -> None:
    progress = _progress(settings)
    async with open_wallet(settings, timeout_s, progress) as session:
        wallet = session.wallet
        wallet.require_signing_keys()
        if payment.address.owner == wallet.address.owner:
            raise LocalFault(ErrorCode.ADDRESS_INVALID, f"'{wallet.name}' would pay itself: choose another recipient")
        _raise_fault(session)
        await session.get_up_to_date()
        done = None if again else wallet.intentions.find([payment])
        if done is not None:
            _raise_fault(session)
            _tell_sent(progress, session, recipient, payment, done, was_interrupted=True)
            await wallet.intentions.end()
            return
        await wallet.intentions.begin([payment])
        try:
            result = await session.within(wallet.send([payment]), lambda: _describe_unfinished(session))
        except LocalFault as fault:
            if fault.code is not ErrorCode.NO_QUORUM and wallet.account.pending is None:
                await wallet.intentions.end()
            raise
        await _settle(session, progress)
        _tell_sent(progress, session, recipient, payment, _find_signed(session, result.cert_id), was_interrupted=False)
        if read_switch() == "reported":
            end_at_once()
        await wallet.intentions.end()


def _describe_unfinished(session: Session) -> str:
    if session.wallet.account.pending is None:
        return f"nothing was signed; {session.describe_reach()}"
    return f"the payment is signed and stored, and not final yet; {session.describe_reach()}. {GOES_ON}"


async def _settle(session: Session, progress: Progress) -> None:
    """Wait until a quorum has applied it. The payment is final before, so an end of patience is no failure."""
    try:
        await session.within(session.wallet.wait_settled(), lambda: "")
    except LocalFault as fault:
        if fault.code is not ErrorCode.NO_QUORUM:
            raise
        progress.note("it is final, and not applied by a quorum of validators yet: the next command that uses this wallet brings it to them")


def _find_signed(session: Session, cert_id: Hash32) -> OutgoingRecord:
    return next(record for _, record in session.wallet.account.newest_outgoing() if identify(TRANSITION.decode(record.transition)).cert_id == cert_id)


def _tell_sent(progress: Progress, session: Session, recipient: Recipient, payment: Payment, record: OutgoingRecord, *, was_interrupted: bool) -> None:
    candidate = identify(TRANSITION.decode(record.transition))
    cert_id, fee = candidate.cert_id, candidate.core.fee
    form = {
        "wallet": session.wallet.name,
        "to": str(recipient.address),
        "amount": payment.amount,
        "fee": fee,
        "memo": payment.text,
        "cert_id": cert_id,
        "finished_interrupted": was_interrupted,
        "signed_ms": record.created_ms,
        "balance": session.wallet.account.balance.spendable,
    }
    lines = field_lines(
        [
            ("paid", f"{payment.amount:,} units to {recipient.label}, fee {fee:,}"),
            ("certificate", cert_id.hex()),
            ("balance", f"{session.wallet.account.balance.spendable:,} units"),
        ]
    )
    if was_interrupted:
        signed = datetime.fromtimestamp(record.created_ms / 1000).astimezone().strftime("%Y-%m-%d %H:%M:%S")
        lines.append(f"This payment was signed at {signed}, by this same command, which was then interrupted. It was finished, or is told once more;")
        lines.append("no second one was made now. To pay once more: --again")
    progress.result(form, lines)


@click.command(cls=WalletCommand)
@click.option("--cert", metavar="HASH", help="Claim what the payment with this certificate brought, and nothing else.")
@patience_option()
@pass_settings
def receive(settings: Settings, *, cert: str | None, timeout_s: float) -> None:
    """Claim what others have paid to this wallet, so that it can be spent.

    The validators are asked what there is; every certificate is verified and every memo opened before anything is claimed, up to 16 payments at a time.
    A payment whose memo does not open is shown by history and never claimed: its amount is unknown, and a balance with an unknown part could never be
    spent again. There is no fee.
    """
    run(_receive(settings, cert, timeout_s))


async def _receive(settings: Settings, cert: str | None, timeout_s: float) -> None:
    progress = _progress(settings)
    async with open_wallet(settings, timeout_s, progress) as session:
        wallet = session.wallet
        wallet.require_signing_keys()
        _raise_fault(session)
        cert_id = None if cert is None else find_cert_id(cert, wallet)
        if cert_id is not None:
            refuse_unopenable(session, cert_id)
        await session.get_up_to_date()
        _raise_fault(session)
        if cert_id is not None:
            refuse_unopenable(session, cert_id)
            _refuse_unknown(session, cert_id)
        claimed, certificates = 0, []
        while waiting := wallet.account.claimable(16, cert_id):
            result = await session.within(wallet.receive(cert_id), lambda: _describe_unfinished(session))
            claimed += sum(output.opening.value for output in waiting)
            certificates.append(result.cert_id)
            await _settle(session, progress)
        balance = wallet.account.balance.spendable
        form = {"wallet": wallet.name, "claimed": claimed, "cert_ids": certificates, "balance": balance}
        lines = [("claimed", f"{claimed:,} units" if certificates else "nothing: there is nothing to claim")]
        lines += [("certificate", one.hex()) for one in certificates]
        progress.result(form, field_lines([*lines, ("balance", f"{balance:,} units")]))


def _raise_fault(session: Session) -> None:
    if session.wallet.fault is not None:
        raise session.wallet.fault


def _refuse_unknown(session: Session, cert_id: Hash32) -> None:
    """LocalFault (NOTHING_TO_CLAIM). What was claimed before is no fault."""
    if not session.wallet.account.incoming_of(cert_id):
        raise LocalFault(ErrorCode.NOTHING_TO_CLAIM, f"no validator knows of a payment to this wallet with the certificate {cert_id.hex()}")


def refuse_unopenable(session: Session, cert_id: Hash32) -> None:
    """LocalFault (OUTPUT_UNOPENABLE): a balance with an unknown part could never be spent again."""
    records = session.wallet.account.incoming_of(cert_id)
    if records and all(record.status is IncomingStatus.UNOPENABLE for record in records):
        text = (
            f"the payment {cert_id.hex()[:16]}… does not open ({records[0].text}): its amount is unknown, and it is never claimed; ask the payer to pay again"
        )
        raise LocalFault(ErrorCode.OUTPUT_UNOPENABLE, text)


@click.command(cls=WalletCommand)
@click.option("--no-claim", is_flag=True, help="Only show what comes, and claim nothing.")
@click.option("--count", type=click.IntRange(1), metavar="N", help="Stop after so many payments.")
@pass_settings
def watch(settings: Settings, *, no_claim: bool, count: int | None) -> None:
    """Show incoming payments as they come, and claim them, until Ctrl-C.

    The wallet is in use meanwhile: other programs are told so. A view-only wallet can watch, too; it claims nothing.
    """
    with contextlib.suppress(click.Abort):
        run(_watch(settings, count, claims=not no_claim))


async def _watch(settings: Settings, count: int | None, *, claims: bool) -> None:
    names = Names(settings)
    seen = 0
    enough = asyncio.Event()
    unread: OSError | None = None

    def show(event: events.WalletEvent) -> None:
        nonlocal seen
        if isinstance(event, events.IncomingSeen):
            seen += 1
            settings.output.tell(_incoming_form(event, names), [_incoming_line(event, names)])
            if count is not None and seen >= count:
                enough.set()
        elif isinstance(event, events.CertificateMade):
            settings.output.tell({"event": "claimed", "cert_id": event.cert_id}, [f"  claimed: certificate {event.cert_id.hex()}"])
        elif isinstance(event, events.WalletFault | events.WalletNotice):
            settings.output.tell({"event": event.EVENT, "text": event.text}, [f"note: {event.text}"])

    def on_event(event: events.WalletEvent) -> None:
        """A watch that nobody reads ends: otherwise it would keep the wallet to itself, and claim unseen, for ever."""
        nonlocal unread
        try:
            show(event)
        except OSError as error:
            unread = error
            enough.set()

    async with open_wallet(settings, WATCH_S, on_event, claims=claims) as session:
        settings.output.tell({"event": "watching", "wallet": session.wallet.name}, [f"watching what comes in to '{session.wallet.name}' (Ctrl-C ends it)"])
        await enough.wait()
        if unread is not None:
            raise unread
        if claims and not session.wallet.is_view_only:
            await session.get_up_to_date()


def _incoming_form(event: events.IncomingSeen, names: Names) -> dict[str, Any]:
    return {
        "event": "incoming",
        "cert_id": event.cert_id,
        "output": event.index,
        "from": event.sender,
        "from_name": names.find(PublicKey(event.sender)),
        "amount": event.amount,
        "memo": event.text if event.amount is not None else None,
        "status": event.status,
    }


def _incoming_line(event: events.IncomingSeen, names: Names) -> str:
    who = names.label(PublicKey(event.sender))
    if event.amount is None:
        return f"a payment from {who} that does not open ({event.text}) and is never claimed: certificate {event.cert_id.hex()}"
    memo = f": {event.text}" if event.text else ""
    # The stranger's text stands last: behind it could stand a second amount, or another certificate.
    return f"{event.amount:,} units from {who}, certificate {event.cert_id.hex()}{memo}"


def _progress(settings: Settings) -> Progress:
    return Progress(settings.output, load_settings_network(settings).genesis.committee)
