"""What a screen shows of open wallets beside their balance, told behind their work and not in it: a payment never waits for its own history to be drawn.

    {"event": "wallet_details", "wallet": "alice", "key": "plain", "parts": [{"name": "spendable", "amount": 9499, "commitment": "…"}, …], "unopenable": 0, …}
    {"event": "wallet_history", "wallet": "alice", "entries": [{…}, …], "has_older": true}
    {"event": "wallet_qr", "wallet": "alice", "rows": ["█▀▀…", …]}

The three parts are spendable, incoming and in flight: each amount, and its commitment, which is what validators see of it. History comes in pages: first the
newest entries, then whatever is new or has changed; older ones where they are asked for (`show`).
"""

import asyncio
import time
from collections.abc import Callable
from typing import Any, Final

from mesh_core.errors import LocalFault
from mesh_core.types.address import Address, format_address
from mesh_core.wallet import events
from mesh_core.wallet.cli.qr import draw_qr
from mesh_core.wallet.commitments import commit_balance
from mesh_core.wallet.history import HistoryEntry, HistoryReader
from mesh_core.wallet.home import WalletHome
from mesh_core.wallet.wallet import Wallet
from testnet.child import Event

PAUSE_S: Final = 0.2
"""Between two rounds: what changes several times in a payment is told once."""
PAGE_ENTRIES: Final = 50
ENTRIES_MOST: Final = 1_000
"""Of one wallet, for one screen; `mesh-wallet history` has them all."""
SLICE_ENTRIES: Final = 8
"""Opened in one turn of the loop, so that a long history holds up nobody's payment."""
TOLD_BY: Final = (events.WalletChanged, events.IncomingSeen, events.PaymentState, events.WalletNotice)


class _Told:
    """What was told of one open wallet."""

    def __init__(self, wallet: Wallet) -> None:
        self.reader = HistoryReader(wallet.account, wallet.keys.view_key)
        self.limit = PAGE_ENTRIES
        self.opened = 0
        self.entries: dict[tuple[str, int, str], Event] = {}
        self.has_older = False
        self.details: dict[str, Any] = {}


class WalletTeller:
    """Tells details, histories and QR codes of the open wallets of a home."""

    def __init__(self, home: WalletHome, publish: Callable[[Event], None], find_kind: Callable[[str], str], on_fault: Callable[[LocalFault], None]) -> None:
        """`find_kind` gives the kind of a wallet's key by its name; `on_fault` is told that a wallet's file cannot be read."""
        self._home = home
        self._publish = publish
        self._find_kind = find_kind
        self._on_fault = on_fault
        self._told: dict[str, _Told] = {}
        self._marked: dict[str, None] = {}
        self._wakes = asyncio.Event()

    def opened(self, name: str) -> None:
        """A wallet was opened: everything of it is news."""
        self._told[name] = _Told(self._home.wallet(name))
        self._mark(name)

    def closed(self, name: str) -> None:
        """A wallet is closed: what was opened with its keys is forgotten with them."""
        self._told.pop(name, None)

    def on_event(self, event: events.WalletEvent) -> None:
        """A wallet said something that may have changed what is told of it."""
        if isinstance(event, TOLD_BY) and event.wallet is not None:
            self._mark(event.wallet)

    def show(self, name: str, entries_count: int) -> None:
        """Tell so many of the newest entries of a wallet's history from now on. LocalFault (WALLET_UNKNOWN)."""
        wallet = self._home.wallet(name)
        self._told.setdefault(name, _Told(wallet)).limit = max(PAGE_ENTRIES, min(ENTRIES_MOST, entries_count))
        self._mark(name)

    async def run(self) -> None:
        """Tell what was marked, until cancelled, or until a wallet's file cannot be read."""
        while True:
            await self._wakes.wait()
            await asyncio.sleep(PAUSE_S)
            self._wakes.clear()
            marked, self._marked = self._marked, {}
            for name in marked:
                if name in self._home.names and name in self._told:
                    try:
                        await self._tell(self._home.wallet(name), self._told[name])
                    except LocalFault as fault:
                        self._on_fault(fault)
                        return

    def _mark(self, name: str) -> None:
        self._marked[name] = None
        self._wakes.set()

    async def _tell(self, wallet: Wallet, told: _Told) -> None:
        details = self._details(wallet)
        if details != told.details:
            if not told.details:
                self._publish(qr_event(wallet.name, wallet.address))
            told.details = details
            self._publish({"event": "wallet_details", "t_ns": time.monotonic_ns(), **details})
        await asyncio.sleep(0)
        await self._tell_history(wallet, told)

    def _details(self, wallet: Wallet) -> dict[str, Any]:
        account = wallet.account
        balance, commitments = account.balance, commit_balance(account)
        parts = (
            ("spendable", balance.spendable, commitments.spendable),
            ("incoming", balance.incoming, commitments.incoming),
            ("in flight", balance.in_flight, commitments.in_flight),
        )
        return {
            "wallet": wallet.name,
            "key": self._find_kind(wallet.name),
            "parts": [{"name": name, "amount": amount, "commitment": commitment.hex()} for name, amount, commitment in parts],
            "unopenable": account.unopenable_count,
            "restoring": not account.has_all_history,
            "transitions": account.transitions_count,
            "payments": account.incoming_count,
            "standing": wallet.standing.text,
        }

    async def _tell_history(self, wallet: Wallet, told: _Told) -> None:
        """Open a few at a time, where there is something to open for the first time: what was opened before costs nothing."""
        found: list[HistoryEntry] = []
        has_older = False
        for limit in (*range(told.opened + SLICE_ENTRIES, told.limit, SLICE_ENTRIES), told.limit):
            found, has_older = told.reader.newest(limit)
            await asyncio.sleep(0)
            if not has_older:
                break
        told.opened = len(found)
        entries = {(entry.cert_id.hex(), entry.output, entry.direction.value): _entry_form(entry) for entry in found}
        fresh = [form for key, form in entries.items() if told.entries.get(key) != form]
        told.entries = entries
        if not fresh and has_older == told.has_older:
            return
        told.has_older = has_older
        for start in range(0, max(1, len(fresh)), PAGE_ENTRIES):
            page = {"wallet": wallet.name, "entries": fresh[start : start + PAGE_ENTRIES], "has_older": has_older}
            self._publish({"event": "wallet_history", "t_ns": time.monotonic_ns(), **page})


def _entry_form(entry: HistoryEntry) -> Event:
    return {
        "at_ms": entry.at_ms,
        "direction": entry.direction.value,
        "counterparty": entry.counterparty.hex(),
        "amount": entry.amount,
        "fee": entry.fee,
        "text": entry.text,
        "cert_id": entry.cert_id.hex(),
        "output": entry.output,
        "status": entry.status,
    }


def qr_event(name: str, address: Address) -> Event:
    """A wallet's address for a camera. In capital letters a QR code is a fifth smaller; bech32m takes either case."""
    rows = draw_qr(format_address(address).upper(), in_colour=False).split("\n")
    return {"event": "wallet_qr", "t_ns": time.monotonic_ns(), "wallet": name, "rows": rows}
