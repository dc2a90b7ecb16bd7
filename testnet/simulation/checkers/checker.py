"""What a checker is told, and how it says that a property does not hold."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mesh_core.protocol.certificates import CheckedCertificate
from testnet.simulation.network import Sent

if TYPE_CHECKING:
    from testnet.simulation.validator_node import ValidatorNode
    from testnet.simulation.world import World


@dataclass(frozen=True, slots=True)
class Violation:
    """A property that does not hold."""

    invariant: str
    text: str
    seconds: float


class Checker:
    """Override what concerns you; call `violated` when the property is broken. `world` shows everything.

    Checkers only look. They draw nothing from the seed and change nothing, so that a run is the same with and without them.
    """

    name = ""
    """As in docs/protocol.md: INV-1."""
    needs_agreement = False
    """Whether it holds only while no more validators are faulty than the committee bears."""

    def __init__(self, world: "World") -> None:
        self.world = world

    def violated(self, text: str, name: str = "") -> None:
        """The property does not hold."""
        self.world.report_violation(name or self.name, text)

    def on_sent(self, sent: Sent) -> None:
        """A message leaves a node."""

    def on_applied(self, node: "ValidatorNode", index: int, checked: CheckedCertificate) -> None:
        """A validator's ledger holds this certificate now, at this index of its log. Told in order, and again from 0 after each start of the node."""

    def on_ledger(self, node: "ValidatorNode") -> None:
        """A validator's ledger has changed, or was restored; every `on_applied` has been told."""

    def on_start(self, node: "ValidatorNode") -> None:
        """A validator has restored its state and is about to serve."""

    def is_satisfied(self) -> bool:
        """Whether what this checker wants to see at the end is there; asked again and again after the healing. True for what holds at all times."""
        return True

    def at_end(self) -> None:
        """All faults are healed, and the time that may pass since then has passed."""
