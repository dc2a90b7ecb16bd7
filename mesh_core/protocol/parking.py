"""Valid certificates that came before what they depend on (docs/protocol.md, "Validator"). Bounded: the oldest go first, and come again by sync."""

from collections import OrderedDict, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import takewhile

from mesh_core.protocol.certificates import CheckedCertificate
from mesh_core.types.basic import Hash32, PublicKey

MAX_PARKED_COUNT = 4096
MAX_PARKED_BYTES = 16 * 1024 * 1024

Dependency = tuple[PublicKey, int] | Hash32
"""What wakes a parked certificate: the certificate of a slot, or the one with an id."""


@dataclass(frozen=True, slots=True)
class Parked:
    """A verified certificate and all that wakes it; `number` counts arrivals."""

    number: int
    checked: CheckedCertificate
    dependencies: tuple[Dependency, ...]


class ParkingLot:
    """Parked certificates by what they wait for. Only a quorum's signatures let anything in, so strangers cannot fill it."""

    def __init__(self, *, most: int = MAX_PARKED_COUNT, most_bytes: int = MAX_PARKED_BYTES) -> None:
        self._most = most
        self._most_bytes = most_bytes
        self._parked: OrderedDict[Hash32, Parked] = OrderedDict()
        self._waiting: defaultdict[Dependency, set[Hash32]] = defaultdict(set)
        self._bytes = 0
        self.last_number = 0
        """Number of the latest arrival; the first has 1."""

    def __len__(self) -> int:
        return len(self._parked)

    def up_to(self, number: int) -> Iterator[CheckedCertificate]:
        """Parked certificates that had arrived by then, the longest parked first."""
        return (parked.checked for parked in takewhile(lambda parked: parked.number <= number, self._parked.values()))

    def holds(self, checked: CheckedCertificate) -> bool:
        """Whether a certificate is parked in these very bytes. The id alone would not do, since it says nothing of the votes."""
        parked = self._parked.get(checked.cert_id)
        return parked is not None and parked.checked.data == checked.data

    def park(self, checked: CheckedCertificate, dependencies: tuple[Dependency, ...]) -> bool:
        """Keep a verified certificate until one of its dependencies is applied; False if its id was here already: it keeps its place."""
        cert_id = checked.cert_id
        known = self._parked.get(cert_id)
        if known is None:
            self.last_number += 1
        else:
            self._forget_dependencies(known)
        self._parked[cert_id] = Parked(self.last_number if known is None else known.number, checked, dependencies)
        self._bytes += len(checked.data)
        for dependency in dependencies:
            self._waiting[dependency].add(cert_id)
        while len(self._parked) > self._most or self._bytes > self._most_bytes:
            self._remove(next(iter(self._parked)))
        return known is None

    def release(self, *dependencies: Dependency) -> list[CheckedCertificate]:
        """Take out all certificates that wait for one of these, in a fixed order."""
        names = sorted({name for dependency in dependencies for name in self._waiting.get(dependency, ())})
        return [self._remove(name) for name in names]

    def _remove(self, cert_id: Hash32) -> CheckedCertificate:
        parked = self._parked.pop(cert_id)
        self._forget_dependencies(parked)
        return parked.checked

    def _forget_dependencies(self, parked: Parked) -> None:
        self._bytes -= len(parked.checked.data)
        for dependency in parked.dependencies:
            waiting = self._waiting[dependency]
            waiting.discard(parked.checked.cert_id)
            if not waiting:
                del self._waiting[dependency]
