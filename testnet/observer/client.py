"""Connections to all validators as a client that holds no keys: it asks, is told each second how long every log is, and may listen to events."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from mesh_core.network.client import Connection, LocalIdentity
from mesh_core.network.link import LinkState, LinkStatus, ValidatorLink
from mesh_core.types.basic import Hash32
from mesh_core.types.events import EventKind
from mesh_core.types.messages import Event, Evidence, Pong, Role, Subscribe, SyncRequest
from mesh_core.wallet.fetching import Askable
from mesh_core.wallet.network import Network
from mesh_core.wallet.ports import REQUEST_TIMEOUT_S, Question, Reply

EVERY_KIND = sum(1 << kind for kind in EventKind)


@dataclass(slots=True)
class ValidatorSight:
    """What can be seen of one validator from outside. `log_length` and `digest` are its word, from one PONG; `is_steady`: the one before said the same."""

    index: int
    is_up: bool = False
    rtt_ms: float | None = None
    error: str = ""
    log_length: int | None = None
    digest: Hash32 | None = None
    flags: int = 0
    is_steady: bool = False


OnSight = Callable[[ValidatorSight], None]


class Sights(Askable, Protocol):
    """Validators that can be asked, and what is seen of each without asking."""

    @property
    def sights(self) -> Sequence[ValidatorSight]:
        """What is seen of each, by its index in the committee."""
        ...

    def start(self) -> None:
        """Begin to look."""
        ...

    async def close(self) -> None:
        """Look no more."""
        ...


def indices_up(client: Sights) -> tuple[int, ...]:
    """Validators that are reached now."""
    return tuple(sight.index for sight in client.sights if client.is_up(sight.index))


class ObserverClient:
    """The validators of a network, over connections of their own. Implements `Sights`."""

    def __init__(
        self,
        network: Network,
        on_sight: OnSight,
        *,
        on_event: Callable[[int, Event], None] | None = None,
    ) -> None:
        """`on_sight` is called when a validator came, went, or said something new. With `on_event` all their events are subscribed to."""
        self.network = network
        self.sights = [ValidatorSight(index) for index in range(len(network.validators))]
        self._on_sight = on_sight
        # A connection is for short questions or for long answers and events, as its first request says.
        network_id, local = network.genesis.network_id, LocalIdentity(Role.MONITOR)
        self._links = [
            ValidatorLink(peer, local, network_id, on_status=self._status_reader(index), on_pong=self._pong_reader(index))
            for index, peer in enumerate(network.validators)
        ]
        self._bulk_links = [
            ValidatorLink(
                peer,
                local,
                network_id,
                on_connected=None if on_event is None else _subscribe,
                on_message=None if on_event is None else self._event_reader(index, on_event),
            )
            for index, peer in enumerate(network.validators)
        ]

    def start(self) -> None:
        """Begin to connect to all validators at once."""
        for link in (*self._links, *self._bulk_links):
            link.start()

    async def close(self) -> None:
        """Close all connections."""
        links = (*self._links, *self._bulk_links)
        for link in links:
            link.close()
        for link in links:
            await link.wait_closed()

    async def request(self, validator: int, message: Question, timeout_s: float = REQUEST_TIMEOUT_S) -> Reply:
        """Ask one validator. PeerFault when no answer comes."""
        links = self._bulk_links if isinstance(message, SyncRequest) else self._links
        return await links[validator].request(message, timeout_s)

    def is_up(self, validator: int) -> bool:
        """Whether a validator is reached now."""
        return self._links[validator].status.state is LinkState.UP

    def _status_reader(self, index: int) -> Callable[[LinkStatus], None]:
        def on_status(status: LinkStatus) -> None:
            sight = self.sights[index]
            is_up = status.state is LinkState.UP
            error = "" if is_up else status.last_error
            is_news = (is_up, error) != (sight.is_up, sight.error)
            sight.is_up, sight.rtt_ms, sight.error = is_up, status.rtt_ms, error
            if is_news and status.state is not LinkState.CLOSED:
                self._on_sight(sight)

        return on_status

    def _pong_reader(self, index: int) -> Callable[[Pong], None]:
        def on_pong(pong: Pong) -> None:
            sight = self.sights[index]
            said = pong.log_length, pong.state_digest, pong.flags
            is_news = said != (sight.log_length, sight.digest, sight.flags) or not sight.is_steady
            sight.is_steady = said[:2] == (sight.log_length, sight.digest)
            sight.log_length, sight.digest, sight.flags = said
            if is_news:
                self._on_sight(sight)

        return on_pong

    @staticmethod
    def _event_reader(index: int, on_event: Callable[[int, Event], None]) -> Callable[[Event | Evidence], None]:
        def on_message(message: Event | Evidence) -> None:
            if isinstance(message, Event):
                on_event(index, message)

        return on_message


def _subscribe(connection: Connection) -> None:
    connection.send(Subscribe(request_id=0, kind_mask=EVERY_KIND, owners=(), after_event=0))
