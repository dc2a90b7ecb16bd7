"""Forms about wallets: import, rename, unlock, view key, receipt, verify, contact."""

from typing import Final

from typing_extensions import override

from mesh_app.draft import contact_name_problem, wallet_name_problem
from mesh_app.format import amount, short
from mesh_app.orders.wallets import AddContact, AddViewWallet, ExportViewKey, FormOrder, ImportWallet, MakeReceipt, RenameWallet, UnlockWallet, VerifyFile
from mesh_app.screens.document import DocumentDialog
from mesh_app.screens.form_modal import FieldProblem, FormField, FormModal, Values
from mesh_app.screens.new_wallet import NAME, PASSPHRASE_FIELDS, OnMade, passphrase_problem
from mesh_app.state import HistoryLine, State

FROM_PHRASE: Final = "recovery phrase, 24 words"
FROM_VIEW_KEY: Final = "view key's file: sees all, spends nothing"
YES: Final = "yes"
NO: Final = "no"
WORDS_COUNT: Final = 24


class ImportForm(FormModal):
    """A wallet from its phrase, or a view-only one from a view key."""

    HEADING = "Import a wallet"
    EXPLANATION = "Balance, amounts and history come back from the validators, and prove themselves. One phrase belongs to one wallet in use."
    ASKED = "making the wallet; everything else comes back behind it"
    HOLDS_SECRET = True

    def __init__(self, state: State, on_made: OnMade) -> None:
        """`on_made` is told the name of the wallet that was made."""
        super().__init__(state)
        self._on_made = on_made

    @override
    def done(self, values: Values) -> None:
        self._on_made(values["name"].strip())
        self.dismiss(None)

    @override
    def fields(self) -> tuple[FormField, ...]:
        return (
            FormField("kind", "From", options=(FROM_PHRASE, FROM_VIEW_KEY), value=FROM_PHRASE),
            NAME,
            FormField("phrase", "Phrase", "all words, or paste them", is_secret=True),
            *PASSPHRASE_FIELDS,
            FormField("file", "File", "where the view key is"),
        )

    @override
    def changed(self, values: Values) -> None:
        """Only the fields of what is imported are there; the words are counted, since they are not seen."""
        is_phrase = values["kind"] == FROM_PHRASE
        for field, belongs in (("phrase", is_phrase), ("passphrase", is_phrase), ("again", is_phrase), ("file", not is_phrase)):
            self.query_one(f"#row-{field}").set_class(not belongs, "-hidden")
        count = len(values["phrase"].split())
        if is_phrase and count:
            self.tell(f"{count} of {WORDS_COUNT} words", "up" if count == WORDS_COUNT else "dim")

    @override
    def problem(self, values: Values) -> FieldProblem | None:
        name = wallet_name_problem(self.state, values["name"].strip())
        if name is not None:
            return FieldProblem("name", name)
        if values["kind"] == FROM_VIEW_KEY:
            return None if values["file"].strip() else FieldProblem("file", "name the file that holds the view key")
        if not values["phrase"].strip():
            return FieldProblem("phrase", f"type the {WORDS_COUNT} words")
        return passphrase_problem(values)

    @override
    def order(self, values: Values, ticket: int) -> FormOrder:
        name = values["name"].strip()
        if values["kind"] == FROM_VIEW_KEY:
            return AddViewWallet(name, values["file"].strip(), ticket=ticket)
        return ImportWallet(name, values["phrase"], values["passphrase"], ticket=ticket)


class _WalletForm(FormModal):
    """A form about one wallet."""

    def __init__(self, state: State, wallet: str) -> None:
        super().__init__(state)
        self.wallet = wallet


class RenameForm(_WalletForm):
    """Another name."""

    HEADING = "Rename a wallet"
    ASKED = "renaming"

    def __init__(self, state: State, wallet: str, on_made: OnMade) -> None:
        """`on_made` is told the new name."""
        super().__init__(state, wallet)
        self._on_made = on_made

    @override
    def done(self, values: Values) -> None:
        self._on_made(values["name"].strip())
        self.dismiss(None)

    @override
    def explanation(self) -> str:
        return f"{self.wallet} and its folder get another name. Its address stays, so whoever pays it notices nothing."

    @override
    def fields(self) -> tuple[FormField, ...]:
        return (FormField("name", "New name", self.wallet),)

    @override
    def problem(self, values: Values) -> FieldProblem | None:
        found = wallet_name_problem(self.state, values["name"].strip())
        return None if found is None else FieldProblem("name", found)

    @override
    def order(self, values: Values, ticket: int) -> FormOrder:
        return RenameWallet(self.wallet, values["name"].strip(), ticket=ticket)


