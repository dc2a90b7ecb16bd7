"""What a wallet needs from outside: a store, and validators that it can ask. The product's are `storage.wallet_store.WalletStore` and `client.ValidatorClient`.

Nothing here, nor in what `wallet.py` imports, loads QUIC or a database, so that a process which brings its own starts fast.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Final, Protocol

from mesh_core.crypto.keys import ViewOnlyKeys, WalletKeys
from mesh_core.protocol.genesis import Genesis
from mesh_core.storage.pending import Record
from mesh_core.types.basic import PublicKey
from mesh_core.types.events import CertificateApplied
from mesh_core.types.messages import (
    AccountStateMessage,
    CertAck,
    QueryAccount,
    SettlementCertificate,
    SyncRequest,
    SyncResponse,
    VoteReject,
    VoteRequest,
    VoteResponse,
)

REQUEST_TIMEOUT_S: Final = 5.0
"""Nothing waits for a slow validator but its own retry, so this may be generous."""

Question = VoteRequest | SettlementCertificate | QueryAccount | SyncRequest
"""What a wallet asks a validator."""
Reply = VoteResponse | VoteReject | CertAck | AccountStateMessage | SyncResponse
"""What a validator answers."""

OnCertificate = Callable[[int, CertificateApplied], None]
OnConnected = Callable[[int], None]
Unwatch = Callable[[], None]
"""Ends what a call of `watch` began."""


class Store(Protocol):
    """One wallet's durable records and its keys."""

    @property
    def name(self) -> str:
        """The wallet's name."""
        ...

    def read_keys(self) -> WalletKeys | ViewOnlyKeys:
        """The wallet's keys (secret): all of them, or those that read."""
        ...

    async def put(self, records: Sequence[Record]) -> None:
        """Make one batch durable, all or nothing. LocalFault when it cannot be: the wallet must then stop."""
        ...

    def get(self, key: str) -> bytes | None:
        """The value of one key, queued batches included."""
        ...

    def records(self, prefix: str = "") -> Iterator[Record]:
        """Every durable record whose key starts with `prefix`, in the order of the keys."""
        ...

    async def close(self) -> None:
        """Make everything queued durable and close."""
        ...


class KnownNetwork(Protocol):
    """What a wallet must know of its network."""

    @property
    def genesis(self) -> Genesis:
        """The checked genesis document."""
        ...


class Validators(Protocol):
    """The validators of a network, by their index in the committee."""

    @property
    def network(self) -> KnownNetwork:
        """The network that they belong to."""
        ...

    async def request(self, validator: int, message: Question, timeout_s: float = REQUEST_TIMEOUT_S) -> Reply:
        """Ask one validator. PeerFault when no answer comes in time; the request may have been handled all the same."""
        ...

    def is_up(self, validator: int) -> bool:
        """Whether a validator is reached now."""
        ...

    def watch(self, owner: PublicKey, on_certificate: OnCertificate, on_connected: OnConnected) -> Unwatch:
        """Call `on_certificate(validator, announcement)` for certificates of an account; `on_connected(validator)` when some may have been missed.

        That is after each new connection and each gap. An announcement is a validator's word: whoever receives it verifies the certificate. Several may watch
        one account: the wallet that holds its seed, and one that only views it.
        """
        ...
