"""An account as its chain proves it, and what each validator says of it."""

import json
from collections.abc import Sequence

from typing_extensions import override

from mesh_app.format import amount, counted, short
from mesh_app.ledger_words import amount_line, amount_text, opened_output, opened_row, party, shown_amount, split_output
from mesh_app.spans import Line, Span, validator_name, validator_tone
from mesh_app.state import State
from mesh_app.state.ledger import AccountView, AccountWord, ChainLink, LedgerOutput
from mesh_app.widgets.fact_list import CERTIFICATE, Fact, FactList, fact, heading
from mesh_app.widgets.line_view import padded, wrapped
from mesh_app.widgets.pane_state import loading

LINKS_SHOWN = 200


class AccountPane(FactList):
    """The account with the key `owner`: head and balance, the validators' words, what it may claim, and the chain, the newest link first."""

    BORDER_TITLE = "Account"

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's own name
        super().__init__(id=id)
        self.owner = ""
        self.asked_ns = 0

    @override
    def facts(self, state: State, width: int) -> Sequence[Fact]:
        account = state.ledger.account
        if account is None or account.owner != self.owner:
            return ()
        self.border_title = f"Account · {party(state, account.owner, 16)}"
        return [*_head(state, account), *_words(state, account, width), *_claimable(state, account, width), *_chain(state, account, width)]

    @override
    def empty_lines(self, state: State, width: int) -> Sequence[Line]:
        if not self.owner:
            return wrapped("An account is a chain of certificates, each naming the one before it. Choose a certificate in the list.", width, tone="dim")
        return loading(f"asking all validators for the account {short(self.owner)}", self.asked_ns, state.now_ns)

    @override
    def json_form(self, state: State) -> tuple[str, str] | None:
        account = state.ledger.account
        if account is None or account.owner != self.owner:
            return None
        links = [{"sequence": link.sequence, "cert_id": link.cert_id, "prev": link.prev, "transition_id": link.transition_id} for link in account.links]
        form = {"owner": account.owner, "sequence": account.sequence, "balance": account.balance, "head": account.head, "chain": links}
        return "account", json.dumps(form, indent=2)


def _head(state: State, account: AccountView) -> list[Fact]:
    wallet = next((wallet for wallet in state.wallets.values() if wallet.owner == account.owner), None)
    start = f"{amount(account.allocation)} units at the genesis, which everybody saw" if account.allocation is not None else "nothing"
    facts = [
        fact(
            "key",
            (Span(account.owner, "strong"),),
            copied=account.owner,
            told=f"{party(state, account.owner, 16)}: the Ed25519 key that signs for this account.",
        ),
        fact("begins with", (Span(start),)),
        fact("sequence", (Span(amount(account.sequence)), Span(f"  {counted(account.sequence, 'certificate')} so far, this is the next slot", "dim"))),
        fact("head", (Span(account.head, "dim"),), copied=account.head, told="The hash of the last transition. The next one must name it."),
        fact("balance", (Span(account.balance, "hidden"),), copied=account.balance, told="The commitment to the balance, proven by the newest certificate."),
    ]
    if wallet is not None:
        facts.append(fact("opened", (Span(f"{shown_amount(state, wallet.balance)} units", "amount"), Span(f"  by {wallet.name}, known here only", "dim"))))
    return facts


def _words(state: State, account: AccountView, width: int) -> list[Fact]:
    return [heading("what validators say", width), *(_word(account, word) for word in account.words)]


