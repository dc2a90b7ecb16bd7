"""Reducers of what wallets say about themselves: balances, incoming outputs, histories, connections, requests that failed; contacts and documents."""

from collections.abc import Mapping
from typing import Final

from mesh_app.event_fields import Fields, MalformedEventError
from mesh_app.format import amount, short
from mesh_app.reducers.note import Note, Notes, Reducer, validator_note, who
from mesh_app.state import (
    MAX_CONTACTS,
    MAX_HISTORY,
    MAX_INCOMING,
    MAX_VERDICTS,
    CheckLine,
    ContactView,
    DocumentView,
    Fault,
    HistoryLine,
    Link,
    Output,
    Part,
    State,
    Verdict,
    WalletView,
)

MAX_NEW_FAULTS: Final = 20
MAX_QR_ROWS: Final = 100
GRAVE: Final = frozenset(("locked", "stuck", "two_signed", "replaced"))


def wallet(state: State, fields: Fields, t_ns: int) -> Notes:
    """A wallet is open, or its balance moved."""
    name = fields.text("wallet")
    address, owner, commitment = fields.text("address"), fields.hexadecimal("owner"), fields.hexadecimal("commitment")
    balance, sequence = fields.integer("balance"), fields.integer("sequence")
    incoming, in_flight = fields.integer("incoming", default=0), fields.integer("in_flight", default=0)
    word = fields.text("state", default="idle")
    known = state.wallets.get(name)
    if known is None or not known.is_open:
        state.wallets[name] = WalletView(name, address, owner, balance, commitment, sequence, incoming, in_flight, word)
        return (Note(name, "wallet", f"has {amount(balance)}" if known is None else f"is open: has {amount(balance)}", tone="dim"),)
    before = known.balance, known.state
    known.address, known.owner, known.balance, known.commitment = address, owner, balance, commitment
    known.sequence, known.incoming, known.in_flight, known.state = sequence, incoming, in_flight, word
    if before[0] != balance:
        moved = f"{'+' if balance > before[0] else '−'}{amount(abs(balance - before[0]))}"
        return (Note(name, "wallet", f"has {amount(balance)} ({moved})", tone="amount"),)
    if before[1] != word and word in {"locked", "stuck"}:
        return (Note(name, "wallet", f"account {word}", tone="down"),)
    return ()


def wallet_shut(state: State, fields: Fields, t_ns: int) -> Notes:
    """A wallet that is not open: sealed, in use by another program, or broken. What it showed while it was open is forgotten with its keys."""
    name, word, text = fields.text("wallet"), fields.text("state"), fields.text("text", default="")
    address = fields.text("address") if fields.has("address") else ""
    owner, key = fields.optional_hexadecimal("owner") or "", fields.text("key") if fields.has("key") else ""
    state.wallets[name] = WalletView(name, address, owner, 0, "", 0, 0, 0, word, key=key, is_open=False, text=text)
    said = {"sealed": "is sealed: u on the wallets screen opens it", "in_use": text}.get(word, text)
    return (Note(name, "wallet", said, tone="down" if word == "broken" else "wait"),)


def wallets_ended(state: State, fields: Fields, t_ns: int) -> Notes:
    """The wallets' process has ended: nothing that was shown of them is known to be so any more."""
    for wallet in state.wallets.values():
        if wallet.is_open or wallet.state == "in_use":
            wallet.is_open, wallet.state, wallet.text = False, "ended", "the wallets' process has ended: W on the wallets screen starts it again"
    return ()


def wallet_renamed(state: State, fields: Fields, t_ns: int) -> Notes:
    """A wallet has another name. It keeps its place in the list, and its payments."""
    name, new_name = fields.text("wallet"), fields.text("name")
    found = state.wallets.get(name)
    if found is None:
        return ()
    found.name = new_name
    state.wallets = {wallet.name: wallet for wallet in state.wallets.values()}
    for payment in state.payments.values():
        if payment.wallet == name:
            payment.wallet = new_name
    return (Note(new_name, "wallet", f"was {name}", tone="dim"),)


