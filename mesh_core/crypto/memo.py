"""Memos: how a recipient learns value and blinding factor of an output, and how a sender finds its own again (docs/protocol.md, "Output memo", "Self memo").

    eph_sk  = XOF(kdf/eph,  self_key || network_id || sender || u64 sequence || u8 index || commitment, 32)
    shared  = X25519(eph_sk, view_pk) = X25519(view_sk, eph_pk)                                    all-zero refused
    key     = XOF(kdf/memo, shared || network_id || eph_pk || view_pk || owner || commitment || sender || u64 sequence || u8 index, 32)
    plain   = u64 value || blinding(32, little-endian) || u8 text_len || text || zero padding      64, 128 or 256 bytes
    memo    = ChaCha20-Poly1305(key, zero nonce, aad = network_id || owner || view_pk || commitment || eph_pk, plain)

A key is made from the commitment, so it encrypts one plaintext only as long as a draft that is rebuilt draws a new blinding factor; the zero nonce is safe
for that reason alone. Three lengths, since the length of a memo is public. The sender can derive `eph_sk` again from its view key: sent outputs
are readable from the ledger. `eph_pk` stands in the signed transition and fixes the key, so a disclosed `eph_sk` cannot show another text.

Validators cannot check a memo. One that does not hold the opening of its output makes the output unopenable: it is shown, never claimed, because a
balance with an unknown opening could never be spent again.
"""

from dataclasses import dataclass, field
from enum import Enum
from typing import Final, NamedTuple

from nacl.bindings import crypto_aead_chacha20poly1305_ietf_decrypt, crypto_aead_chacha20poly1305_ietf_encrypt
from nacl.exceptions import CryptoError

from mesh_core.crypto import domains
from mesh_core.crypto.hashing import tagged_xof
from mesh_core.crypto.keys import ViewKey, WeakViewKeyError, x25519, x25519_public_key
from mesh_core.crypto.pedersen import Opening, commit
from mesh_core.crypto.ristretto import decode_scalar, encode_scalar, reduce_wide
from mesh_core.errors import DecodeError, ErrorCode, LocalFault, MeshError
from mesh_core.types.basic import Commitment, Hash32, PublicKey, ViewPublicKey
from mesh_core.types.transition import MEMO_SIZES, SELF_MEMO_SIZE

ENTROPY_BYTES: Final = 32
TAG_BYTES: Final = 16
VALUE_BYTES: Final = 8
OPENING_BYTES: Final = VALUE_BYTES + 32
HEADER_BYTES: Final = OPENING_BYTES + 1
"""Opening and length of the text."""
TEXT_LIMITS: Final = tuple(size - TAG_BYTES - HEADER_BYTES for size in MEMO_SIZES)
"""23, 87 and 215 bytes of UTF-8, for the three sizes of memo."""
MAX_TEXT_BYTES: Final = TEXT_LIMITS[-1]

_ZERO_NONCE: Final = bytes(12)

assert TEXT_LIMITS == (23, 87, 215)
assert SELF_MEMO_SIZE == OPENING_BYTES + TAG_BYTES


class MemoFault(Enum):
    """Why a memo does not give the opening of its output."""

    OTHER_VIEW_KEY = "the output names another view key"
    SIZE = "a memo of this size does not exist"
    WEAK_KEY = "a key of small order: everybody could read the memo"
    OTHER_EPHEMERAL_KEY = "the ephemeral secret does not belong to the output's ephemeral key"
    AUTHENTICATION = "the memo was not encrypted to this key for this output, or was changed"
    TEXT_LENGTH = "the text is longer than the memo"
    PADDING = "the padding is not zero"
    BLINDING = "the blinding factor is not a canonical scalar"
    COMMITMENT = "value and blinding factor do not open the commitment"
    TEXT_ENCODING = "the text is not UTF-8"


class MemoError(MeshError):
    """The output cannot be opened with its memo. `reason` says why. It hurts the sender, who has burnt its money, and nobody else."""

    def __init__(self, reason: MemoFault) -> None:
        super().__init__(ErrorCode.OUTPUT_UNOPENABLE, reason.value)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class MemoContext:
    """Where an output stands and for whom it is. All public, all bound into key and tag, so that a memo copied to another output does not open."""

    network_id: Hash32
    sender: PublicKey
    sequence: int
    index: int
    owner: PublicKey
    view_pk: ViewPublicKey
    commitment: Commitment


@dataclass(frozen=True, slots=True)
class SelfMemoContext:
    """The transition that a self memo belongs to. `new_balance` is the commitment whose opening it holds. All public."""

    network_id: Hash32
    sender: PublicKey
    sequence: int
    new_balance: Commitment


@dataclass(frozen=True, slots=True)
class MemoPlain:
    """What a memo says: the opening of its output, and a text. Secret, hidden in `repr`.

    The text was written by a stranger: whoever displays it escapes control characters.
    """

    opening: Opening
    text: str = field(repr=False)

    @property
    def value(self) -> int:
        """Units, `[0, 2^64)`, secret."""
        return self.opening.value

    @property
    def blinding(self) -> int:
        """Scalar in `[0, GROUP_ORDER)`, secret."""
        return self.opening.blinding


