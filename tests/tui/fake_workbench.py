"""A workbench without processes: the events of a network that never ran, in the exact form of the real ones, and a record of what was asked.

`python -m tests.tui.fake_workbench` shows the workstation with it, labelled SIM, for looking at the screens.
"""

import asyncio
import hashlib
import time
from collections.abc import Iterable
from typing import Any

from mesh_app.app import MeshApp
from mesh_app.orders.order import Order
from mesh_app.orders.validators import KillValidator, RestartValidator, StartValidator, StopValidator
from mesh_app.orders.wallets import CreateWallet, FormOrder, Pay
from mesh_core.errors import ErrorCode, LocalFault
from mesh_core.types.address import Address
from mesh_core.types.basic import PublicKey, ViewPublicKey
from mesh_core.types.json_form import json_form
from mesh_core.validator import lines
from mesh_core.wallet import events

Event = dict[str, Any]
MS = 1_000_000
BALANCES = {"alice": 10_000, "bob": 0, "faucet": 1_000_000_000}


def digest(*parts: object) -> bytes:
    """32 bytes that stand for a hash or a key."""
    return hashlib.sha3_256(repr(parts).encode()).digest()


def of_validator(index: int, line: Any) -> Event:
    """A validator's line as its supervisor passes it on."""
    event: Event = json_form(line)
    return event | {"validator": index}


VALIDATORS = tuple(sorted(digest("validator", index) for index in range(4)))


