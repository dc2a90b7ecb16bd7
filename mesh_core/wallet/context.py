"""What the parts of one open wallet share: its keys, its account, its validators, its turn."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from mesh_core.crypto.keys import ViewOnlyKeys, WalletKeys
from mesh_core.errors import ErrorCode, LocalFault
from mesh_core.protocol.genesis import Genesis
from mesh_core.types.basic import PublicKey
from mesh_core.wallet import events
from mesh_core.wallet.account import WalletAccount
from mesh_core.wallet.events import NoticeKind
from mesh_core.wallet.ports import Validators
from mesh_core.wallet.surroundings import Surroundings
from mesh_core.wallet.tasks import Tasks
from mesh_core.wallet.tracing import PaymentTrace


@dataclass(frozen=True, slots=True)
class WalletContext:
    """`turn` is held by whoever may sign or move the account; `in_step` is set once q validators have said what they know of it.

    `announce` tells the wallet's state to whoever watches; `next_payment` numbers payments.
    """

    name: str
    keys: WalletKeys | ViewOnlyKeys
    genesis: Genesis
    client: Validators
    account: WalletAccount
    surroundings: Surroundings
    tasks: Tasks
    publish: Callable[[events.WalletEvent], None]
    announce: Callable[[], None]
    next_payment: Callable[[], int]
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    in_step: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def owner(self) -> PublicKey:
        """The account's key."""
        return self.keys.owner

    @property
    def is_view_only(self) -> bool:
        """Whether the wallet reads an account that it cannot spend from."""
        return isinstance(self.keys, ViewOnlyKeys)

    def signing_keys(self) -> WalletKeys:
        """The keys, for whoever is about to sign. LocalFault (VIEW_ONLY)."""
        if isinstance(self.keys, ViewOnlyKeys):
            raise LocalFault(
                ErrorCode.VIEW_ONLY, f"the wallet '{self.name}' is view-only: it sees everything and signs nothing; use the wallet that holds the seed"
            )
        return self.keys

    def new_trace(self) -> PaymentTrace:
        """The events of one more payment."""
        return PaymentTrace(self.next_payment(), self.name, self.publish, self.surroundings.now_ns)

    def notice(self, kind: NoticeKind, text: str, validators: tuple[int, ...] = ()) -> None:
        """Tell people something that they should know."""
        self.publish(events.WalletNotice(self.surroundings.now_ns(), self.name, kind.value, text, validators))


def name_validators(indices: tuple[int, ...]) -> str:
    """Validators as people call them: V1, V2."""
    return ", ".join(f"V{index + 1}" for index in indices)
