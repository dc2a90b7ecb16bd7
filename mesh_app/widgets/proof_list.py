"""Evidence: every equivocation proof that was told, of the laboratory and of real life."""

from collections.abc import Sequence
from typing import ClassVar, Final

from textual import events
from textual.binding import BindingType
from textual.message import Message
from typing_extensions import override

from mesh_app.format import short
from mesh_app.proof_words import convicted, proof_json
from mesh_app.spans import Line, Span
from mesh_app.state import State
from mesh_app.state.laboratory import ProofView
from mesh_app.widgets.bindings import bindings_of
from mesh_app.widgets.line_view import padded
from mesh_app.widgets.pane_state import empty
from mesh_app.widgets.row_list import RowList

NARROW: Final = 38
"""Below so many cells the words are fewer."""


class ProofList(RowList[str]):
    """Proofs by their id, the newest first."""

    BORDER_TITLE = "Evidence"
    BINDINGS: ClassVar[list[BindingType]] = [*bindings_of("evidence")]

    class Chosen(Message):
        """The person wants to read the proof under the cursor."""

    @override
    def row_keys(self, state: State) -> Sequence[str]:
        proofs = state.laboratory.proofs_newest_first()
        words = self.filter_text.lower().split()
        found = [proof.id for proof in proofs if all(word in f"{proof.id} {convicted(state, proof)} {proof.kind}".lower() for word in words)]
        self.filter_told = f"{len(found)} of {len(proofs)}"
        return found

    @override
    def row_line(self, state: State, key: str, width: int) -> Line:
        proof = state.laboratory.proofs[key]
        checked = proof.verification
        mark = Span("· unchecked", "dim") if checked is None else Span("✔ holds", "up") if checked.holds else Span("✖ does NOT hold", "down")
        slot = f"slot {proof.statements[0].sequence}"
        return (Span("⚑ ", "proof"), Span(padded(convicted(state, proof), 11)), Span(f" {slot:<7} {short(proof.id)} ", "dim"), mark)

    @override
    def empty_lines(self, state: State, width: int) -> Sequence[Line]:
        if not state.laboratory.attacks:
            return empty("No proof that anybody signed twice.")
        if width < NARROW:
            return empty("Nobody signed twice.", "a", "double spend")
        return empty("No proof that anybody signed twice.", "a", "a double spend leaves one")

    @override
    def on_click(self, event: events.Click) -> None:
        """The mouse chooses a proof; a double click opens it."""
        super().on_click(event)
        if event.chain > 1:
            self.action_open()

    def action_open(self) -> None:
        """Open the proof under the cursor."""
        self.post_message(self.Chosen())

    def proof(self) -> ProofView | None:
        """The proof under the cursor."""
        return self._state.laboratory.proofs.get(self.cursor or "") if self._state is not None else None

    def copy_text(self) -> tuple[str, str] | None:
        """What `y` copies here: the canonical bytes."""
        proof = self.proof()
        return (f"equivocation proof {short(proof.id)}", proof.data) if proof is not None else None

    def copy_json(self) -> tuple[str, str] | None:
        """What `Y` copies here: the proof taken apart."""
        proof = self.proof()
        return (f"equivocation proof {short(proof.id)}", proof_json(proof)) if proof is not None else None

    def copy_file(self) -> tuple[str, str] | None:
        """What `o` writes here: digits that mesh-wallet verify reads."""
        proof = self.proof()
        return (f"equivocation proof {proof.id[:8]}", proof.data + "\n") if proof is not None else None