class SealedMemo(NamedTuple):
    """The two fields of an output that carry its memo. Public."""

    eph_pk: ViewPublicKey
    memo: bytes


def derive_output_blinding(self_key: bytes, entropy: bytes, *, network_id: Hash32, sender: PublicKey, sequence: int, index: int, value: int, text: str) -> int:
    """Blinding factor of an output: a scalar in `[0, GROUP_ORDER)`, secret.

        r = wide-reduce(XOF(kdf/blinding, self_key || entropy(32) || network_id || sender || u64 sequence || u8 index || u64 value || text, 64))

    `entropy`: 32 fresh random bytes, secret. The rest is the hedge: on a cloned machine, which repeats its randomness, two different payments still get
    different blinding factors. Equal ones would show the difference of the two amounts to everybody.
    """
    assert len(entropy) == ENTROPY_BYTES
    position = _position(sender, sequence, index)
    data = self_key + entropy + network_id + position + value.to_bytes(VALUE_BYTES, "big") + _encode_text(text)
    return reduce_wide(tagged_xof(domains.KDF_BLINDING, data, 64))


def memo_size(text: str) -> int:
    """Size in bytes of the smallest memo that holds `text`: 80, 144 or 272. Raises LocalFault(MEMO_TEXT_INVALID) if none does."""
    return _plain_size(_encode_text(text)) + TAG_BYTES


def seal_memo(view_key: ViewKey, context: MemoContext, plain: MemoPlain) -> SealedMemo:
    """Encrypt an output's opening and a text to the recipient `context.view_pk`. `view_key` is the sender's, secret.

    Only once for one commitment: another text needs a new blinding factor, or both texts are readable by their difference.
    Raises LocalFault(MEMO_TEXT_INVALID) for a text of more than 215 bytes or with half a surrogate pair, WeakViewKeyError for a recipient's key of
    small order, and MemoError(COMMITMENT) where the opening is not that of `context.commitment`: the recipient could never claim such an output.
    """
    text = _encode_text(plain.text)
    body = _encode_opening(plain.opening) + bytes((len(text),)) + text
    if commit(plain.opening) != context.commitment:
        raise MemoError(MemoFault.COMMITMENT)
    eph_sk = derive_eph_secret(view_key, context)
    eph_pk = x25519_public_key(eph_sk)
    key = _memo_key(x25519(eph_sk, context.view_pk), context, eph_pk)
    return SealedMemo(eph_pk, _encrypt(key, _memo_aad(context, eph_pk), body.ljust(_plain_size(text), b"\0")))


def open_memo(view_key: ViewKey, context: MemoContext, eph_pk: ViewPublicKey, memo: bytes) -> MemoPlain:
    """What the memo of a received output says, all of it checked: view key, size, tag, padding, `blinding < l`, commitment, UTF-8.

    `view_key` is the recipient's, secret. Raises MemoError with the reason: the output is unopenable then and must not be claimed.
    That `context.owner` is the recipient's own account is for the caller to check: others may name this view key in outputs of their own.
    """
    if context.view_pk != view_key.public_key:
        raise MemoError(MemoFault.OTHER_VIEW_KEY)
    return _open_with_shared(_shared_secret(view_key.secret, eph_pk), context, eph_pk, memo)


def reopen_sent_memo(view_key: ViewKey, context: MemoContext, eph_pk: ViewPublicKey, memo: bytes) -> MemoPlain:
    """What the memo of a sent output says, from ledger data and the sender's `view_key` alone (restore from seed).

    Raises MemoError, with OTHER_EPHEMERAL_KEY where this key did not make the memo.
    """
    return open_memo_with_eph_secret(derive_eph_secret(view_key, context), context, eph_pk, memo)


def open_memo_with_eph_secret(eph_sk: bytes, context: MemoContext, eph_pk: ViewPublicKey, memo: bytes) -> MemoPlain:
    """What a memo says to somebody to whom the sender disclosed `eph_sk` (32 bytes), as in a receipt.

    Raises MemoError, with OTHER_EPHEMERAL_KEY unless X25519-base(eph_sk) == eph_pk: `eph_pk` is signed, and with it the key and the text are fixed.
    (ChaCha20-Poly1305 alone is not: a ciphertext can be made that opens under two keys.)
    """
    if x25519_public_key(eph_sk) != eph_pk:
        raise MemoError(MemoFault.OTHER_EPHEMERAL_KEY)
    return _open_with_shared(_shared_secret(eph_sk, context.view_pk), context, eph_pk, memo)


def derive_eph_secret(view_key: ViewKey, context: MemoContext) -> bytes:
    """The sender's ephemeral X25519 secret of one output, 32 bytes. To disclose it discloses this one memo."""
    data = view_key.self_key + context.network_id + _position(context.sender, context.sequence, context.index) + context.commitment
    return tagged_xof(domains.KDF_EPH, data, 32)


