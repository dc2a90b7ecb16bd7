"""What the parts of one open wallet share: its keys, its account, its validators, its turn."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from mesh_core.crypto.keys import WalletKeys
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
    keys: WalletKeys
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

    def new_trace(self) -> PaymentTrace:
        """The events of one more payment."""
        return PaymentTrace(self.next_payment(), self.name, self.publish, self.surroundings.now_ns)

    def notice(self, kind: NoticeKind, text: str, validators: tuple[int, ...] = ()) -> None:
        """Tell people something that they should know."""
        self.publish(events.WalletNotice(self.surroundings.now_ns(), self.name, kind.value, text, validators))


def name_validators(indices: tuple[int, ...]) -> str:
    """Validators as people call them: V1, V2."""
    return ", ".join(f"V{index + 1}" for index in indices)
