"""Who misbehaves in a run, and how."""

from collections.abc import Callable

from mesh_core.validator.runner import ValidatorRunner
from testnet.simulation.byzantine.bad_server import BadServer
from testnet.simulation.byzantine.behaviour import Behaviour
from testnet.simulation.byzantine.denier import Denier
from testnet.simulation.byzantine.double_voter import DoubleVoter
from testnet.simulation.byzantine.equivocator import Equivocator
from testnet.simulation.byzantine.liar import Liar
from testnet.simulation.byzantine.rule_breaker import RuleBreaker
from testnet.simulation.byzantine.silent import Silent
from testnet.simulation.entropy import Stream
from testnet.simulation.validator_node import ValidatorNode
from testnet.simulation.world import World

BEHAVIOURS: tuple[type[Behaviour], ...] = (BadServer, Denier, DoubleVoter, Liar, Silent)


def corrupt(world: World, draw: Stream, count: int) -> None:
    """Make so many validators misbehave. Above f, all in the way that can break agreement."""
    allies = draw.sample(world.validators, count)
    for node in allies:
        kind = DoubleVoter if count > world.genesis.committee.faults_tolerated else draw.choice(BEHAVIOURS)
        node.is_faulty = True
        node.wrap = _wrapper(kind, node, draw)
        world.fault(f"byzantine {kind.name}", node.name)


def start_clients(world: World, draw: Stream) -> None:
    """Let the strangers do what the settings say."""
    if world.settings.has_equivocator:
        Equivocator(world, world.strangers[0], draw.fork("equivocator")).start("equivocator")
    if world.settings.has_rule_breaker:
        RuleBreaker(world, world.strangers[1], draw.fork("rule breaker")).start("rule-breaker")


def _wrapper(kind: type[Behaviour], node: ValidatorNode, draw: Stream) -> Callable[[ValidatorRunner], Behaviour]:
    stream = draw.fork(node.name)
    return lambda runner: kind(runner, stream)
