"""`mesh-wallet balance`, `history` and `show`: what the wallet has, what it paid and was paid, and what a certificate says."""

import asyncio
import csv
import io
import re
from datetime import datetime
from typing import Any, Final

import click

from mesh_core.errors import ErrorCode, LocalFault, Rejected
from mesh_core.protocol.certificates import CheckedCertificate, read_certificate
from mesh_core.protocol.genesis import Genesis
from mesh_core.protocol.validation import validate_range
from mesh_core.types.basic import Hash32
from mesh_core.types.transition import Kind
from mesh_core.types.visible_text import visible_text
from mesh_core.wallet.cli.output import field_lines, table_lines
from mesh_core.wallet.cli.parties import SHOWN_DIGITS, Names, find_cert_id
from mesh_core.wallet.cli.progress import Progress
from mesh_core.wallet.cli.session import Session, load_settings_network, open_wallet, patience_option, run
from mesh_core.wallet.cli.settings import Settings, WalletCommand, pass_settings
from mesh_core.wallet.cli.verify import describe_certificate
from mesh_core.wallet.commitments import commit_balance
from mesh_core.wallet.fetching import fetch_from_any
from mesh_core.wallet.history import Direction, HistoryEntry
from mesh_core.wallet.own import OwnTransition, read_own
from mesh_core.wallet.records import Condition
from mesh_core.wallet.wallet import Wallet

offline_option = click.option("--offline", is_flag=True, help="Show what this machine knows, and ask no validator.")
CSV_COLUMNS: Final = ("time", "direction", "amount", "fee", "counterparty", "name", "status", "certificate", "memo")
_FORMULA: Final = re.compile(r"(^|;)([\s'\"]*)(?=[=+\-@\uff1d\uff0b\uff0d\uff20])")
"""What makes a spreadsheet compute a cell that a stranger wrote. Where commas are decimal, spreadsheets cut such a file at semicolons, too."""


@click.command(cls=WalletCommand)
@offline_option
@patience_option()
@pass_settings
def balance(settings: Settings, *, offline: bool, timeout_s: float) -> None:
    """Show what can be spent, what waits to be claimed, and what is on its way.

    With each amount stands its commitment: all that validators see of it. Without a quorum of validators the amounts are shown as this machine last knew
    them, and the exit status is 3. An account that is locked or stuck is said to be so, with the evidence; the exit status is 4 then.
    """
    run(_balance(settings, timeout_s, offline=offline))


async def _balance(settings: Settings, timeout_s: float, *, offline: bool) -> None:
    async with open_wallet(settings, timeout_s, _progress(settings)) as session:
        fault = await _look(session, offline=offline)
        wallet, account = session.wallet, session.wallet.account
        amounts, commitments = account.balance, commit_balance(account)
        burnt = account.unopenable_count
        form = {
            "wallet": wallet.name,
            "spendable": {"amount": amounts.spendable, "commitment": commitments.spendable},
            "incoming": {"amount": amounts.incoming, "commitment": commitments.incoming},
            "in_flight": {"amount": amounts.in_flight, "commitment": commitments.in_flight},
            "unopenable": burnt,
            "sequence": account.state.sequence,
            "state": _state(wallet),
            "evidence": [{"transition_ids": [proof.id_a, proof.id_b]} for proof in wallet.standing.evidence],
            "is_current": fault is None and not offline and _state(session.wallet) != "unreadable",
        }
        rows = [
            ("spendable", f"{amounts.spendable:,}", commitments.spendable.hex()),
            ("incoming", f"{amounts.incoming:,}", commitments.incoming.hex()),
            ("in flight", f"{amounts.in_flight:,}", commitments.in_flight.hex()),
        ]
        lines = table_lines(("", "UNITS", "COMMITMENT"), rows)
        if burnt:
            lines.append(f"{burnt} payments came whose memos do not open: their amounts are unknown, and they are never claimed")
        if amounts.incoming and not wallet.is_view_only:
            lines.append("What is incoming can be spent once it is claimed: mesh-wallet receive")
        lines += [f"signed for one slot: {proof.id_a.hex()} and {proof.id_b.hex()}" for proof in wallet.standing.evidence]
        settings.output.tell(form, lines)
        _raise_stopped(wallet, fault)


