"""A payment as a person types it: what is wrong with it, in words, or the payment that it stands for. Nothing is sent from here."""

import re
from dataclasses import dataclass
from enum import Enum
from typing import Final

from mesh_app.format import amount, counted
from mesh_app.orders.wallets import Pay
from mesh_app.state import State, WalletView
from mesh_core.errors import LocalFault
from mesh_core.types.address import parse_address
from mesh_core.types.basic import MAX_U64

MAX_MEMO_BYTES: Final = 215
"""UTF-8 that fits the largest memo (docs/protocol.md, "Output memo")."""

_DIGITS: Final = re.compile(r"[0-9]{1,30}|[0-9]{1,3}(?:[ ,_'][0-9]{3}){1,9}")
_SEPARATORS: Final = re.compile(r"[ ,_']")
_NAME: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,31}")
"""As `storage/wallet_store.py` has it: a wallet's name is the name of its folder."""


class DraftField(Enum):
    """Where something is missing or wrong; the value is the field's label."""

    WALLET = "From"
    RECIPIENT = "To"
    AMOUNT = "Amount"
    MEMO = "Memo"


@dataclass(frozen=True, slots=True)
class Draft:
    """The form's four fields as they were typed."""

    wallet: str
    recipient: str
    amount: str
    text: str


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a draft is no order yet. `is_empty`: nothing was typed there, so it is a hint and no error."""

    field: DraftField
    text: str
    is_empty: bool = False


@dataclass(frozen=True, slots=True)
class CheckedDraft:
    """A payment that can be ordered. `recipient` is a wallet's name, a contact's, or an address; `address` what it stands for where the wallets do not know it.

    `warning` is something that its owner should know first.
    """

    wallet: str
    recipient: str
    amount: int
    text: str
    fee: int
    left: int
    warning: str = ""
    address: str = ""

    @property
    def order(self) -> Pay:
        """The order that pays it."""
        return Pay(self.wallet, self.address or self.recipient, self.amount, self.text)


def check_draft(state: State, draft: Draft) -> CheckedDraft | Problem:
    """The order, or the first problem from top to bottom."""
    wallet = state.wallets.get(draft.wallet)
    if wallet is None:
        return Problem(DraftField.WALLET, "no wallet yet" if not state.wallets else "choose the wallet that pays", is_empty=True)
    if not wallet.can_pay:
        return Problem(DraftField.WALLET, _why_not(wallet))
    recipient = _recipient(state, draft.recipient.strip())
    if isinstance(recipient, Problem):
        return recipient
    name, address, warning = recipient
    fee = state.network.fee(1) if state.network is not None else 0
    value = _amount(wallet, draft.amount.strip(), fee)
    if isinstance(value, Problem):
        return value
    memo = _memo_problem(draft.text)
    if memo is not None:
        return memo
    return CheckedDraft(wallet.name, name, value, draft.text, fee, wallet.balance - value - fee, warning or _network_warning(state), address)


def wallet_name_problem(state: State, name: str) -> str | None:
    """Why a new wallet cannot have this name."""
    if not name:
        return "type a name"
    if not _NAME.fullmatch(name):
        return "a name has 1 to 32 letters (a to z), digits, _ or -, and does not begin with -"
    if name.casefold() in {known.casefold() for known in state.wallets}:
        return "a wallet of this name exists"
    # A payment to a name that means two would go to the one that was not meant.
    return "a contact has this name" if name.casefold() in {known.casefold() for known in state.wallet_desk.contacts} else None


def contact_name_problem(state: State, name: str) -> str | None:
    """Why a new contact cannot have this name, as far as it is seen from here."""
    if not name.strip():
        return "type a name"
    if name.strip().casefold() in {known.casefold() for known in state.wallet_desk.contacts}:
        return "a contact of this name exists"
    return "a wallet has this name" if name.strip().casefold() in {known.casefold() for known in state.wallets} else None


def recipient_names(state: State) -> list[str]:
    """Whom a payment can name: wallets of this home, then contacts."""
    return [*state.wallets, *(name for name in state.wallet_desk.contacts if name not in state.wallets)]


def _why_not(wallet: WalletView) -> str:
    """Why a wallet cannot pay, and what to do."""
    if wallet.is_view_only:
        return f"{wallet.name} is view-only: it sees everything and spends nothing"
    if wallet.state == "sealed":
        return f"{wallet.name} is sealed: unlock it on the wallets screen (2, u)"
    return f"{wallet.name} cannot pay: {wallet.text or wallet.condition[1]}"


def _recipient(state: State, text: str) -> tuple[str, str, str] | Problem:
    """What the person calls it, the address that the order must name, a warning."""
    if not text:
        return Problem(DraftField.RECIPIENT, "a wallet, a contact or an address", is_empty=True)
    wallet = next((known for known in state.wallets.values() if known.name.casefold() == text.casefold()), None)
    contact = next((known for known in state.wallet_desk.contacts.values() if known.name.casefold() == text.casefold()), None)
    if wallet is not None and contact is not None and wallet.address != contact.address:
        return Problem(DraftField.RECIPIENT, f"{contact.name} is a wallet and a contact here, with different addresses: type the address")
    if wallet is not None and not wallet.is_open:
        if not wallet.address:
            return Problem(DraftField.RECIPIENT, f"the address of {wallet.name} is not known before it is unlocked")
        return wallet.name, wallet.address, ""
    if wallet is not None:
        return wallet.name, "", ""
    if contact is not None:
        return contact.name, contact.address, ""
    try:
        parsed = parse_address(text)
    except LocalFault as fault:
        looks_like_name = len(text) < 40 and not text.lower().startswith("mesh1")
        return Problem(DraftField.RECIPIENT, f"no wallet is called so here ({', '.join(recipient_names(state))})" if looks_like_name else fault.text)
    return text, "", "" if parsed.has_checksum else "this form of address has no checksum: compare every digit"


def _amount(wallet: WalletView, text: str, fee: int) -> int | Problem:
    if not text:
        return Problem(DraftField.AMOUNT, "type how many units", is_empty=True)
    if text.startswith(("-", "−")):
        return Problem(DraftField.AMOUNT, "no negative amounts: at least 1")
    if not _DIGITS.fullmatch(text):
        return Problem(DraftField.AMOUNT, "digits only, for example 1500 or 1,500")
    value = int(_SEPARATORS.sub("", text))
    if value == 0:
        return Problem(DraftField.AMOUNT, "at least 1")
    if value > MAX_U64:
        return Problem(DraftField.AMOUNT, "more than any account can hold (2^64 − 1)")
    if value + fee > wallet.balance:
        return Problem(DraftField.AMOUNT, _too_large(wallet, fee))
    return value


def _too_large(wallet: WalletView, fee: int) -> str:
    most = wallet.balance - fee
    has = f"{wallet.name} has {amount(wallet.balance)}" + (f", fee {amount(fee)}" if fee else "")
    return f"at most {amount(most)}: {has}" if most > 0 else f"nothing to pay with: {has}"


def _memo_problem(text: str) -> Problem | None:
    try:
        encoded = text.encode()
    except UnicodeEncodeError:
        return Problem(DraftField.MEMO, "holds a character that cannot be sent")
    if len(encoded) <= MAX_MEMO_BYTES:
        return None
    return Problem(DraftField.MEMO, f"{counted(len(encoded) - MAX_MEMO_BYTES, 'byte')} too long: {MAX_MEMO_BYTES} fit")


def _network_warning(state: State) -> str:
    if state.validators_up >= state.quorum:
        return ""
    return f"only {state.validators_up} of {len(state.validators)} validators are up: it will wait for the {state.quorum} votes that it needs"
