"""The keys of a wallet, all derived from one seed of 32 bytes (docs/protocol.md, "Keys, addresses").

    seed ─┬─ XOF kdf/sign ─▶ signing key (Ed25519)          spends
          └─ XOF kdf/view ─▶ view secret (X25519) ─▶ self key   reads

The view secret is derived beside the signing key, not from it: whoever holds it reads all memos and balances of the account but cannot spend.
(An Ed25519 key converted to X25519 would be the same secret twice, and to disclose the one would be to give away the other.)
Secret X25519 keys are stored, hashed and disclosed as derived; clamping happens inside X25519 only.
"""

import hmac
from dataclasses import dataclass
from typing import Final

from nacl.bindings import crypto_scalarmult, crypto_scalarmult_base
from nacl.exceptions import RuntimeError as SodiumFailure
from typing_extensions import override

from mesh_core.crypto import domains
from mesh_core.crypto.hashing import tagged_xof
from mesh_core.crypto.signatures import SigningKey
from mesh_core.errors import ErrorCode, LocalFault
from mesh_core.types.address import Address
from mesh_core.types.basic import PublicKey, ViewPublicKey

SEED_BYTES: Final = 32
X25519_BYTES: Final = 32

_ALL_ZERO: Final = bytes(X25519_BYTES)


class WeakViewKeyError(LocalFault):
    """An X25519 public key of small order: the shared secret would be zero, which everybody knows. Proves that the key was not made honestly."""

    def __init__(self) -> None:
        super().__init__(ErrorCode.ADDRESS_INVALID, "an X25519 key of small order: what is encrypted to it could be read by everybody")


class ViewKey:
    """Read access to one account: incoming memos, own balance, own sent outputs. No spending. Hidden in `repr`, not comparable."""

    __slots__ = ("_public_key", "_secret", "_self_key")

    def __init__(self, secret: bytes) -> None:
        """`secret`: view_sk, 32 bytes as derived or disclosed. Raises LocalFault(KEY_FILE) for another length."""
        if len(secret) != X25519_BYTES:
            raise LocalFault(ErrorCode.KEY_FILE, f"a view key has {X25519_BYTES} bytes, this one {len(secret)}")
        self._secret = secret
        self._public_key = x25519_public_key(secret)
        self._self_key = tagged_xof(domains.KDF_SELF, secret, 32)

    @property
    def secret(self) -> bytes:
        """view_sk, 32 bytes, secret: to disclose it gives full read access to the account, for ever."""
        return self._secret

    @property
    def public_key(self) -> ViewPublicKey:
        """view_pk, 32 bytes, public, part of the address."""
        return self._public_key

    @property
    def self_key(self) -> bytes:
        """32 bytes, secret: from it come the ephemeral secrets of sent memos, the keys of self memos and the hedge of blindings."""
        return self._self_key

    @override
    def __repr__(self) -> str:
        return f"ViewKey(public_key={self._public_key.hex()}, secret hidden)"


@dataclass(frozen=True, slots=True, eq=False)
class WalletKeys:
    """Everything that a wallet derives from its seed. The parts hide their secrets in `repr`; the seed itself is not kept."""

    signing_key: SigningKey
    view_key: ViewKey

    @staticmethod
    def from_seed(seed: bytes) -> "WalletKeys":
        """The keys of a seed: 32 bytes, secret, the entropy of 24 BIP-39 words as it is. Raises LocalFault(KEY_FILE) for another length."""
        if len(seed) != SEED_BYTES:
            raise LocalFault(ErrorCode.KEY_FILE, f"a wallet seed has {SEED_BYTES} bytes, this one {len(seed)}")
        return WalletKeys(SigningKey(tagged_xof(domains.KDF_SIGN, seed, 32)), ViewKey(tagged_xof(domains.KDF_VIEW, seed, 32)))

    @property
    def owner(self) -> PublicKey:
        """Public key of the account: its name on the ledger."""
        return self.signing_key.public_key

    @property
    def address(self) -> Address:
        """What the owner gives to payers, public."""
        return Address(self.owner, self.view_key.public_key)


@dataclass(frozen=True, slots=True, eq=False)
class ViewOnlyKeys:
    """What somebody has who may read an account and not spend from it. The view secret is hidden in `repr`."""

    owner: PublicKey
    view_key: ViewKey

    @property
    def address(self) -> Address:
        """What payers need, public."""
        return Address(self.owner, self.view_key.public_key)


def x25519_public_key(secret: bytes) -> ViewPublicKey:
    """The X25519 public key of 32 secret bytes (RFC 7748, clamped inside)."""
    assert len(secret) == X25519_BYTES
    return ViewPublicKey(crypto_scalarmult_base(secret))


def x25519(secret: bytes, public: bytes) -> bytes:
    """The shared secret, 32 bytes, secret (RFC 7748). Raises WeakViewKeyError where it would be all zero.

    Both arguments have 32 bytes; `secret` is secret, `public` comes from anybody. Non-canonical and twist keys are taken, as the RFC says.
    """
    assert len(secret) == len(public) == X25519_BYTES
    try:
        shared = crypto_scalarmult(secret, public)
    except SodiumFailure as failure:
        raise WeakViewKeyError from failure
    if hmac.compare_digest(shared, _ALL_ZERO):
        raise WeakViewKeyError
    return shared
