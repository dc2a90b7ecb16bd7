"""A home of wallets: HOME/NAME/ holds the wallet's seed (file `seed`) and its records (`wallet.db`).

The seed is the wallet: a folder without one is no wallet. It is written last and never overwritten, so an interrupted `create` can be repeated,
and no command can replace the only copy of somebody's keys.

The records can be had back from the validators with the seed alone. A new wallet's database says from the start that there is nothing to be had back; one
that is made beside a seed that was used before does not, and the wallet then asks for everything.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from mesh_core.errors import ErrorCode, LocalFault
from mesh_core.storage.committer import Committer
from mesh_core.storage.database import DEADLINE_SECONDS, CommitStatistics, Database
from mesh_core.storage.files import read_private, write_atomically
from mesh_core.storage.pending import Record

DATABASE_NAME = "wallet.db"
SEED_NAME = "seed"
SEED_SIZE_BYTES = 32
FORMAT_NAME = "mesh-wallet"
FORMAT_VERSION = 1
SEED_FORMAT = "mesh-seed"
SEED_VERSION = 1
NOTHING_TO_RESTORE: Record = ("meta/history", b"complete")
"""In the database of a wallet whose seed nobody has used before. (The wallet writes the same record when everything is restored.)"""

# The name becomes a folder: no dots and no slashes, so it cannot lead out of the home; no leading dash, so it is never taken for an option.
WALLET_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,31}", re.ASCII)
SEED_TEXT = re.compile(rb"(?:mesh-seed 1\n)?([0-9a-f]{64})\n?")
"""The format's line, then the seed. Without the line, too: so the first version wrote it, and so somebody may who has only the digits left."""
SEED_LINE = re.compile(rb"(mesh-[a-z-]{1,20}) ([0-9]{1,9})\n")


class WalletStore:
    """One open wallet. `on_fault` is called once, when nothing can be written any more: the wallet must then stop."""

    def __init__(self, folder: Path, database: Database, on_fault: Callable[[LocalFault], None]) -> None:
        self.name = folder.name
        self._folder = folder
        self._database = database
        self._committer = Committer(database, on_fault)

    @classmethod
    def create(cls, home: Path, name: str, seed: bytes, on_fault: Callable[[LocalFault], None], *, deadline_seconds: float = DEADLINE_SECONDS) -> "WalletStore":
        """Make a new wallet with a seed of 32 bytes (secret) and open it.

        Raises LocalFault: WALLET_NAME_INVALID, WALLET_EXISTS (a seed is there, or records without their seed), and what `Database.open` raises.
        """
        assert len(seed) == SEED_SIZE_BYTES
        folder = _find_folder(home, name)
        return cls(folder, _create_database(home, folder, name, seed, deadline_seconds), on_fault)

    @staticmethod
    def make(home: Path, name: str, seed: bytes) -> None:
        """Make a new wallet with a seed of 32 bytes (secret) and leave it closed. For programs without an event loop. Raises LocalFault as `create`."""
        _create_database(home, _find_folder(home, name), name, seed, DEADLINE_SECONDS).close()

    @staticmethod
    def restore(home: Path, name: str, seed: bytes) -> None:
        """Make a wallet with a seed that was used before (32 bytes, secret), without any records, and leave it closed. Raises LocalFault as `create`.

        The first start of the wallet asks the validators for balance, openings and history.
        """
        assert len(seed) == SEED_SIZE_BYTES
        _create_database(home, _find_folder(home, name), name, seed, DEADLINE_SECONDS, is_used=True).close()

    @classmethod
    def open(cls, home: Path, name: str, on_fault: Callable[[LocalFault], None], *, deadline_seconds: float = DEADLINE_SECONDS) -> "WalletStore":
        """Open an existing wallet and own it. Where its records are gone, new ones are begun beside the seed, and the wallet restores itself.

        Raises LocalFault: WALLET_NAME_INVALID, WALLET_UNKNOWN, KEY_FILE (the seed is damaged or open to others), and what `Database.open` raises.
        """
        folder = _find_folder(home, name)
        if not _has_seed(folder):
            known = ", ".join(list_wallets(home)) or "none"
            raise LocalFault(ErrorCode.WALLET_UNKNOWN, f"there is no wallet '{name}' in {home} (wallets there: {known})")
        _read_seed(folder)
        return cls(folder, _open_database(folder, deadline_seconds=deadline_seconds), on_fault)

    @property
    def statistics(self) -> CommitStatistics:
        """Count and times of the commits so far."""
        return self._committer.statistics

    def read_seed(self) -> bytes:
        """The wallet's 32 secret bytes, read from the file at each call so that no copy stays in this object. Raises LocalFault(KEY_FILE)."""
        return _read_seed(self._folder)

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
    return tuple(name for name in names if WALLET_NAME.fullmatch(name) and _has_seed(home / name))