def wallet_details(state: State, fields: Fields, t_ns: int) -> Notes:
    """The parts of a balance with what validators see of each, and how far a wallet that restores itself is."""
    found = state.wallets.get(fields.text("wallet"))
    key = fields.text("key")
    parts = tuple(Part(part.text("name"), part.integer("amount"), part.hexadecimal("commitment")) for part in fields.objects("parts"))
    unopenable, is_restoring = fields.integer("unopenable"), fields.truth("restoring")
    transitions, payments, standing = fields.integer("transitions"), fields.integer("payments"), fields.text("standing", default="")
    if found is None or not found.is_open:
        return ()
    found.key, found.parts = key, parts
    found.unopenable, found.is_restoring, found.transitions, found.payments, found.text = unopenable, is_restoring, transitions, payments, standing
    return ()


def wallet_history(state: State, fields: Fields, t_ns: int) -> Notes:
    """Lines of a wallet's history: new ones, and ones whose status changed."""
    name, has_older = fields.text("wallet"), fields.truth("has_older")
    lines = [_history_line(entry) for entry in fields.objects("entries")]
    found = state.wallets.get(name)
    if found is None or not found.is_open:
        return ()
    found.has_older = has_older
    found.history |= {line.key: line for line in lines}
    if len(found.history) > MAX_HISTORY:
        found.history = {line.key: line for line in found.newest_first()[:MAX_HISTORY]}
    return ()


def _history_line(entry: Fields) -> HistoryLine:
    direction = entry.text("direction")
    if direction not in {"sent", "received"}:
        raise MalformedEventError("direction is neither sent nor received")
    return HistoryLine(
        at_ms=entry.integer("at_ms"),
        is_sent=direction == "sent",
        counterparty=entry.hexadecimal("counterparty"),
        amount=entry.integer("amount") if entry.has("amount") else None,
        fee=entry.integer("fee"),
        text=entry.text("text", default=""),
        cert_id=entry.hexadecimal("cert_id"),
        output=entry.integer("output"),
        status=entry.text("status"),
    )


def wallet_qr(state: State, fields: Fields, t_ns: int) -> Notes:
    """The address for a camera, in half blocks."""
    name, rows = fields.text("wallet"), fields.texts("rows")
    if not rows or len(rows) > MAX_QR_ROWS or len({len(row) for row in rows}) != 1:
        raise MalformedEventError("rows are no picture")
    found = state.wallets.get(name)
    if found is not None:
        found.qr = rows
    return ()


def contacts(state: State, fields: Fields, t_ns: int) -> Notes:
    """A page of the contacts; the first one replaces what was known."""
    first = fields.integer("first", most=MAX_CONTACTS)
    page = [ContactView(entry.text("name"), entry.text("address"), entry.hexadecimal("owner")) for entry in fields.objects("contacts")]
    desk = state.wallet_desk
    if not first:
        desk.contacts, desk.contact_by_owner = {}, {}
    for contact in page:
        if len(desk.contacts) < MAX_CONTACTS:
            desk.contacts[contact.name] = desk.contact_by_owner[contact.owner] = contact
    return ()


def wallet_order(state: State, fields: Fields, t_ns: int) -> Notes:
    """What became of an order that a form waits for."""
    ticket, what, word = fields.integer("ticket"), fields.text("what"), fields.text("state")
    text = fields.text("text", default="")
    verdicts = state.wallet_desk.verdicts
    verdicts[ticket] = Verdict(word, text)
    while len(verdicts) > MAX_VERDICTS:
        del verdicts[next(iter(verdicts))]
    if word == "refused":
        return (Note("mesh", "refused", f"{what}: {text}", tone="down"),)
    return (Note("mesh", "done", what, tone="dim"),) if word == "done" else ()


def amounts_hidden(state: State, fields: Fields, t_ns: int) -> Notes:
    """The person does not want amounts to be read over the shoulder, or does again."""
    state.wallet_desk.hides_amounts = fields.truth("hidden")
    return ()


def wallet_file(state: State, fields: Fields, t_ns: int) -> Notes:
    """A file was written: a receipt, or a view key."""
    name, what, file = fields.text("wallet"), fields.text("what"), fields.text("file")
    if what == "receipt":
        state.wallet_desk.last_file = file
    return (Note(name, "file", f"{what} in {file}", tone="up"),)


