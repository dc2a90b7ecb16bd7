"""Wallets: what their owner sees of them, and the desk at which their owner works with them."""

from dataclasses import dataclass, field
from typing import Final

from mesh_app.spans import Tone

MAX_INCOMING: Final = 1_000
MAX_HISTORY: Final = 1_000
MAX_CONTACTS: Final = 5_000
MAX_VERDICTS: Final = 50
VIEW_ONLY: Final = "view-only"
SEALED: Final = "sealed"

CONDITIONS: Final[dict[str, tuple[str, str, Tone]]] = {
    "idle": ("●", "idle", "up"),
    "connecting": ("◐", "connecting", "wait"),
    "paying": ("◐", "paying", "wait"),
    "claiming": ("◐", "claiming", "wait"),
    "locked": ("✖", "locked", "down"),
    "stuck": ("✖", "stuck", "down"),
    "sealed": ("○", "sealed", "dim"),
    "in_use": ("◌", "in use", "wait"),
    "broken": ("✖", "broken", "down"),
    "ended": ("✖", "ended", "down"),
}


@dataclass(slots=True)
class Output:
    """A claimable output as its recipient sees it; `claim` is the key of the payment that claims it. The text is a stranger's."""

    cert_id: str
    index: int
    sender: str
    amount: int | None
    text: str
    status: str
    t_ns: int
    claim: int | None = None


@dataclass(frozen=True, slots=True)
class HistoryLine:
    """One payment of a wallet's history, from its own records. `is_sent`: it left; else it came. The text is a stranger's, or why it does not open."""

    at_ms: int
    is_sent: bool
    counterparty: str
    amount: int | None
    fee: int
    text: str
    cert_id: str
    output: int
    status: str

    @property
    def key(self) -> tuple[str, int, bool]:
        """What names it: two outputs of one payment are two lines, and so are both ends of a payment to a wallet that is viewed, too."""
        return self.cert_id, self.output, self.is_sent


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a balance, and its commitment: both of one moment."""

    name: str
    amount: int
    commitment: str


@dataclass(slots=True)
class WalletView:
    """One wallet: the balance that it opened, and the commitment that everybody else sees of it.

    `key` says what the key file holds: plain, sealed, view-only; empty until that was told. One that is not open has neither balance nor history here:
    `state` and `text` say why.
    """

    name: str
    address: str
    owner: str
    balance: int
    commitment: str
    sequence: int
    incoming: int
    in_flight: int
    state: str
    outputs: dict[tuple[str, int], Output] = field(default_factory=dict)
    key: str = ""
    is_open: bool = True
    text: str = ""
    parts: tuple[Part, ...] = ()
    unopenable: int = 0
    is_restoring: bool = False
    transitions: int = 0
    payments: int = 0
    history: dict[tuple[str, int, bool], HistoryLine] = field(default_factory=dict)
    has_older: bool = False
    qr: tuple[str, ...] = ()

    @property
    def is_view_only(self) -> bool:
        """It sees everything and signs nothing."""
        return self.key == VIEW_ONLY

    @property
    def can_pay(self) -> bool:
        """Whether a payment can be ordered from it."""
        return self.is_open and not self.is_view_only

    @property
    def condition(self) -> tuple[str, str, Tone]:
        """Glyph, word and tone: never the colour alone."""
        if self.is_open and self.is_restoring and self.state in {"idle", "connecting"}:
            return "◐", "restoring", "wait"
        if self.is_view_only and self.state == "idle":
            return "◇", "view only", "v0"
        return CONDITIONS.get(self.state, ("·", self.state[:12], "dim"))

    def newest_first(self) -> list[HistoryLine]:
        """The history as far as it was told."""
        return sorted(self.history.values(), key=lambda line: line.at_ms, reverse=True)


@dataclass(frozen=True, slots=True)
class ContactView:
    """A name for somebody's address."""

    name: str
    address: str
    owner: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of an order that a form waits for: working, done or refused (`text` says why)."""

    state: str
    text: str


@dataclass(frozen=True, slots=True)
class CheckLine:
    """One check of a document; `holds` is None where it could not be made."""

    title: str
    holds: bool | None
    found: str
    ms: float


@dataclass(frozen=True, slots=True)
class DocumentView:
    """What a file proves, or why it proves nothing. All texts may be a stranger's."""

    number: int
    file: str
    kind: str
    is_valid: bool
    checks: tuple[CheckLine, ...]
    fields: tuple[tuple[str, str], ...]
    remark: str
    text: str


@dataclass(slots=True)
class WalletDeskView:
    """What belongs to no single wallet. Verdicts are known by the ticket of their order; `hides_amounts`: nobody shall read them over the shoulder."""

    contacts: dict[str, ContactView] = field(default_factory=dict)
    contact_by_owner: dict[str, ContactView] = field(default_factory=dict)
    verdicts: dict[int, Verdict] = field(default_factory=dict)
    document: DocumentView | None = None
    documents_count: int = 0
    last_file: str = ""
    hides_amounts: bool = False

    def contact_of(self, owner: str) -> ContactView | None:
        """The contact with this key."""
        return self.contact_by_owner.get(owner)
