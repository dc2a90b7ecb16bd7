"""What a certificate says, and who has signed it."""

import json
from collections.abc import Sequence

from typing_extensions import override

from mesh_app.format import amount, counted, short, size
from mesh_app.ledger_words import amount_line, opened_output, opened_row, party, split_output
from mesh_app.spans import Line, Span, validator_name, validator_tone
from mesh_app.state import State
from mesh_app.state.ledger import CertificateDetail, CheckOutcome, LedgerOutput, LedgerRow
from mesh_app.widgets.fact_list import ACCOUNT, CERTIFICATE, Fact, FactList, fact, heading
from mesh_app.widgets.line_view import wrapped
from mesh_app.widgets.pane_state import loading
from mesh_app.widgets.quorum import quorum_boxes

HASH_TOLD = "It depends on what was signed and not on who voted, so one payment has one id."


class DetailList(FactList):
    """A pane about the certificate under the list's cursor: what there is of it while its bytes are on the way."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's own name
        super().__init__(id=id)
        self._awaited = ("", 0)

    def detail(self, state: State) -> CertificateDetail | None:
        """The certificate with its bytes, once they are there."""
        return state.ledger.details.get(self.cert_id)

    @override
    def empty_lines(self, state: State, width: int) -> Sequence[Line]:
        if not self.cert_id:
            return wrapped(
                "A certificate is a transition with the votes of a quorum: final, and anyone can check it. Choose one in the list.", width, tone="dim"
            )
        if self._awaited[0] != self.cert_id:
            self._awaited = (self.cert_id, state.now_ns)
        return loading(f"asking for {short(self.cert_id)}", self._awaited[1], state.now_ns)

    @override
    def json_form(self, state: State) -> tuple[str, str] | None:
        detail = self.detail(state)
        return ("certificate", json.dumps(certificate_json(detail), indent=2)) if detail is not None else None


class SummaryPane(DetailList):
    """The certificate in words."""

    BORDER_TITLE = "Summary"

    @override
    def facts(self, state: State, width: int) -> Sequence[Fact]:
        detail = self.detail(state)
        if detail is None:
            return ()
        row = state.ledger.row_of(detail.cert_id)
        return [*self._head(state, detail, row), *self._money(state, detail, width), *self._chain(state, detail, width)]

    def _head(self, state: State, detail: CertificateDetail, row: LedgerRow | None) -> list[Fact]:
        total, votes = len(state.validators), len(detail.votes)
        word = "SEND, pays others" if detail.kind == "send" else "RECEIVE, claims what was paid to it"
        holders = state.certificates.get(detail.cert_id)
        applied = f", applied by {len(state.holders_of(holders))} of {total}" if holders is not None else ""
        index = row.index if row is not None else detail.index
        place = f"#{amount(index)} in the log of {validator_name(state.ledger.source or 0)}" if index is not None else "in older entries of the log"
        return [
            fact("certificate", (Span(detail.cert_id, "strong"),), copied=detail.cert_id, told=f"The certificate's id. {HASH_TOLD}"),
            fact("kind", (Span(word, "strong"),)),
            fact("place", (Span(place), Span(applied, "dim")), told="Each validator has its own order of applying. The state does not depend on it."),
            fact(
                "votes",
                (*quorum_boxes(votes, total, state.quorum), Span(f" {votes} of {total}, {state.quorum} needed  "), *_voters(detail)),
                told="A quorum: any two of them share a correct validator, and it signs only one transition for a slot.",
            ),
            fact("checked", _verdict(state, detail.cert_id), told="Signatures were checked when it was read. V makes every check again, the range proof too."),
        ]

    def _money(self, state: State, detail: CertificateDetail, width: int) -> list[Fact]:
        facts = [heading("amounts", width)]
        facts.append(fact("fee", (Span(counted(detail.fee, "unit"), "strong"), Span("  the one amount that everybody sees", "dim"))))
        facts += [_output_fact(state, output, number) for number, output in enumerate(detail.outputs)]
        facts += [self._claim_fact(state, output, commitment, number) for number, (output, commitment) in enumerate(detail.claims)]
        row = state.ledger.row_of(detail.cert_id)
        claimed = opened_row(state, row) if row is not None and detail.kind == "receive" else None
        if claimed is not None:
            facts.append(fact("claimed", amount_line(state, claimed, detail.balance)))
        told = "A Pedersen commitment: value times one generator plus a random number times another. It hides the amount, and commitments can be added."
        facts.append(
            fact("balance", (Span("hidden ", "hidden"), Span(detail.balance, "hidden")), copied=detail.balance, told=f"What is left, committed. {told}")
        )
        return facts

    def _claim_fact(self, state: State, output: str, commitment: str, number: int) -> Fact:
        cert_id, index = split_output(output)
        opened = opened_output(state, cert_id, index)
        line = (Span(f"output {index} of {short(cert_id)}  "), *amount_line(state, opened, commitment))
        return fact(f"claim {number}", line, copied=output, told=f"Output {index} of {cert_id}. Enter shows that certificate.", leads_to=(CERTIFICATE, cert_id))

    def _chain(self, state: State, detail: CertificateDetail, width: int) -> list[Fact]:
        sender = party(state, detail.sender, 16)
        previous = "none: the first of its account" if not detail.sequence else detail.prev
        facts = [
            heading("chain", width),
            fact(
                "account",
                (Span(sender, "strong"), Span(f"  {detail.sender}", "dim")),
                copied=detail.sender,
                told=f"The account's key, {detail.sender}. Enter shows its chain.",
                leads_to=(ACCOUNT, detail.sender),
            ),
            fact("sequence", (Span(amount(detail.sequence)),), told="The account's slot. One slot, one certificate: a second spend of it has no quorum."),
            fact("before it", (Span(previous, "dim"),), copied=detail.prev, told="The hash of the transition before it on this account. a shows the chain."),
            fact(
                "transition",
                (Span(detail.transition_id, "dim"),),
                copied=detail.transition_id,
                told="What votes are for: the hash of everything but the signatures.",
            ),
            fact(
                "core",
                (Span(detail.core_hash, "dim"),),
                copied=detail.core_hash,
                told="The hash of all but proof and signature. The range proof is bound to it.",
            ),
        ]
        proof = f"{size(detail.proof_bytes)} Bulletproofs+" if detail.proof_bytes else "none: a claim adds up what was proven before"
        facts.append(fact("range proof", (Span(proof),), told="Shows that no amount is negative or too large, and nothing else about any of them."))
        facts.append(
            fact("size", (Span(f"{size(len(detail.data))}, {counted(len(detail.fields), 'field')}  "), Span("x", "amount"), Span(" shows every byte", "dim")))
        )
        facts.append(fact("asset", (Span(detail.asset, "dim"),), copied=detail.asset))
        facts.append(fact("epoch", (Span(str(detail.epoch)),)))
        return facts


class VotesPane(DetailList):
    """The owner's signature and every vote, with the key that it verifies under."""

    BORDER_TITLE = "Votes"

    @override
    def facts(self, state: State, width: int) -> Sequence[Fact]:
        detail = self.detail(state)
        if detail is None:
            return ()
        checks = {(check.name, check.validator): check for check in _checks(state, self.cert_id)}
        owner = checks.get(("owner", None))
        facts = [
            heading("the owner", width),
            fact("key", (Span(party(state, detail.sender, 16), "strong"), Span(f"  {detail.sender}", "dim")), copied=detail.sender, key="owner key"),
            fact(
                "signature",
                (_mark(owner), Span(detail.owner_signature, "dim")),
                copied=detail.owner_signature,
                key="owner signature",
                told=_signature_told("the owner's", owner),
            ),
        ]
        keys = state.network.committee.validators if state.network is not None else ()
        for index, signature in detail.votes:
            name, check = validator_name(index), checks.get(("vote", index))
            key = keys[index].hex() if index < len(keys) else ""
            facts += [
                heading(name, width),
                fact("key", (Span(name, validator_tone(index)), Span(f"  {key}", "dim")), copied=key, key=f"key {index}"),
                fact("signature", (_mark(check), Span(signature, "dim")), copied=signature, key=f"signature {index}", told=_signature_told(f"{name}'s", check)),
            ]
        silent = [validator.index for validator in state.validators if validator.index not in dict(detail.votes)]
        if silent:
            names = ", ".join(validator_name(index) for index in silent)
            told = "They may have voted, too: the wallet takes the votes that come first, and a quorum is enough."
            facts += [heading("not in it", width), fact("others", (Span(names, "dim"),), told=told)]
        return facts


