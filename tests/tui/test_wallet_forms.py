"""Forms of the wallets screen. Goals: no secret leaves its dialog but in its order; what is wrong stands in the form; nonsense is harmless."""

import pytest
from textual.events import Paste
from textual.widgets import Input

from mesh_app.orders.wallets import (
    AddContact,
    AddViewWallet,
    CreateWallet,
    DraftPhrase,
    ExportViewKey,
    FormOrder,
    ImportWallet,
    MakeReceipt,
    ReadContacts,
    RemoveContact,
    RenameWallet,
    UnlockWallet,
    VerifyFile,
)
from mesh_app.screens.new_wallet import PhraseDialog
from tests.tui.conftest import Desk, Running
from tests.tui.fake_workbench import address, digest
from tests.tui.wallet_events import answered, checked, contacts, details, entry, history, shut

PHRASE = " ".join(f"{letter}word{number}" for number, letter in enumerate("abcdefghijklmnopqrstuvwx", 1))
PASSPHRASE = "correct horse battery"


async def tell(running: Running, *events: object) -> None:
    running.bench.emit(*events)
    await running.settle()


async def answer(running: Running, state: str, text: str = "") -> None:
    """The desk's answer to the last order."""
    order = running.bench.orders[-1]
    assert isinstance(order, FormOrder)
    assert order.ticket
    await tell(running, answered(running.bench, order, state, text))


async def to_phrase(running: Running, name: str = "carol", passphrase: str = "") -> PhraseDialog:
    """The dialog with the words."""
    running.bench.secret = PHRASE
    await running.press("2", "n")
    await running.fill(name)
    for _ in range(2):
        await running.press("tab")
        await running.fill(passphrase)
    await running.press("enter")
    await running.wait_until(lambda: isinstance(running.app.screen, PhraseDialog))
    await running.settle()
    dialog = running.app.screen
    assert isinstance(dialog, PhraseDialog)
    return dialog


def told(running: Running) -> str:
    """Everything that the application keeps and shows but for dialogs."""
    lines = [f"{entry.kind} {entry.text}" for entry in running.app.state.entries]
    return f"{running.app.state!r} {lines} {running.toasts()} {running.bench.orders!r}"


async def test_phrase_is_shown_once_confirmed_and_kept_nowhere(desk: Desk) -> None:
    async with desk() as running:
        dialog = await to_phrase(running, passphrase=PASSPHRASE)
        assert running.bench.orders == [DraftPhrase()]
        words = PHRASE.split()
        shown = running.screen_text()
        assert all(word in shown for word in words)
        await running.press("h")
        assert not any(word in running.screen_text() for word in words)
        await running.press("enter")
        assert not any(word in running.screen_text() for word in words)
        await running.fill("nonsense")
        await running.press("enter")
        assert f"that is not word {dialog.asked_places[0]}" in running.screen_text()
        await running.press("ctrl+u")
        for place in dialog.asked_places:
            await running.fill(words[place - 1].upper())
            await running.press("enter")
        order = running.bench.orders[-1]
        assert order == CreateWallet("carol", PHRASE, PASSPHRASE)
        assert all(secret not in told(running) for secret in (PHRASE, PASSPHRASE, words[5], words[7]))
        running.bench.balances["carol"], running.bench.sequences["carol"] = 0, 0
        await tell(running, running.bench.wallet("carol"))
        await answer(running, "done")
        assert len(running.app.screen_stack) == 1
        assert running.app.screen.query_one("#wallets").cursor == "carol"  # type: ignore[attr-defined]
        assert all(secret not in told(running) for secret in (PHRASE, PASSPHRASE, words[5], words[7]))


async def test_words_typed_in_one_burst_go_where_tab_leads(desk: Desk) -> None:
    """A fast typist on a busy machine: the keys after a tab are handed out before the field in focus has seen it."""
    async with desk() as running:
        dialog = await to_phrase(running)
        await running.press("enter")
        words = PHRASE.split()
        first, second, third = (words[place - 1] for place in dialog.asked_places)
        await running.burst(*first, "tab", *second, "tab", *third)
        assert [running.app.screen.query_one(f"#word-{place}", Input).value for place in dialog.asked_places] == [first, second, third]


