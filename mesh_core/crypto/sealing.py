"""A wallet's seed under a passphrase: Argon2id makes the key, secretbox (XSalsa20-Poly1305) seals. Both are libsodium's, through PyNaCl.

    key    = Argon2id(NFKD(passphrase), salt(16), operations, memory)    32 bytes
    sealed = secretbox(key, nonce(24), seed)                              the nonce in front, 72 bytes in all

The passphrase is normalised as BIP-39 does it: one keyboard writes é as one character, another as a letter and an accent, and nobody sees the difference.
Earlier files were sealed under the characters as they were typed: those are tried as well, where they are others.

The file says with which cost it was sealed, so that the cost can rise later. A cost beyond `MOST` is refused: it was not written by this program, and to
follow it would only hang the machine.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final
from unicodedata import normalize

from nacl.exceptions import CryptoError
from nacl.pwhash import argon2id
from nacl.secret import SecretBox

from mesh_core.errors import ErrorCode, LocalFault
from mesh_core.types.codec import U32, Constant, Fixed, Struct

SEED_BYTES: Final = 32
SEALED_VERSION: Final = 1
LEAST_MEMORY_KIB: Final = argon2id.MEMLIMIT_MIN // 1024
_SEALED_BYTES: Final = SecretBox.NONCE_SIZE + SecretBox.MACBYTES + SEED_BYTES


@dataclass(frozen=True, slots=True)
class SealingCost:
    """Argon2id's cost: passes over the memory, and memory in KiB, the unit that Argon2 counts in."""

    operations: int
    memory_kib: int


MODERATE: Final = SealingCost(argon2id.OPSLIMIT_MODERATE, argon2id.MEMLIMIT_MODERATE // 1024)
"""libsodium's "moderate": 3 passes over 256 MiB, under a second on a desktop."""
MOST: Final = SealingCost(argon2id.OPSLIMIT_SENSITIVE * 4, argon2id.MEMLIMIT_SENSITIVE // 1024)


@dataclass(frozen=True, slots=True)
class SealedSeed:
    """What a sealed seed's file holds. Not secret, as far as the passphrase is good."""

    operations: int
    memory_kib: int
    salt: bytes
    sealed: bytes


SEALED_SEED = Struct(
    SealedSeed,
    version=Constant(U32, SEALED_VERSION),
    operations=U32,
    memory_kib=U32,
    salt=Fixed[bytes](argon2id.SALTBYTES),
    sealed=Fixed[bytes](_SEALED_BYTES),
)


def seal_seed(seed: bytes, passphrase: str, entropy: Callable[[int], bytes], cost: SealingCost = MODERATE) -> SealedSeed:
    """Seal a seed of 32 bytes (secret) under a passphrase (secret, any text but none). Salt and nonce are drawn from `entropy`. LocalFault (PASSPHRASE)."""
    assert len(seed) == SEED_BYTES
    if not passphrase:
        raise LocalFault(ErrorCode.PASSPHRASE, "the passphrase is empty")
    salt = entropy(argon2id.SALTBYTES)
    box = SecretBox(_derive(normalize("NFKD", passphrase), salt, cost))
    return SealedSeed(cost.operations, cost.memory_kib, salt, bytes(box.encrypt(seed, entropy(SecretBox.NONCE_SIZE))))


def open_seed(sealed: SealedSeed, passphrase: str) -> bytes:
    """The seed: 32 bytes, secret. Takes as long as sealing did; up to three times as long for another passphrase, or an earlier file, beyond ASCII.

    LocalFault: PASSPHRASE where it is another one, KEY_FILE for a cost that no wallet writes.
    """
    cost = SealingCost(sealed.operations, sealed.memory_kib)
    if not (argon2id.OPSLIMIT_MIN <= cost.operations <= MOST.operations and LEAST_MEMORY_KIB <= cost.memory_kib <= MOST.memory_kib):
        raise LocalFault(ErrorCode.KEY_FILE, f"the sealed seed asks for {cost.operations} passes over {cost.memory_kib} KiB: no wallet seals so")
    for form in _forms(passphrase):
        key = _derive(form, sealed.salt, cost)
        try:
            return bytes(SecretBox(key).decrypt(sealed.sealed))
        except CryptoError:
            continue
    raise LocalFault(ErrorCode.PASSPHRASE, "this is not the passphrase that the seed was sealed with, or the file was changed")


def _forms(passphrase: str) -> Iterator[str]:
    """What a seed may be sealed under: the normal form; the characters as they are typed; and as most keyboards would have typed them."""
    return iter(dict.fromkeys((normalize("NFKD", passphrase), passphrase, normalize("NFC", passphrase))))


def _derive(passphrase: str, salt: bytes, cost: SealingCost) -> bytes:
    try:
        return argon2id.kdf(SecretBox.KEY_SIZE, passphrase.encode(), salt, opslimit=cost.operations, memlimit=cost.memory_kib * 1024)
    except UnicodeEncodeError as error:
        raise LocalFault(ErrorCode.PASSPHRASE, "the passphrase holds a character that UTF-8 cannot express") from error
    except (CryptoError, MemoryError) as error:
        raise LocalFault(ErrorCode.PASSPHRASE, f"there is not enough memory for Argon2id: {cost.memory_kib // 1024} MiB are needed") from error
