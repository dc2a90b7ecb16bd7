"""A ledger as a file: certificates of one network in an order in which each can be applied, and nothing else (docs/operations.md, "A ledger in a file").

    "MESHLEDG"                 8 bytes
    version                    u16, 1
    network_id                 32 bytes
    length, certificate        u32 from 1 to 262,144, then so many bytes; once for each certificate
    0                          u32: the end of the certificates
    count                      u64
    chain                      32 bytes: chain hash of the certificates in this order, as a validator's log has it

Integers are big-endian, as everywhere. A file that was cut off has no end, and one in which anything was changed, left out or put in has another chain; who can
compute a new chain still needs the signatures of a quorum. Reading takes the memory of one certificate, and is refused at the first byte that is wrong.
"""

import contextlib
import errno
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Final

from mesh_core.errors import ErrorCode, LocalFault
from mesh_core.network.plain_file import open_plain_file
from mesh_core.protocol.genesis import Genesis
from mesh_core.protocol.ledger import extend_chain
from mesh_core.storage.files import flush_directory, flush_file
from mesh_core.types.basic import Hash32
from mesh_core.types.messages import MAX_FRAME_BYTES
from testnet.audit.follower import Known, LogError, LogFollower

MAGIC: Final = b"MESHLEDG"
VERSION: Final = 1
VERSION_BYTES: Final = 2
HASH_BYTES: Final = 32
LENGTH_BYTES: Final = 4
COUNT_BYTES: Final = 8
MAX_CERTIFICATE_BYTES: Final = MAX_FRAME_BYTES
"""What no message could carry is no certificate that anybody was ever given."""
FILE_MODE: Final = 0o644

Tell = Callable[[int, int], None]


class LedgerWriter:
    """A new file. `add` certificates, then `finish`; a file that was not finished is removed. Nothing that exists is overwritten."""

    def __init__(self, path: Path, genesis: Genesis) -> None:
        """LocalFault (STORE_UNAVAILABLE), also where the file exists."""
        self._path = path
        self._count = 0
        self._chain = genesis.network_id
        self._is_finished = False
        with self._telling():
            self._file = os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, FILE_MODE), "wb")
        self._write(MAGIC + VERSION.to_bytes(VERSION_BYTES, "big") + genesis.network_id)

    def add(self, cert_id: Hash32, data: bytes) -> None:
        """The next certificate. LocalFault (STORE_UNAVAILABLE)."""
        assert 0 < len(data) <= MAX_CERTIFICATE_BYTES, "a certificate fits a message"
        self._write(len(data).to_bytes(LENGTH_BYTES, "big") + data)
        self._count += 1
        self._chain = extend_chain(self._chain, cert_id)

    def finish(self) -> int:
        """Write the end, durably; returns the file's size in bytes. LocalFault (STORE_UNAVAILABLE)."""
        self._write(bytes(LENGTH_BYTES) + self._count.to_bytes(COUNT_BYTES, "big") + self._chain)
        with self._telling():
            self._file.flush()
            flush_file(self._file.fileno())
            size = self._file.tell()
            self._file.close()
            flush_directory(self._path.absolute().parent)
        self._is_finished = True
        return size

    def __enter__(self) -> "LedgerWriter":
        return self

    def __exit__(self, exception_type: type[BaseException] | None, exception: BaseException | None, traceback: TracebackType | None) -> None:
        if not self._is_finished:
            with contextlib.suppress(OSError):
                self._file.close()
            with contextlib.suppress(OSError):
                self._path.unlink()

    def _write(self, data: bytes) -> None:
        with self._telling():
            self._file.write(data)

    @contextlib.contextmanager
    def _telling(self) -> Iterator[None]:
        try:
            yield
        except FileExistsError:
            raise LocalFault(ErrorCode.STORE_UNAVAILABLE, f"{self._path} exists, and is not overwritten: choose another name") from None
        except OSError as error:
            raise LocalFault(ErrorCode.STORE_UNAVAILABLE, f"cannot write {self._path}: {error.strerror or error}") from error