class FakeWorkbench:
    """Records what is ordered in `orders`; `secret` answers what is to be revealed.

    Events are put in by `emit`; `boot`, `payment` and `claim` make whole stories of them.
    """

    def __init__(self, *, is_live: bool = False) -> None:
        self.events: asyncio.Queue[Event] = asyncio.Queue()
        self.orders: list[Order] = []
        self.secret = ""
        self.refusal: LocalFault | None = None
        self.clock_ns = 1_000 * MS
        self.is_live = is_live
        self.balances = dict(BALANCES)
        self.sequences = dict.fromkeys(BALANCES, 0)
        self.payments_count = 0
        self.log_length = 0
        self.fee_pool = 0
        self.votes_cast = [0, 0, 0, 0]
        self.down: set[int] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    # --- Workbench ----------------------------------------------------------------------------------------------------------

    @property
    def mode(self) -> str:
        return "SIM"

    def now_ns(self) -> int:
        return time.monotonic_ns() if self.is_live else self.clock_ns

    async def do(self, order: Order) -> None:
        if self.refusal is not None:
            raise self.refusal
        self.orders.append(order)
        if self.is_live:
            self._act(order)

    async def reveal(self, order: Order) -> str:
        if self.refusal is not None:
            raise self.refusal
        self.orders.append(order)
        return self.secret

    def _act(self, order: Order) -> None:
        """What a network would do, for looking at the screens."""
        if isinstance(order, FormOrder) and order.ticket:
            told = {"ticket": order.ticket, "what": order.describe(), "state": "done", "code": None, "text": ""}
            self.emit({"event": "wallet_order", "t_ns": self.now_ns(), **told})
        match order:
            case Pay(wallet, to, amount, text):
                self._play(self.settled_payment(wallet, to, amount, text))
            case CreateWallet(name):
                self.balances[name], self.sequences[name] = 0, 0
                self.emit(self.wallet(name))
            case StartValidator(index) | RestartValidator(index):
                self.down.discard(index)
                self._play([(0, self.process(index, "starting")), (900, self.process(index, "up")), (901, self.ready(index)), (902, self.status(index))])
            case StopValidator(index):
                self.down.add(index)
                self._play([(0, self.process(index, "stopping")), (120, self.process(index, "stopped"))])
            case KillValidator(index):
                self.down.add(index)
                self.emit(self.process(index, "exited", exit_status=-9))
            case _:
                pass

    # --- Events ---------------------------------------------------------------------------------------------------------------

    def emit(self, *found: Any) -> None:
        """Puts events into the queue: dictionaries, or the dataclasses of validators and wallets."""
        for event in found:
            self.events.put_nowait(event if isinstance(event, dict) else json_form(event))

    def play(self, story: Iterable[tuple[float, Any]]) -> None:
        """A story at once: the events' own times are as if it had taken its time."""
        for _, event in story:
            self.emit(event)

    def _play(self, story: Iterable[tuple[float, Any]]) -> None:
        async def tell() -> None:
            begin = time.monotonic()
            for ms, event in story:
                await asyncio.sleep(max(0.0, begin + ms / 1000 - time.monotonic()))
                self.emit(event)

        task = asyncio.create_task(tell())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def boot(self) -> None:
        """Four validators up, three wallets."""
        self.emit(self.network())
        for index in range(4):
            self.emit(self.process(index, "starting"), self.process(index, "up"), self.ready(index), self.status(index))
            self.emit(events.LinkChanged(self.now_ns(), index, True, ""))
        self.emit(*(self.wallet(name) for name in self.balances))
        self.emit({"event": "audit", "t_ns": self.now_ns(), "supply_audit": True, "digests_equal": True})

    def network(self) -> Event:
        return {
            "event": "network",
            "t_ns": self.now_ns(),
            "name": "local-4",
            "network_id": digest("network").hex(),
            "validators": [key.hex() for key in VALIDATORS],
            "supply": 1_000_010_000,
            "fee_base": 1,
            "fee_per_output": 0,
            "home": "/home/you/.local/share/mesh",
        }

    def process(self, index: int, state: str, *, exit_status: int | None = None, detail: str = "") -> Event:
        pid = 4101 + index if state in {"starting", "up", "stopping"} else None
        return {
            "event": "validator_state",
            "t_ns": self.now_ns(),
            "validator": index,
            "state": state,
            "pid": pid,
            "exit": exit_status,
            "restarts": 0,
            "detail": detail,
        }

    def ready(self, index: int) -> Event:
        ready = lines.Ready(
            self.now_ns(), 4101 + index, VALIDATORS[index], digest("network"), "127.0.0.1", 40_001 + index, "libsodium", self.log_length, self.digest()
        )
        return of_validator(index, ready)

    def status(self, index: int) -> Event:
        peers = tuple(other for other in range(4) if other != index and other not in self.down)
        status = lines.Status(
            t_ns=self.now_ns(),
            log_length=self.log_length,
            state_digest=self.digest(),
            accounts_count=3,
            outputs_count=0,
            fee_pool=self.fee_pool,
            supply_audit=True,
            held_sum=digest("sum", self.fee_pool),
            public_sum=digest("sum", self.fee_pool),
            votes_cast=self.votes_cast[index],
            votes_refused=0,
            connections_count=4,
            peers_up=peers,
            proofs_waiting=0,
            parked_count=0,
            last_commit_ms=3.1 + index / 5,
            flags=0,
        )
        return of_validator(index, status)

    def digest(self) -> bytes:
        return digest("state", self.log_length)

    def wallet(self, name: str, *, t_ns: int | None = None, in_flight: int = 0, incoming: int = 0, state: str = "idle") -> events.WalletChanged:
        return events.WalletChanged(
            t_ns=self.now_ns() if t_ns is None else t_ns,
            wallet=name,
            address=str(address(name)),
            owner=digest("owner", name),
            balance=self.balances[name],
            commitment=digest("commitment", name, self.balances[name], self.sequences[name]),
            sequence=self.sequences[name],
            incoming=incoming,
            in_flight=in_flight,
            state=state,
        )

    def settled_payment(self, wallet: str, to: str, amount: int, text: str) -> list[tuple[float, Any]]:
        """A payment and its claim, with times in milliseconds, in the order in which they happen."""
        begin = self.now_ns()
        payment, cert_id = self.payment(wallet, to, amount, text, begin)
        claim_begin = begin + int(max(ms for ms, _ in payment)) * MS
        claim = self.claim(to, wallet, amount, text, cert_id, claim_begin) if to in self.balances else []
        shift = (claim_begin - begin) / MS
        return [*payment, *((ms + shift, event) for ms, event in claim)]

    def payment(self, wallet: str, to: str, amount: int, text: str, begin: int) -> tuple[list[tuple[float, Any]], bytes]:
        """A SEND whose votes arrive at different times. Validators in `down` stay silent."""
        self.payments_count += 1
        number, sequence = self.payments_count, self.sequences[wallet]
        transition, cert_id = digest("transition", wallet, sequence), digest("certificate", wallet, sequence)
        recipient = digest("owner", to)
        story: list[tuple[float, Any]] = []

        def at(ms: float) -> int:
            return begin + int(ms * MS)

        def tell(ms: float, event: Any) -> None:
            story.append((ms, event))

        tell(0, events.PaymentStarted(at(0), number, wallet, "send", amount, 1, ((recipient, amount, text),), sequence))
        clock = 0.0
        for step, took in (("built", 0.6), ("proved", 66.2), ("checked", 19.4), ("signed", 0.1), ("stored", 4.2)):
            clock += took
            tell(clock, events.PaymentStep(at(clock), number, step, took, transition if step in {"signed", "stored"} else None))
        asked = clock + 0.3
        self._tell_votes(story, number, wallet, sequence, transition, asked, begin, proof_ms=21.0)
        up = [index for index in range(4) if index not in self.down]
        votes_ms = sorted(VOTE_MS[index] for index in up)[2] if len(up) > 2 else None
        if votes_ms is None:
            return sorted(story, key=lambda item: item[0]), cert_id
        self.balances[wallet] -= amount + 1
        self.sequences[wallet] += 1
        self.fee_pool += 1
        self._tell_certificate(story, number, wallet, sequence, cert_id, asked, votes_ms, begin, "send", (recipient,))
        return sorted(story, key=lambda item: item[0]), cert_id

    def claim(self, wallet: str, sender: str, amount: int, text: str, cert_id: bytes, begin: int) -> list[tuple[float, Any]]:
        """The RECEIVE that brings an output home."""
        self.payments_count += 1
        number, sequence = self.payments_count, self.sequences[wallet]
        transition, claim_id = digest("transition", wallet, sequence), digest("certificate", wallet, sequence)
        story: list[tuple[float, Any]] = []

        def at(ms: float) -> int:
            return begin + int(ms * MS)

        story.append((0, events.IncomingSeen(at(0), wallet, cert_id, 0, digest("owner", sender), amount, text, "claimable")))
        story.append((0.1, self.wallet(wallet, t_ns=at(0.1), incoming=amount, state="claiming")))
        story.append((0.2, events.PaymentStarted(at(0.2), number, wallet, "receive", amount, 0, (), sequence)))
        clock = 0.2
        for step, took in (("built", 0.3), ("checked", 0.5), ("signed", 0.1), ("stored", 3.8)):
            clock += took
            story.append((clock, events.PaymentStep(at(clock), number, step, took, transition if step in {"signed", "stored"} else None)))
        self._tell_votes(story, number, wallet, sequence, transition, clock + 0.2, begin, proof_ms=0.0)
        votes_ms = sorted(VOTE_MS[index] - 21.0 for index in range(4) if index not in self.down)[2]
        self.balances[wallet] += amount
        self.sequences[wallet] += 1
        self._tell_certificate(story, number, wallet, sequence, claim_id, clock + 0.2, votes_ms, begin, "receive", ())
        end = max(ms for ms, _ in story)
        story.append((end, events.IncomingSeen(at(end), wallet, cert_id, 0, digest("owner", sender), amount, text, "claimed")))
        return sorted(story, key=lambda item: item[0])

    def _tell_votes(
        self, story: list[tuple[float, Any]], number: int, wallet: str, sequence: int, transition: bytes, asked: float, begin: int, *, proof_ms: float
    ) -> None:
        owner = digest("owner", wallet)

        def at(ms: float) -> int:
            return begin + int(ms * MS)

        up = [index for index in range(4) if index not in self.down]
        order = sorted(up, key=lambda index: VOTE_MS[index])
        for index in range(4):
            story.append((asked + index * 0.05, events.RequestSent(at(asked + index * 0.05), number, index, "vote")))
        for index in up:
            vote_ms = VOTE_MS[index] - (21.0 - proof_ms)
            arrived, cast = asked + 1.5 + index * 0.4, asked + vote_ms - 1.2
            requested = lines.VoteRequested(at(arrived), owner, sequence, transition)
            story.append((arrived, of_validator(index, requested)))
            vote = lines.VoteCast(at(cast), owner, sequence, transition, 0.7, proof_ms, 3.4 + index * 0.3, cast - arrived)
            story.append((cast, of_validator(index, vote)))
            self.votes_cast[index] += 1
            rank = order.index(index) + 1
            signature = digest("signature", index, transition) * 2
            story.append((asked + vote_ms, events.VoteReceived(at(asked + vote_ms), number, index, signature, rank, vote_ms)))
        for index in sorted(self.down):
            story.append((asked + 3, events.ValidatorSilent(at(asked + 3), number, index, "no connection")))

    def _tell_certificate(
        self,
        story: list[tuple[float, Any]],
        number: int,
        wallet: str,
        sequence: int,
        cert_id: bytes,
        asked: float,
        votes_ms: float,
        begin: int,
        kind: str,
        recipients: tuple[bytes, ...],
    ) -> None:
        owner = digest("owner", wallet)

        def at(ms: float) -> int:
            return begin + int(ms * MS)

        up = [index for index in range(4) if index not in self.down]
        order = sorted(up, key=lambda index: VOTE_MS[index])
        signers = tuple(sorted(order[:3]))
        formed = asked + votes_ms + 4.1
        self.log_length += 1
        story.append((formed, events.CertificateMade(at(formed), number, cert_id, signers, 1_874 if kind == "send" else 902, votes_ms, formed)))
        story.append((formed, events.PaymentState(at(formed), number, wallet, "certified", None)))
        last = formed
        for position, index in enumerate(order):
            sent, applied = formed + 0.2, formed + ACK_MS[index] - 0.8
            story.append((sent, events.RequestSent(at(sent), number, index, "certificate")))
            line = lines.CertificateApplied(at(applied), cert_id, self.log_length - 1, kind, owner, sequence, recipients, signers, 3.2)
            story.append((applied, of_validator(index, line)))
            story.append((applied, self.status(index) | {"t_ns": at(applied)}))
            ack = formed + ACK_MS[index]
            story.append(
                (ack, events.CertificateDelivered(at(ack), number, index, "applied", self.log_length - 1, position + 1, ACK_MS[index] - 0.2)),
            )
            last = max(last, ack)
        story.append((last, self.wallet(wallet, t_ns=at(last))))
        story.append((last, events.PaymentState(at(last), number, wallet, "done" if not self.down else "settled", None)))


VOTE_MS = (31.4, 44.8, 38.2, 52.6)
ACK_MS = (7.9, 12.4, 9.3, 10.6)


def address(name: str) -> Address:
    """The address of a wallet that nobody has."""
    return Address(PublicKey(digest("owner", name)), ViewPublicKey(digest("view", name)))


def unknown_wallet() -> LocalFault:
    """What a workbench raises for an order that it cannot take."""
    return LocalFault(ErrorCode.PAYMENT_IN_FLIGHT, "alice is paying already: one payment at a time")


async def show() -> None:
    """The workstation on invented events."""
    bench = FakeWorkbench(is_live=True)
    bench.emit(bench.network())
    for index in range(4):
        bench.emit(bench.process(index, "starting"))
    app = MeshApp(bench)

    async def boot() -> None:
        await asyncio.sleep(1.0)
        bench.boot()

    task = asyncio.create_task(boot())
    await app.run_async()
    await task


if __name__ == "__main__":
    asyncio.run(show())
