"""The contacts: names for other people's addresses, kept in the home. Where a payment asks for a recipient, a contact's name will do."""

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from typing_extensions import override

from mesh_app.messages import Ordered, PaymentWanted
from mesh_app.orders.wallets import ReadContacts, RemoveContact
from mesh_app.screens.confirm import Confirm
from mesh_app.screens.live_modal import LiveModal
from mesh_app.screens.wallet_forms import ContactForm
from mesh_app.spans import Line, Span
from mesh_app.state import State
from mesh_app.widgets.filter_bar import FilteredList
from mesh_app.widgets.line_view import padded
from mesh_app.widgets.pane_state import empty
from mesh_app.widgets.row_list import RowList

NAME_WIDTH = 20


class ContactList(RowList[str]):
    """Contacts by name."""

    BORDER_TITLE = "Contacts"

    @override
    def row_keys(self, state: State) -> Sequence[str]:
        names = [*state.wallet_desk.contacts]
        words = self.filter_text.casefold().split()
        if not words:
            return names
        found = [name for name in names if all(word in f"{name} {state.wallet_desk.contacts[name].address}".casefold() for word in words)]
        self.filter_told = f"{len(found)} of {len(names)}"
        return found

    @override
    def row_line(self, state: State, key: str, width: int) -> Line:
        contact = state.wallet_desk.contacts[key]
        return (Span(padded(contact.name, NAME_WIDTH), "strong"), Span(f" {contact.address}", "dim"))

    @override
    def empty_lines(self, state: State, width: int) -> Sequence[Line]:
        return empty("No contact yet.", "a", "adds one")

    def copy_text(self) -> tuple[str, str] | None:
        """What `y` copies here."""
        contact = self._state.wallet_desk.contacts.get(self.cursor) if self._state is not None and self.cursor is not None else None
        return (f"address of {contact.name}", contact.address) if contact is not None else None


class ContactsDialog(LiveModal):
    """The list, with keys to add, forget and pay."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *LiveModal.COPYING,
        Binding("a,n,plus", "add", "Add"),
        Binding("d,delete", "remove", "Forget"),
        Binding("p,enter", "pay", "Pay"),
        Binding("q", "leave", "Back", show=False),
    ]
    AUTO_FOCUS = "#contacts"

    @override
    def compose(self) -> ComposeResult:
        with Vertical(classes="pane-dialog"):
            yield FilteredList(ContactList(id="contacts"))

    @override
    def on_mount(self) -> None:
        self.post_message(Ordered(ReadContacts()))

    @override
    def show(self, state: State) -> None:
        super().show(state)
        self.query_one(ContactList).border_subtitle = "a adds · d forgets · p pays · y copies · / filters · esc back"

    def action_add(self) -> None:
        """A form for a new one."""
        self.app.push_screen(ContactForm(self.state))

    def action_remove(self) -> None:
        """Forgets the one under the cursor."""
        name = self.query_one(ContactList).cursor
        if name is None:
            return

        def answered(yes: bool | None) -> None:
            if yes:
                self.post_message(Ordered(RemoveContact(name)))

        self.app.push_screen(Confirm(f"Forget the contact {name}? The address is then only where you have it.", yes="Forget"), answered)

    def action_pay(self) -> None:
        """The payment form, with this contact as recipient."""
        name = self.query_one(ContactList).cursor
        if name is not None:
            self.dismiss(None)
            self.app.post_message(PaymentWanted(recipient=name))
