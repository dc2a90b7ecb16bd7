"""An equivocation proof taken apart: the two statements side by side, field by field and byte by byte, their signatures, and the checks."""

from collections.abc import Sequence
from typing import Final

from typing_extensions import override

from mesh_app.format import groups, milliseconds, short, size
from mesh_app.proof_words import convicted, proof_json
from mesh_app.spans import Line, Span
from mesh_app.state import State
from mesh_app.state.laboratory import ProofView, StatementView
from mesh_app.widgets.byte_diff import DIFFERENT, SAME, diff_rows, differing_bytes
from mesh_app.widgets.line_view import cut, line_width, padded, wrapped
from mesh_app.widgets.pane_state import empty
from mesh_app.widgets.quorum import names_line
from mesh_app.widgets.scrolled_lines import ScrolledLines

GAP_WIDTH: Final = 3
TITLE_WIDTH: Final = 27
_FIELDS: Final[tuple[tuple[str, str], ...]] = (
    ("network_id", "network"),
    ("epoch", "epoch"),
    ("sender", "account"),
    ("sequence", "slot (sequence)"),
    ("transition_id", "transition"),
    ("data", "the 112 bytes that were signed"),
    ("signature", "signature (Ed25519)"),
)


class ProofPane(ScrolledLines):
    """The proof with `proof_id`."""

    BORDER_TITLE = "Proof"

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's own name
        super().__init__(id=id)
        self.proof_id = ""

    def look_at(self, proof_id: str) -> None:
        """Show another proof, from its beginning."""
        if proof_id != self.proof_id:
            self.proof_id = proof_id
            self.to_top()
            self.reshow()
            self.refresh()

    @property
    def proof(self) -> ProofView | None:
        """The proof, if it is known."""
        return self._state.laboratory.proofs.get(self.proof_id) if self._state is not None else None

    @override
    def all_lines(self, state: State, width: int) -> Sequence[Line]:
        proof = state.laboratory.proofs.get(self.proof_id)
        if proof is None:
            return empty("A proof is shown here, side by side.", "a", "a double spend leaves one")
        self.border_title = f"Proof {short(proof.id)}"
        lines = [*_heading(state, proof, width), *_check_lines(proof, width), *_statement_lines(proof, width), *_tail(state, proof, width)]
        return [cut(line, width) for line in lines]

    def copy_text(self) -> tuple[str, str] | None:
        """What `y` copies here: the canonical bytes."""
        proof = self.proof
        return (f"equivocation proof {short(proof.id)}", proof.data) if proof is not None else None

    def copy_json(self) -> tuple[str, str] | None:
        """What `Y` copies here: the proof taken apart."""
        proof = self.proof
        return (f"equivocation proof {short(proof.id)}", proof_json(proof)) if proof is not None else None

    def copy_file(self) -> tuple[str, str] | None:
        """What `o` writes here: digits that mesh-wallet verify reads."""
        proof = self.proof
        return (f"equivocation proof {proof.id[:8]}", proof.data + "\n") if proof is not None else None


def _heading(state: State, proof: ProofView, width: int) -> list[Line]:
    who, slot = convicted(state, proof), proof.statements[0].sequence
    did = "voted for two transitions of" if proof.kind == "validator" else "signed two transitions for"
    subject = who if proof.kind == "validator" else f"The owner of {who}"
    told = f"{subject} {did} slot {slot}{f' of {short(proof.statements[0].sender)}' if proof.kind == 'validator' else ''}."
    first, *rest = wrapped(told, max(10, width - 2), tone="proof")
    return [(Span("⚑ ", "proof"), *first), *((Span("  "), *line) for line in rest)]


def _check_lines(proof: ProofView, width: int) -> list[Line]:
    """What was checked, or the key that has it checked."""
    found = proof.verification
    if found is None:
        return [(Span("Press ", "dim"), Span("V", "amount"), Span(": it is verified, by the genesis document alone.", "dim"))]
    verdict = Span("✔ It holds", "up") if found.holds else Span("✖ It does NOT hold", "down")
    lines: list[Line] = [(verdict, Span(f", by the genesis document alone: {len(found.checks)} checks, {milliseconds(found.ms)}", "dim"))]
    for check in found.checks:
        mark = Span("✔ ", "up") if check.holds else Span("✖ ", "down")
        title_width = min(TITLE_WIDTH, max(12, width // 3))
        first, *rest = wrapped(f"{check.found}  {check.ms:.2f} ms", max(10, width - 2 - title_width), tone="text" if check.holds else "down")
        lines += [(mark, Span(padded(check.title, title_width), "label"), *first), *((Span(" " * (2 + title_width)), *line) for line in rest)]
    return lines


def _statement_lines(proof: ProofView, width: int) -> list[Line]:
    """Both statements, a field at a time."""
    side = max(17, (width - 2 - GAP_WIDTH) // 2)
    first, second = proof.statements
    lines: list[Line] = [(), (Span("  "), *_beside((Span("First statement", "strong"),), (Span("Second statement", "strong"),), side))]
    for field, title in _FIELDS:
        one, other = _value(first, field), _value(second, field)
        same = one == other
        mark = Span(f"{SAME} ", "dim") if same else Span(f"{DIFFERENT} ", "proof")
        lines.append((mark, Span(title, "label"), Span("" if same else f"  differs in {differing_bytes(one, other)} of {len(one) // 2} bytes", "proof")))
        if field in {"epoch", "sequence"}:
            lines.append((Span("  "), *_beside((Span(one),), (Span(other),), side)))
            continue
        lines += [(Span("  "), *_beside(left, right, side)) for left, right, _ in diff_rows(one, other, side)]
    return lines


def _value(statement: StatementView, field: str) -> str:
    return str(getattr(statement, field))


def _beside(left: Line, right: Line, side: int) -> Line:
    return (*left, Span(" " * max(0, side - line_width(left) + GAP_WIDTH)), *right)


def _tail(state: State, proof: ProofView, width: int) -> list[Line]:
    per_line = max(1, (width - 2) // 9)
    key = groups(proof.offender)
    rows = [" ".join(key[start : start + per_line]) for start in range(0, len(key), per_line)]
    held = tuple(sorted(proof.held_by))
    return [
        (),
        (Span("  the key that signed both", "label"),),
        *((Span(f"  {row}"),) for row in rows),
        (Span("  held by ", "label"), *(names_line(held, len(state.validators)) if held else (Span("no validator has told that it holds it", "dim"),))),
        (),
        (
            Span(f"{size(len(proof.data) // 2)}: ", "dim"),
            Span("y", "amount"),
            Span(" copies them, ", "dim"),
            Span("o", "amount"),
            Span(" writes them to a file", "dim"),
        ),
        *wrapped(
            "mesh-wallet verify FILE checks it anywhere. Evidence has no consequence in the protocol: it is stored, passed on and shown.", width, tone="dim"
        ),
    ]
