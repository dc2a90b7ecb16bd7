"""Real validator machines behind the observer's questions, honest or not: what each answers can be changed on its way."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from mesh_core.errors import ErrorCode, PeerFault
from mesh_core.protocol.genesis import Genesis
from mesh_core.types.messages import AccountStateMessage, SyncResponse
from mesh_core.wallet.ports import REQUEST_TIMEOUT_S, Question, Reply
from testnet.observer.client import OnSight, ValidatorSight
from testnet.observer.observer import Observer
from tests.cluster import Cluster, Validator

Event = dict[str, Any]
Bend = Callable[[Any], Any]


@dataclass
class MachineNetwork:
    genesis: Genesis


@dataclass
class MachineSights:
    """Answers at once. `bends` change what a validator says; those in `silent` say nothing."""

    validators: list[Validator]
    network: MachineNetwork
    bends: dict[int, Bend] = field(default_factory=dict)
    silent: set[int] = field(default_factory=set)
    questions: list[tuple[int, Question]] = field(default_factory=list)
    sights: list[ValidatorSight] = field(default_factory=list)
    on_sight: OnSight = lambda sight: None

    def start(self) -> None:
        self.look()

    async def close(self) -> None:
        pass

    def look(self) -> None:
        """Every validator says how long its log is, twice."""
        self.sights = [self._sight(index) for index in range(len(self.validators))]
        for sight in self.sights:
            self.on_sight(sight)

    def _sight(self, index: int) -> ValidatorSight:
        ledger = self.validators[index].machine.ledger
        if index in self.silent:
            return ValidatorSight(index, error="connection refused")
        return ValidatorSight(index, is_up=True, log_length=ledger.globals.log_length, digest=ledger.compute_digest(), is_steady=True)

    async def request(self, validator: int, message: Question, timeout_s: float = REQUEST_TIMEOUT_S) -> Reply:
        self.questions.append((validator, message))
        if validator in self.silent:
            raise PeerFault(ErrorCode.PEER_TIMEOUT, "no answer", peer=f"V{validator + 1}")
        answer = self.validators[validator].ask(message)
        assert isinstance(answer, SyncResponse | AccountStateMessage)
        bend = self.bends.get(validator)
        bent: SyncResponse | AccountStateMessage = answer if bend is None else bend(answer)
        return bent

    def is_up(self, validator: int) -> bool:
        return validator not in self.silent


class Observed:
    """An observer of machines, and all that it told."""

    def __init__(self, cluster: Cluster) -> None:
        self.events: list[Event] = []
        self.sights = MachineSights(cluster.validators, MachineNetwork(cluster.genesis))
        self.observer = Observer(cluster.genesis, self._connect, self.events.append)

    def _connect(self, on_sight: OnSight) -> MachineSights:
        self.sights.on_sight = on_sight
        return self.sights

    def told(self, name: str) -> list[Event]:
        return [event for event in self.events if event["event"] == name]

    def last(self, name: str) -> Event:
        return self.told(name)[-1]

    def rows(self) -> list[Event]:
        """The rows of the present reading."""
        generation = self.last("ledger_log")["generation"]
        return [row for event in self.told("ledger_rows") if event["generation"] == generation for row in event["rows"]]

    def is_read(self) -> bool:
        log = self.told("ledger_log")
        return bool(log) and not log[-1]["reading"] and log[-1]["length"] == log[-1]["target"]
