"""The bytes of MESH a second time, transcribed from docs/protocol.md: layouts of all objects, messages and events, without code of `mesh_core`.

A layout reads bytes into the JSON form of the vector files and writes that form to bytes: byte strings are lower-case hexadecimal, numbers above 2^53
strings of decimal digits, absent values null, and a choice holds its tag byte under "tag". Constants (versions, reserved bytes) are checked and not shown.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

Json = Any

LARGEST_JSON_NUMBER = 2**53
MALFORMED = 0x0101


class Malformed(Exception):
    """Bytes that are no encoding; `code` is what rule 1 says of a transition with this fault."""

    def __init__(self, code: int = MALFORMED) -> None:
        super().__init__(f"{code:04x}")
        self.code = code


class Cursor:
    """Bytes, read from the left."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def take(self, size: int) -> bytes:
        piece = self.data[self.at : self.at + size]
        if len(piece) < size:
            raise Malformed
        self.at += size
        return piece


@dataclass(frozen=True)
class Layout:
    """How a value is read and written."""

    read: Callable[[Cursor], Json]
    write: Callable[[Json], bytes]


def decode(layout: Layout, data: bytes) -> Json:
    """The value of exactly these bytes."""
    cursor = Cursor(data)
    value = layout.read(cursor)
    if cursor.at != len(data):
        raise Malformed
    return value


def encode(layout: Layout, value: Json) -> bytes:
    return layout.write(value)


def to_number(value: int) -> Json:
    """A whole number as the files hold it."""
    return value if value <= LARGEST_JSON_NUMBER else str(value)


# --- Pieces


def number(size: int, allowed: Iterable[int] | None = None, code: int = MALFORMED) -> Layout:
    known = None if allowed is None else set(allowed)

    def read(cursor: Cursor) -> Json:
        value = int.from_bytes(cursor.take(size), "big")
        if known is not None and value not in known:
            raise Malformed(code)
        return to_number(value)

    return Layout(read, lambda value: int(value).to_bytes(size, "big"))


def raw(size: int) -> Layout:
    return Layout(lambda cursor: cursor.take(size).hex(), bytes.fromhex)


def var(size: int, lengths: Iterable[int] | None = None, code: int = MALFORMED) -> Layout:
    """Bytes behind their length."""
    known = None if lengths is None else set(lengths)

    def read(cursor: Cursor) -> Json:
        length = int.from_bytes(cursor.take(size), "big")
        if known is not None and length not in known:
            raise Malformed(code)
        return cursor.take(length).hex()

    return Layout(read, lambda value: len(bytes.fromhex(value)).to_bytes(size, "big") + bytes.fromhex(value))


def text(size: int) -> Layout:
    def read(cursor: Cursor) -> Json:
        try:
            return cursor.take(int.from_bytes(cursor.take(size), "big")).decode("utf-8")
        except UnicodeDecodeError as error:
            raise Malformed from error

    return Layout(read, lambda value: len(value.encode()).to_bytes(size, "big") + value.encode())


def enclosed(size: int, inner: Layout) -> Layout:
    """A value behind the length of its bytes."""

    def write(value: Json) -> bytes:
        data = inner.write(value)
        return len(data).to_bytes(size, "big") + data

    return Layout(lambda cursor: decode(inner, cursor.take(int.from_bytes(cursor.take(size), "big"))), write)


def listed(item: Layout, most: int, *, size: int = 1, least: int = 0, key: Callable[[Json], Any] | None = None, code: int = MALFORMED) -> Layout:
    def read(cursor: Cursor) -> Json:
        count = int.from_bytes(cursor.take(size), "big")
        if not least <= count <= most:
            raise Malformed(code)
        items = [item.read(cursor) for _ in range(count)]
        if key is not None and not is_ascending([key(one) for one in items]):
            raise Malformed(code)
        return items

    return Layout(read, lambda items: len(items).to_bytes(size, "big") + b"".join(item.write(one) for one in items))


def is_ascending(keys: list[Any]) -> bool:
    return all(left < right for left, right in pairwise(keys))


def maybe(inner: Layout) -> Layout:
    def read(cursor: Cursor) -> Json:
        present = number(1, (0, 1)).read(cursor)
        return inner.read(cursor) if present else None

    return Layout(read, lambda value: b"\0" if value is None else b"\1" + inner.write(value))


def flag() -> Layout:
    return Layout(lambda cursor: bool(number(1, (0, 1)).read(cursor)), lambda value: bytes([value]))


@dataclass(frozen=True)
class Constant(Layout):
    """A number that has one value and is not shown."""


def constant(size: int, value: int, code: int = MALFORMED) -> Constant:
    return Constant(number(size, (value,), code).read, lambda _: value.to_bytes(size, "big"))