async def test_no_picture_is_taken_of_a_phrase_and_another_window_covers_it(desk: Desk) -> None:
    async with desk() as running:
        dialog = await to_phrase(running)
        running.app.action_screenshot_file()
        await running.settle()
        assert "no picture while a secret is on the screen" in running.toasts()
        dialog.app.app_focus = False
        await running.pilot.pause()
        assert PHRASE.split()[0] not in running.screen_text()


async def test_leaving_the_phrase_makes_no_wallet(desk: Desk) -> None:
    async with desk() as running:
        await to_phrase(running)
        await running.press("escape")
        assert len(running.app.screen_stack) == 1
        assert running.bench.orders == [DraftPhrase()]


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("bob", "a wallet of this name exists"),
        ("", "type a name"),
        ("a b", "1 to 32 letters"),
        ("../up", "1 to 32 letters"),
        ("漢字", "1 to 32 letters"),
        ("\x1b[2J", "1 to 32 letters"),
        ("x" * 10_000, "1 to 32 letters"),
    ],
    ids=["taken", "empty", "a space", "a way out", "wide", "an escape sequence", "10,000 characters"],
)
async def test_name_that_cannot_be_is_refused_in_the_form(desk: Desk, name: str, problem: str) -> None:
    async with desk(size=(80, 24)) as running:
        await running.press("2", "n")
        assert isinstance(running.app.focused, Input)
        running.app.focused.post_message(Paste(name))
        await running.press("enter")
        assert problem in running.screen_text()
        assert running.focused_id == "name"
        assert running.bench.orders == []


async def test_passphrases_that_differ_are_refused_and_never_seen(desk: Desk) -> None:
    async with desk() as running:
        await running.press("2", "n")
        await running.fill("carol")
        await running.press("tab")
        await running.fill(PASSPHRASE)
        await running.press("tab")
        await running.fill("another")
        await running.press("enter")
        assert "the two passphrases are not the same" in running.screen_text()
        assert PASSPHRASE not in running.screen_text()
        assert running.focused_id == "again"


async def test_pasted_phrase_of_several_lines_is_one_phrase_and_a_wrong_word_is_named(desk: Desk) -> None:
    async with desk() as running:
        await running.press("2", "i")
        await running.fill("dora")
        await running.press("tab")
        words = PHRASE.split()
        pasted = "\n".join(" ".join(words[start : start + 4]) for start in range(0, 24, 4))
        assert isinstance(running.app.focused, Input)
        running.app.focused.post_message(Paste(pasted))
        await running.pilot.pause()
        assert "24 of 24 words" in running.screen_text()
        assert words[0] not in running.screen_text()
        await running.press("enter")
        assert running.bench.orders == [ImportWallet("dora", PHRASE)]
        await answer(running, "working")
        await running.press("enter")
        assert len(running.bench.orders) == 1
        await answer(running, "refused", "word 5 is not in the list of BIP-39's English words")
        assert "✖ word 5 is not in the list" in running.screen_text()
        await running.press("enter")
        await answer(running, "done")
        assert len(running.app.screen_stack) == 1
        assert words[0] not in told(running)


async def test_view_key_is_imported_from_its_file(desk: Desk) -> None:
    async with desk() as running:
        await running.press("2", "i", "shift+tab", "right", "tab")
        await running.fill("auditor")
        await running.press("enter")
        assert "name the file that holds the view key" in running.screen_text()
        await running.fill("/tmp/alice.view")
        await running.press("enter")
        assert running.bench.orders == [AddViewWallet("auditor", "/tmp/alice.view")]


async def test_sealed_wallet_is_unlocked_and_a_wrong_passphrase_can_be_corrected(desk: Desk) -> None:
    async with desk() as running:
        await running.press("2")
        await tell(running, shut(running.bench, "alice", "sealed"))
        await running.press("u")
        await running.fill("wrong")
        await running.press("enter")
        await answer(running, "refused", "the passphrase is not the one that this seed was sealed with")
        assert "✖ the passphrase is not the one" in running.screen_text()
        await running.press("ctrl+u")
        await running.fill(PASSPHRASE)
        await running.press("enter")
        assert running.bench.orders[-1] == UnlockWallet("alice", PASSPHRASE)
        await tell(running, running.bench.wallet("alice"))
        await answer(running, "done")
        assert len(running.app.screen_stack) == 1
        assert PASSPHRASE not in told(running)


