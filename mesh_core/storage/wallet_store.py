"""A home of wallets: HOME/NAME/ holds the wallet's key (`key_file.py`) and its records (`wallet.db`).

The key is the wallet: a folder without one is no wallet. It is written last and never overwritten, so an interrupted `create` can be repeated,
and no command can replace the only copy of somebody's keys.

The records can be had back from the validators with the seed alone. A new wallet's database says from the start that there is nothing to be had back; one
that is made beside a seed that was used before does not, and the wallet then asks for everything.
"""

import re
import stat
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from mesh_core.crypto.keys import ViewOnlyKeys, WalletKeys
from mesh_core.errors import ErrorCode, LocalFault
from mesh_core.storage.committer import Committer
from mesh_core.storage.database import DEADLINE_SECONDS, CommitStatistics, Database
from mesh_core.storage.files import flush_directory
from mesh_core.storage.key_file import AskPassphrase, KeyKind, Sealing, find_address, find_kind, has_key, read_keys, read_seed, write_seed, write_view
from mesh_core.storage.lock import OwnerLock, StoreLocked
from mesh_core.storage.pending import Record
from mesh_core.types.address import Address

DATABASE_NAME = "wallet.db"
SEED_SIZE_BYTES = 32
FORMAT_NAME = "mesh-wallet"
FORMAT_VERSION = 1
NOTHING_TO_RESTORE: Record = ("meta/history", b"complete")
"""In the database of a wallet whose seed nobody has used before. (The wallet writes the same record when everything is restored.)"""

# The name becomes a folder: no dots and no slashes, so it cannot lead out of the home; no leading dash, so it is never taken for an option.
WALLET_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,31}", re.ASCII)


class WalletStore:
    """One open wallet. `on_fault` is called once, when nothing can be written any more: the wallet must then stop."""

    def __init__(self, folder: Path, database: Database, keys: WalletKeys | ViewOnlyKeys, on_fault: Callable[[LocalFault], None]) -> None:
        self.name = folder.name
        self._folder = folder
        self._database = database
        self._keys = keys
        self._committer = Committer(database, on_fault)

    @classmethod
    def create(
        cls,
        home: Path,
        name: str,
        seed: bytes,
        on_fault: Callable[[LocalFault], None],
        *,
        sealing: Sealing | None = None,
        deadline_seconds: float = DEADLINE_SECONDS,
    ) -> "WalletStore":
        """Make a new wallet with a seed of 32 bytes (secret), sealed where `sealing` says so, and open it.

        Raises LocalFault: WALLET_NAME_INVALID, WALLET_EXISTS (a key is there, or records without their key), PASSPHRASE (empty), and what `Database.open`
        raises.
        """
        folder = _find_folder(home, name)
        database = _create_database(folder, lambda: write_seed(folder, seed, sealing), deadline_seconds)
        return cls(folder, database, WalletKeys.from_seed(seed), on_fault)

    @staticmethod
    def make(home: Path, name: str, seed: bytes, *, sealing: Sealing | None = None) -> None:
        """Make a new wallet with a seed of 32 bytes (secret) and leave it closed. For programs without an event loop. Raises LocalFault as `create`."""
        folder = _find_folder(home, name)
        _create_database(folder, lambda: write_seed(folder, seed, sealing), DEADLINE_SECONDS).close()

    @staticmethod
    def restore(home: Path, name: str, seed: bytes, *, sealing: Sealing | None = None) -> None:
        """Make a wallet with a seed that was used before (32 bytes, secret), without any records, and leave it closed. Raises LocalFault as `create`.

        The first start of the wallet asks the validators for balance, openings and history.
        """
        folder = _find_folder(home, name)
        _create_database(folder, lambda: write_seed(folder, seed, sealing), DEADLINE_SECONDS, is_used=True).close()

    @staticmethod
    def make_view_only(home: Path, name: str, keys: ViewOnlyKeys) -> None:
        """Make a wallet that reads somebody's account and cannot spend from it, and leave it closed. Raises LocalFault as `create`.

        Its first start asks the validators for balance and history, as that of a restored wallet does.
        """
        folder = _find_folder(home, name)
        _create_database(folder, lambda: write_view(folder, keys), DEADLINE_SECONDS, is_used=True).close()

    @classmethod
    def open(
        cls,
        home: Path,
        name: str,
        on_fault: Callable[[LocalFault], None],
        *,
        ask_passphrase: AskPassphrase | None = None,
        keys: WalletKeys | ViewOnlyKeys | None = None,
        deadline_seconds: float = DEADLINE_SECONDS,
    ) -> "WalletStore":
        """Open an existing wallet and own it. Where its records are gone, new ones are begun beside the key, and the wallet restores itself.

        `ask_passphrase` is called only where the seed is sealed, once the wallet is ours: nobody types a passphrase to learn that another program has it.
        `keys` (secret) are this wallet's own, where the caller has them already: opening a seal takes most of a second.
        Raises LocalFault: WALLET_NAME_INVALID, WALLET_UNKNOWN, KEY_FILE (the key is damaged or open to others), WALLET_SEALED (nobody to ask), PASSPHRASE
        (a wrong one), and what `Database.open` raises.
        """
        folder = require_wallet(home, name)
        find_kind(folder)
        database = _open_database(folder, deadline_seconds=deadline_seconds)
        try:
            return cls(folder, database, read_keys(folder, ask_passphrase) if keys is None else keys, on_fault)
        except BaseException:
            database.close()
            raise

    @property
    def statistics(self) -> CommitStatistics:
        """Count and times of the commits so far."""
        return self._committer.statistics

    def read_keys(self) -> WalletKeys | ViewOnlyKeys:
        """The wallet's keys (secret), as they were opened."""
        return self._keys

    def read_seed(self, ask_passphrase: AskPassphrase | None = None) -> bytes:
        """The wallet's 32 secret bytes, read from the file at each call so that no copy stays in this object. Raises LocalFault(KEY_FILE, VIEW_ONLY, …)."""
        return read_seed(self._folder, ask_passphrase)

    async def put(self, records: Sequence[Record]) -> None:
        """Make one batch durable, all or nothing; only after that may anything that depends on it leave this process."""
        await self._committer.enqueue(records)

    def write(self, records: Sequence[Record]) -> None:
        """`put` for programs without an event loop."""
        self._database.write(records)

    def get(self, key: str) -> bytes | None:
        """The value of one key, queued batches included; may wait for an fsync."""
        return self._database.get(key)

    def records(self, prefix: str = "") -> Iterator[Record]:
        """Every durable record whose key starts with `prefix`, in the order of the keys."""
        return self._database.records(prefix)

    async def close(self) -> None:
        """Make everything queued durable and close the file; after a fault, close at once."""
        await self._committer.close()
        self._database.close()