def seal_self_memo(view_key: ViewKey, context: SelfMemoContext, opening: Opening) -> bytes:
    """Encrypt the opening of the account's new balance to its own owner: 56 bytes. With it, the seed and one honest validator restore everything.

    `view_key` is the sender's, secret. Raises MemoError(COMMITMENT) where the opening is not that of `context.new_balance`.
    """
    if commit(opening) != context.new_balance:
        raise MemoError(MemoFault.COMMITMENT)
    return _encrypt(_self_memo_key(view_key, context), _self_memo_aad(context), _encode_opening(opening))


def open_self_memo(view_key: ViewKey, context: SelfMemoContext, self_memo: bytes) -> Opening:
    """The opening of `context.new_balance`, checked against it. Raises MemoError: the transition was not made by a wallet with this view key."""
    if len(self_memo) != SELF_MEMO_SIZE:
        raise MemoError(MemoFault.SIZE)
    opening = _decode_opening(_decrypt(_self_memo_key(view_key, context), _self_memo_aad(context), self_memo))
    if commit(opening) != context.new_balance:
        raise MemoError(MemoFault.COMMITMENT)
    return opening


def _open_with_shared(shared: bytes, context: MemoContext, eph_pk: ViewPublicKey, memo: bytes) -> MemoPlain:
    if len(memo) not in MEMO_SIZES:
        raise MemoError(MemoFault.SIZE)
    plain = _decrypt(_memo_key(shared, context, eph_pk), _memo_aad(context, eph_pk), memo)
    end = HEADER_BYTES + plain[OPENING_BYTES]
    if end > len(plain):
        raise MemoError(MemoFault.TEXT_LENGTH)
    if any(plain[end:]):
        raise MemoError(MemoFault.PADDING)
    opening = _decode_opening(plain)
    if commit(opening) != context.commitment:
        raise MemoError(MemoFault.COMMITMENT)
    try:
        return MemoPlain(opening, plain[HEADER_BYTES:end].decode())
    except UnicodeDecodeError as error:
        raise MemoError(MemoFault.TEXT_ENCODING) from error


def _shared_secret(secret: bytes, public: ViewPublicKey) -> bytes:
    try:
        return x25519(secret, public)
    except WeakViewKeyError as error:
        raise MemoError(MemoFault.WEAK_KEY) from error


def _position(sender: PublicKey, sequence: int, index: int) -> bytes:
    """`sender || u64 sequence || u8 index`: one output of one slot."""
    return sender + sequence.to_bytes(8, "big") + index.to_bytes(1, "big")


def _memo_key(shared: bytes, context: MemoContext, eph_pk: ViewPublicKey) -> bytes:
    parties = context.network_id + eph_pk + context.view_pk + context.owner + context.commitment
    return tagged_xof(domains.KDF_MEMO, shared + parties + _position(context.sender, context.sequence, context.index), 32)


def _memo_aad(context: MemoContext, eph_pk: ViewPublicKey) -> bytes:
    return context.network_id + context.owner + context.view_pk + context.commitment + eph_pk


def _self_memo_key(view_key: ViewKey, context: SelfMemoContext) -> bytes:
    data = view_key.self_key + context.network_id + context.sender + context.sequence.to_bytes(8, "big") + context.new_balance
    return tagged_xof(domains.KDF_SELF_MEMO, data, 32)


def _self_memo_aad(context: SelfMemoContext) -> bytes:
    return context.sender + context.sequence.to_bytes(8, "big")


def _encode_opening(opening: Opening) -> bytes:
    return opening.value.to_bytes(VALUE_BYTES, "big") + encode_scalar(opening.blinding)


def _decode_opening(plain: bytes) -> Opening:
    try:
        blinding = decode_scalar(plain[VALUE_BYTES:OPENING_BYTES])
    except DecodeError as error:
        raise MemoError(MemoFault.BLINDING) from error
    return Opening(int.from_bytes(plain[:VALUE_BYTES], "big"), blinding)


def _encode_text(text: str) -> bytes:
    try:
        encoded = text.encode()
    except UnicodeEncodeError as error:
        raise LocalFault(ErrorCode.MEMO_TEXT_INVALID, "the text holds a character that UTF-8 cannot express") from error
    if len(encoded) > MAX_TEXT_BYTES:
        raise LocalFault(ErrorCode.MEMO_TEXT_INVALID, f"the text has {len(encoded)} bytes of UTF-8: at most {MAX_TEXT_BYTES} fit a memo")
    return encoded


def _plain_size(text: bytes) -> int:
    """Plaintext bytes of the smallest memo for a text that is not too long."""
    return HEADER_BYTES + next(limit for limit in TEXT_LIMITS if len(text) <= limit)


def _encrypt(key: bytes, aad: bytes, plain: bytes) -> bytes:
    return crypto_aead_chacha20poly1305_ietf_encrypt(plain, aad, _ZERO_NONCE, key)


def _decrypt(key: bytes, aad: bytes, sealed: bytes) -> bytes:
    try:
        return crypto_aead_chacha20poly1305_ietf_decrypt(sealed, aad, _ZERO_NONCE, key)
    except CryptoError as error:
        raise MemoError(MemoFault.AUTHENTICATION) from error
