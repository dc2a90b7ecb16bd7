"""An equivocation proof over the whole screen."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from typing_extensions import override

from mesh_app.messages import Ordered
from mesh_app.orders.laboratory import VerifyProof
from mesh_app.screens.live_modal import LiveModal
from mesh_app.state import State
from mesh_app.widgets.caption_bar import CaptionBar
from mesh_app.widgets.key_bar import KeyBar
from mesh_app.widgets.proof_pane import ProofPane


class ProofDialog(LiveModal):
    """One proof: the arrows scroll, V verifies it, escape leads back. It covers the screen below, so what a demonstration says stands here, too."""

    CSS_PATH = "laboratory.tcss"
    AUTO_FOCUS = "#proof-in-full"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("V", "verify", "Verify"),
        Binding("y", "app.copy", "Copy"),
        Binding("Y", "app.copy_json", "Copy as JSON", show=False),
        Binding("o", "app.write_file", "To a file"),
        Binding("escape,enter,q", "leave", "Back"),
    ]

    def __init__(self, state: State, proof_id: str) -> None:
        super().__init__(state)
        self._proof_id = proof_id

    @override
    def compose(self) -> ComposeResult:
        with Vertical(id="proof-dialog"):
            pane = ProofPane(id="proof-in-full")
            pane.look_at(self._proof_id)
            yield pane
        yield CaptionBar()
        yield KeyBar()

    def action_verify(self) -> None:
        """Have it verified."""
        proof = self.state.laboratory.proofs.get(self._proof_id)
        if proof is not None:
            self.post_message(Ordered(VerifyProof(proof.id, proof.data)))
