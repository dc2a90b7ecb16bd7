"""Real wallets on real disks, with four real validator machines in this process in the place of the network. A test may put words into a validator's mouth."""

import asyncio
import hashlib
import itertools
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar, cast

from mesh_core.errors import ErrorCode, LocalFault, PeerFault
from mesh_core.network.connection import Answer, Answered
from mesh_core.protocol.construction import Draft, Payment
from mesh_core.protocol.genesis import Genesis
from mesh_core.protocol.validation import LedgerView, compute_proof_size
from mesh_core.storage.wallet_store import DATABASE_NAME, WalletStore
from mesh_core.types.basic import PublicKey
from mesh_core.types.events import CertificateApplied
from mesh_core.types.messages import SettlementCertificate, VoteRequest
from mesh_core.types.transition import Transition
from mesh_core.wallet import events
from mesh_core.wallet.network import Network
from mesh_core.wallet.ports import Store, Validators
from mesh_core.wallet.surroundings import REAL, Surroundings
from mesh_core.wallet.wallet import Wallet
from tests.cluster import Cluster, any_proof_holds, wallet_keys

T = TypeVar("T")

Behaviour = Callable[[Answered], Answer | None]
"""What a validator does with a request in place of the right thing; None: the right thing. PeerFault: silence."""


def silent(_: Answered) -> Answer | None:
    """A validator that is not reached."""
    raise PeerFault(ErrorCode.PEER_TIMEOUT, "no answer")


def silent_to(*kinds: type[Answered]) -> Behaviour:
    """A validator that does not answer these requests."""

    def behave(message: Answered) -> Answer | None:
        return silent(message) if isinstance(message, kinds) else None

    return behave


@dataclass
class MachineClient:
    """A `ValidatorClient` whose validators are machines. `asked` are all requests that left, in order."""

    cluster: Cluster
    behaviours: dict[int, Behaviour] = field(default_factory=dict)
    asked: list[tuple[int, Answered]] = field(default_factory=list)
    on_ask: Callable[[int, Answered], None] | None = None
    frozen: dict[int, asyncio.Event] = field(default_factory=dict)
    """Validators that answer when their event is set, or let the requester's time pass."""
    gives_up: bool = True
    """Whether a request to a frozen validator ends with its time. Where not, whoever waits for that validator waits for ever: no clock has to show it."""

    def __post_init__(self) -> None:
        self.network = Network("test", self.cluster.genesis, ())
        self._watching: list[tuple[PublicKey, Callable[[int, CertificateApplied], None], Callable[[int], None]]] = []
        self._told = [len(validator.events) for validator in self.cluster.validators]

    async def request(self, validator: int, message: Answered, timeout_s: float = 5.0) -> Answer:
        await asyncio.sleep(0)
        self.asked.append((validator, message))
        if self.on_ask is not None:
            self.on_ask(validator, message)
        if validator in self.frozen:
            await self._wait_for(validator, timeout_s)
        behave = self.behaviours.get(validator)
        answer = None if behave is None else behave(message)
        if answer is None:
            answer = cast(Answer, self.cluster.validators[validator].ask(message))
        self.announce()
        await asyncio.sleep(0)
        return answer

    async def _wait_for(self, validator: int, timeout_s: float) -> None:
        try:
            async with asyncio.timeout(timeout_s if self.gives_up else None):
                await self.frozen[validator].wait()
        except TimeoutError:
            raise PeerFault(ErrorCode.PEER_TIMEOUT, "frozen") from None

    def freeze(self, validator: int) -> None:
        """From now on a validator answers nothing."""
        self.frozen[validator] = asyncio.Event()

    def thaw(self, validator: int) -> None:
        """It answers again, also what it was asked meanwhile."""
        self.frozen.pop(validator).set()

    def announce(self) -> None:
        """Tell whoever watches what the machines have applied since."""
        for validator, machine in enumerate(self.cluster.validators):
            new, self._told[validator] = machine.events[self._told[validator] :], len(machine.events)
            for body in new:
                if isinstance(body, CertificateApplied) and self.behaviours.get(validator) is not silent and validator not in self.frozen:
                    self.tell(validator, body)

    def tell(self, validator: int, body: CertificateApplied) -> None:
        """Tell whoever watches that a validator has applied this."""
        core = body.certificate.transition.core
        concerned = {core.sender, *(output.owner for output in core.outputs)}
        for owner, on_certificate, _ in self._watching:
            if owner in concerned:
                on_certificate(validator, body)

    def reconnect(self, validator: int) -> None:
        """A connection came up: something may have been missed."""
        for _, _, on_connected in self._watching:
            on_connected(validator)

    def is_up(self, validator: int) -> bool:
        return self.behaviours.get(validator) is not silent

    def watch(self, owner: PublicKey, on_certificate: Callable[[int, CertificateApplied], None], on_connected: Callable[[int], None]) -> Callable[[], None]:
        watching = (owner, on_certificate, on_connected)
        self._watching.append(watching)
        for validator in range(len(self.cluster.validators)):
            if self.is_up(validator):
                on_connected(validator)
        return lambda: self._watching.remove(watching)

    def requests(self, kind: type[T]) -> list[T]:
        """All requests of a kind that left."""
        return [message for _, message in self.asked if isinstance(message, kind)]


