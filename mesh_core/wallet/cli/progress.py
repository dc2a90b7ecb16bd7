"""A payment's way in lines: one for each step, and one for each answer of a validator."""

from collections.abc import Iterable, Mapping
from typing import Any

import click

from mesh_core.types.committee import Committee
from mesh_core.types.json_form import json_form
from mesh_core.types.visible_text import visible_text
from mesh_core.wallet import events
from mesh_core.wallet.cli.output import Output

STEP_WORDS: Mapping[str, str] = {
    "waited": "its turn came",
    "built": "drafted",
    "proved": "range proof made",
    "checked": "checked by every rule",
    "signed": "signed",
    "stored": "stored: from here on these bytes are sent, and no others",
}
STATE_WORDS: Mapping[str, str] = {
    "voting": "asking the validators for their votes",
    "settled": "settled: a quorum has applied it",
    "done": "done: all validators have applied it",
}
WATCHED = (
    events.PaymentQueued,
    events.PaymentStarted,
    events.PaymentStep,
    events.VoteReceived,
    events.VoteRefusalReceived,
    events.ValidatorSilent,
    events.CertificateMade,
    events.CertificateDelivered,
    events.PaymentState,
    events.WalletNotice,
)


class Progress:
    """Prints what a wallet tells of its payments. With JSON each event is an object; in words progress goes to standard error, results to standard output."""

    def __init__(self, output: Output, committee: Committee, *, quiet: bool = False) -> None:
        self._output = output
        self._committee = committee
        self._quiet = quiet

    def __call__(self, event: events.WalletEvent) -> None:
        """One event. A reader who has gone, or a full disk behind the output, must not stop a payment half-way: what is signed goes on unseen."""
        if self._quiet or not isinstance(event, WATCHED):
            return
        try:
            self._tell(event)
        except OSError:
            self._quiet = True

    def _tell(self, event: events.WalletEvent) -> None:
        if self._output.as_json:
            self._output.tell(json_form(event), ())
            return
        line = self.line(event)
        if line is not None:
            click.echo(visible_text(line), err=True)

    def result(self, form: Mapping[str, Any], lines: Iterable[str]) -> None:
        """What came of it: the last that is printed, though deliveries go on until the command has ended."""
        self._quiet = True
        self._output.tell({"event": "result", **form}, lines)

    def note(self, text: str) -> None:
        """Something that the command itself has to say."""
        if self._output.as_json:
            self._output.tell({"event": "note", "text": text}, ())
        else:
            click.echo(f"note: {visible_text(text)}", err=True)

    def line(self, event: events.WalletEvent) -> str | None:
        """The event in words; None for one that says nothing new."""
        size, quorum = self._committee.size, self._committee.quorum_threshold
        match event:
            case events.PaymentQueued():
                return f"waiting {event.reason}"
            case events.PaymentStarted():
                return _started(event)
            case events.PaymentStep():
                return f"  {STEP_WORDS.get(event.step, event.step)} ({event.ms:.1f} ms)"
            case events.VoteReceived():
                return f"  {_validator(event.validator)} voted: {event.votes_count} of {size}, {quorum} are needed ({event.ms:.1f} ms)"
            case events.VoteRefusalReceived():
                return f"  {_validator(event.validator)} refused: {event.reason} [{event.code}] {event.text}; {event.action}"
            case events.ValidatorSilent():
                return f"  {_validator(event.validator)}: {event.text}"
            case events.CertificateMade():
                return f"  final: certificate {event.cert_id.hex()} of {', '.join(map(_validator, event.signers))} ({event.payment_ms:.1f} ms)"
            case events.CertificateDelivered():
                return f"  {_validator(event.validator)} has it: {event.status} ({event.ms:.1f} ms)"
            case events.PaymentState():
                return f"  failed: {event.reason}" if event.state == "failed" else _indented(STATE_WORDS.get(event.state))
            case events.WalletNotice():
                return f"note: {event.text}"
            case _:
                return None


def _started(event: events.PaymentStarted) -> str:
    if event.kind == "receive":
        return f"claiming {event.amount:,} units, slot {event.sequence}"
    return f"paying {event.amount:,} units and a fee of {event.fee:,}, slot {event.sequence}"


def _validator(index: int) -> str:
    return f"V{index + 1}"


def _indented(text: str | None) -> str | None:
    return None if text is None else f"  {text}"
