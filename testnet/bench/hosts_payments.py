"""Payments from this machine to validators that run wherever the network's file says, and the round trips beside them. Nothing here starts or disturbs one.

What validators do in a payment they tell nobody but their own machine. So all times are read here, on one clock: of the wallet's own steps, of requests and of
their answers. The floor is measured, too: PINGs on MESH's own connections, before the payments and with nothing else on the way.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from statistics import median
from typing import Any, Final

from mesh_core.errors import ErrorCode, LocalFault
from mesh_core.network.client import LocalIdentity
from mesh_core.network.link import LinkSettings, LinkState, LinkStatus, ValidatorLink
from mesh_core.storage.key_file import find_address
from mesh_core.types.address import format_address
from mesh_core.types.messages import Role
from mesh_core.wallet.network import Network, load_network
from testnet.child import Event
from testnet.layout import NetworkFolder
from testnet.traffic.latencies import TARGET_MS, percentile
from testnet.wallet_service import WalletService

PING_EVERY_S: Final = 0.1
"""A validator takes fifty PINGs a second of a connection (docs/protocol.md, "Limits")."""
REACH_S: Final = 20.0
PAYMENT_S: Final = 120.0
TOLD_S: Final = 5.0
"""Who has not acknowledged after so long is left behind."""
APPLIED: Final = ("applied", "already_applied")
STEPS: Final = {"built": "build", "proved": "prove", "checked": "check", "signed": "sign", "stored": "durable at the wallet"}


@dataclass(slots=True)
class PaymentTimes:
    """One payment, in ns of this machine's monotonic clock; votes and acknowledgements by validator, in the order of their coming."""

    called_ns: int
    steps_ms: dict[str, float] = field(default_factory=dict)
    asked_ns: int | None = None
    votes_ns: dict[int, int] = field(default_factory=dict)
    certified_ns: int | None = None
    acks_ns: dict[int, int] = field(default_factory=dict)

    def take(self, event: Event) -> None:
        """One line of the wallets' process about this payment."""
        match event:
            case {"event": "payment_step", "step": str(step), "ms": float() | int() as ms}:
                self.steps_ms[step] = float(ms)
            case {"event": "request_sent", "request": "vote", "t_ns": int(t_ns)} if self.asked_ns is None:
                self.asked_ns = t_ns
            case {"event": "vote_received", "validator": int(index), "t_ns": int(t_ns)}:
                self.votes_ns.setdefault(index, t_ns)
            case {"event": "certificate", "t_ns": int(t_ns)} if self.certified_ns is None:
                self.certified_ns = t_ns
            case {"event": "delivered", "validator": int(index), "status": str(status), "t_ns": int(t_ns)} if status in APPLIED:
                self.acks_ns.setdefault(index, t_ns)
            case _:
                pass


async def measure_round_trips(network: Network, pings: int) -> list[float | None]:
    """The median round trip to each validator in ms, of so many PINGs; None for one that is not reached. LocalFault (NO_QUORUM) where too few are."""
    found: list[list[float]] = [[] for _ in network.validators]
    has_all = asyncio.Event()

    def taker(index: int) -> Callable[[LinkStatus], None]:
        def take(status: LinkStatus) -> None:
            if status.state is LinkState.UP and status.rtt_ms is not None:
                found[index].append(status.rtt_ms)
                if min(map(len, found)) > pings:
                    has_all.set()

        return take

    settings = LinkSettings(ping_interval_s=PING_EVERY_S)
    network_id = network.genesis.network_id
    local = LocalIdentity(Role.WALLET)
    links = [ValidatorLink(peer, local, network_id, on_status=taker(index), settings=settings) for index, peer in enumerate(network.validators)]
    try:
        for link in links:
            link.start()
        with suppress(TimeoutError):
            async with asyncio.timeout(REACH_S + 2 * pings * PING_EVERY_S):
                await has_all.wait()
    finally:
        for link in links:
            link.close()
    # The first round trip of a connection is the one on which it was made.
    reached = [sorted(values[1 : pings + 1] or values) for values in found]
    if sum(map(bool, reached)) < network.genesis.committee.quorum_threshold:
        names = ", ".join(f"V{index + 1} at {peer.host}:{peer.port}" for index, peer in enumerate(network.validators) if not reached[index])
        raise LocalFault(ErrorCode.NO_QUORUM, f"not reached within {REACH_S:g} s: {names}")
    return [round(median(values), 3) if values else None for values in reached]