def record(**fields: Layout) -> Layout:
    def read(cursor: Cursor) -> Json:
        values = {name: layout.read(cursor) for name, layout in fields.items()}
        return {name: value for name, value in values.items() if not isinstance(fields[name], Constant)}

    def write(value: Json) -> bytes:
        if set(value) != {name for name, layout in fields.items() if not isinstance(layout, Constant)}:
            raise ValueError(f"fields {sorted(value)}")
        return b"".join(layout.write(value.get(name)) for name, layout in fields.items())

    return Layout(read, write)


def choice(records: Mapping[int, Layout]) -> Layout:
    def read(cursor: Cursor) -> Json:
        tag = number(1, records).read(cursor)
        return {"tag": tag} | records[tag].read(cursor)

    def write(value: Json) -> bytes:
        return bytes([value["tag"]]) + records[value["tag"]].write({name: part for name, part in value.items() if name != "tag"})

    return Layout(read, write)


def as_bytes(layout: Layout) -> Layout:
    """A value that the files show as its own bytes."""

    def read(cursor: Cursor) -> Json:
        start = cursor.at
        layout.read(cursor)
        return cursor.data[start : cursor.at].hex()

    return Layout(read, bytes.fromhex)


U8, U16, U32, U64 = number(1), number(2), number(4), number(8)
B32, B64 = raw(32), raw(64)

# --- Ledger objects

GENESIS = record(
    version=constant(1, 1),
    name=text(2),
    asset_id=B32,
    fee_base=U64,
    fee_per_output=U64,
    max_outputs=constant(1, 7),
    max_claims=constant(1, 16),
    validators=listed(B32, 100, least=1, key=lambda one: one),
    allocations=listed(record(owner=B32, amount=U64), 2_000_000, size=4, least=1, key=lambda one: one["owner"]),
)
ACCOUNT = record(version=constant(1, 1), owner=B32, sequence=U64, balance=B32, head=B32)
OUTPUT_KEY = record(cert_id=B32, index=U8)
CLAIMABLE_OUTPUT = record(owner=B32, commitment=B32)

# --- Transitions

SEND, RECEIVE = 1, 2
MEMO_SIZES = (80, 144, 272)
OUTPUT = record(owner=B32, view_pk=B32, commitment=B32, eph_pk=B32, memo=var(2, MEMO_SIZES, 0x0108))
CLAIM = record(cert_id=B32, index=U8, commitment=B32)
OUTPUTS = listed(OUTPUT, 7, least=1, code=0x0107)
CLAIMS = listed(CLAIM, 16, least=1, code=0x0107)
HEAD = record(
    version=constant(1, 1, 0x0102),
    kind=number(1, (SEND, RECEIVE), 0x0103),
    network_id=B32,
    epoch=U64,
    asset_id=B32,
    sender=B32,
    sequence=U64,
    prev=B32,
    new_balance=B32,
    fee=U64,
)


def _read_core(cursor: Cursor) -> Json:
    if len(cursor.data) - cursor.at < 2:
        raise Malformed
    core = HEAD.read(cursor)
    if core["kind"] == SEND:
        core["outputs"] = OUTPUTS.read(cursor)
    else:
        core["claims"] = CLAIMS.read(cursor)
    return core | {"self_memo": raw(56).read(cursor)}


def _write_core(core: Json) -> bytes:
    head = HEAD.write({name: value for name, value in core.items() if name not in ("outputs", "claims", "self_memo")})
    items = OUTPUTS.write(core["outputs"]) if core["kind"] == SEND else CLAIMS.write(core["claims"])
    return head + items + bytes.fromhex(core["self_memo"])


CORE = Layout(_read_core, _write_core)
TRANSITION = record(core=CORE, range_proof=var(2), owner_signature=B64)
STATEMENT = record(network_id=B32, epoch=U64, sender=B32, sequence=U64, transition_id=B32)

# --- Votes, certificates, evidence, receipts

VOTE = record(statement=STATEMENT, validator=B32, signature=B64)
VOTES = listed(record(validator_index=U8, signature=B64), 100, least=1, key=lambda one: one["validator_index"])
CERTIFICATE = record(version=constant(1, 1), transition=enclosed(4, as_bytes(TRANSITION)), votes=VOTES)
_PAIR = {"id_a": B32, "signature_a": B64, "id_b": B32, "signature_b": B64}
VALIDATOR_PROOF = record(network_id=B32, epoch=U64, validator=B32, sender=B32, sequence=U64, **_PAIR)
PROOF = choice({1: record(network_id=B32, epoch=U64, owner=B32, sequence=U64, **_PAIR), 2: VALIDATOR_PROOF})
REPORT = record(proofs=listed(choice({2: VALIDATOR_PROOF}), 100, key=lambda one: one["validator"]))
RECEIPT = record(
    version=constant(1, 1),
    core=as_bytes(CORE),
    proof_hash=B32,
    owner_signature=B64,
    votes=VOTES,
    output_index=U8,
    value=U64,
    blinding=B32,
    eph_sk=maybe(B32),
    context=var(2),
    prover=B32,
    prover_signature=B64,
)