class UnlockForm(_WalletForm):
    """A passphrase."""

    HEADING = "Unlock a wallet"
    ASKED = "opening the seal, which takes a second on purpose"
    HOLDS_SECRET = True

    @override
    def explanation(self) -> str:
        return f"{self.wallet} is sealed with a passphrase. It stays open until L locks it, or the workstation ends."

    @override
    def fields(self) -> tuple[FormField, ...]:
        return (FormField("passphrase", "Passphrase", is_secret=True),)

    @override
    def problem(self, values: Values) -> FieldProblem | None:
        return None if values["passphrase"] else FieldProblem("passphrase", "type the passphrase")

    @override
    def order(self, values: Values, ticket: int) -> FormOrder:
        return UnlockWallet(self.wallet, values["passphrase"], ticket=ticket)


class ViewKeyForm(_WalletForm):
    """Where a view key is written."""

    HEADING = "Export the view key"
    ASKED = "writing"

    @override
    def explanation(self) -> str:
        return f"Whoever has this file sees all payments of {self.wallet}, those to come included, for ever, and can spend nothing. It cannot be taken back."

    @override
    def fields(self) -> tuple[FormField, ...]:
        return (FormField("file", "File", value=_in_home(self.state, f"{self.wallet}.view")),)

    @override
    def problem(self, values: Values) -> FieldProblem | None:
        return None if values["file"].strip() else FieldProblem("file", "name a file")

    @override
    def order(self, values: Values, ticket: int) -> FormOrder:
        return ExportViewKey(self.wallet, values["file"].strip(), ticket=ticket)

    @override
    def done(self, values: Values) -> None:
        self.app.notify(f"view key of {self.wallet} written: {values['file'].strip()}", markup=False)
        self.dismiss(None)


class ReceiptForm(_WalletForm):
    """What a receipt of a payment is for, and where it is written."""

    HEADING = "Receipt of a payment"
    ASKED = "making and checking the receipt"

    def __init__(self, state: State, wallet: str, line: HistoryLine) -> None:
        super().__init__(state, wallet)
        self._line = line

    @override
    def explanation(self) -> str:
        line = self._line
        other = self.state.owner_name(line.counterparty) or short(line.counterparty)
        paid = f"{self.wallet} paid {other}" if line.is_sent else f"{other} paid {self.wallet}"
        value = "an amount that does not open" if line.amount is None else f"{amount(line.amount)} units"
        proves = "It proves to whoever has the genesis document that the payment is final, to whom and how much, for what is named below, and nothing else."
        return f"{paid} {value}, certificate {short(line.cert_id, 16)}. {proves}"

    @override
    def fields(self) -> tuple[FormField, ...]:
        context = FormField("context", "For", "what the verifier asked for, such as an invoice's number")
        file = FormField("file", "File", value=_in_home(self.state, f"receipt-{self._line.cert_id[:8]}-{self._line.output}.bin"))
        memo = FormField("memo", "Show memo", options=(NO, YES), value=NO)
        return (context, memo, file) if self._line.is_sent else (context, file)

    @override
    def problem(self, values: Values) -> FieldProblem | None:
        return None if values["file"].strip() else FieldProblem("file", "name a file")

    @override
    def order(self, values: Values, ticket: int) -> FormOrder:
        shows_memo = values.get("memo") == YES
        return MakeReceipt(self.wallet, self._line.cert_id, self._line.output, values["context"], shows_memo, values["file"].strip(), ticket=ticket)

    @override
    def done(self, values: Values) -> None:
        self.app.notify(f"receipt written: {values['file'].strip()}; V verifies it", markup=False)
        self.dismiss(None)


class VerifyForm(FormModal):
    """Which file."""

    HEADING = "Verify a file"
    EXPLANATION = "A payment receipt, a certificate or an equivocation proof. No network is asked: all that is trusted is the genesis document."
    ASKED = "checking"

    @override
    def fields(self) -> tuple[FormField, ...]:
        return (FormField("file", "File", value=self.state.wallet_desk.last_file),)

    @override
    def problem(self, values: Values) -> FieldProblem | None:
        return None if values["file"].strip() else FieldProblem("file", "name a file")

    @override
    def order(self, values: Values, ticket: int) -> FormOrder:
        return VerifyFile(values["file"].strip(), ticket=ticket)

    @override
    def done(self, values: Values) -> None:
        if self.is_current:
            self.app.switch_screen(DocumentDialog(self.state))


class ContactForm(FormModal):
    """A name and an address."""

    HEADING = "A new contact"
    EXPLANATION = "The address is checked by its checksum. Whether it is the right person's, only that person can tell: compare it in another way than it came."
    ASKED = "adding"

    @override
    def fields(self) -> tuple[FormField, ...]:
        return (FormField("name", "Name", "for example Zoë"), FormField("address", "Address", "mesh1…"))

    @override
    def problem(self, values: Values) -> FieldProblem | None:
        name = contact_name_problem(self.state, values["name"])
        if name is not None:
            return FieldProblem("name", name)
        return None if values["address"].strip() else FieldProblem("address", "paste the address")

    @override
    def order(self, values: Values, ticket: int) -> FormOrder:
        return AddContact(values["name"].strip(), values["address"].strip(), ticket=ticket)


def _in_home(state: State, name: str) -> str:
    home = state.network.home if state.network is not None else ""
    return f"{home}/{name}" if home else name
