"""One program at a time runs the network of a home: the workstation, or `mesh-testnet up`."""

import contextlib
from collections.abc import Iterator

from mesh_core.errors import ErrorCode, LocalFault
from mesh_core.storage.files import make_private_directory
from mesh_core.storage.lock import LOCK_SUFFIX, OwnerLock
from testnet.layout import NetworkFolder, exists


def own_home(folder: NetworkFolder) -> OwnerLock:
    """Own a home, which is made where there is none. LocalFault: HOME_IN_USE, STORE_UNAVAILABLE."""
    try:
        make_private_directory(folder.home)
        return OwnerLock.acquire(folder.lock)
    except OSError as error:
        raise LocalFault(ErrorCode.STORE_UNAVAILABLE, f"cannot use the folder {folder.home}: {error.strerror or error}") from error
    except LocalFault as fault:
        text = f"{folder.home} is in use: another mesh-app or mesh-testnet runs its network; stop that one, or choose another folder ({fault.text})"
        raise LocalFault(ErrorCode.HOME_IN_USE, text) from fault


@contextlib.contextmanager
def own_or_withdraw(folder: NetworkFolder) -> Iterator[OwnerLock]:
    """Own a home in which something is to be made: it stays owned behind this block, unless that was refused.

    Then the home is given up, and the lock file and the folders that owning it has made go, as far as nothing else is in them. LocalFault as `own_home`.
    """
    lock_file = folder.lock.with_name(folder.lock.name + LOCK_SUFFIX)
    is_first = not exists(lock_file)
    absent = [path for path in (folder.home, *folder.home.parents) if not exists(path)]
    lock = own_home(folder)
    try:
        yield lock
    except BaseException:
        with contextlib.suppress(OSError):
            if is_first:
                # While it is held: whoever has opened it meanwhile finds that it has lost its name, and makes another (`OwnerLock.acquire`).
                lock_file.unlink(missing_ok=True)
        lock.release()
        with contextlib.suppress(OSError):  # the first that is not empty: then what holds it is not empty either
            for path in absent:
                path.rmdir()
        raise