async def test_wallet_is_renamed_and_stays_in_focus(desk: Desk) -> None:
    async with desk() as running:
        await running.press("2", "down", "e")
        await running.fill("bert")
        await running.press("enter")
        assert running.bench.orders == [RenameWallet("bob", "bert")]
        await tell(running, {"event": "wallet_renamed", "t_ns": 1, "wallet": "bob", "name": "bert"})
        await answer(running, "done")
        assert running.app.screen.query_one("#wallets").cursor == "bert"  # type: ignore[attr-defined]


async def test_receipt_is_made_of_the_payment_under_the_cursor_and_verified(desk: Desk) -> None:
    async with desk() as running:
        await running.press("2", "R")
        assert "there is none in the history yet" in running.toasts()[0]
        await tell(running, history(running.bench, "alice", entry(1, "bob", 500, is_sent=True), entry(2, "bob", 7, is_sent=True, output=1)))
        await running.press("R")
        await running.fill("invoice 7")
        await running.press("tab", "right", "tab")
        assert isinstance(running.app.focused, Input)
        assert running.app.focused.value.endswith(f"receipt-{digest('certificate', 2).hex()[:8]}-1.bin")
        await running.press("enter")
        order = running.bench.orders[-1]
        assert isinstance(order, MakeReceipt)
        assert (order.wallet, order.cert_id, order.output, order.context, order.memo) == ("alice", digest("certificate", 2).hex(), 1, "invoice 7", True)
        await answer(running, "refused", "this file exists and is not overwritten")
        assert "✖ this file exists" in running.screen_text()
        await running.press("enter")
        await tell(running, {"event": "wallet_file", "t_ns": 1, "wallet": "alice", "what": "receipt", "file": order.file})
        await answer(running, "done")
        await running.press("V", "enter")
        await running.pilot.pause()
        assert running.bench.orders[-1] == VerifyFile(order.file)
        await tell(running, checked(running.bench, order.file))
        await answer(running, "done")
        await running.pilot.pause()
        await running.settle()
        shown = running.pane_text("#document")
        assert "✔ valid payment receipt" in shown
        assert "✔ prover's signature" in shown
        assert str(address("bob")) in shown.replace(" ", "").replace("\n", "")
        await running.press("escape")
        assert len(running.app.screen_stack) == 1


async def test_contacts_are_listed_added_forgotten_and_paid(desk: Desk) -> None:
    async with desk() as running:
        await running.press("2", "c")
        assert running.bench.orders == [ReadContacts()]
        assert "No contact yet." in running.pane_text("#contacts")
        await running.press("a")
        await running.fill("Zoë")
        await running.press("tab")
        await running.fill(str(address("Zoë")))
        await running.press("enter")
        assert running.bench.orders[-1] == AddContact("Zoë", str(address("Zoë")))
        await tell(running, contacts(running.bench, "Zoë"))
        await answer(running, "done")
        assert "Zoë" in running.pane_text("#contacts")
        await running.press("d", "y")
        await running.wait_until(lambda: running.bench.orders[-1] == RemoveContact("Zoë"))
        await running.press("p")
        await running.wait_until(lambda: running.app.current_mode == "pay")
        assert running.app.screen.query_one("#to", Input).value == "Zoë"


async def test_view_key_is_exported_with_a_warning(desk: Desk) -> None:
    async with desk() as running:
        await running.press("2")
        await tell(running, details(running.bench, "alice"))
        await running.press("x")
        assert "for ever" in running.screen_text()
        await running.press("enter")
        order = running.bench.orders[-1]
        assert isinstance(order, ExportViewKey)
        assert order.file.endswith("alice.view")


async def test_tab_and_enter_lead_on_before_what_is_typed_after_them(desk: Desk) -> None:
    async with desk() as running:
        running.bench.secret = PHRASE
        await running.press("2", "n")
        await running.burst(*"carol", "tab", *"pass", "tab", *"pass", "enter")
        await running.wait_until(lambda: running.bench.orders == [DraftPhrase()])


@pytest.mark.parametrize("size", [(60, 18), (80, 24)], ids=["60x18", "80x24"])
async def test_phrase_is_whole_on_small_terminals(desk: Desk, size: tuple[int, int]) -> None:
    async with desk(size=size) as running:
        await to_phrase(running)
        assert all(word in running.screen_text() for word in PHRASE.split())
