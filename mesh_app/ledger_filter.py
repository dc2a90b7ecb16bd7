"""The filter language of the ledger: words with a colon, all of which a certificate must match.

    from:alice to:bob kind:send votes:>3 height:100..200 id:9e37 own:yes -kind:receive

`parse` turns a text into a filter, or says in words what is wrong with it and where. It never guesses: a word that means nothing is told, not ignored.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from mesh_app.spans import validator_name
from mesh_app.state.ledger import LedgerRow

MAX_TERMS: Final = 20
LEAST_DIGITS: Final = 2
"""Digits of a key or an id that are taken for its beginning."""

_HEX: Final = re.compile(r"[0-9a-f]+")
_TERM: Final = re.compile(r'(-?)(?:([a-zA-Z]+):)?("[^"]*"|\S*)\s*')
_NUMBER: Final = re.compile(r"(>=|<=|>|<|=)?([0-9][0-9,]*)")
_RANGE: Final = re.compile(r"([0-9][0-9,]*)\.\.([0-9][0-9,]*)")

HELP: Final[tuple[tuple[str, str], ...]] = (
    ("id:9e37", "the certificate's id begins so; 9e37 alone does the same"),
    ("from:alice", "who signed it: a name, or the beginning of a key; from:alice,bob is either"),
    ("to:bob", "one of its recipients"),
    ("account:bob", "who signed it, or one of its recipients"),
    ("kind:send", "send, or receive (a claim)"),
    ("votes:3", "how many votes; votes:>3, votes:<4"),
    ("by:V2", "V2 has voted for it; by:V1,V2 is either"),
    ("height:>100", "its index in the log; height:100..200, height:=7"),
    ("seq:0", "its sequence in its account"),
    ("fee:1", "the fee in units"),
    ("memo:large", "size of an encrypted memo: small, medium, large; bytes: memo:>80"),
    ("outputs:>1", "how many outputs"),
    ("claims:>1", "how many outputs it claims"),
    ("size:>2000", "its bytes"),
    ("own:yes", "wallets of this home sign it or are paid by it; own:no"),
    ("-kind:send", "a minus in front: those that do not match"),
)
"""What the help shows: an example, and what it finds."""

ALIASES: Final = {
    "sender": "from",
    "recipient": "to",
    "wallet": "account",
    "type": "kind",
    "vote": "votes",
    "signer": "by",
    "index": "height",
    "sequence": "seq",
    "cert": "id",
    "bytes": "size",
}
KEYS: Final = ("id", "from", "to", "account", "kind", "votes", "by", "height", "seq", "fee", "memo", "outputs", "claims", "size", "own")
KINDS: Final = {"send": "send", "receive": "receive", "claim": "receive"}
MEMO_SIZES: Final = {"small": 80, "medium": 144, "large": 272}

Matcher = Callable[[LedgerRow], bool]


class FilterError(Exception):
    """A filter that means nothing. The text says why, and what would."""


@dataclass(frozen=True, slots=True)
class Filter:
    """All matchers must hold; none holds for everything."""

    matchers: tuple[Matcher, ...]

    def matches(self, row: LedgerRow) -> bool:
        """Whether a certificate passes."""
        return all(matcher(row) for matcher in self.matchers)


def parse(text: str, names: Mapping[str, str], own: frozenset[str] = frozenset()) -> Filter:
    """The filter that a text means. `names` gives keys for names of wallets and contacts, `own` are the keys of this home's wallets. FilterError."""
    matchers: list[Matcher] = []
    left = text.strip()
    while left:
        term = _TERM.match(left)
        assert term is not None, "any text begins with a term"
        left = left[term.end() :]
        minus, key, value = term.groups()
        if value.startswith('"'):
            if len(value) < 2 or not value.endswith('"'):
                raise FilterError('a quotation mark that is never closed: from:"two words"')
            value = value[1:-1]
        if len(matchers) == MAX_TERMS:
            raise FilterError(f"more than {MAX_TERMS} words")
        matcher = _bare(value, names, own) if key is None else _matcher(key.lower(), value, names, own)
        matchers.append(_negated(matcher) if minus else matcher)
    return Filter(tuple(matchers))


def _negated(matcher: Matcher) -> Matcher:
    return lambda row: not matcher(row)


def _bare(value: str, names: Mapping[str, str], own: frozenset[str]) -> Matcher:
    """A word without a colon: a name, a kind, the beginning of an id."""
    lowered = value.lower()
    if lowered in KINDS:
        return _matcher("kind", value, names, own)
    if lowered in {name.lower() for name in names}:
        return _matcher("account", value, names, own)
    if _HEX.fullmatch(lowered):
        return _matcher("id", value, names, own)
    raise FilterError(f"{value[:20]!r} is no name here, no beginning of an id and no word with a colon (from: to: kind: votes: height: id: …)")


