"""The laboratory: attacks on the network, what validators answer, and the evidence."""

from collections.abc import Iterable
from typing import ClassVar, Final

from textual import on
from textual.binding import BindingType
from textual.containers import Vertical
from textual.widget import Widget
from typing_extensions import override

from mesh_app.messages import Ordered
from mesh_app.orders.laboratory import Bystander, LaunchAttack, VerifyProof
from mesh_app.screens.mesh_screen import MeshScreen
from mesh_app.screens.proof_dialog import ProofDialog
from mesh_app.state import State
from mesh_app.widgets.attack_list import AttackList
from mesh_app.widgets.attack_pane import AttackPane, PromisePane
from mesh_app.widgets.bindings import bindings_of
from mesh_app.widgets.filter_bar import FilteredList
from mesh_app.widgets.proof_list import ProofList
from mesh_app.widgets.proof_pane import ProofPane
from mesh_app.widgets.row_list import RowList

FAUCET: Final = "faucet"
MAX_BYSTANDERS: Final = 20


class LaboratoryScreen(MeshScreen):
    """Screen 5."""

    CSS_PATH = "laboratory.tcss"
    AUTO_FOCUS = "#attacks"
    NAME = "laboratory"
    BINDINGS: ClassVar[list[BindingType]] = [*bindings_of("laboratory")]

    def __init__(self) -> None:
        super().__init__()
        self._state: State | None = None

    @override
    def compose_body(self) -> Iterable[Widget]:
        yield Vertical(AttackList(id="attacks"), PromisePane(id="promise"), FilteredList(ProofList(id="proofs"), id="evidence"), id="choices")
        yield AttackPane(id="attack")
        yield ProofPane(id="proof")

    @override
    def show(self, state: State, mode: str) -> None:
        self._state = state
        for rows in self.query(RowList):
            rows.show(state)
        self._follow()
        super().show(state, mode)

    @on(RowList.CursorMoved)
    def _follow(self) -> None:
        """The panes follow the lists."""
        attack, promise = self.query_one(AttackList).cursor or "", self.query_one(PromisePane)
        promise.attack_id = attack
        promise.reshow()
        pane = self.query_one(AttackPane)
        pane.has_promise = not promise.display
        pane.look_at(attack)
        self.query_one(ProofPane).look_at(self.query_one(ProofList).cursor or "")

    # --- Actions

    @on(AttackList.Chosen)
    def action_launch(self) -> None:
        """Make the attack under the cursor."""
        attack = self.query_one(AttackList).cursor
        if attack is not None:
            self.action_attack(attack)

    def action_attack(self, attack: str) -> None:
        """Make an attack, and look at it."""
        state = self._state
        if state is None or attack not in state.laboratory.attacks:
            self.notify("no laboratory here: attacks are made on the network that mesh-app runs itself", timeout=4, markup=False)
            return
        running = state.laboratory.running
        if running is not None:
            view = state.laboratory.attacks.get(running.attack)
            self.notify(f"“{view.name if view is not None else running.attack}” is under way: one attack at a time", timeout=4, markup=False)
            return
        payer = _find_payer(state)
        if payer is None:
            self.notify("no wallet here can pay the attacking account: create one and ask the faucet (screen 2)", timeout=4, markup=False)
            return
        self.query_one(AttackList).choose(attack)
        bystanders = tuple(Bystander(wallet.name, wallet.owner) for wallet in state.wallets.values() if wallet.name != payer and wallet.owner)
        self.post_message(Ordered(LaunchAttack(attack, state.laboratory.attacks[attack].name, payer, bystanders[:MAX_BYSTANDERS])))

    @on(ProofList.Chosen)
    def open_proof(self) -> None:
        """The proof under the cursor, over the whole screen."""
        proof_id = self.query_one(ProofList).cursor
        if self._state is not None and proof_id is not None:
            self.app.push_screen(ProofDialog(self._state, proof_id))

    def action_open_proof(self) -> None:
        """The proof under the cursor, from wherever the focus is."""
        if self.query_one(ProofList).cursor is None:
            self.notify("no proof yet: a double spend leaves one", timeout=3, markup=False)
        else:
            self.query_one(ProofList).action_open()

    def action_verify(self) -> None:
        """Have the proof under the cursor verified."""
        proof = self.query_one(ProofList).proof()
        if proof is None:
            self.notify("no proof to verify yet: a double spend leaves one", timeout=3, markup=False)
        else:
            self.post_message(Ordered(VerifyProof(proof.id, proof.data)))


def _find_payer(state: State) -> str | None:
    """The faucet where there is one, else whoever has most."""
    able = [wallet for wallet in state.wallets.values() if wallet.can_pay and wallet.state not in {"locked", "stuck"}]
    if not able:
        return None
    return next((wallet for wallet in able if wallet.name == FAUCET), max(able, key=lambda wallet: wallet.balance)).name
