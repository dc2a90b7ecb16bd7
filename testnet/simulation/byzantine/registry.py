"""Who misbehaves in a run, and how."""

from collections.abc import Callable

from mesh_core.validator.runner import ValidatorRunner
from testnet.simulation.byzantine.bad_server import BadServer
from testnet.simulation.byzantine.behaviour import Behaviour
from testnet.simulation.byzantine.certificate_forger import CertificateForger
from testnet.simulation.byzantine.client import Client
from testnet.simulation.byzantine.denier import Denier
from testnet.simulation.byzantine.double_claimer import DoubleClaimer
from testnet.simulation.byzantine.double_voter import DoubleVoter
from testnet.simulation.byzantine.equivocator import Equivocator
from testnet.simulation.byzantine.flooder import Flooder
from testnet.simulation.byzantine.forger import Forger
from testnet.simulation.byzantine.liar import Liar
from testnet.simulation.byzantine.poisoner import Poisoner
from testnet.simulation.byzantine.replayer import Replayer
from testnet.simulation.byzantine.rule_breaker import RuleBreaker
from testnet.simulation.byzantine.selective import Selective
from testnet.simulation.byzantine.silent import Silent
from testnet.simulation.byzantine.splitter import Splitter
from testnet.simulation.entropy import Stream
from testnet.simulation.settings import CLIENTS
from testnet.simulation.validator_node import ValidatorNode
from testnet.simulation.world import World

BEHAVIOURS: tuple[type[Behaviour], ...] = (BadServer, CertificateForger, Denier, DoubleVoter, Liar, Selective, Silent)
CLIENT_KINDS: tuple[type[Client], ...] = (Equivocator, RuleBreaker, Splitter, Forger, Replayer, Poisoner, DoubleClaimer, Flooder)
assert tuple(kind.name for kind in CLIENT_KINDS) == CLIENTS


def corrupt(world: World, draw: Stream, count: int) -> None:
    """Make so many validators misbehave. Above f, all in the way that can break agreement."""
    allies = draw.sample(world.validators, count)
    for node in allies:
        kind = DoubleVoter if count > world.genesis.committee.faults_tolerated else draw.choice(BEHAVIOURS)
        node.is_faulty = True
        node.wrap = _wrapper(kind, node, draw)
        world.fault(f"byzantine {kind.name}", node.name)


def silence(world: World, draw: Stream, count: int) -> None:
    """Make so many validators take everything in and say nothing."""
    for node in draw.sample(world.validators, count):
        node.is_faulty = True
        node.wrap = _wrapper(Silent, node, draw)


def start_clients(world: World, draw: Stream) -> None:
    """Let the strangers do what the settings say."""
    for kind in CLIENT_KINDS:
        if kind.name in world.strangers:
            kind(world, world.strangers[kind.name], draw.fork(kind.name)).start()


def _wrapper(kind: type[Behaviour], node: ValidatorNode, draw: Stream) -> Callable[[ValidatorRunner], Behaviour]:
    stream = draw.fork(node.name)
    return lambda runner: kind(runner, stream)