class LedgerReader:
    """A file that anybody may have made. `entries` once; what is wrong is a LocalFault that names the byte."""

    def __init__(self, path: Path, genesis: Genesis) -> None:
        """LocalFault: CONFIG_INVALID where it cannot be read, DOCUMENT_INVALID where it is no ledger of this network."""
        self._path = path
        self._network_id = genesis.network_id
        self.position = 0
        """The byte that is read next."""
        self.size = 0
        try:
            self._file: BinaryIO = open_plain_file(path)
            self.size = os.fstat(self._file.fileno()).st_size
        except OSError as error:
            raise LocalFault(ErrorCode.CONFIG_INVALID, f"{path} cannot be read: {error.strerror or os.strerror(error.errno or errno.EIO)}") from error
        opened = False
        try:
            self._read_head()
            opened = True
        finally:
            if not opened:
                self._file.close()

    def entries(self) -> Iterator[tuple[int, bytes]]:
        """Position and bytes of each certificate, up to the end. Whether they are certificates is for the caller to say; `check_end` afterwards."""
        while True:
            at = self.position
            length = int.from_bytes(self._take(LENGTH_BYTES, "the length of a certificate"), "big")
            if length == 0:
                return
            if length > MAX_CERTIFICATE_BYTES:
                raise self.fault(at, f"a certificate of {length:,} bytes, at most {MAX_CERTIFICATE_BYTES:,}")
            yield at, self._take(length, f"a certificate of {length:,} bytes")

    def check_end(self, count: int, chain: Hash32) -> None:
        """What stands behind the last certificate must be true of those that were read, and be the last of the file. LocalFault (DOCUMENT_INVALID)."""
        at = self.position
        said = int.from_bytes(self._take(COUNT_BYTES, "the number of certificates"), "big")
        if said != count:
            raise self.fault(at, f"it says that it has {said:,} certificates, and has {count:,}")
        at = self.position
        if self._take(HASH_BYTES, "the chain hash") != chain:
            raise self.fault(at, "the chain hash is not that of its certificates")
        if self._file.read(1):
            raise self.fault(self.position, "something follows behind its end")

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def __enter__(self) -> "LedgerReader":
        return self

    def __exit__(self, exception_type: type[BaseException] | None, exception: BaseException | None, traceback: TracebackType | None) -> None:
        self.close()

    def fault(self, position: int, text: str, code: ErrorCode = ErrorCode.DOCUMENT_INVALID) -> LocalFault:
        """The error to raise about a place in the file."""
        return LocalFault(code, f"{self._path}, byte {position:,}: {text}")

    def _read_head(self) -> None:
        if self._take(len(MAGIC), "the beginning of a ledger") != MAGIC:
            raise self.fault(0, "this is no ledger: it does not begin with MESHLEDG")
        at = self.position
        version = int.from_bytes(self._take(VERSION_BYTES, "the version"), "big")
        if version != VERSION:
            raise self.fault(at, f"version {version} of the format; this program knows version {VERSION}")
        at = self.position
        network_id = self._take(HASH_BYTES, "the network's id")
        if network_id != self._network_id:
            raise self.fault(at, f"it is of the network {network_id.hex()[:16]}, and this one is {self._network_id.hex()[:16]}")

    def _take(self, size: int, what: str) -> bytes:
        try:
            data = self._file.read(size)
        except OSError as error:
            raise LocalFault(ErrorCode.CONFIG_INVALID, f"{self._path} cannot be read: {error.strerror or error}") from error
        if len(data) < size:
            raise self.fault(self.position, f"the file ends where {what} should stand")
        self.position += size
        return data


def check_ledger(path: Path, genesis: Genesis, tell: Tell, take: Callable[[LogFollower, bytes], None] = lambda follower, data: None) -> LogFollower:
    """Check a whole file: its form, and each certificate as an audit does, applied in this order from the genesis on; returns the state that it leads to.

    `take` is given each certificate's bytes and the state after it. LocalFault with the place and the code of the rule that is broken.
    """
    follower = LogFollower(genesis, Known())
    positions: dict[int, int] = {}
    with LedgerReader(path, genesis) as reader:
        try:
            for at, data in reader.entries():
                tell(at, reader.size)
                positions[follower.length] = at
                follower.take(data)
                if not follower.is_waiting:
                    positions.clear()
                take(follower, data)
            follower.finish()
        except LogError as error:
            raise reader.fault(positions[error.index], f"certificate {error.index:,} {error.text}", error.code) from error
        reader.check_end(follower.length, follower.chain)
    return follower
