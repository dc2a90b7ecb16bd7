"""Reducers of what wallets say about themselves: balances, incoming outputs, their connections, requests that could not be done."""

from collections.abc import Mapping
from typing import Final

from mesh_app.event_fields import Fields
from mesh_app.format import amount, short
from mesh_app.reducers.note import Note, Notes, Reducer, validator_note, who
from mesh_app.state import MAX_INCOMING, Fault, Link, Output, State, WalletView

MAX_NEW_FAULTS: Final = 20
GRAVE: Final = frozenset(("locked", "stuck", "two_signed", "replaced"))


def wallet(state: State, fields: Fields, t_ns: int) -> Notes:
    """A wallet exists, or its balance moved."""
    name = fields.text("wallet")
    address, owner, commitment = fields.text("address"), fields.hexadecimal("owner"), fields.hexadecimal("commitment")
    balance, sequence = fields.integer("balance"), fields.integer("sequence")
    incoming, in_flight = fields.integer("incoming", default=0), fields.integer("in_flight", default=0)
    word = fields.text("state", default="idle")
    known = state.wallets.get(name)
    outputs = known.outputs if known is not None else {}
    state.wallets[name] = WalletView(name, address, owner, balance, commitment, sequence, incoming, in_flight, word, outputs)
    if known is None:
        return (Note(name, "wallet", f"has {amount(balance)}", tone="dim"),)
    if known.balance != balance:
        return (
            Note(name, "wallet", f"has {amount(balance)} ({'+' if balance > known.balance else '−'}{amount(abs(balance - known.balance))})", tone="amount"),
        )
    if known.state != word and word in {"locked", "stuck"}:
        return (Note(name, "wallet", f"account {word}", tone="down"),)
    return ()


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


REDUCERS: Final[Mapping[str, Reducer]] = {"wallet": wallet, "incoming": incoming, "link": link, "fault": fault, "notice": notice}
