"""The validators beside each other: do they hold the same certificates, in the same order, and is what they say of their state what their log amounts to?

A log is each validator's own order of application, so two logs may differ in order and their states be equal. Whether two logs are the same up to an index is
one small question: does the other one know our chain hash there? So the first difference of two logs of a million is found with some twenty questions.
"""

import asyncio
from dataclasses import dataclass, replace
from typing import Final

from mesh_core.errors import PeerFault
from mesh_core.types.basic import Hash32
from testnet.observer.client import Sights, ValidatorSight
from testnet.observer.log import PAGE, ChainDiffersError, LieError, LogView, knows_chain, read_entries, read_rows
from testnet.observer.rows import Row, make_row

TAIL_MOST: Final = 2_000
"""Entries behind the first difference that are read of both logs."""
SHOWN_MOST: Final = 20

SAME: Final = "same"
BEHIND: Final = "behind"
AHEAD: Final = "ahead"
OTHER_ORDER: Final = "other_order"
DIFFERENT: Final = "different"
LIE: Final = "lie"
SILENT: Final = "silent"


@dataclass(frozen=True, slots=True)
class Difference:
    """Where two logs part: the first index, what stands there in each, and which certificates only one of them holds, as far as was read."""

    index: int
    here: Row | None
    there: Row | None
    only_here: tuple[Row, ...]
    only_there: tuple[Row, ...]
    only_here_count: int
    only_there_count: int
    is_complete: bool


@dataclass(frozen=True, slots=True)
class Standing:
    """One validator beside the one whose log was read. `verdict` is one of the words above, `text` the same for people."""

    sight: ValidatorSight
    verdict: str
    text: str
    difference: Difference | None = None


@dataclass(frozen=True, slots=True)
class Comparison:
    """All validators. `digest` and `supply_audit` were computed here, from the log of `reference`; None where it is too long to follow."""

    reference: int
    length: int
    digest: Hash32 | None
    supply_audit: bool | None
    standings: tuple[Standing, ...]


async def compare(client: Sights, view: LogView) -> Comparison:
    """Compare every validator with a log as far as it was read by now; it may grow meanwhile, and nobody is called a liar by what was not computed yet."""
    length = view.length
    digest = None if view.replay is None else view.replay.compute_digest()
    audit = None if view.replay is None else view.replay.audit_supply()
    # As they are seen now: they go on changing while questions are answered.
    standings = await asyncio.gather(*(_stand(client, view, length, replace(sight), digest) for sight in client.sights))
    return Comparison(view.validator, length, digest, audit, tuple(standings))


async def _stand(client: Sights, view: LogView, read: int, sight: ValidatorSight, digest: Hash32 | None) -> Standing:
    if sight.log_length is None:
        return Standing(sight, SILENT, sight.error or ("has not said yet how long its log is" if sight.is_up else "does not answer"))
    common = min(sight.log_length, read)
    try:
        # A page boundary's chain hash is kept, any other is found from there: so the question is asked at the last one, and the rest is read.
        at = await _last_common_page(client, view, sight.index, common)
        difference = await _find_difference(client, view, sight.index, at * PAGE, read, sight.log_length)
    except PeerFault as fault:
        return Standing(sight, SILENT, fault.text)
    except (LieError, ChainDiffersError) as error:
        return Standing(sight, LIE, str(error) or "its log changed while it was read")
    return judge(sight, view.validator, read, digest, difference)


def judge(sight: ValidatorSight, reference: int, read: int, digest: Hash32 | None, difference: Difference | None) -> Standing:
    """What a validator's log and its digest amount to, beside `digest`, which was computed from the `read` entries of the reference's log."""
    length = sight.log_length or 0
    holds_the_same = length == read and (difference is None or (difference.is_complete and not difference.only_here and not difference.only_there))
    if holds_the_same and digest is not None and sight.digest != digest:
        if not sight.is_steady:
            return Standing(sight, AHEAD, "is changing: compare again", difference)
        said = "" if sight.digest is None else sight.digest.hex()[:16]
        return Standing(sight, LIE, f"its log amounts to the digest {digest.hex()[:16]}, and it says {said}", difference)
    if difference is None:
        if length == read:
            return Standing(sight, SAME, "the log that was read" if sight.index == reference else "the same certificates in the same order")
        return Standing(sight, *((BEHIND, f"the same log, {read - length:,} behind") if length < read else (AHEAD, "the same log, and newer")))
    if holds_the_same:
        return Standing(sight, OTHER_ORDER, f"the same certificates, in another order from #{difference.index:,} on", difference)
    return Standing(sight, DIFFERENT, _describe(difference), difference)


def _describe(difference: Difference) -> str:
    parts = []
    if difference.only_here_count:
        parts.append(f"lacks {difference.only_here_count:,}")
    if difference.only_there_count:
        parts.append(f"has {difference.only_there_count:,} more")
    read = "" if difference.is_complete else f" among the first {TAIL_MOST:,}"
    return f"another order from #{difference.index:,} on; {' and '.join(parts) or 'the same certificates'}{read}"


async def _last_common_page(client: Sights, view: LogView, other: int, common: int) -> int:
    """The last page boundary up to which both logs are the same."""
    low, high = 0, min(common // PAGE, len(view.checkpoints) - 1)
    if other == view.validator:
        return high
    while low < high:
        middle = (low + high + 1) // 2
        if await knows_chain(client, other, middle * PAGE, view.checkpoints[middle]):
            low = middle
        else:
            high = middle - 1
    return low


async def _find_difference(client: Sights, view: LogView, other: int, begin: int, read: int, other_length: int) -> Difference | None:
    """Where the logs part at or after `begin`, up to which they are the same. None where one of them is the beginning of the other."""
    if other == view.validator:
        return None
    here = await read_rows(client, view, begin, min(begin + PAGE, read))
    there = await _read_other(client, view, other, begin, min(begin + PAGE, other_length))
    index = next((one.index for one, two in zip(here, there, strict=False) if one.cert_id != two.cert_id), None)
    if index is None:
        return None
    here = await read_rows(client, view, index, min(index + TAIL_MOST, read))
    there = await _read_other(client, view, other, index, min(index + TAIL_MOST, other_length))
    ids_here, ids_there = {row.cert_id for row in here}, {row.cert_id for row in there}
    only_here = [row for row in here if row.cert_id not in ids_there]
    only_there = [row for row in there if row.cert_id not in ids_here]
    return Difference(
        index,
        here[0] if here else None,
        there[0] if there else None,
        tuple(only_here[:SHOWN_MOST]),
        tuple(only_there[:SHOWN_MOST]),
        len(only_here),
        len(only_there),
        index + TAIL_MOST >= max(read, other_length),
    )


async def _read_other(client: Sights, view: LogView, other: int, first: int, end: int) -> list[Row]:
    """Rows of another validator's log. It is the same as the one that was read up to the page of `first`, so that one's chain hashes open it."""
    entries = await read_entries(client, other, view.genesis, view.checkpoints[: first // PAGE + 1], first, end)
    return [make_row(index, checked) for index, checked in entries]
