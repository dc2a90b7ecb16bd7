"""Makes `keys-and-memos.json`: key derivation, addresses, blinding factors, memos and self memos.

Schoolbook arithmetic, no code of `mesh_core`: the file is a second implementation's answer, and the tests ask the first for the same.
`python -m tests.vectors.make_keys_and_memos` writes the file anew; a test asserts that this changes nothing.
"""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.vectors.schoolbook import X25519_BASE, L, chacha20_poly1305_encrypt, commit, ed25519_public_key, x25519, xof

PATH = Path(__file__).with_name("keys-and-memos.json")
Case = dict[str, Any]

NETWORK_ID = hashlib.sha3_256(b"MESH vectors: a network").digest()
ALICE = hashlib.sha3_256(b"MESH vectors: Alice").digest()
BOB = hashlib.sha3_256(b"MESH vectors: Bob").digest()
CAROL = hashlib.sha3_256(b"MESH vectors: Carol").digest()
BLINDING = int.from_bytes(hashlib.sha3_512(b"MESH vectors: a blinding factor").digest(), "little") % L
ZERO_NONCE = bytes(12)


PHRASES = {
    "zeros": (bytes(32), "abandon " * 23 + "art"),
    "7f": (b"\x7f" * 32, "legal winner thank year wave sausage worth useful " * 2 + "legal winner thank year wave sausage worth title"),
    "80": (b"\x80" * 32, "letter advice cage absurd amount doctor acoustic avoid " * 2 + "letter advice cage absurd amount doctor acoustic bless"),
    "ones": (b"\xff" * 32, "zoo " * 23 + "vote"),
}
"""Seeds and their words, from the vectors that are published with BIP-39 (English)."""


def number(value: int) -> int | str:
    """A whole number as the file has it: a string of digits above 2^53, which not all readers of JSON keep."""
    return value if value <= 2**53 else str(value)


class Keys:
    """All that a wallet derives from a seed."""

    def __init__(self, seed: bytes) -> None:
        self.seed = seed
        self.sign_seed = xof("MESH/v1/kdf/sign", seed, 32)
        self.owner = ed25519_public_key(self.sign_seed)
        self.view_sk = xof("MESH/v1/kdf/view", seed, 32)
        self.view_pk = x25519(self.view_sk, X25519_BASE)
        self.self_key = xof("MESH/v1/kdf/self", self.view_sk, 32)