def _find_folder(home: Path, name: str) -> Path:
    if not WALLET_NAME.fullmatch(name):
        raise LocalFault(
            ErrorCode.WALLET_NAME_INVALID,
            f"{name[:40]!r} is no name for a wallet: 1 to 32 letters (a-z, A-Z), digits, '_' and '-', not starting with '-'",
        )
    return home / name


def _has_seed(folder: Path) -> bool:
    try:
        return (folder / SEED_NAME).exists()
    except OSError as error:
        raise _describe_unreadable(folder, error) from error


def _describe_unreadable(folder: Path, error: OSError) -> LocalFault:
    return LocalFault(ErrorCode.STORE_UNAVAILABLE, f"cannot read {folder}: {error.strerror or error}")


def _open_database(folder: Path, *, deadline_seconds: float) -> Database:
    return Database.open(folder / DATABASE_NAME, format_name=FORMAT_NAME, format_version=FORMAT_VERSION, create=True, deadline_seconds=deadline_seconds)


def _create_database(home: Path, folder: Path, name: str, seed: bytes, deadline_seconds: float, *, is_used: bool = False) -> Database:
    """The database of a wallet that did not exist; its seed is written last, since a folder with a seed is a wallet."""
    if _has_seed(folder):
        raise LocalFault(ErrorCode.WALLET_EXISTS, f"there is a wallet '{name}' in {home} already; choose another name")
    database = _open_database(folder, deadline_seconds=deadline_seconds)
    try:
        _write_first_seed(folder, name, seed, database, is_used=is_used)
    except BaseException:
        database.close()
        raise
    return database


def _write_first_seed(folder: Path, name: str, seed: bytes, database: Database, *, is_used: bool) -> None:
    """A new seed beside the records of an old one would be a wallet that signs for one account and remembers the payments of another."""
    if any(record != NOTHING_TO_RESTORE for record in database.records()):
        raise LocalFault(
            ErrorCode.WALLET_EXISTS, f"{folder} holds the records of a wallet '{name}' whose seed is missing; put its seed back or choose another name"
        )
    # An interrupted `create` may have left its record: in a wallet whose seed was used it would hide that there is something to ask for.
    database.write([(NOTHING_TO_RESTORE[0], b"" if is_used else NOTHING_TO_RESTORE[1])])
    try:
        write_atomically(folder / SEED_NAME, f"{SEED_FORMAT} {SEED_VERSION}\n{seed.hex()}\n".encode("ascii"))
    except FileExistsError:
        raise LocalFault(ErrorCode.WALLET_EXISTS, f"there is a wallet '{name}' in {folder.parent} already; choose another name") from None


def _read_seed(folder: Path) -> bytes:
    content = read_private(folder / SEED_NAME)
    found = SEED_TEXT.fullmatch(content)
    if found is not None:
        return bytes.fromhex(found[1].decode("ascii"))
    line = SEED_LINE.match(content)
    if line is not None and (line[1].decode(), int(line[2])) != (SEED_FORMAT, SEED_VERSION):
        written, known = line[0].decode().strip(), f"{SEED_FORMAT} {SEED_VERSION}"
        text = f"{folder / SEED_NAME} is a '{written}', this program knows '{known}': run the version of MESH that wrote it"
        raise LocalFault(ErrorCode.STORE_FORMAT, text)
    # The content is a secret even when it is damaged: the text says only its length.
    raise LocalFault(ErrorCode.KEY_FILE, f"{folder / SEED_NAME} is damaged: expected 64 hexadecimal digits, found {len(content)} bytes")