@click.command(cls=WalletCommand)
@click.option("--csv", "as_csv", is_flag=True, help="Comma-separated values with a header, for a spreadsheet.")
@offline_option
@patience_option()
@pass_settings
def history(settings: Settings, *, as_csv: bool, offline: bool, timeout_s: float) -> None:
    """Show all payments in both directions, the oldest first, with their certificates and memos.

    A payment that was signed and is not final is finished first. Times are this machine's, of when it signed, saw or restored a payment; the order is right
    in any case. A payment whose memo does not open is shown without an amount, with the reason.
    """
    run(_history(settings, timeout_s, as_csv=as_csv, offline=offline))


async def _history(settings: Settings, timeout_s: float, *, as_csv: bool, offline: bool) -> None:
    async with open_wallet(settings, timeout_s, _progress(settings)) as session:
        fault = await _look(session, offline=offline)
        names, entries = Names(settings), session.wallet.history()
        if as_csv:
            click.echo(_csv(entries, names), nl=False)
        else:
            form = {
                "wallet": session.wallet.name,
                "is_current": fault is None and not offline and _state(session.wallet) != "unreadable",
                "payments": [_form(entry, names) for entry in entries],
            }
            rows = [_row(entry, names) for entry in entries]
            header = ("TIME", "", "UNITS", "FEE", "WITH", "STATUS", "CERTIFICATE", "MEMO")
            settings.output.tell(form, table_lines(header, rows) if rows else ["no payments yet"])
        _raise_stopped(session.wallet, fault)
        if session.wallet.account.pending is None:
            # Who has seen every payment needs no reminder of the one that was interrupted.
            await session.wallet.intentions.end()


async def _look(session: Session, *, offline: bool) -> LocalFault | None:
    """Bring the wallet up to date; what kept it from that, where it can be shown all the same."""
    if offline:
        return None
    try:
        await session.get_up_to_date()
    except LocalFault as fault:
        if fault.code is not ErrorCode.NO_QUORUM:
            raise
        return fault
    return None


def _raise_stopped(wallet: Wallet, fault: LocalFault | None) -> None:
    """What was shown may be old, or the last that there will be: the exit status says so."""
    stopped = wallet.fault or fault
    if stopped is not None:
        raise stopped


def _state(wallet: Wallet) -> str:
    if wallet.fault is None:
        return "view_only" if wallet.is_view_only else "open"
    # A fault beside an open account: what validators prove does not open with this wallet's view key.
    return "unreadable" if wallet.standing.condition is Condition.OPEN else wallet.standing.condition.name.lower()


def _form(entry: HistoryEntry, names: Names) -> dict[str, Any]:
    opens = entry.amount is not None
    return {
        "time_ms": entry.at_ms,
        "direction": entry.direction.value,
        "amount": entry.amount,
        "fee": entry.fee,
        "counterparty": entry.counterparty,
        "name": names.find(entry.counterparty),
        "status": entry.status,
        "cert_id": entry.cert_id,
        "memo": entry.text if opens else None,
        "unopenable": None if opens else entry.text,
    }


def _row(entry: HistoryEntry, names: Names) -> tuple[str, ...]:
    sent = entry.direction is Direction.SENT
    amount = "?" if entry.amount is None else f"{'-' if sent else '+'}{entry.amount:,}"
    text = entry.text if entry.amount is not None else f"(does not open: {entry.text})"
    return (
        _time(entry.at_ms),
        "to" if sent else "from",
        amount,
        f"{entry.fee:,}" if sent else "",
        names.label(entry.counterparty),
        entry.status,
        entry.cert_id.hex()[:SHOWN_DIGITS],
        text,
    )