async def measure_payments(
    folder: NetworkFolder, payer: str, payee: str, *, payments: int, warm_up: int, tell: Callable[[int], None]
) -> tuple[list[PaymentTimes], int]:
    """So many payments of one unit, one after the other; and the quorum. LocalFault, with the wallet's reason where it cannot pay."""
    network = load_network(folder.network_file)
    committee = network.genesis.committee
    book: dict[int, PaymentTimes] = {}
    changed = asyncio.Event()
    reached: set[int] = set()

    def take(event: Event) -> None:
        match event:
            case {"event": "link", "validator": int(index), "up": bool(up)}:
                (reached.add if up else reached.discard)(index)
            case {"event": "payment_started", "kind": "send", "payment": int(number), "t_ns": int(t_ns)}:
                book[number] = PaymentTimes(t_ns)
            case {"payment": int(number)} if number in book:
                book[number].take(event)
            case _:
                pass
        changed.set()

    async def until(condition: Callable[[], bool], within_s: float) -> bool:
        try:
            async with asyncio.timeout(within_s):
                while not condition():
                    changed.clear()
                    await changed.wait()
        except TimeoutError:
            return False
        return True

    wallets = WalletService(folder, take, only=[payer])
    await wallets.start()
    try:
        if not await until(lambda: len(reached) >= committee.quorum_threshold, REACH_S):
            raise LocalFault(ErrorCode.NO_QUORUM, f"the wallet reaches {len(reached)} of {committee.size} validators; its log: {folder.home / 'wallets.log'}")
        done: list[PaymentTimes] = []
        for number in range(warm_up + payments):
            async with asyncio.timeout(PAYMENT_S):
                await wallets.pay(payer, payee, 1, "")
            times = book[max(book)]
            await until(partial(_has_acks, times, reached, committee.quorum_threshold), TOLD_S)
            if number >= warm_up:
                done.append(times)
                tell(len(done))
    except TimeoutError:
        raise LocalFault(ErrorCode.NO_QUORUM, f"a payment was not final within {PAYMENT_S:g} s; it is signed, and goes on when the wallet is opened") from None
    finally:
        await wallets.stop()
    return done, committee.quorum_threshold


def _has_acks(times: PaymentTimes, reached: set[int], quorum: int) -> bool:
    """Whether nobody who is reached owes an acknowledgement. Who is away holds up no payment, and no measurement."""
    return len(times.acks_ns) >= quorum and reached <= times.acks_ns.keys()


def address_in(folder: NetworkFolder, name: str) -> str:
    """The address of a wallet of this home, without opening it. LocalFault (WALLET_UNKNOWN)."""
    address = find_address(folder.home / "wallets" / name)
    if address is None:
        raise LocalFault(ErrorCode.WALLET_UNKNOWN, f"there is no wallet '{name}' in {folder.home}: make one, or name another with --to")
    return format_address(address)


def figures_of(samples: Sequence[PaymentTimes], round_trips_ms: Sequence[float | None], quorum: int) -> dict[str, Any]:
    """What a run came to. `floor`: the round trip to the q-th nearest validator, below which no round of votes can be."""
    floor_ms = sorted(value for value in round_trips_ms if value is not None)[quorum - 1]
    certified = [_ms(one.called_ns, one.certified_ns) for one in samples if one.certified_ns is not None]
    applied = [_ms(one.called_ns, sorted(one.acks_ns.values())[quorum - 1]) for one in samples if len(one.acks_ns) >= quorum]
    votes: list[list[float]] = [[] for _ in round_trips_ms]
    for one in samples:
        for index, at_ns in one.votes_ns.items():
            votes[index].append(_ms(one.asked_ns or one.called_ns, at_ns))
    steps = {name: [one.steps_ms[step] for one in samples if step in one.steps_ms] for step, name in STEPS.items()}
    return {
        "payments": len(samples),
        "quorum": quorum,
        "target_ms": TARGET_MS,
        "round_trips_ms": list(round_trips_ms),
        "votes_ms": [round(median(values), 3) if values else None for values in votes],
        "certificate": _distribution(certified, floor_ms),
        "acks": _distribution(applied, 2 * floor_ms),
        "unacknowledged": len(samples) - len(applied),
        "steps": {name: {"median": _rank(values, 50), "p99": _rank(values, 99)} for name, values in steps.items() if values},
        "certificates_ms": sorted(certified),
        "acks_ms": sorted(applied),
    }


def _distribution(values: Sequence[float], floor_ms: float) -> dict[str, Any]:
    if not values:
        raise LocalFault(ErrorCode.NO_QUORUM, "no payment was acknowledged by a quorum")
    middle = _rank(values, 50)
    return {
        "median": middle,
        "p90": _rank(values, 90),
        "p99": _rank(values, 99),
        "longest": max(values),
        "floor": round(floor_ms, 3),
        "above_floor": round(middle - floor_ms, 3),
        "within_target": sum(value <= TARGET_MS for value in values),
    }


def _rank(values: Sequence[float], percent: float) -> float:
    return percentile(sorted(values), percent)


def _ms(start_ns: int, end_ns: int) -> float:
    return round((end_ns - start_ns) / 1e6, 3)
