"""All checkers, in the order of the properties that they are about."""

from testnet.simulation.checkers.agreement import Agreement, NoDoubleVote, Voters
from testnet.simulation.checkers.balances import Balances
from testnet.simulation.checkers.bounds import Bounds
from testnet.simulation.checkers.chains import Chains
from testnet.simulation.checkers.checker import Checker
from testnet.simulation.checkers.confidentiality import Confidentiality
from testnet.simulation.checkers.conservation import Conservation, PlainConservation
from testnet.simulation.checkers.durability import DurableBeforeVisible
from testnet.simulation.checkers.evidence import Evident, NoFraming
from testnet.simulation.checkers.isolation import Isolation
from testnet.simulation.checkers.liveness import Settlement, Totality
from testnet.simulation.checkers.replay import Idempotence, OrderIndependence
from testnet.simulation.checkers.rules import Rules, SameCode
from testnet.simulation.checkers.standing import Standing
from testnet.simulation.world import World

ALL: tuple[type[Checker], ...] = (
    Conservation,
    PlainConservation,
    Agreement,
    Voters,
    NoDoubleVote,
    DurableBeforeVisible,
    Chains,
    OrderIndependence,
    Idempotence,
    NoFraming,
    Evident,
    Rules,
    SameCode,
    Confidentiality,
    Bounds,
    Standing,
    Settlement,
    Isolation,
    Totality,
    Balances,
)


def make_checkers(world: World) -> list[Checker]:
    """One of each that has something to say about this run."""
    is_promised = world.settings.byzantine_count <= world.genesis.committee.faults_tolerated
    return [kind(world) for kind in ALL if is_promised or not kind.needs_agreement]