def bech32m(prefix: str, data: bytes) -> str:
    """BIP-350 by way of bit strings and the generator polynomial, in a form of its own."""
    bits = "".join(f"{byte:08b}" for byte in data)
    symbols = [int(bits[i : i + 5], 2) for i in range(0, len(bits), 5)]
    polynomial = [ord(c) // 32 for c in prefix] + [0] + [ord(c) % 32 for c in prefix] + symbols + [0] * 6
    remainder = 1
    for symbol in polynomial:
        high, remainder = remainder // 2**25, remainder % 2**25 * 32 ^ symbol
        for bit, generator in enumerate((0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)):
            if high & 2**bit:
                remainder ^= generator
    remainder ^= 0x2BC830A3
    symbols += [remainder >> shift & 31 for shift in (25, 20, 15, 10, 5, 0)]
    return f"{prefix}1" + "".join("qpzry9x8gf2tvdw0s3jn54khce6mua7l"[symbol] for symbol in symbols)


def key_cases() -> Iterator[Case]:
    """Everything that follows from a seed."""
    for name, seed in (("zeros", bytes(32)), ("ones", b"\xff" * 32), ("counting", bytes(range(32))), ("alice", ALICE)):
        keys = Keys(seed)
        expected = {
            "sign_seed": keys.sign_seed.hex(),
            "owner": keys.owner.hex(),
            "view_sk": keys.view_sk.hex(),
            "view_pk": keys.view_pk.hex(),
            "self_key": keys.self_key.hex(),
            "address": bech32m("mesh", b"\1" + keys.owner + keys.view_pk),
        }
        yield {"name": name, "input": {"seed": seed.hex()}, "expected": expected}


def phrase_cases() -> Iterator[Case]:
    """Recovery phrases. The numbers of the words are the 256 bits of the seed and 8 bits of its SHA-256, 11 bits at a time (BIP-39)."""
    for name, (seed, phrase) in PHRASES.items():
        bits = int.from_bytes(seed + hashlib.sha256(seed).digest()[:1], "big")
        word_numbers = [bits >> shift & 2047 for shift in range(253, -1, -11)]
        yield {"name": name, "input": {"seed": seed.hex()}, "expected": {"word_numbers": word_numbers, "phrase": phrase}}


def blinding_cases() -> Iterator[Case]:
    """Blinding factors of outputs."""
    sender = Keys(ALICE)
    for name, entropy, sequence, index, value, text in (
        ("no text", bytes(32), 0, 0, 0, ""),
        ("text", bytes(range(32)), 7, 6, 500, "Lunch 🍜"),
        ("largest numbers", b"\xff" * 32, 2**64 - 1, 255, 2**64 - 1, "x" * 215),
    ):
        numbers = sequence.to_bytes(8, "big") + bytes([index]) + value.to_bytes(8, "big")
        wide = xof("MESH/v1/kdf/blinding", sender.self_key + entropy + NETWORK_ID + sender.owner + numbers + text.encode(), 64)
        blinding = int.from_bytes(wide, "little") % L
        position = {"network_id": NETWORK_ID.hex(), "sender": sender.owner.hex(), "sequence": number(sequence), "index": index}
        secrets = {"self_key": sender.self_key.hex(), "entropy": entropy.hex(), "value": number(value), "text": text}
        yield {"name": name, "input": secrets | position, "expected": {"blinding": blinding.to_bytes(32, "little").hex()}}


class Output:
    """An output from Alice to Bob, and the keys of its memo."""

    def __init__(self, value: int, blinding: int, *, sequence: int = 3, index: int = 0, eph_pk: bytes | None = None) -> None:
        sender, recipient = Keys(ALICE), Keys(BOB)
        self.commitment = commit(value, blinding)
        self.position = sender.owner + sequence.to_bytes(8, "big") + bytes([index])
        self.eph_sk = xof("MESH/v1/kdf/eph", sender.self_key + NETWORK_ID + self.position + self.commitment, 32)
        self.eph_pk = x25519(self.eph_sk, X25519_BASE) if eph_pk is None else eph_pk
        self.shared = x25519(recipient.view_sk, self.eph_pk)
        parties = NETWORK_ID + self.eph_pk + recipient.view_pk + recipient.owner + self.commitment
        self.key = xof("MESH/v1/kdf/memo", self.shared + parties + self.position, 32)
        self.aad = NETWORK_ID + recipient.owner + recipient.view_pk + self.commitment + self.eph_pk
        self.context = {
            "network_id": NETWORK_ID.hex(),
            "sender": sender.owner.hex(),
            "sequence": number(sequence),
            "index": index,
            "owner": recipient.owner.hex(),
            "view_pk": recipient.view_pk.hex(),
            "commitment": self.commitment.hex(),
        }

    def seal(self, plain: bytes) -> bytes:
        """The memo of a plaintext, well-formed or not."""
        return chacha20_poly1305_encrypt(self.key, ZERO_NONCE, self.aad, plain)


def plain_memo(value: int, blinding: int, text: bytes, size: int) -> bytes:
    """u64 value || blinding || u8 text_len || text || zero padding."""
    return (value.to_bytes(8, "big") + blinding.to_bytes(32, "little") + bytes([len(text)]) + text).ljust(size, b"\0")


def memo_cases() -> Iterator[Case]:
    """Memos of all sizes, at both ends of each."""
    for name, value, blinding, text, size in (
        ("no text", 1, BLINDING, "", 64),
        ("23 bytes of text, the most for 80", 500, BLINDING + 1, "twenty-three bytes long", 64),
        ("24 bytes of text", 2**64 - 1, L - 1, "twenty-four bytes, more.", 128),
        ("characters of 2, 3 and 4 bytes", 10**12, 1, "Grüße — für die Nudeln 🍜", 128),
        ("87 bytes of text, the most for 144", 2**63, BLINDING + 2, "m" * 87, 128),
        ("88 bytes of text", 0, BLINDING + 3, "m" * 88, 256),
        ("215 bytes of text, the most of all", 9499, BLINDING + 4, "é" * 107 + "!", 256),
        ("text that ends in zero bytes", 77, BLINDING + 5, "nul\0\0", 64),
    ):
        output = Output(value, blinding, sequence=value % 1000, index=size % 7)
        opening = {"value": number(value), "blinding": blinding.to_bytes(32, "little").hex(), "text": text}
        inner = {"eph_sk": output.eph_sk.hex(), "shared": output.shared.hex(), "key": output.key.hex()}
        memo = output.seal(plain_memo(value, blinding, text.encode(), size))
        seeds = {"sender_seed": ALICE.hex(), "recipient_seed": BOB.hex()}
        yield {"name": name, "input": seeds | output.context | opening, "expected": inner | {"eph_pk": output.eph_pk.hex(), "memo": memo.hex()}}


def refused_memo_cases() -> Iterator[Case]:
    """Memos that do not open, each for one reason. `recipient_seed` is whose view key tries."""
    good = plain_memo(500, BLINDING, b"Lunch", 64)
    small_order = bytes.fromhex("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800")

    def case(name: str, reason: str, memo: bytes | None = None, *, output: Output | None = None, reader: bytes = BOB) -> Case:
        output = output or Output(500, BLINDING)
        memo = output.seal(good) if memo is None else memo
        inputs = {"recipient_seed": reader.hex()} | output.context | {"eph_pk": output.eph_pk.hex(), "memo": memo.hex()}
        return {"name": name, "input": inputs, "expected_error": reason}

    output = Output(500, BLINDING)
    sealed = output.seal(good)
    yield case("another recipient's view key", "OTHER_VIEW_KEY", reader=CAROL)
    yield case("no bytes", "SIZE", b"")
    yield case("one byte short", "SIZE", sealed[:-1])
    yield case("one byte long", "SIZE", sealed + b"\0")
    yield case("ephemeral key of order 8", "WEAK_KEY", output=Output(500, BLINDING, eph_pk=small_order))
    yield case("ephemeral key zero", "WEAK_KEY", output=Output(500, BLINDING, eph_pk=bytes(32)))
    yield case("last bit of the tag", "AUTHENTICATION", sealed[:-1] + bytes([sealed[-1] ^ 1]))
    yield case("memo of the next output", "AUTHENTICATION", Output(500, BLINDING, index=1).seal(good))
    yield case("text longer than the memo by one byte", "TEXT_LENGTH", output.seal(good[:40] + bytes([24]) + bytes(23)))
    yield case("text of 255 bytes in the largest memo", "TEXT_LENGTH", output.seal(good[:40] + b"\xff" + bytes(215)))
    yield case("last byte not zero", "PADDING", output.seal(good[:-1] + b"\1"))
    yield case("first byte after the text not zero", "PADDING", output.seal(good[:46] + b"\x80" + good[47:]))
    yield case("blinding factor plus l", "BLINDING", output.seal(plain_memo(500, BLINDING + L, b"Lunch", 64)))
    yield case("blinding factor l for zero", "BLINDING", Output(500, 0).seal(plain_memo(500, L, b"", 64)), output=Output(500, 0))
    yield case("value one too high", "COMMITMENT", output.seal(plain_memo(501, BLINDING, b"Lunch", 64)))
    yield case("another blinding factor", "COMMITMENT", output.seal(plain_memo(500, BLINDING - 1, b"Lunch", 64)))
    yield case("value in the other byte order", "COMMITMENT", output.seal(good[:8][::-1] + good[8:]))
    yield case("not UTF-8", "TEXT_ENCODING", output.seal(plain_memo(500, BLINDING, b"\xff\xfe", 64)))
    yield case("half a character at the end", "TEXT_ENCODING", output.seal(plain_memo(500, BLINDING, "é".encode()[:1], 64)))
    yield case("surrogate", "TEXT_ENCODING", output.seal(plain_memo(500, BLINDING, b"\xed\xa0\x80", 64)))


def self_memo_key_and_aad(sequence: int, commitment: bytes) -> tuple[bytes, bytes]:
    """Key and associated data of Alice's self memo."""
    keys = Keys(ALICE)
    slot = keys.owner + sequence.to_bytes(8, "big")
    return xof("MESH/v1/kdf/self-memo", keys.self_key + NETWORK_ID + slot + commitment, 32), slot


def self_memo_cases() -> Iterator[Case]:
    """Self memos: openings of the sender's new balance."""
    for name, value, blinding, sequence in (("ordinary", 9499, BLINDING, 0), ("zero", 0, 0, 1), ("largest numbers", 2**64 - 1, L - 1, 2**64 - 1)):
        commitment = commit(value, blinding)
        key, aad = self_memo_key_and_aad(sequence, commitment)
        plain = value.to_bytes(8, "big") + blinding.to_bytes(32, "little")
        context = {"network_id": NETWORK_ID.hex(), "sender": Keys(ALICE).owner.hex(), "sequence": number(sequence), "new_balance": commitment.hex()}
        opening = {"value": number(value), "blinding": blinding.to_bytes(32, "little").hex()}
        expected = {"key": key.hex(), "self_memo": chacha20_poly1305_encrypt(key, ZERO_NONCE, aad, plain).hex()}
        yield {"name": name, "input": {"seed": ALICE.hex()} | context | opening, "expected": expected}


def refused_self_memo_cases() -> Iterator[Case]:
    """Self memos that do not open, each for one reason."""
    commitment = commit(9499, BLINDING)
    key, aad = self_memo_key_and_aad(5, commitment)
    good = (9499).to_bytes(8, "big") + BLINDING.to_bytes(32, "little")
    sealed = chacha20_poly1305_encrypt(key, ZERO_NONCE, aad, good)
    other_key, other_aad = self_memo_key_and_aad(6, commitment)
    context = {"network_id": NETWORK_ID.hex(), "sender": Keys(ALICE).owner.hex(), "sequence": 5, "new_balance": commitment.hex()}
    for name, reason, self_memo in (
        ("one byte short", "SIZE", sealed[:-1]),
        ("first bit", "AUTHENTICATION", bytes([sealed[0] ^ 0x80]) + sealed[1:]),
        ("self memo of the next slot", "AUTHENTICATION", chacha20_poly1305_encrypt(other_key, ZERO_NONCE, other_aad, good)),
        ("blinding factor plus l", "BLINDING", chacha20_poly1305_encrypt(key, ZERO_NONCE, aad, good[:8] + (BLINDING + L).to_bytes(32, "little"))),
        ("value one too low", "COMMITMENT", chacha20_poly1305_encrypt(key, ZERO_NONCE, aad, (9498).to_bytes(8, "big") + good[8:])),
    ):
        yield {"name": name, "input": {"seed": ALICE.hex()} | context | {"self_memo": self_memo.hex()}, "expected_error": reason}


def build() -> dict[str, Any]:
    """The whole file."""
    return {
        "description": [
            "Key derivation, addresses, blinding factors, memos and self memos of MESH (docs/protocol.md).",
            "Byte strings in lower-case hexadecimal; scalars are 32 bytes little-endian; value, sequence and index are numbers (above 2^53 strings of digits).",
            "keys: the seed gives everything else. phrases: the seed as 24 words (BIP-39, English, published vectors) and their numbers in the list, from 0.",
            "blindings: derive the blinding factor of an output.",
            "memos: sealing gives eph_pk and memo, opening gives value, blinding and text; eph_sk, shared and key are on the way.",
            "refused_memos: opening with the view key of recipient_seed fails for the named reason. self_memos, refused_self_memos: the same for self memos.",
        ],
        "source": "tests/vectors/make_keys_and_memos.py, schoolbook arithmetic without code of mesh_core",
        "keys": list(key_cases()),
        "phrases": list(phrase_cases()),
        "blindings": list(blinding_cases()),
        "memos": list(memo_cases()),
        "refused_memos": list(refused_memo_cases()),
        "self_memos": list(self_memo_cases()),
        "refused_self_memos": list(refused_self_memo_cases()),
    }


def render() -> str:
    """The file's text."""
    return json.dumps(build(), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    PATH.write_text(render(), encoding="utf-8")
