"""`mesh-wallet contacts`."""

from pathlib import Path

from mesh_core.types.address import format_address
from tests.cluster import wallet_keys
from tests.unit.wallet.cli.conftest import Run, failed, told

BOB, CAROL = (format_address(wallet_keys(name).address) for name in ("bob", "carol"))


def test_contacts_are_added_listed_renamed_and_removed(run: Run, home: Path) -> None:
    assert run("contacts", "list").stdout == "no contacts yet: mesh-wallet contacts add NAME ADDRESS\n"
    assert run("contacts", "add", "bob", BOB).stdout == f"bob is {BOB}\n"
    assert told(run("contacts", "add", "Anne Carol", CAROL, "--json")) == {"name": "Anne Carol", "address": CAROL}
    assert run("contacts", "list").stdout == f"NAME        ADDRESS\nAnne Carol  {CAROL}\nbob         {BOB}\n"
    assert run("contacts", "rename", "BOB", "Robert").stdout == f"Robert is {BOB}\n"
    assert told(run("contacts", "remove", "anne carol", "--json")) == {"removed": {"name": "Anne Carol", "address": CAROL}}
    assert told(run("contacts", "list", "--json")) == {"contacts": [{"name": "Robert", "address": BOB}]}
    assert (home / "contacts.toml").exists()


def test_refusals_have_words_and_codes(run: Run, home: Path) -> None:
    wrong = BOB[:-1] + ("q" if BOB[-1] != "q" else "p")
    assert failed(run("contacts", "add", "bob", wrong)) == (
        1,
        "mesh-wallet: not an address: the checksum does not fit: at least one character is wrong [1006]\n",
    )
    assert not (home / "contacts.toml").exists()
    run("contacts", "add", "bob", BOB)
    assert failed(run("contacts", "add", "Bob", CAROL)) == (
        1,
        f"mesh-wallet: there is a contact 'bob' already, for {BOB}: rename or remove it first [1315]\n",
    )
    assert failed(run("contacts", "remove", "carol")) == (1, "mesh-wallet: there is no contact 'carol' (known: bob) [1316]\n")
    assert failed(run("contacts", "rename", "bob", "mesh1bob")) == (
        1,
        "mesh-wallet: 'mesh1bob' is no name for a contact: what begins with mesh1 is an address [1314]\n",
    )
