"""`mesh-wallet contacts`: names for other people's addresses."""

from typing import Any

import click

from mesh_core.types.address import format_address
from mesh_core.wallet.cli.output import table_lines
from mesh_core.wallet.cli.settings import Settings, WalletGroup, pass_settings
from mesh_core.wallet.contacts import Contact, ContactBook


@click.group(cls=WalletGroup)
def contacts() -> None:
    """Keep names for other people's addresses.

    Where a payment asks for a recipient, a contact's name will do. Names are of 1 to 40 characters; capital and small letters make no difference.
    They are kept in HOME/contacts.toml.
    """


@contacts.command()
@click.argument("name")
@click.argument("address")
@pass_settings
def add(settings: Settings, name: str, address: str) -> None:
    """Keep ADDRESS under NAME.

    The address is checked by its checksum. Whether it is the right person's, only that person can tell: compare it in another way than it came.
    """
    contact = _book(settings).add(name, address)
    settings.output.tell(_form(contact), [f"{contact.name} is {format_address(contact.address)}"])


@contacts.command(name="list")
@pass_settings
def list_(settings: Settings) -> None:
    """List all contacts by name."""
    known = _book(settings).contacts()
    rows = [(contact.name, format_address(contact.address)) for contact in known]
    lines = table_lines(("NAME", "ADDRESS"), rows) if rows else ["no contacts yet: mesh-wallet contacts add NAME ADDRESS"]
    settings.output.tell({"contacts": [_form(contact) for contact in known]}, lines)


@contacts.command()
@click.argument("name")
@pass_settings
def remove(settings: Settings, name: str) -> None:
    """Forget the contact NAME."""
    contact = _book(settings).remove(name)
    settings.output.tell({"removed": _form(contact)}, [f"{contact.name} is forgotten; the address was {format_address(contact.address)}"])


@contacts.command()
@click.argument("name")
@click.argument("new_name", metavar="NEW_NAME")
@pass_settings
def rename(settings: Settings, name: str, new_name: str) -> None:
    """Call the contact NAME by NEW_NAME."""
    contact = _book(settings).rename(name, new_name)
    settings.output.tell(_form(contact), [f"{contact.name} is {format_address(contact.address)}"])


def _book(settings: Settings) -> ContactBook:
    return ContactBook(settings.home.contacts_file)


def _form(contact: Contact) -> dict[str, Any]:
    return {"name": contact.name, "address": format_address(contact.address)}
