"""Merlin transcripts (merlin 3.0 on STROBE-128 v1.0.2): the Fiat-Shamir hash of the range proofs.

A transcript absorbs labelled messages and gives labelled challenges that depend on everything absorbed before. STROBE runs on Keccak-f[1600], which Python
does not offer, but by design its padding is that of cSHAKE128 with the customisation string "STROBEv1.0.2". So a transcript keeps the blocks that it has
XORed into the state and computes an output as the cSHAKE128 of those blocks (docs: notes.md, "Transcript without a Keccak of our own"). OpenSSL 3 has that
sponge as the digest KECCAK-KMAC-128; where it is missing, PyCryptodome's cSHAKE128 does the same, more slowly.
"""

import hashlib
from collections.abc import Callable
from functools import cache
from typing import Final, Protocol, Self

from mesh_core.crypto.ristretto import UNIFORM_BYTES, reduce_wide
from mesh_core.errors import ErrorCode, LocalFault

# STROBE-128: Keccak's rate, less two bytes of STROBE's own padding.
_RATE_BYTES: Final = 168
_BLOCK_BYTES: Final = 166
_STROBE_VERSION: Final = b"STROBEv1.0.2"
# cSHAKE's first block: bytepad(encode_string("") || encode_string("STROBEv1.0.2"), 168), NIST SP 800-185 section 3.3.
_FIRST_BLOCK: Final = (bytes((1, _RATE_BYTES, 1, 0, 1, 8 * len(_STROBE_VERSION))) + _STROBE_VERSION).ljust(_RATE_BYTES, b"\0")
_MERLIN_VERSION: Final = b"Merlin v1.0"

# Operations of STROBE as sums of its flags I = 1, A = 2, C = 4, M = 16.
_META_AD: Final = 0x12
_AD: Final = 0x02
_PRF: Final = 0x07
_KEY: Final = 0x06
_CIPHER_OPERATIONS: Final = (_PRF, _KEY)

# The "simple" transcript of merlin's own tests, printed by gtank/merlin.
_PUBLISHED_CHALLENGE: Final = bytes.fromhex("d5a21972d0d5fe320c0d263fac7fffb8145aa640af6e9bca177c03c7efcf0615")

# Outer randomness of one TranscriptRng, as in merlin.
RNG_ENTROPY_BYTES: Final = 32


class Sponge(Protocol):
    """cSHAKE128 with the customisation string of STROBE, in the steps that a transcript needs."""

    def copy(self) -> Self:
        """An independent sponge in the same state."""
        ...

    def absorb(self, block: bytes) -> None:
        """Absorb a padded block of 168 bytes."""
        ...

    def squeeze(self, last_block: bytes, size: int) -> bytes:
        """The first `size` bytes of output (at most 168) if `last_block`, unpadded, ended the input. The state does not change."""
        ...


class OpenSslSponge:
    """The sponge of OpenSSL 3, reached through `hashlib` as the digest KECCAK-KMAC-128."""

    def __init__(self) -> None:
        """ValueError where hashlib's OpenSSL does not have the digest."""
        self._hash = hashlib.new("KECCAK-KMAC-128", _FIRST_BLOCK)

    def copy(self) -> "OpenSslSponge":
        """An independent sponge in the same state."""
        twin = object.__new__(OpenSslSponge)
        twin._hash = self._hash.copy()
        return twin

    def absorb(self, block: bytes) -> None:
        """Absorb a padded block of 168 bytes."""
        self._hash.update(block)

    def squeeze(self, last_block: bytes, size: int) -> bytes:
        """The first `size` bytes of output if `last_block`, unpadded, ended the input."""
        fork = self._hash.copy()
        fork.update(last_block)
        # hashlib knows this digest as one without a size of its own, but the stubs know only its SHAKEs so.
        return fork.digest(size)  # type: ignore[call-arg]


class CShakeSponge:
    """The same sponge from PyCryptodome. Its cSHAKE128 cannot be copied, so the input (a few blocks) is kept and hashed again for each output."""

    def __init__(self) -> None:
        """An empty input."""
        self._absorbed = b""

    def copy(self) -> "CShakeSponge":
        """An independent sponge in the same state."""
        twin = CShakeSponge()
        twin._absorbed = self._absorbed
        return twin

    def absorb(self, block: bytes) -> None:
        """Absorb a padded block of 168 bytes."""
        self._absorbed += block

    def squeeze(self, last_block: bytes, size: int) -> bytes:
        """The first `size` bytes of output if `last_block`, unpadded, ended the input."""
        from Crypto.Hash import cSHAKE128  # here and not above: needed only where OpenSSL lacks the sponge

        return cSHAKE128.new(data=self._absorbed + last_block, custom=_STROBE_VERSION).read(size)


