"""The wallets of a home, each open as far as it can be: sealed ones wait for their passphrase, ones that another program uses for its end.

What is not open is told in `wallet_shut` events, so that a screen shows it all the same:

    {"event": "wallet_shut", "t_ns": …, "wallet": "vault", "state": "sealed", "address": "mesh1…", "owner": "…64 digits…", "key": "sealed", "text": "…"}

`state` is sealed, in_use (by another program: it is opened as soon as that ends) or broken (`text` says why). Passphrases and phrases that pass through here
are in no event, no log and no fault.
"""

import asyncio
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from mesh_core.crypto.keys import ViewOnlyKeys, WalletKeys
from mesh_core.crypto.phrase import phrase_to_seed, seed_to_phrase
from mesh_core.errors import ErrorCode, LocalFault
from mesh_core.storage.files import write_atomically
from mesh_core.storage.key_file import KeyKind, Sealing, format_view_key, parse_view_key, read_keys
from mesh_core.storage.wallet_store import (
    SEED_SIZE_BYTES,
    WALLET_NAME,
    WalletStore,
    find_key_kind,
    find_wallet_address,
    list_wallets,
    rename_wallet,
    require_wallet,
)
from mesh_core.types.address import Address, format_address
from mesh_core.wallet.choosing import current_wallet, use_wallet
from mesh_core.wallet.home import WalletHome
from mesh_core.wallet.home_folder import HomeFolder
from mesh_core.wallet.surroundings import REAL
from testnet.child import Event
from testnet.wallet_documents import path_of, read_bounded
from testnet.wallet_telling import qr_event

RETRY_S: Final = 1.0
"""How often a wallet that another program uses is tried."""
DRAFTS_MOST: Final = 8
"""Phrases that were shown and not yet used for a wallet. More are nobody's, and the oldest are forgotten."""
VIEW_KEY_LIMIT_BYTES: Final = 4096
SEALED, IN_USE, BROKEN = "sealed", "in_use", "broken"


