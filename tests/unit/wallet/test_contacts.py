"""Contacts: what is kept, what is refused, and that a refusal changes nothing."""

import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh_core.errors import ErrorCode, LocalFault
from mesh_core.storage.lock import OwnerLock
from mesh_core.types.address import Address, format_address
from mesh_core.types.basic import PublicKey
from mesh_core.wallet.contacts import MAX_NAME_CHARACTERS, ContactBook, check_name
from tests.cluster import wallet_keys

BOB, CAROL = (wallet_keys(name).address for name in ("bob", "carol"))


@pytest.fixture
def book(tmp_path: Path) -> ContactBook:
    return ContactBook(tmp_path / "home" / "contacts.toml")


def refused(code: ErrorCode, call: object, *arguments: str) -> str:
    assert callable(call)
    with pytest.raises(LocalFault) as refusal:
        call(*arguments)
    assert refusal.value.code is code
    return refusal.value.text


def test_contact_is_found_again_whatever_the_letters(book: ContactBook, tmp_path: Path) -> None:
    book.add(" Zoe\u0308 [from] work. ", format_address(BOB))
    path = tmp_path / "home" / "contacts.toml"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    for name in ("Zoë [from] work.", "ZOË [FROM] WORK.", "Zoe\u0308 [from] work. "):
        found = book.find(name)
        assert found is not None
        assert (found.name, found.address) == ("Zoë [from] work.", BOB)
        assert book.resolve(name).address == BOB
    assert book.find("Zoe") is None


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("", "it has 0 characters"),
        ("   ", "it has 0 characters"),
        ("x" * (MAX_NAME_CHARACTERS + 1), "it has 41 characters"),
        ("a\nb", "cannot be seen"),
        ("\x1b[2J", "cannot be seen"),
        ("bob\u200b", "cannot be seen"),
        ("\u202ebob", "cannot be seen"),
        ("a\u00a0b", "cannot be seen"),
        ("-x", "would pass for an option"),
        ("MESH1bob", "is an address"),
    ],
)
def test_name_that_could_deceive_is_refused(book: ContactBook, tmp_path: Path, name: str, words: str) -> None:
    assert words in refused(ErrorCode.CONTACT_NAME_INVALID, book.add, name, format_address(BOB))
    assert not (tmp_path / "home" / "contacts.toml").exists()


def test_address_must_have_a_checksum_and_a_key_that_can_be_paid(book: ContactBook) -> None:
    assert "carry no checksum" in refused(ErrorCode.ADDRESS_INVALID, book.add, "bob", (BOB.owner + BOB.view_pk).hex())
    small_order = format_address(Address(PublicKey(b"\x01" + bytes(31)), BOB.view_pk))
    assert "not an acceptable" in refused(ErrorCode.ADDRESS_INVALID, book.add, "bob", small_order)
    assert book.contacts() == ()


def test_name_that_is_taken_is_refused_and_the_contact_stays(book: ContactBook) -> None:
    book.add("bob", format_address(BOB))
    book.add("carol", format_address(CAROL))
    refused(ErrorCode.CONTACT_EXISTS, book.add, "BOB", format_address(CAROL))
    refused(ErrorCode.CONTACT_EXISTS, book.rename, "bob", "Carol")
    assert [(contact.name, contact.address) for contact in book.contacts()] == [("bob", BOB), ("carol", CAROL)]
    assert book.rename("bob", "Bob").name == "Bob"


def test_contact_that_is_not_there_cannot_be_changed(book: ContactBook) -> None:
    for call in (lambda: book.remove("bob"), lambda: book.rename("bob", "robert")):
        assert "there is no contact 'bob' (known: none)" in refused(ErrorCode.CONTACT_UNKNOWN, call)


def test_address_of_nobody_known_is_used_as_it_is(book: ContactBook) -> None:
    assert book.resolve(f" {format_address(BOB)} ").address == BOB
    assert book.resolve((BOB.owner + BOB.view_pk).hex()).has_checksum is False
    book.add("carol", format_address(CAROL))
    text = refused(ErrorCode.ADDRESS_INVALID, book.resolve, "bob")
    assert text == "'bob' is no contact (known: carol), and it is not an address: it does not start with mesh1: it is no address of this network"


DAMAGED = [
    ("nonsense", "is not TOML"),
    ("", "contacts: is missing"),
    ("[contacts]\nbob = 5\n", "contacts.bob: must be text"),
    ("[contacts]\nbob = 'mesh1zz'\n", "contacts.bob: not an address"),
    ("[contacts]\n'mesh1' = '{bob}'\n", "contacts.mesh1: 'mesh1' is no name"),
    ("[contacts]\nbob = '{bob}'\nBOB = '{bob}'\n", "contacts.BOB: stands twice"),
    ("[contacts]\n[others]\n", "others: is no key"),
]


@pytest.mark.parametrize(("content", "words"), DAMAGED)
def test_nothing_of_a_damaged_file_is_used_and_it_is_not_overwritten(book: ContactBook, tmp_path: Path, content: str, words: str) -> None:
    path = tmp_path / "home" / "contacts.toml"
    path.parent.mkdir()
    path.write_text(content.format(bob=format_address(BOB)))
    before = path.read_bytes()
    for call in (book.contacts, lambda: book.find("bob"), lambda: book.resolve("bob"), lambda: book.add("carol", format_address(CAROL))):
        text = refused(ErrorCode.CONFIG_INVALID, call)
        assert str(path) in text
        assert words in text
    assert path.read_bytes() == before


def test_two_changes_at_once_are_not_mixed(book: ContactBook, tmp_path: Path) -> None:
    path = tmp_path / "home" / "contacts.toml"
    book.add("bob", format_address(BOB))
    lock = OwnerLock.acquire(path)
    try:
        refused(ErrorCode.STORE_LOCKED, book.add, "carol", format_address(CAROL))
        assert [contact.name for contact in book.contacts()] == ["bob"]
    finally:
        lock.release()
    book.add("carol", format_address(CAROL))


def test_folder_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    text = refused(ErrorCode.STORE_UNAVAILABLE, ContactBook(tmp_path / "file" / "contacts.toml").add, "bob", format_address(BOB))
    assert str(tmp_path / "file") in text


@given(st.text(max_size=60))
def test_name_is_refused_or_stays_as_it_is_checked(name: str) -> None:
    try:
        checked = check_name(name)
    except LocalFault:
        refused(ErrorCode.CONTACT_NAME_INVALID, check_name, name)
    else:
        assert check_name(checked) == checked


@given(st.text(min_size=1, max_size=40))
def test_whatever_name_is_accepted_is_written_and_read_again(tmp_path_factory: pytest.TempPathFactory, name: str) -> None:
    book = ContactBook(tmp_path_factory.mktemp("home") / "contacts.toml")
    try:
        kept = book.add(name, format_address(BOB))
    except LocalFault:
        assert book.contacts() == ()
    else:
        assert book.contacts() == (kept,)
        assert book.find(name) == kept