def certificate_json(detail: CertificateDetail) -> dict[str, object]:
    """A certificate for other programs: what it says, and all its bytes."""
    return {
        "cert_id": detail.cert_id,
        "transition_id": detail.transition_id,
        "kind": detail.kind,
        "sender": detail.sender,
        "sequence": detail.sequence,
        "prev": detail.prev,
        "fee": detail.fee,
        "new_balance": detail.balance,
        "outputs": [{"owner": output.owner, "address": output.address, "commitment": output.commitment} for output in detail.outputs],
        "claims": [{"output": output, "commitment": commitment} for output, commitment in detail.claims],
        "votes": [{"validator": validator_name(index), "signature": signature} for index, signature in detail.votes],
        "data": detail.data.hex(),
    }


def _output_fact(state: State, output: LedgerOutput, number: int) -> Fact:
    opened = opened_output(state, output.cert_id, number)
    to = Span(f"to {party(state, output.owner)}  ", "strong")
    return fact(
        f"output {number}",
        (to, *amount_line(state, opened, output.commitment)),
        copied=output.commitment,
        told=f"Commitment {output.commitment}, for the key {output.owner}. Enter shows that account.",
        leads_to=(ACCOUNT, output.owner),
    )


def _voters(detail: CertificateDetail) -> Line:
    return tuple(Span(f"{validator_name(index)} ", validator_tone(index)) for index, _ in detail.votes)


def _checks(state: State, cert_id: str) -> tuple[CheckOutcome, ...]:
    verified = state.ledger.verified.get(cert_id)
    return () if verified is None else verified.checks


def _verdict(state: State, cert_id: str) -> Line:
    verified = state.ledger.verified.get(cert_id)
    if verified is None:
        return (Span("signatures hold", "up"), Span("  V", "amount"), Span(" checks everything again", "dim"))
    failed = [check.title for check in verified.checks if check.ok is False]
    if failed:
        return (Span(f"✗ {', '.join(failed)}", "down"),)
    lacking = sum(1 for check in verified.checks if check.ok is None)
    made = len(verified.checks) - lacking
    return (Span(f"✓ all {made} checks hold", "up"), Span(f"  {lacking} could not be made" if lacking else "", "wait"))


def _mark(check: CheckOutcome | None) -> Span:
    if check is None or check.ok is None:
        return Span("· ", "dim")
    return Span("✓ ", "up") if check.ok else Span("✗ ", "down")


def _signature_told(whose: str, check: CheckOutcome | None) -> str:
    what = f"{whose[0].upper()}{whose[1:]} Ed25519 signature over the statement: network, epoch, account, sequence and transition, 112 bytes."
    if check is None:
        return f"{what} V verifies it again, here."
    return f"{what} {'Verified again' if check.ok else 'DOES NOT HOLD'}: {check.found}, in {check.ms:.2f} ms."