class Strobe128:
    """The part of STROBE-128 that Merlin uses: meta-AD, AD, PRF and KEY.

    `_open_block` holds the bytes XORed into the rate since the last permutation, `_last_block` the block before it, permuted but not yet given to the
    sponge: an output of the state right after a permutation is the sponge's output for an input that ends with that block.
    """

    __slots__ = ("_last_block", "_op_start", "_open_block", "_sponge")

    def __init__(self, protocol_label: bytes, sponge: Sponge) -> None:
        """A fresh state; `sponge` has absorbed nothing and is owned by this object from now on."""
        self._sponge = sponge
        self._last_block: bytes | None = None
        self._open_block = b""
        self._op_start = 0
        self.meta_ad(protocol_label)

    def copy(self) -> "Strobe128":
        """An independent state, equal until now."""
        twin = object.__new__(Strobe128)
        twin._sponge = self._sponge.copy()
        twin._last_block, twin._open_block, twin._op_start = self._last_block, self._open_block, self._op_start
        return twin

    def meta_ad(self, data: bytes, *, more: bool = False) -> None:
        """Absorb metadata (labels, lengths); `more` continues the operation before."""
        self._begin(_META_AD, more=more)
        self._absorb(data)

    def ad(self, data: bytes) -> None:
        """Absorb public data."""
        self._begin(_AD)
        self._absorb(data)

    def labelled_ad(self, label: bytes, data: bytes) -> None:
        """Absorb the label and the length of public data as metadata, then the data: what `meta_ad(label)`, `meta_ad(length, more=True)`, `ad(data)` do."""
        size = len(data).to_bytes(4, "little")
        start = len(self._open_block)
        second_start = start + 2 + len(label) + len(size)
        if second_start + 2 + len(data) >= _BLOCK_BYTES:
            self.meta_ad(label)
            self.meta_ad(size, more=True)
            self.ad(data)
            return
        # All in the open block, as most is: one concatenation in place of six.
        self._open_block += bytes((self._op_start, _META_AD)) + label + size + bytes((start + 1, _AD)) + data
        self._op_start = second_start + 1

    def prf(self, size: int) -> bytes:
        """`size` pseudorandom bytes of everything absorbed. The state then forgets them: what comes later does not give them away."""
        self._begin(_PRF)
        output = b""
        while len(output) < size:
            part = self._squeeze(min(size - len(output), _BLOCK_BYTES))
            # STROBE overwrites the output with zeros, which is to XOR it with itself.
            self._absorb(part)
            output += part
        return output

    def key(self, key: bytes) -> None:
        """Overwrite the state with a secret. The state before cannot be computed from the state after."""
        self._begin(_KEY)
        for start in range(0, len(key), _BLOCK_BYTES):
            part = key[start : start + _BLOCK_BYTES]
            old = int.from_bytes(self._squeeze(len(part)), "little")
            self._absorb((old ^ int.from_bytes(part, "little")).to_bytes(len(part), "little"))

    def _begin(self, flags: int, *, more: bool = False) -> None:
        """Frame an operation: without this, two messages could be cut in another place and hash to the same challenge."""
        if more:
            return
        previous_start, self._op_start = self._op_start, len(self._open_block) + 1
        self._absorb(bytes((previous_start, flags)))
        if flags in _CIPHER_OPERATIONS and self._open_block:
            self._permute()

    def _absorb(self, data: bytes) -> None:
        pending = self._open_block + data
        if len(pending) < _BLOCK_BYTES:
            self._open_block = pending
            return
        while len(pending) >= _BLOCK_BYTES:
            self._open_block, pending = pending[:_BLOCK_BYTES], pending[_BLOCK_BYTES:]
            self._permute()
        self._open_block = pending

    def _squeeze(self, size: int) -> bytes:
        """The first `size` bytes of the state. Cipher operations begin, and go on, right after a permutation."""
        assert self._last_block is not None, "an operation begins with a permutation"
        assert not self._open_block, "an output is read right after a permutation"
        return self._sponge.squeeze(self._last_block, size)

    def _permute(self) -> None:
        """Close the open block. Padding: the start of the operation, 0x04, zeros, 0x80 on the last byte (0x84 where the two meet)."""
        if self._last_block is not None:
            padded = bytearray(self._last_block.ljust(_RATE_BYTES, b"\0"))
            padded[len(self._last_block)] = 0x04
            padded[-1] |= 0x80
            self._sponge.absorb(bytes(padded))
        self._last_block = self._open_block + bytes((self._op_start,))
        self._open_block = b""
        self._op_start = 0