def _time(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def _csv(entries: list[HistoryEntry], names: Names) -> str:
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(CSV_COLUMNS)
    for entry in entries:
        time = datetime.fromtimestamp(entry.at_ms / 1000).astimezone().isoformat(timespec="milliseconds")
        amount = "" if entry.amount is None else entry.amount
        name = names.find(entry.counterparty) or ""
        strangers = (_cell(name), entry.status, entry.cert_id.hex(), _cell(entry.text))
        writer.writerow((time, entry.direction.value, amount, entry.fee, entry.counterparty.hex(), *strangers))
    return file.getvalue()


def _cell(text: str) -> str:
    """A stranger's text in a cell: no formula, nothing that a terminal obeys.

    It is looked at as it is written: characters that are not shown are gone by then, and cannot hide a formula behind them.
    """
    return _FORMULA.sub(r"\1'\2", visible_text(text))


# --- One certificate


@click.command(cls=WalletCommand)
@click.argument("hash_", metavar="HASH")
@patience_option()
@pass_settings
def show(settings: Settings, hash_: str, *, timeout_s: float) -> None:
    """Show the certificate HASH, decoded and checked: every signature in it, and the range proof.

    It comes from the wallet's records, else from the validators, who cannot forge one. The first digits do for a payment of the wallet's own history. Of
    an own payment amounts and memos are shown, too; of others nobody sees them.
    """
    run(_show(settings, hash_, timeout_s))


async def _show(settings: Settings, hash_: str, timeout_s: float) -> None:
    async with open_wallet(settings, timeout_s) as session:
        checked = await get_certificate(session, find_cert_id(hash_, session.wallet))
        genesis = session.network.genesis
        proof = await asyncio.to_thread(_check_proof, checked)
        own = read_own(session.wallet.keys, checked.core)
        form, fields, remark = describe_certificate(checked, genesis)
        form |= {"range_proof": proof, "signatures": _signatures_form(checked, genesis), "own": [_own_form(one) for one in own]}
        owner = "the owner's signature holds"
        votes = ", ".join(f"V{vote.validator_index + 1}" for vote in checked.certificate.votes)
        fields += [("signatures", f"{owner}; the votes of {votes} hold"), ("range proof", proof)]
        fields += [(one.label, one.describe()) for one in own]
        settings.output.tell(form, [*field_lines(fields), "", remark])


async def get_certificate(session: Session, cert_id: Hash32) -> CheckedCertificate:
    """A verified certificate from the wallet's records, else from any validator. LocalFault: NO_QUORUM (none answers), DOCUMENT_INVALID (none has it)."""
    known = session.wallet.account.certificate(cert_id)
    if known is not None:
        return read_certificate(known, session.network.genesis)
    await session.within(session.wallet.wait_in_step(), lambda: f"this wallet does not hold the certificate, and {session.describe_reach()}")
    found = await session.within(
        fetch_from_any(session.home.validators, [cert_id]), lambda: f"nobody has answered with the certificate; {session.describe_reach()}"
    )
    if cert_id not in found:
        raise LocalFault(ErrorCode.DOCUMENT_INVALID, f"neither this wallet nor any validator that answers has a certificate {cert_id.hex()}")
    return found[cert_id]


def _check_proof(checked: CheckedCertificate) -> str:
    if checked.core.kind is Kind.RECEIVE:
        return "none: a claim has none"
    try:
        validate_range(checked.identified)
    except Rejected as error:
        raise LocalFault(ErrorCode.DOCUMENT_INVALID, f"the range proof does not hold, although a quorum has signed: {error.text}") from error
    return "holds: every amount is from 0 to 2^64 - 1"


def _signatures_form(checked: CheckedCertificate, genesis: Genesis) -> list[dict[str, Any]]:
    """All of them were verified when the certificate was read: one that does not hold condemns it."""
    owner = {"signer": "owner", "key": checked.core.sender, "valid": True}
    keys = genesis.committee.validators
    return [owner, *({"signer": f"V{vote.validator_index + 1}", "key": keys[vote.validator_index], "valid": True} for vote in checked.certificate.votes)]


def _own_form(one: OwnTransition) -> dict[str, Any]:
    return {"part": one.label, "amount": one.amount, "memo": one.text}


def _progress(settings: Settings) -> Progress:
    return Progress(settings.output, load_settings_network(settings).genesis.committee, quiet=settings.as_json)
