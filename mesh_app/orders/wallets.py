"""Orders for the wallets of this home.

A phrase or a passphrase is a field with `repr=False`, and neither `describe` nor `command_line` ever holds it.
"""

import shlex
from dataclasses import dataclass, field

from typing_extensions import override

from mesh_app.orders.order import Order

FAUCET_UNITS = 10_000
"""What one key asks the faucet for."""


@dataclass(frozen=True, slots=True)
class FormOrder(Order):
    """An order that a form waits for. What becomes of it arrives as `wallet_order` events with its `ticket`; 0: nobody waits."""

    ticket: int = field(default=0, compare=False, kw_only=True)


@dataclass(frozen=True, slots=True)
class Pay(Order):
    """Pay `amount` from a wallet to a wallet's name or an address, with a text that the recipient alone reads."""

    wallet: str
    to: str
    amount: int
    text: str

    @override
    def describe(self) -> str:
        return f"payment of {self.wallet}"

    @override
    def command_line(self) -> str:
        memo = f" --memo {shlex.quote(self.text)}" if self.text else ""
        return f"{_command(self.wallet)} send --to {shlex.quote(self.to)} --amount {self.amount}{memo}"


@dataclass(frozen=True, slots=True)
class DraftPhrase(Order):
    """Make up a recovery phrase for a wallet that does not exist yet. The answer is a secret (`Workbench.reveal`)."""

    @override
    def describe(self) -> str:
        return "make up a recovery phrase"


@dataclass(frozen=True, slots=True)
class CreateWallet(FormOrder):
    """Make an empty wallet with a phrase that was drafted and written down; without one its seed stays unseen. An empty passphrase leaves the file unsealed."""

    name: str
    phrase: str = field(default="", repr=False)
    passphrase: str = field(default="", repr=False)

    @override
    def describe(self) -> str:
        return f"create wallet {self.name}"

    @override
    def command_line(self) -> str:
        return f"mesh-wallet keygen {shlex.quote(self.name)}{'' if self.passphrase else ' --no-passphrase'}"


@dataclass(frozen=True, slots=True)
class ImportWallet(FormOrder):
    """Make a wallet again from its phrase; everything else comes back from the validators."""

    name: str
    phrase: str = field(repr=False)
    passphrase: str = field(default="", repr=False)

    @override
    def describe(self) -> str:
        return f"import wallet {self.name}"

    @override
    def command_line(self) -> str:
        return f"mesh-wallet restore {shlex.quote(self.name)}{'' if self.passphrase else ' --no-passphrase'}"


@dataclass(frozen=True, slots=True)
class AddViewWallet(FormOrder):
    """Make a wallet that sees an account and spends nothing, from a view key's file."""

    name: str
    file: str

    @override
    def describe(self) -> str:
        return f"add view-only wallet {self.name}"

    @override
    def command_line(self) -> str:
        return f"mesh-wallet import-view-key {shlex.quote(self.name)} {shlex.quote(self.file)}"


@dataclass(frozen=True, slots=True)
class ExportViewKey(FormOrder):
    """Write a wallet's view key into a file: whoever has it sees everything, for ever."""

    wallet: str
    file: str

    @override
    def describe(self) -> str:
        return f"export the view key of {self.wallet}"

    @override
    def command_line(self) -> str:
        return f"{_command(self.wallet)} export-view-key -o {shlex.quote(self.file)}"


@dataclass(frozen=True, slots=True)
class RenameWallet(FormOrder):
    """Give a wallet another name."""

    wallet: str
    name: str

    @override
    def describe(self) -> str:
        return f"rename {self.wallet} to {self.name}"


@dataclass(frozen=True, slots=True)
class UnlockWallet(FormOrder):
    """Open a sealed wallet."""

    wallet: str
    passphrase: str = field(repr=False)

    @override
    def describe(self) -> str:
        return f"unlock {self.wallet}"


