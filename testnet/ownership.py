"""One program at a time runs the network of a home: the workstation, or `mesh-testnet up`."""

from mesh_core.errors import ErrorCode, LocalFault
from mesh_core.storage.files import make_private_directory
from mesh_core.storage.lock import OwnerLock
from testnet.layout import NetworkFolder


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