def list_wallets(home: Path) -> tuple[str, ...]:
    """The names of the wallets in a home, sorted; none if the home does not exist. Raises LocalFault(STORE_UNAVAILABLE) if it cannot be read."""
    try:
        names = sorted(folder.name for folder in home.iterdir())
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise _describe_unreadable(home, error) from error
    return tuple(name for name in names if WALLET_NAME.fullmatch(name) and _has_key(home / name))


def require_wallet(home: Path, name: str) -> Path:
    """The folder of an existing wallet. LocalFault: WALLET_NAME_INVALID, WALLET_UNKNOWN."""
    folder = _find_folder(home, name)
    if not _has_key(folder):
        known = ", ".join(list_wallets(home)) or "none"
        raise LocalFault(ErrorCode.WALLET_UNKNOWN, f"there is no wallet '{name}' in {home} (wallets there: {known})")
    return folder


def find_wallet_address(home: Path, name: str) -> Address | None:
    """The address of a wallet, without opening it; None where only its passphrase would tell. LocalFault: WALLET_UNKNOWN, KEY_FILE, STORE_FORMAT."""
    return find_address(require_wallet(home, name))


def has_records(home: Path, name: str) -> bool:
    """Whether a closed wallet has been used: it remembers a network. LocalFault: WALLET_UNKNOWN, and what `Database.open` raises (STORE_LOCKED)."""
    database = _open_database(require_wallet(home, name), deadline_seconds=DEADLINE_SECONDS)
    try:
        return any(record != NOTHING_TO_RESTORE for record in database.records())
    finally:
        database.close()


def find_key_kind(home: Path, name: str) -> KeyKind:
    """Whether a wallet's seed lies open, is sealed, or is not there at all. LocalFault: WALLET_UNKNOWN, KEY_FILE, STORE_FORMAT."""
    return find_kind(require_wallet(home, name))


