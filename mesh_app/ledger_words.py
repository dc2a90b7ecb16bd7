"""What people are told of certificates: names for keys where they are known, and amounts where a wallet of this home has opened them."""

from dataclasses import dataclass
from typing import Final

from mesh_app.format import amount, short
from mesh_app.spans import Line, Span
from mesh_app.state import State
from mesh_app.state.ledger import LedgerRow

COVERED: Final = "•••••"


@dataclass(frozen=True, slots=True)
class Opened:
    """An amount that a wallet of this home has opened. `is_sent`: it left that wallet."""

    wallet: str
    amount: int
    is_sent: bool


def party(state: State, owner: str, digits: int = 6) -> str:
    """Who has this key: a wallet of this home, a contact, or the beginning of the key."""
    name = state.owner_name(owner)
    if name is None:
        contact = state.wallet_desk.contact_of(owner)
        name = contact.name if contact is not None else None
    return short(owner, digits) if name is None else name


def parties(state: State, row: LedgerRow) -> str:
    """Who pays whom, or claims."""
    sender = party(state, row.sender)
    if row.kind == "receive" or not row.recipients:
        return f"{sender} claims {len(row.claims)}" if len(row.claims) > 1 else f"{sender} claims"
    more = f" +{len(row.recipients) - 1}" if len(row.recipients) > 1 else ""
    return f"{sender} → {party(state, row.recipients[0])}{more}"


def known_names(state: State) -> dict[str, str]:
    """Keys of everybody who has a name here, by name: wallets, and contacts that have none of their names."""
    contacts = {contact.name: contact.owner for contact in state.wallet_desk.contacts.values()}
    return {**contacts, **{wallet.name: wallet.owner for wallet in state.wallets.values()}}


def opened_output(state: State, cert_id: str, index: int) -> Opened | None:
    """What one output holds, where a wallet of this home has opened it: its recipient before its sender."""
    for wallet in state.wallets.values():
        output = wallet.outputs.get((cert_id, index))
        if output is not None and output.amount is not None:
            return Opened(wallet.name, output.amount, False)
    for is_sent in (False, True):
        for wallet in state.wallets.values():
            line = wallet.history.get((cert_id, index, is_sent))
            if line is not None and line.amount is not None:
                return Opened(wallet.name, line.amount, is_sent)
    payment = state.payments.get(state.payment_by_certificate.get(cert_id, -1))
    if payment is not None and not payment.is_claim and index < len(payment.recipients):
        return Opened(payment.wallet, payment.recipients[index].amount, True)
    return None


def opened_row(state: State, row: LedgerRow) -> Opened | None:
    """What a certificate moved for a wallet of this home, as far as that has opened it: all outputs of its own payment, or those that it is paid by."""
    if row.kind == "receive":
        return _opened_claim(state, row)
    sender = state.owner_name(row.sender)
    found = [opened_output(state, row.cert_id, index) for index in range(len(row.recipients))]
    if sender is not None and found and all(one is not None for one in found):
        return Opened(sender, sum(one.amount for one in found if one is not None), True)
    ours = [one for one in found if one is not None and not one.is_sent]
    return Opened(ours[0].wallet, sum(one.amount for one in ours), False) if ours else None


def _opened_claim(state: State, row: LedgerRow) -> Opened | None:
    wallet = state.owner_name(row.sender)
    if wallet is None:
        return None
    found = [opened_output(state, *split_output(claim)) for claim in row.claims]
    return Opened(wallet, sum(one.amount for one in found if one is not None), False) if all(one is not None for one in found) else None


def split_output(name: str) -> tuple[str, int]:
    """Certificate and index of an output's name. An index that is none becomes one that no output has."""
    cert_id, _, index = name.rpartition(".")
    return cert_id, int(index) if index.isascii() and index.isdigit() and len(index) < 4 else -1


def shown_amount(state: State, units: int) -> str:
    """An amount of this home's own, covered where its owner does not want it to be read over the shoulder."""
    return COVERED if state.wallet_desk.hides_amounts else amount(units)


def amount_text(state: State, opened: Opened, *, is_claim: bool = False) -> str:
    """`−500` for what left, `+500` for what came, `500` for what was claimed."""
    sign = "" if is_claim else "−" if opened.is_sent else "+"
    return sign + shown_amount(state, opened.amount)


def amount_line(state: State, opened: Opened | None, commitment: str) -> Line:
    """An amount as this home knows it, or what everybody else sees of it."""
    if opened is None:
        return (Span("hidden ", "hidden"), Span(f"(commitment {short(commitment, 8)})", "dim"))
    return (Span(f"{shown_amount(state, opened.amount)} units", "amount"), Span(f"  opened by {opened.wallet}, known here only", "dim"))