def seed_of(name: str) -> bytes:
    """The seed of `tests.cluster.wallet_keys`."""
    return hashlib.sha3_256(f"wallet {name}".encode()).digest()


async def _prove_nothing(draft: Draft) -> bytes:
    return hashlib.shake_256(b"no proof").digest(compute_proof_size(draft.core))


async def _check_nothing(transition: Transition, genesis: Genesis, ledger: LedgerView) -> None:
    """Whoever calls has let the validators accept any proof."""


UNPROVEN = replace(REAL, prove=_prove_nothing, check=_check_nothing)
"""For tests that are not about rule 9, which takes most of the time. The validators must accept any proof, too: `Bench.without_proofs`."""


class Bench:
    """Wallets of one home and the validators that they use."""

    def __init__(self, home: Path, cluster: Cluster | None = None) -> None:
        self.cluster = Cluster() if cluster is None else cluster
        self.client = MachineClient(self.cluster)
        self.home = home
        self.events: list[events.WalletEvent] = []
        self._wallets: list[Wallet] = []
        self._numbers = itertools.count(1)
        self.surroundings = REAL

    def without_proofs(self) -> None:
        """Nothing is proven and every proof holds, from now on."""
        self.surroundings = UNPROVEN
        for validator in self.cluster.validators:
            validator.check_proof = any_proof_holds

    def open(
        self,
        name: str,
        *,
        home: Path | None = None,
        claims: bool = False,
        client: Validators | None = None,
        surroundings: Surroundings | None = None,
        wrap: Callable[[WalletStore], Store] = lambda store: store,
    ) -> Wallet:
        """Open a wallet, made from its well-known seed where it is not there: restored, if it is on another machine than the first."""
        if not ((self.home if home is None else home) / name).exists():
            make = WalletStore.make if home is None else WalletStore.restore
            make(self.home if home is None else home, name, seed_of(name))
        wallet = Wallet(
            wrap(WalletStore.open(self.home if home is None else home, name, _raise)),
            self.client if client is None else client,
            self.events.append,
            lambda: next(self._numbers),
            claim_automatically=claims,
            surroundings=self.surroundings if surroundings is None else surroundings,
        )
        self._wallets.append(wallet)
        wallet.start()
        return wallet

    async def close(self, *wallets: Wallet) -> None:
        """Close these wallets, or all."""
        for wallet in wallets or tuple(self._wallets):
            self._wallets.remove(wallet)
            await wallet.close()

    def told(self, kind: type[T]) -> list[T]:
        """All events of a kind so far."""
        return [event for event in self.events if isinstance(event, kind)]

    def notices(self, kind: events.NoticeKind) -> list[events.WalletNotice]:
        """All notices of a kind."""
        return [event for event in self.told(events.WalletNotice) if event.kind == kind]

    def steps(self, step: str) -> list[events.PaymentStep]:
        """All payments' events of one local step."""
        return [event for event in self.told(events.PaymentStep) if event.step == step]

    def evidence(self) -> list[bytes]:
        """Every equivocation proof that any validator holds."""
        return [proof for validator in self.cluster.validators for proof in validator.evidence().values()]

    def signed_transitions(self) -> set[bytes]:
        """Every transition that left for a vote."""
        return {message.transition for message in self.client.requests(VoteRequest)}

    def delivered_certificates(self) -> set[bytes]:
        """Every certificate that left."""
        return {message.certificate for message in self.client.requests(SettlementCertificate)}


def _raise(fault: LocalFault) -> None:
    raise fault


def pay(name: str, amount: int, text: str = "") -> Payment:
    """One payment to a named person."""
    return Payment(wallet_keys(name).address, amount, text)


def rows(home: Path, name: str) -> dict[str, bytes]:
    """What is on a wallet's disk at this moment, as another process reads it."""
    with closing(sqlite3.connect(f"{(home / name / DATABASE_NAME).as_uri()}?mode=ro", uri=True)) as connection:
        return dict(connection.execute("SELECT key, value FROM kv WHERE length(value) > 0"))