def _word(account: AccountView, word: AccountWord) -> Fact:
    name = Span(padded(validator_name(word.validator), 4), validator_tone(word.validator))
    line: Line
    if word.error:
        line, told = (Span("○ says nothing: ", "wait"), Span(word.error, "wait")), "It did not answer, which says nothing about the account."
    elif word.lie:
        line, told = (Span("✗ lies: ", "down"), Span(word.lie, "down")), f"What it says contradicts its own evidence: {word.lie}."
    elif word.agrees:
        line, told = (
            (Span("✓ the same", "up"), Span(f"  {counted(word.claimable_count, 'output')} to claim", "dim")),
            "Its word, and the certificate that proves it, agree.",
        )
    else:
        behind = account.sequence - word.sequence
        line = (Span(f"◐ {counted(behind, 'certificate')} behind" if behind > 0 else "◐ another head", "wait"),)
        told = "It has not applied the newest certificate yet. What it says is proven, too, and older."
    return Fact(f"word {word.validator}", (name, *line), None, told)


def _claimable(state: State, account: AccountView, width: int) -> list[Fact]:
    if not account.claimable:
        return []
    return [heading("may claim", width), *(output_fact(state, output) for output in account.claimable)]


def output_fact(state: State, output: LedgerOutput, *, with_owner: bool = False) -> Fact:
    """An output that waits, or was claimed: by whom, and of which certificate."""
    cert_id, index = split_output(output.output)
    opened = opened_output(state, cert_id, index)
    if output.claimed_by:
        mark, told = Span("✓ ", "up"), f"Claimed by the certificate {output.claimed_by}."
    elif output.claimable:
        mark, told = Span("◐ ", "wait"), f"Waits for a RECEIVE signed by {output.owner}."
    else:
        mark, told = Span("· ", "dim"), "Whether it was claimed, nobody here knows: the log is too long to be followed."
    whose = (Span(f"for {party(state, output.owner)}  ", "strong"),) if with_owner else ()
    listed = f"  listed by {' '.join(validator_name(index) for index in output.listed_by)}" if output.listed_by else ""
    line = (mark, *whose, Span(f"{short(cert_id)}.{index}  "), *amount_line(state, opened, output.commitment), Span(listed, "dim"))
    return Fact(f"output {output.output}", line, ("output", output.output), f"{told} Enter shows the certificate that made it.", (CERTIFICATE, cert_id))


def _chain(state: State, account: AccountView, width: int) -> list[Fact]:
    first = account.links[0].sequence if account.links else 0
    shown = f"the chain, newest first{f', from #{amount(first)} on' if first else ''}"
    facts = [heading(shown, width)]
    if not account.links:
        facts.append(Fact("no link", (Span("no certificate yet", "dim"),)))
    for link in reversed(account.links[-LINKS_SHOWN:]):
        facts.append(_link(state, link))
    if first:
        facts.append(
            Fact("older", (Span(f"… {counted(first, 'older certificate')}", "dim"),), told="Enter reads the part before.", leads_to=("older", str(first)))
        )
    return facts


def _link(state: State, link: ChainLink) -> Fact:
    row = state.ledger.row_of(link.cert_id)
    opened = opened_row(state, row) if row is not None else None
    what = f"pays {counted(link.outputs_count, 'output')}" if link.kind == "send" else f"claims {counted(link.claims_count, 'output')}"
    mark = {True: Span("✓", "up"), False: Span("✗", "down"), None: Span("?", "wait")}[link.linked]
    moved = (Span(amount_text(state, opened, is_claim=link.kind == "receive"), "amount"),) if opened is not None else (Span("hidden", "hidden"),)
    line = (
        Span("┃ " if link.sequence else "╹ ", "dim"),
        Span(padded(f"#{link.sequence}", 6), "strong"),
        mark,
        Span(f" {short(link.cert_id)}  {padded(what, 16)}"),
        *moved,
        Span(f"  left {short(link.balance)}", "dim"),
    )
    linked = {
        True: "names the hash of the one before it: the link was checked here",
        False: "DOES NOT name the one before it",
        None: "cannot be checked: the one before it is not at hand",
    }[link.linked]
    told = f"#{link.sequence} {linked}. prev {link.prev[:16]}…, its own hash {link.transition_id[:16]}…. Enter shows it."
    return Fact(f"link {link.sequence}", line, ("certificate id", link.cert_id), told, (CERTIFICATE, link.cert_id))