@dataclass(frozen=True, slots=True)
class LockWallet(Order):
    """Close a sealed wallet again."""

    wallet: str

    @override
    def describe(self) -> str:
        return f"lock {self.wallet}"


@dataclass(frozen=True, slots=True)
class AskFaucet(Order):
    """Have test money from the faucet of this network."""

    wallet: str
    amount: int = FAUCET_UNITS

    @override
    def describe(self) -> str:
        return f"{self.amount:,} test units for {self.wallet}"

    @override
    def command_line(self) -> str:
        return f"{_command(self.wallet)} faucet {self.amount}"


@dataclass(frozen=True, slots=True)
class Claim(Order):
    """Claim what came in, of one certificate or everything. Wallets do it by themselves; this is for what failed."""

    wallet: str
    cert_id: str | None = None

    @override
    def describe(self) -> str:
        return f"claim of {self.wallet}"

    @override
    def command_line(self) -> str:
        return f"{_command(self.wallet)} receive"


@dataclass(frozen=True, slots=True)
class ShowHistory(Order):
    """Tell so many of the newest entries of a wallet's history."""

    wallet: str
    entries: int

    @override
    def describe(self) -> str:
        return f"older payments of {self.wallet}"

    @override
    def command_line(self) -> str:
        return f"{_command(self.wallet)} history"


@dataclass(frozen=True, slots=True)
class StartWallets(Order):
    """Start the wallets' process again, after it has ended by itself."""

    @override
    def describe(self) -> str:
        return "start the wallets again"


@dataclass(frozen=True, slots=True)
class HideAmounts(Order):
    """Hide the amounts on the screens, or show them again."""

    hides: bool

    @property
    @override
    def is_told(self) -> bool:
        return False

    @override
    def describe(self) -> str:
        return "hide amounts" if self.hides else "show amounts"


@dataclass(frozen=True, slots=True)
class ReadContacts(Order):
    """Read the contacts again: another program may have changed them."""

    @property
    @override
    def is_told(self) -> bool:
        return False

    @override
    def describe(self) -> str:
        return "read the contacts"

    @override
    def command_line(self) -> str:
        return "mesh-wallet contacts list"


@dataclass(frozen=True, slots=True)
class AddContact(FormOrder):
    """Keep an address under a name."""

    name: str
    address: str

    @override
    def describe(self) -> str:
        return f"add contact {self.name}"

    @override
    def command_line(self) -> str:
        return f"mesh-wallet contacts add {shlex.quote(self.name)} {shlex.quote(self.address)}"


@dataclass(frozen=True, slots=True)
class RemoveContact(Order):
    """Forget a contact."""

    name: str

    @override
    def describe(self) -> str:
        return f"forget contact {self.name}"

    @override
    def command_line(self) -> str:
        return f"mesh-wallet contacts remove {shlex.quote(self.name)}"


@dataclass(frozen=True, slots=True)
class MakeReceipt(FormOrder):
    """Write the receipt of a payment's output into a file. `memo`: disclose its text, which the sender alone can."""

    wallet: str
    cert_id: str
    output: int
    context: str
    memo: bool
    file: str

    @override
    def describe(self) -> str:
        return f"receipt of {self.cert_id[:8]}…"

    @override
    def command_line(self) -> str:
        context = f" --context {shlex.quote(self.context)}" if self.context else ""
        memo = "" if self.memo else " --no-memo"
        return f"{_command(self.wallet)} receipt {self.cert_id[:16]} --output {self.output}{context}{memo} -o {shlex.quote(self.file)}"


@dataclass(frozen=True, slots=True)
class VerifyFile(FormOrder):
    """Check what a file proves. No network is asked."""

    file: str

    @override
    def describe(self) -> str:
        return "verify a file"

    @override
    def command_line(self) -> str:
        return f"mesh-wallet verify {shlex.quote(self.file)}"


def _command(wallet: str) -> str:
    return f"mesh-wallet --wallet {shlex.quote(wallet)}"