# --- Messages

RULE_CODES = (
    *range(0x0101, 0x010A),
    *(0x0201, 0x0202, 0x0301, 0x0401, 0x0402, 0x0501, 0x0502, 0x0503),
    *(0x0601, 0x0602, 0x0603, 0x0604, 0x0701, 0x0702, 0x0703, 0x0704, 0x0801, 0x0901),
    *(0x0A01, 0x0A02, 0x0A03, 0x0A04),
)
HANDSHAKE_FIELDS = {
    "version": U8,
    "role": U8,
    "reserved": constant(1, 0),
    "network_id": B32,
    "epoch": U64,
    "identity": B32,
    "own_nonce": B32,
    "peer_nonce": B32,
    "tls_fingerprint": B32,
    "features": U64,
}
DETAIL = choice(
    {
        0: record(),
        1: record(proof=enclosed(2, PROOF)),
        2: record(cert_ids=listed(B32, 255)),
        3: record(transition=var(4)),
    }
)
SYNC_MODE = choice({0: record(from_index=U64, chain=B32), 1: record(owner=B32, from_sequence=U64), 2: record(cert_ids=listed(B32, 255))})
CLAIMABLE = record(key=OUTPUT_KEY, commitment=B32)
MESSAGES: dict[int, tuple[str, Layout]] = {
    0x00: ("HELLO", record(version_min=U8, version_max=U8, network_id=B32, nonce=B32)),
    0x01: ("HANDSHAKE", record(**HANDSHAKE_FIELDS, signature=B64)),
    0x02: ("PING", record(nonce=U64)),
    0x03: ("PONG", record(nonce=U64, log_length=U64, state_digest=B32, flags=number(1, range(8)))),
    0x04: ("ERROR", record(code=number(2, range(1, 11)), text=text(1))),
    0x10: ("VOTE_REQUEST", record(request_id=U64, certificates=listed(var(4), 16), transition=var(4))),
    0x11: ("VOTE_RESPONSE", record(request_id=U64, vote=VOTE)),
    0x12: ("VOTE_REJECT", record(request_id=U64, code=number(2, RULE_CODES), transition_id=B32, next_sequence=U64, detail=DETAIL, text=text(1))),
    0x13: ("SETTLEMENT_CERTIFICATE", record(request_id=U64, certificate=var(4))),
    0x14: ("CERT_ACK", record(request_id=U64, cert_id=B32, status=number(1, range(5)), next_sequence=U64, log_index=U64, missing=listed(B32, 255))),
    0x15: ("EVIDENCE", record(proof=enclosed(2, PROOF))),
    0x20: ("QUERY_ACCOUNT", record(request_id=U64, owner=B32, want=number(1, range(8)), after_key=raw(33), limit=U16)),
    0x21: (
        "ACCOUNT_STATE",
        record(
            request_id=U64,
            exists=flag(),
            account=ACCOUNT,
            head_certificate=maybe(var(4)),
            pending_transition=maybe(var(4)),
            claimable=listed(CLAIMABLE, 1024, size=2, key=lambda one: (one["key"]["cert_id"], one["key"]["index"])),
            more=flag(),
            log_length=U64,
        ),
    ),
    0x30: ("SYNC_REQUEST", record(request_id=U64, mode=SYNC_MODE, max_items=U16, max_bytes=U32)),
    0x31: (
        "SYNC_RESPONSE",
        record(request_id=U64, log_length=U64, next_cursor=U64, items=listed(record(index=U64, certificate=var(4)), 1024, size=2), more=flag()),
    ),
    0x40: ("SUBSCRIBE", record(request_id=U64, kind_mask=U32, owners=listed(B32, 32), after_event=U64)),
    0x41: ("EVENT", record(event_number=U64, time_ms=U64, kind=U8, body=var(2))),
}
_SLOT = {"sender": B32, "sequence": U64, "transition_id": B32}
EVENTS: dict[int, tuple[str, Layout]] = {
    0: ("GAP", record(dropped=U64)),
    1: ("VOTE_REQUESTED", record(**_SLOT)),
    2: ("VOTE_CAST", record(vote=VOTE)),
    3: ("VOTE_REJECTED", record(**_SLOT, code=number(2, RULE_CODES))),
    4: ("CERT_APPLIED", record(log_index=U64, cert_id=B32, certificate=as_bytes(CERTIFICATE))),
    5: ("CERT_PARKED", record(cert_id=B32, missing=listed(B32, 255))),
    6: ("EQUIVOCATION", record(proof=enclosed(2, PROOF))),
    7: ("SYNC_PROGRESS", record(peer=B32, cursor=U64, target=U64)),
    8: ("PEER", record(peer=B32, up=flag())),
    9: ("DIGEST", record(log_length=U64, state_digest=B32)),
    10: ("SAFETY_ALARM", record(report=REPORT)),
}