def rename_wallet(home: Path, name: str, new_name: str) -> None:
    """Give a closed wallet another name: its folder, durably.

    Raises LocalFault: WALLET_UNKNOWN, WALLET_NAME_INVALID, WALLET_EXISTS, STORE_LOCKED, STORE_UNAVAILABLE.
    """
    folder, target = require_wallet(home, name), _find_folder(home, new_name)
    try:
        # Owned meanwhile: another program that had it open would go on writing into a folder of another name.
        lock = OwnerLock.acquire(folder / DATABASE_NAME)
    except StoreLocked as fault:
        raise _describe_locked(name, fault) from fault
    except OSError as error:
        raise _describe_unreadable(folder, error) from error
    try:
        # A folder in its place is somebody's, also an empty one, which the system would replace.
        if target.exists():
            raise LocalFault(ErrorCode.WALLET_EXISTS, f"there is a wallet or folder '{new_name}' in {home} already; choose another name")
        folder.rename(target)
        flush_directory(home)
    except OSError as error:
        raise LocalFault(ErrorCode.STORE_UNAVAILABLE, f"cannot rename {folder} to {target}: {error.strerror or error}") from error
    finally:
        lock.release()


def _find_folder(home: Path, name: str) -> Path:
    if not WALLET_NAME.fullmatch(name):
        raise LocalFault(
            ErrorCode.WALLET_NAME_INVALID,
            f"{name[:40]!r} is no name for a wallet: 1 to 32 letters (a-z, A-Z), digits, '_' and '-', not starting with '-'",
        )
    return home / name


def _has_key(folder: Path) -> bool:
    try:
        return has_key(folder)
    except OSError as error:
        raise _describe_unreadable(folder, error) from error


def _describe_unreadable(folder: Path, error: OSError) -> LocalFault:
    return LocalFault(ErrorCode.STORE_UNAVAILABLE, f"cannot read {folder}: {error.strerror or error}")


def _describe_locked(name: str, fault: StoreLocked) -> LocalFault:
    text = f"the wallet '{name}' is in use by {fault.owner}: one program at a time uses a wallet; wait until it has finished, or stop it"
    return LocalFault(ErrorCode.STORE_LOCKED, text)


def _open_database(folder: Path, *, deadline_seconds: float) -> Database:
    _refuse_special(folder / DATABASE_NAME)
    try:
        return Database.open(folder / DATABASE_NAME, format_name=FORMAT_NAME, format_version=FORMAT_VERSION, create=True, deadline_seconds=deadline_seconds)
    except StoreLocked as fault:
        raise _describe_locked(folder.name, fault) from fault


def _refuse_special(path: Path) -> None:
    """LocalFault (STORE_UNAVAILABLE) for what SQLite would stumble over, or wait for, in its own way: a named pipe, a link to itself. A folder it names."""
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return
    except OSError as error:
        raise LocalFault(ErrorCode.STORE_UNAVAILABLE, f"cannot open {path}: {error.strerror or error}") from error
    if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
        raise LocalFault(ErrorCode.STORE_UNAVAILABLE, f"{path} is not a regular file, a database file is expected there")


def _create_database(folder: Path, write_key: Callable[[], None], deadline_seconds: float, *, is_used: bool = False) -> Database:
    """The database of a wallet that did not exist; its key is written last, since a folder with a key is a wallet."""
    _refuse_taken(folder)
    database = _open_database(folder, deadline_seconds=deadline_seconds)
    try:
        _write_first_key(folder, write_key, database, is_used=is_used)
    except BaseException:
        database.close()
        raise
    return database


def _write_first_key(folder: Path, write_key: Callable[[], None], database: Database, *, is_used: bool) -> None:
    """A new key beside the records of an old one would be a wallet that signs for one account and remembers the payments of another."""
    # Once more, now that the folder is ours: another program may have made this wallet since, and its address file would be written over. What is paid to the
    # address of a seed that was never kept is nobody's.
    _refuse_taken(folder)
    if any(record != NOTHING_TO_RESTORE for record in database.records()):
        raise LocalFault(
            ErrorCode.WALLET_EXISTS, f"{folder} holds the records of a wallet '{folder.name}' whose seed is missing; put its seed back or choose another name"
        )
    # An interrupted `create` may have left its record: in a wallet whose seed was used it would hide that there is something to ask for.
    database.write([(NOTHING_TO_RESTORE[0], b"" if is_used else NOTHING_TO_RESTORE[1])])
    try:
        write_key()
    except FileExistsError:
        raise _taken(folder) from None


def _refuse_taken(folder: Path) -> None:
    if _has_key(folder):
        raise _taken(folder)


def _taken(folder: Path) -> LocalFault:
    return LocalFault(ErrorCode.WALLET_EXISTS, f"there is a wallet '{folder.name}' in {folder.parent} already; choose another name")