def _matcher(key: str, value: str, names: Mapping[str, str], own: frozenset[str]) -> Matcher:
    key = ALIASES.get(key, key)
    if key == "asset":
        raise FilterError("asset: means nothing here, all certificates of a network have one asset")
    if key not in KEYS:
        raise FilterError(f"{key[:20]}: means nothing; there are {', '.join(f'{known}:' for known in KEYS)}")
    if not value:
        raise FilterError(f"{key}: {_wanted(key)}")
    match key:
        case "id":
            return _id(value)
        case "from" | "to" | "account":
            return _party(key, value, names)
        case "kind":
            return _kind(value)
        case "by":
            return _by(value)
        case "own":
            return _own(value, own)
        case "memo" if value.lower() in MEMO_SIZES:
            wanted = MEMO_SIZES[value.lower()]
            return lambda row: wanted in row.memo_bytes
        case _:
            return _numeric(key, value)


def _wanted(key: str) -> str:
    """What belongs behind the colon."""
    match key:
        case "id":
            return "the beginning of an id, id:9e37"
        case "from" | "to" | "account":
            return f"a name or the beginning of a key, {key}:alice"
        case "kind":
            return "send or receive"
        case "by":
            return "a validator, by:V2"
        case "own":
            return "yes or no"
        case _:
            return f"a number, {key}:3, {key}:>3, {key}:1..3"


def _id(value: str) -> Matcher:
    starts = tuple(one.lower() for one in value.split(",") if one)
    if not starts or not all(_HEX.fullmatch(start) for start in starts):
        raise FilterError(f"id: {value[:20]!r} are no hexadecimal digits")
    return lambda row: row.cert_id.startswith(starts)


def _party(key: str, value: str, names: Mapping[str, str]) -> Matcher:
    starts = tuple(_key_of(key, one, names) for one in value.split(",") if one)
    if not starts:
        raise FilterError(f"{key}: {_wanted(key)}")
    match key:
        case "from":
            return lambda row: row.sender.startswith(starts)
        case "to":
            return lambda row: any(owner.startswith(starts) for owner in row.recipients)
        case _:
            return lambda row: row.sender.startswith(starts) or any(owner.startswith(starts) for owner in row.recipients)


def _key_of(key: str, value: str, names: Mapping[str, str]) -> str:
    """A key for a name, or what is a key's beginning itself. A name counts first: it is what a person means."""
    known = {name.lower(): owner for name, owner in names.items()}
    lowered = value.lower()
    if lowered in known:
        return known[lowered]
    if len(lowered) >= LEAST_DIGITS and _HEX.fullmatch(lowered):
        return lowered
    listed = ", ".join(sorted(names)[:6]) or "none"
    raise FilterError(f"{key}: {value[:20]!r} is no name here and no beginning of a key (names: {listed})")


def _kind(value: str) -> Matcher:
    kinds = {KINDS.get(one.lower(), "") for one in value.split(",")}
    if "" in kinds:
        raise FilterError(f"kind: send or receive, not {value[:20]!r}")
    return lambda row: row.kind in kinds


def _by(value: str) -> Matcher:
    wanted: set[int] = set()
    for one in value.split(","):
        digits = one.lower().removeprefix("v")
        if not (digits.isascii() and digits.isdigit()) or not 1 <= int(digits[:4]) <= 256:
            raise FilterError(f"by: a validator such as {validator_name(1)}, not {one[:20]!r}")
        wanted.add(int(digits) - 1)
    return lambda row: not wanted.isdisjoint(row.signers)


def _own(value: str, own: frozenset[str]) -> Matcher:
    if value.lower() not in {"yes", "no"}:
        raise FilterError(f"own: yes or no, not {value[:20]!r}")
    is_wanted = value.lower() == "yes"
    return lambda row: (row.sender in own or not own.isdisjoint(row.recipients)) == is_wanted


def _numeric(key: str, value: str) -> Matcher:
    test = _number_test(key, value)
    match key:
        case "votes":
            return lambda row: test(len(row.signers))
        case "height":
            return lambda row: test(row.index)
        case "seq":
            return lambda row: test(row.sequence)
        case "fee":
            return lambda row: test(row.fee)
        case "memo":
            return lambda row: any(test(size) for size in row.memo_bytes)
        case "outputs":
            return lambda row: test(len(row.recipients))
        case "claims":
            return lambda row: test(len(row.claims))
        case _:
            return lambda row: test(row.size_bytes)


def _number_test(key: str, value: str) -> Callable[[int], bool]:
    between = _RANGE.fullmatch(value)
    if between is not None:
        low, high = _integer(between.group(1)), _integer(between.group(2))
        if low > high:
            raise FilterError(f"{key}: {value[:30]} holds nothing, the smaller number stands first")
        return lambda number: low <= number <= high
    single = _NUMBER.fullmatch(value)
    if single is None:
        raise FilterError(f"{key}: {_wanted(key)}, not {value[:20]!r}")
    bound = _integer(single.group(2))
    match single.group(1):
        case ">":
            return lambda number: number > bound
        case ">=":
            return lambda number: number >= bound
        case "<":
            return lambda number: number < bound
        case "<=":
            return lambda number: number <= bound
        case _:
            return lambda number: number == bound


def _integer(digits: str) -> int:
    """A number with or without commas; one of more digits than any has is as good as the largest."""
    return int(digits.replace(",", "")[:30])