class WalletKeeper:
    """Opens, closes, makes and renames the wallets of one home."""

    def __init__(
        self, folder: HomeFolder, home: WalletHome, publish: Callable[[Event], None], on_open: Callable[[str], None], on_close: Callable[[str], None]
    ) -> None:
        """`on_open` is told the name of each wallet that was opened, also under a new name; `on_close` of each that is closed: its keys must be forgotten."""
        self._folder = folder
        self._home = home
        self._publish = publish
        self._on_open = on_open
        self._on_close = on_close
        self._shut: dict[str, str] = {}
        self._drafted: deque[bytes] = deque(maxlen=DRAFTS_MOST)
        self._orders: Counter[str] = Counter()
        self._turn = asyncio.Lock()

    # --- Opening

    def open_all(self) -> None:
        """Open every wallet that can be opened, and tell of the others. LocalFault only if the folder itself cannot be read."""
        for name in list_wallets(self._folder.wallets):
            self._try_to_open(name)

    async def take_when_free(self) -> None:
        """Open wallets that other programs have used, as soon as these have ended. Runs until it is cancelled."""
        while True:
            await asyncio.sleep(RETRY_S)
            async with self._turn:
                for name in [name for name, state in self._shut.items() if state == IN_USE]:
                    self._try_to_open(name)

    def _try_to_open(self, name: str, keys: WalletKeys | ViewOnlyKeys | None = None) -> None:
        try:
            self._open(name, keys)
        except LocalFault as fault:
            state = {ErrorCode.WALLET_SEALED: SEALED, ErrorCode.STORE_LOCKED: IN_USE}.get(fault.code, BROKEN)
            if self._shut.get(name) != state:
                self._shut[name] = state
                self._tell_shut(name, state, fault)

    def _open(self, name: str, keys: WalletKeys | ViewOnlyKeys | None = None) -> None:
        self._home.open(name, keys)
        self._shut.pop(name, None)
        self._on_open(name)

    async def _release(self, name: str) -> None:
        self._on_close(name)
        await self._home.release(name)

    def _tell_shut(self, name: str, state: str, fault: LocalFault) -> None:
        address, kind = self._describe(name)
        owner = None if address is None else address.owner.hex()
        shown = None if address is None else format_address(address)
        event = {"event": "wallet_shut", "t_ns": time.monotonic_ns(), "wallet": name, "state": state}
        self._publish({**event, "address": shown, "owner": owner, "key": kind, "text": fault.text})
        if address is not None:
            self._publish(qr_event(name, address))
        if state == BROKEN:
            self._publish({"event": "fault", "t_ns": time.monotonic_ns(), "wallet": name, "payment": None, "code": f"{fault.code:04x}", "text": fault.text})

    def _describe(self, name: str) -> tuple[Address | None, str | None]:
        """What is known of a wallet without its key; a damaged key file tells nothing."""
        try:
            return find_wallet_address(self._folder.wallets, name), find_key_kind(self._folder.wallets, name).value
        except LocalFault:
            return None, None

    def key_kind(self, name: str) -> str:
        """plain, sealed or view-only. LocalFault."""
        return find_key_kind(self._folder.wallets, name).value

    # --- Making

    def draft_phrase(self) -> str:
        """A new wallet's phrase (secret), for its owner to write down before the wallet is made. Until then it is worth nothing."""
        seed = REAL.entropy(SEED_SIZE_BYTES)
        self._drafted.append(seed)
        return seed_to_phrase(seed)

    async def create(self, name: str, phrase: str, passphrase: str) -> None:
        """Make a new wallet: with a drafted phrase, else with a fresh seed that nobody has seen. LocalFault."""
        async with self._turn:
            self._refuse_taken(name)
            seed = phrase_to_seed(phrase) if phrase else REAL.entropy(SEED_SIZE_BYTES)
            if phrase and seed not in self._drafted:
                # A wallet that is made new asks nobody what its seed has signed: with a used one it could sign twice for one slot.
                raise LocalFault(ErrorCode.PHRASE_INVALID, "this phrase was not drafted here: a wallet that exists is imported, which asks the validators")
            await asyncio.to_thread(WalletStore.make, self._folder.wallets, name, seed, sealing=_sealing(passphrase))
            if phrase:
                self._drafted.remove(seed)
            self._open(name, WalletKeys.from_seed(seed))

    async def restore(self, name: str, phrase: str, passphrase: str) -> None:
        """Make a wallet from its phrase; balance, openings and history come back from the validators behind this. LocalFault."""
        async with self._turn:
            self._refuse_taken(name)
            seed = phrase_to_seed(phrase)
            keys = WalletKeys.from_seed(seed)
            self._refuse_known(keys)
            await asyncio.to_thread(WalletStore.restore, self._folder.wallets, name, seed, sealing=_sealing(passphrase))
            self._open(name, keys)

    async def add_view(self, name: str, file: str) -> None:
        """Make a wallet that sees an account and spends nothing, from the view key in a file. LocalFault."""
        async with self._turn:
            self._refuse_taken(name)
            keys = parse_view_key(read_bounded(path_of(file), VIEW_KEY_LIMIT_BYTES), file)
            WalletStore.make_view_only(self._folder.wallets, name, keys)
            self._open(name, keys)

    def export_view(self, name: str, file: str) -> Path:
        """Write an open wallet's view key into a new file; returns its path. LocalFault."""
        keys, path = self._home.wallet(name).keys, path_of(file)
        write_new(path, format_view_key(ViewOnlyKeys(keys.owner, keys.view_key)).encode("ascii"))
        return path

    def _refuse_taken(self, name: str) -> None:
        if not WALLET_NAME.fullmatch(name):
            require_wallet(self._folder.wallets, name)
        if name in list_wallets(self._folder.wallets):
            raise LocalFault(ErrorCode.WALLET_EXISTS, f"there is a wallet '{name}' in {self._folder.wallets} already; choose another name")

    def _refuse_known(self, keys: WalletKeys) -> None:
        """Two wallets that sign for one account would sign twice for one slot, and lock it."""
        for name in list_wallets(self._folder.wallets):
            address, kind = self._describe(name)
            if address is not None and address.owner == keys.owner and kind != KeyKind.VIEW_ONLY.value:
                raise LocalFault(ErrorCode.WALLET_EXISTS, f"this phrase is that of the wallet '{name}', which is here already")

    # --- Sealed wallets

    async def unlock(self, name: str, passphrase: str) -> None:
        """Open a sealed wallet. LocalFault (PASSPHRASE) for another passphrase than its own."""
        async with self._turn:
            keys = await asyncio.to_thread(read_keys, require_wallet(self._folder.wallets, name), lambda _: passphrase)
            self._open(name, keys)

    async def lock(self, name: str) -> None:
        """Close a sealed wallet that was opened, and forget its keys. LocalFault where it is at work, or not sealed."""
        async with self._turn:
            if find_key_kind(self._folder.wallets, name) is not KeyKind.SEALED:
                raise LocalFault(ErrorCode.WALLET_SEALED, f"'{name}' is not sealed: without a passphrase there is nothing to lock it with")
            if name in self._home.names:
                self._require_idle(name, "lock it")
                await self._release(name)
            self._try_to_open(name)

    # --- Renaming

    async def rename(self, name: str, new_name: str) -> None:
        """Give a wallet another name, folder and all. Contacts hold addresses, so nothing changes for whoever pays it. LocalFault."""
        async with self._turn:
            self._refuse_taken(new_name)
            keys = None
            if name in self._home.names:
                self._require_idle(name, "rename it")
                keys = self._home.wallet(name).keys
                await self._release(name)
            now = name
            try:
                rename_wallet(self._folder.wallets, name, new_name)
                now = new_name
                if current_wallet(self._folder) == name:
                    use_wallet(self._folder, new_name)
                self._publish({"event": "wallet_renamed", "t_ns": time.monotonic_ns(), "wallet": name, "name": new_name})
            finally:
                self._shut.pop(name, None)
                self._try_to_open(now, keys)

    @contextmanager
    def ordered(self, name: str) -> Iterator[None]:
        """While something was ordered of a wallet and is not done, it keeps its name and stays open."""
        self._orders[name] += 1
        try:
            yield
        finally:
            self._orders[name] -= 1

    def _require_idle(self, name: str, purpose: str) -> None:
        wallet = self._home.wallet(name)
        is_signing = wallet.is_in_step and wallet.is_busy
        if self._orders[name] or is_signing or (wallet.account.pending is not None and not wallet.is_view_only):
            raise LocalFault(ErrorCode.PAYMENT_IN_FLIGHT, f"a payment or claim of '{name}' is on its way: {purpose} when it is final")


def write_new(path: Path, data: bytes) -> None:
    """Write a private file that did not exist. LocalFault (KEY_FILE)."""
    try:
        write_atomically(path, data)
    except FileExistsError:
        raise LocalFault(ErrorCode.KEY_FILE, f"{path} exists and is not overwritten: choose another name") from None


def _sealing(passphrase: str) -> Sealing | None:
    return Sealing(passphrase) if passphrase else None