def document_checked(state: State, fields: Fields, t_ns: int) -> Notes:
    """What a file proves."""
    file, kind, is_valid = fields.text("file"), fields.text("kind", default=""), fields.truth("valid")
    checks = tuple(CheckLine(one.text("title"), one.optional_truth("holds"), one.text("found"), one.ms("ms")) for one in fields.objects("checks"))
    pairs = tuple((row[0], row[1]) for row in fields.rows("fields", 2))
    remark, text = fields.text("remark", default=""), fields.text("text", default="")
    desk = state.wallet_desk
    desk.documents_count += 1
    desk.document = DocumentView(desk.documents_count, file, kind, is_valid, checks, pairs, remark, text)
    if is_valid:
        return (Note("mesh", "verified", f"{file}: a valid {kind}", tone="up"),)
    return (Note("mesh", "verified", f"{file} proves nothing: {text}", tone="down"),)


def incoming(state: State, fields: Fields, t_ns: int) -> Notes:
    """An output for one of our wallets."""
    name, cert_id, index, sender = fields.text("wallet"), fields.hexadecimal("cert_id"), fields.integer("index"), fields.hexadecimal("sender")
    value, text, status = fields.optional_integer("amount"), fields.text("text", default=""), fields.text("status")
    found = state.wallets.get(name)
    if found is None:
        return ()
    before = found.outputs.get((cert_id, index))
    found.outputs[cert_id, index] = Output(cert_id, index, sender, value, text, status, t_ns, before.claim if before is not None else None)
    while len(found.outputs) > MAX_INCOMING:
        del found.outputs[next(iter(found.outputs))]
    payment = state.payment_by_certificate.get(cert_id)
    if status == "unopenable":
        return (Note(name, "incoming", f"an output of {who(state, sender)} in {short(cert_id)} cannot be opened: {text}", tone="down", payment=payment),)
    if before is not None and before.status == status:
        return ()
    worth = amount(value) if value is not None else "?"
    words = f" “{text}”" if text and status == "claimable" else ""
    return (Note(name, "incoming", f"{worth} from {who(state, sender)} {status}{words}", tone="amount" if status == "claimable" else "dim", payment=payment),)


def link(state: State, fields: Fields, t_ns: int) -> Notes:
    """The wallets' connection to a validator changed."""
    index, is_up, detail = fields.validator(), fields.truth("up"), fields.text("detail", default="")
    before = state.links.get(index)
    state.links[index] = Link(is_up, detail)
    if before is not None and before.is_up == is_up:
        return ()
    told = f"wallets {'connected' if is_up else 'not connected'}{f': {detail}' if detail else ''}"
    return (validator_note(index, "link", told, tone="dim" if is_up else "wait"),)


def fault(state: State, fields: Fields, t_ns: int) -> Notes:
    """A request could not be done, and nothing was changed."""
    code, text = fields.text("code"), fields.text("text")
    name = fields.text("wallet") if fields.has("wallet") else None
    number = fields.optional_integer("payment")
    payment = state.payment_by_number.get(number) if number is not None else None
    if payment is not None:
        payment.fault = f"{text} [{code}]"
        if payment.asked_ns is None:
            # Nothing was signed, so nothing will come of it any more.
            payment.state, payment.reason = "failed", text
        payment.last_ns = t_ns
    state.new_faults = [*state.new_faults[-MAX_NEW_FAULTS:], Fault(text, name)]
    return (Note(name or "net", "fault", f"{text} [{code}]", tone="down", payment=payment.key if payment is not None else None),)


def notice(state: State, fields: Fields, t_ns: int) -> Notes:
    """Something that a wallet's owner should know: it restores itself, was moved by another device, or cannot go on."""
    kind, text = fields.text("kind"), fields.text("text")
    name = fields.text("wallet") if fields.has("wallet") else None
    return (Note(name or "net", kind, text, tone="down" if kind in GRAVE else "wait"),)


REDUCERS: Final[Mapping[str, Reducer]] = {
    "wallet": wallet,
    "wallet_shut": wallet_shut,
    "wallets_ended": wallets_ended,
    "wallet_renamed": wallet_renamed,
    "wallet_details": wallet_details,
    "wallet_history": wallet_history,
    "wallet_qr": wallet_qr,
    "wallet_order": wallet_order,
    "wallet_file": wallet_file,
    "amounts_hidden": amounts_hidden,
    "contacts": contacts,
    "document_checked": document_checked,
    "incoming": incoming,
    "link": link,
    "fault": fault,
    "notice": notice,
}
