"""One validator's log as it was read from it, bounded: the newest rows, a chain hash every so often, and a ledger of our own that followed it.

The validator sends certificates, never the chain hash; that is computed here. It must know it when the next page is asked for, so a validator that sent
another log than it holds convicts itself one page later.
"""

from collections import deque
from collections.abc import Iterator
from typing import Final

from mesh_core.errors import Rejected
from mesh_core.protocol.certificates import CheckedCertificate, InvalidCertificate, read_certificate
from mesh_core.protocol.genesis import Genesis
from mesh_core.protocol.ledger import extend_chain
from mesh_core.types.basic import Hash32
from mesh_core.types.messages import SyncFromLog, SyncItem, SyncRequest, SyncResponse
from mesh_core.wallet.asking import QUERY_TIMEOUT_S
from mesh_core.wallet.fetching import Askable
from testnet.observer.replay import REPLAY_MOST, Replay
from testnet.observer.rows import Row, make_row

PAGE: Final = 200
"""Rows in a page, and the distance of two chain hashes that are kept."""
INDEX_MOST: Final = 10_000
"""Newest rows that are kept; older ones are read again when they are wanted."""
ITEMS_AT_ONCE: Final = 64
BYTES_AT_ONCE: Final = 64 * 1024
"""What a validator gives in one answer (mesh_core/validator/serving.py): asking for more would only look like it."""


class LieError(Exception):
    """A validator has said something that cannot be true. The text says what."""


class ChainDiffersError(Exception):
    """The validator does not know the chain hash that it was asked from: its log is another one, now at least."""


class LogView:
    """What was read of one validator's log, from its first certificate on."""

    def __init__(self, validator: int, genesis: Genesis) -> None:
        self.validator = validator
        self.genesis = genesis
        self.length = 0
        self.chain = genesis.network_id
        self.checkpoints: list[Hash32] = [genesis.network_id]
        """Chain hash before entry 0, PAGE, 2 * PAGE and so on."""
        self.replay: Replay | None = Replay(genesis)
        """None behind so many certificates, and where the log holds what no ledger can apply."""
        self._rows: deque[Row] = deque(maxlen=INDEX_MOST)

    @property
    def first(self) -> int:
        """Index of the oldest row that is kept."""
        return self.length - len(self._rows)

    def rows(self, first: int, end: int) -> list[Row]:
        """Kept rows with these indices."""
        return [self._rows[index - self.first] for index in range(max(first, self.first), min(end, self.length))]

    def newest(self) -> Iterator[Row]:
        """Kept rows, the newest first."""
        return reversed(self._rows)

    def take(self, item: SyncItem) -> Row:
        """Append an entry that the validator has sent. LieError."""
        checked = read_entry(item, self.length, self.validator, self.genesis)
        self._follow(checked)
        row = make_row(self.length, checked)
        self._rows.append(row)
        self.chain = extend_chain(self.chain, checked.cert_id)
        self.length += 1
        if self.length % PAGE == 0:
            self.checkpoints.append(self.chain)
        return row

    def _follow(self, checked: CheckedCertificate) -> None:
        if self.replay is None:
            return
        try:
            self.replay.apply(checked)
        except Rejected as error:
            self.replay = None
            text = f"its log holds {checked.cert_id.hex()[:16]} at index {self.length}, which cannot be applied there: {error.text}"
            raise LieError(text) from error
        if self.length + 1 > REPLAY_MOST:
            self.replay = None


def read_entry(item: SyncItem, index: int, validator: int, genesis: Genesis) -> CheckedCertificate:
    """An entry of a log, verified. LieError where it is not the one with this index, or no certificate of this network."""
    if item.index != index:
        raise LieError(f"asked for index {index}, it answered with index {item.index}")
    try:
        return read_certificate(item.certificate, genesis)
    except InvalidCertificate as error:
        raise LieError(f"what it sent for index {index} is no certificate: {error.text}") from error


async def ask_log(client: Askable, validator: int, first: int, chain: Hash32, most: int = ITEMS_AT_ONCE) -> tuple[SyncItem, ...]:
    """Entries from `first` on, as many as one answer holds. ChainDiffersError; PeerFault where no answer comes."""
    question = SyncRequest(0, SyncFromLog(first, chain), most, BYTES_AT_ONCE)
    answer = await client.request(validator, question, QUERY_TIMEOUT_S)
    assert isinstance(answer, SyncResponse), "the connection matches answers with their questions"
    if first and not answer.items and answer.next_cursor == 0:
        raise ChainDiffersError
    return answer.items


async def knows_chain(client: Askable, validator: int, index: int, chain: Hash32) -> bool:
    """Whether the first `index` entries of a validator's log are exactly those that hash to `chain`, in their order: one small question. PeerFault."""
    try:
        await ask_log(client, validator, index, chain, most=1)
    except ChainDiffersError:
        return False
    return True


async def read_rows(client: Askable, view: LogView, first: int, end: int) -> list[Row]:
    """Rows of a part of a log that was read before: those that are kept, else asked for again. LieError, ChainDiffersError, PeerFault."""
    end = min(end, view.length)
    if first >= view.first:
        return view.rows(first, end)
    return [make_row(index, checked) for index, checked in await read_entries(client, view.validator, view.genesis, view.checkpoints, first, end)]


async def read_entries(
    client: Askable, validator: int, genesis: Genesis, checkpoints: list[Hash32], first: int, end: int
) -> list[tuple[int, CheckedCertificate]]:
    """Verified entries `first` to `end` of a log, read from the last known chain hash before them on. LieError, ChainDiffersError, PeerFault."""
    at = min(first // PAGE, len(checkpoints) - 1)
    index, chain = at * PAGE, checkpoints[at]
    found: list[tuple[int, CheckedCertificate]] = []
    while index < end:
        items = await ask_log(client, validator, index, chain)
        if not items:
            break
        for item in items:
            checked = read_entry(item, index, validator, genesis)
            if first <= index < end:
                found.append((index, checked))
            chain = extend_chain(chain, checked.cert_id)
            index += 1
    return found