class Transcript:
    """A Merlin transcript. Each message and challenge has a label; both sides of a proof must absorb the same labels and bytes in the same order."""

    __slots__ = ("_strobe",)

    def __init__(self, label: bytes, sponge: Sponge | None = None) -> None:
        """`label` names the protocol. `sponge`: the fastest that works here unless given. LocalFault (CRYPTO_LIBRARY) if none works."""
        self._strobe = Strobe128(_MERLIN_VERSION, choose_sponge()() if sponge is None else sponge)
        self.append(b"dom-sep", label)

    def append(self, label: bytes, message: bytes) -> None:
        """Absorb a public message of any length."""
        self._strobe.labelled_ad(label, message)

    def append_u64(self, label: bytes, value: int) -> None:
        """Absorb an integer in `[0, 2^64)` as eight little-endian bytes."""
        self.append(label, value.to_bytes(8, "little"))

    def challenge_bytes(self, label: bytes, size: int) -> bytes:
        """`size` bytes that depend on everything absorbed so far."""
        self._label(label, size)
        return self._strobe.prf(size)

    def challenge_scalar(self, label: bytes) -> int:
        """A scalar modulo the group order, uniform; zero (probability 2^-252) is the caller's to refuse."""
        return reduce_wide(self.challenge_bytes(label, UNIFORM_BYTES))

    def fork_rng(self, witness_label: bytes, witness: bytes, entropy: Callable[[int], bytes]) -> "TranscriptRng":
        """A generator of the prover's nonces, keyed with transcript, witness and 32 bytes of fresh `entropy`. The transcript itself does not change.

        Each alone is enough for nonces that nobody can predict or provoke twice: a cloned machine with the same entropy, but another statement, gets others.
        """
        return TranscriptRng(self._strobe.copy(), witness_label, witness, entropy)

    def _label(self, label: bytes, size: int) -> None:
        self._strobe.meta_ad(label)
        self._strobe.meta_ad(size.to_bytes(4, "little"), more=True)


class TranscriptRng:
    """Merlin's generator of synthetic nonces. Everything that it gives is secret."""

    __slots__ = ("_strobe",)

    def __init__(self, strobe: Strobe128, witness_label: bytes, witness: bytes, entropy: Callable[[int], bytes]) -> None:
        """Takes over `strobe`, a copy of a transcript's state. `witness` and what `entropy` gives are secret."""
        strobe.meta_ad(witness_label)
        strobe.meta_ad(len(witness).to_bytes(4, "little"), more=True)
        strobe.key(witness)
        fresh = entropy(RNG_ENTROPY_BYTES)
        assert len(fresh) == RNG_ENTROPY_BYTES, "an entropy source gives as many bytes as it is asked for"
        strobe.meta_ad(b"rng")
        strobe.key(fresh)
        self._strobe = strobe

    def fill(self, size: int) -> bytes:
        """`size` secret bytes."""
        self._strobe.meta_ad(size.to_bytes(4, "little"))
        return self._strobe.prf(size)

    def scalar(self) -> int:
        """A secret scalar, uniform, never zero."""
        while not (scalar := reduce_wide(self.fill(UNIFORM_BYTES))):
            continue
        return scalar


@cache
def choose_sponge() -> Callable[[], Sponge]:
    """The fastest sponge that gives Merlin's published challenge here. LocalFault (CRYPTO_LIBRARY) if none does."""
    candidates: tuple[Callable[[], Sponge], ...] = (OpenSslSponge, CShakeSponge)
    for candidate in candidates:
        try:
            if _gives_published_challenge(candidate()):
                return candidate
        except (ValueError, TypeError, ImportError):
            # Not in this build of OpenSSL, or PyCryptodome is not installed.
            continue
    raise LocalFault(ErrorCode.CRYPTO_LIBRARY, "neither OpenSSL 3 (KECCAK-KMAC-128) nor PyCryptodome (cSHAKE128) is there: pip install pycryptodome")


def _gives_published_challenge(sponge: Sponge) -> bool:
    transcript = Transcript(b"test protocol", sponge)
    transcript.append(b"some label", b"some data")
    return transcript.challenge_bytes(b"challenge", len(_PUBLISHED_CHALLENGE)) == _PUBLISHED_CHALLENGE
