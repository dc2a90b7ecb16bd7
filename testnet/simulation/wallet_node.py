"""A wallet in a simulation: the product's `Wallet`, one life after the other over one disk."""

import asyncio
import contextvars
from collections.abc import Callable, Sequence
from typing import Any

from mesh_core.crypto.keys import WalletKeys
from mesh_core.errors import ErrorCode, LocalFault
from mesh_core.protocol.construction import Draft, Payment
from mesh_core.protocol.genesis import Genesis
from mesh_core.protocol.validation import LedgerView
from mesh_core.types.transition import Transition
from mesh_core.wallet.surroundings import Surroundings
from mesh_core.wallet.wallet import Wallet
from testnet.simulation.clock import SimulatedClock
from testnet.simulation.disk import Disk
from testnet.simulation.entropy import Stream
from testnet.simulation.life import Life
from testnet.simulation.machine import Machine
from testnet.simulation.network import Network
from testnet.simulation.proofs import ProofSystem, check_draft, prove_any
from testnet.simulation.stores import SimulatedWalletStore
from testnet.simulation.validator_node import NodeWatcher
from testnet.simulation.ways import SimulatedValidators

RESTART_AFTER_FAULT_S = 0.5
HARMLESS = frozenset((ErrorCode.INSUFFICIENT_FUNDS, ErrorCode.NOTHING_TO_CLAIM, ErrorCode.PAYMENT_IN_FLIGHT))
"""Refusals that say no more than that the person asked too early or for too much."""


class WalletNode:
    """`wallet` belongs to the present life, and is None while the node is down."""

    def __init__(
        self,
        name: str,
        seed: bytes,
        genesis: Genesis,
        network: Network,
        disk: Disk,
        proofs: ProofSystem,
        machine: Machine,
        draw: Stream,
        watcher: NodeWatcher,
        on_draft: Callable[[Draft], None],
        next_payment: Callable[[], int],
    ) -> None:
        """`on_draft` is shown every draft before it is signed, with its openings."""
        self.name = name
        self.seed = seed
        self.keys = WalletKeys.from_seed(seed)
        self.genesis = genesis
        self.disk = disk
        self.clock = SimulatedClock()
        self.life: Life | None = None
        self.wallet: Wallet | None = None
        self.store: SimulatedWalletStore | None = None
        self.paying_count = 0
        """Payments that were begun in this life and are not certified."""
        self._network = network
        self._proofs = proofs
        self._machine = machine
        self._draw = draw
        self._watcher = watcher
        self._on_draft = on_draft
        self._next_payment = next_payment
        self._lives_count = 0

    def start(self) -> None:
        """Begin a life. Without effect while there is one."""
        if self.life is not None:
            return
        self._lives_count += 1
        self.life = Life(self.name, self._lives_count)
        _loop().enter(self.life)
        self._watcher.on_node_event(self.name, "start", str(self._lives_count))
        self.life.spawn(self._boot(self.life))

    def crash(self, why: str) -> None:
        """End the life at this very moment."""
        life, self.life = self.life, None
        if life is None:
            return
        life.is_over = True
        if self.store is not None:
            self.store.writer.crash()
        self.store = None
        self.wallet = None
        self.paying_count = 0
        self._network.forget(life)
        self._watcher.on_node_event(self.name, "crash", why)

    def pay(self, payments: Sequence[Payment]) -> None:
        """Pay when the wallet can; what becomes of it is told to the watcher."""
        if self.life is not None and self.wallet is not None:
            self.paying_count += 1
            self.life.spawn(self._pay(self.wallet, payments))

    async def _boot(self, life: Life) -> None:
        draw = self._draw.fork(f"life {life.number}")
        store = self.store = SimulatedWalletStore(self.name, self.seed, self.disk, self._stopped_by)
        validators = SimulatedValidators(self._network, self.genesis, life, draw, self._machine)
        wallet = Wallet(store, validators, self._publish, self._next_payment, surroundings=self._surroundings(draw))
        self.wallet = wallet
        validators.start()
        wallet.start()

    def _surroundings(self, draw: Stream) -> Surroundings:
        entropy = draw.fork("entropy")
        times = self._machine.times(draw.fork("times"))

        async def prove(draft: Draft) -> bytes:
            self._on_draft(draft)
            await asyncio.sleep(times.prove(draft.core.kind))
            return prove_any(draft, self._proofs, entropy)

        async def check(transition: Transition, genesis: Genesis, ledger: LedgerView) -> None:
            await asyncio.sleep(times.check_draft(transition.core.kind))
            check_draft(transition, genesis, ledger, self._proofs)

        return Surroundings(entropy, prove, check, self.clock.time_ms, self.clock.monotonic_ns)

    async def _pay(self, wallet: Wallet, payments: Sequence[Payment]) -> None:
        try:
            result = await wallet.send(payments)
        except LocalFault as fault:
            if fault.code in HARMLESS:
                self._watcher.on_node_event(self.name, "refused", f"{fault.code:04x}")
            elif fault.code is not ErrorCode.STORE_WRITE:
                self._watcher.on_unexpected(f"wallet {self.name} cannot pay: {fault}")
        else:
            self._watcher.on_node_event(self.name, "paid", result.cert_id.hex()[:16])
        self.paying_count -= 1

    def _publish(self, event: Any) -> None:
        self._watcher.on_line(self.name, event)

    def _stopped_by(self, fault: LocalFault) -> None:
        loop = asyncio.get_running_loop()
        loop.call_soon(self.crash, f"fault {fault.code:04x}", context=contextvars.Context())
        loop.call_later(RESTART_AFTER_FAULT_S, self.start, context=contextvars.Context())


def _loop() -> Any:
    return asyncio.get_running_loop()
