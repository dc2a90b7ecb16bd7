"""Known answers for Ed25519, one of each kind on which verifiers in use disagree (docs/protocol.md, "Signatures").

A validator checks its library against them at start. Two validators with different answers would vote differently on the same bytes,
so that an attacker who sends such a signature could keep a payment from ever gathering a quorum, and lock an honest network.

The keys here are throw-away keys made from a public label. Messages are empty or start with "M" (77); what MESH signs starts with the length of
a tag, at most 63: none of these signatures can ever be taken for one of the protocol.

Everything is made by `tests/vectors/make_ed25519_cases.py` with schoolbook arithmetic. Notation: B base point, l its order, a and A = a*B
the ordinary key, r a fixed nonce, T a point of order 8, k = SHA-512(R, A, message) mod l.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class KeyCase:
    """An encoding and whether it is an acceptable public key."""

    name: str
    public_key: bytes
    acceptable: bool


@dataclass(frozen=True, slots=True)
class SignatureCase:
    """A signature over `message` as it stands, without tag, and whether it is valid under the accepted set of MESH."""

    name: str
    public_key: bytes
    message: bytes
    signature: bytes
    valid: bool


KEY_CASES = (
    # Ordinary points of the prime-order subgroup.
    KeyCase("base point", bytes.fromhex("5866666666666666666666666666666666666666666666666666666666666666"), acceptable=True),
    KeyCase("ordinary key", bytes.fromhex("acf52135e3bbabe6de0b210df430c57d90078c3cee4e09f47268ea0715c220af"), acceptable=True),
    # Small orders 1, 2, 4 and 8: under such a key (r*B, r) is a signature of every message whose k is divisible by the order.
    KeyCase("identity", bytes.fromhex("0100000000000000000000000000000000000000000000000000000000000000"), acceptable=False),
    KeyCase("order 2", bytes.fromhex("ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"), acceptable=False),
    KeyCase("order 4", bytes.fromhex("0000000000000000000000000000000000000000000000000000000000000080"), acceptable=False),
    KeyCase("order 8", bytes.fromhex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"), acceptable=False),
    # A + T and A + 4T: a library that multiplies by the cofactor and one that does not disagree on their signatures.
    # PyNaCl before 1.6.2 takes A + 4T for a point of prime order (CVE-2025-69277: l*(A + 4T) = (0, -1), and only x = 0 was looked at).
    KeyCase(
        "mixed order: ordinary key plus a point of order 8", bytes.fromhex("50563f9281ca666d652d2bb5ee6153d024fbefa4a2d6905744d50c73f652ceec"), acceptable=False
    ),
    KeyCase(
        "mixed order: ordinary key plus the point of order 2",
        bytes.fromhex("410adeca1c44541921f4def20bcf3a826ff873c311b1f60b8d9715f8ea3ddf50"),
        acceptable=False,
    ),
    # Second encodings: y not reduced, or a sign at x = 0. Accepting one would give a point two names. (All of them also fail the subgroup check:
    # no point with y from 0 to 18 has prime order.)
    KeyCase("identity with y = p + 1", bytes.fromhex("eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"), acceptable=False),
    KeyCase("identity with the sign of x set", bytes.fromhex("0100000000000000000000000000000000000000000000000000000000000080"), acceptable=False),
    KeyCase("order 2 with the sign of x set", bytes.fromhex("ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"), acceptable=False),
    KeyCase("order 4 with y = p", bytes.fromhex("edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"), acceptable=False),
    KeyCase("large order with y = p + 3", bytes.fromhex("f0ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"), acceptable=False),
    # No x fits y = 2.
    KeyCase("not on the curve", bytes.fromhex("0200000000000000000000000000000000000000000000000000000000000000"), acceptable=False),
)

SIGNATURE_CASES = (
    # RFC 8032: R = r*B, S = r + k*a mod l with the nonce of the RFC.
    SignatureCase(
        "good signature",
        bytes.fromhex("acf52135e3bbabe6de0b210df430c57d90078c3cee4e09f47268ea0715c220af"),
        b"MESH Ed25519 self-test: good signature",
        bytes.fromhex("d54223e4df0d9fda95edbe1c9fb2d4e7e0af352dcd20cf881f298959176c3cf96fd4bcb958ad66100faca0c0c2e0be592ee984579517af2216e1815488f12f0c"),
        valid=True,
    ),
    SignatureCase(
        "good signature of the empty message",
        bytes.fromhex("acf52135e3bbabe6de0b210df430c57d90078c3cee4e09f47268ea0715c220af"),
        b"",
        bytes.fromhex("d1e6f9ab52b8fcdf6839a87a0b9af2b08e081fff94397918e007799e16ea843db7a16935a5f5efaf0adefd80417be0c0011aa438e92e2082dfadb6bf8e1d7405"),
        valid=True,
    ),
    # The first signature, over other bytes.
    SignatureCase(
        "good signature of another message",
        bytes.fromhex("acf52135e3bbabe6de0b210df430c57d90078c3cee4e09f47268ea0715c220af"),
        b"MESH Ed25519 self-test: another message",
        bytes.fromhex("d54223e4df0d9fda95edbe1c9fb2d4e7e0af352dcd20cf881f298959176c3cf96fd4bcb958ad66100faca0c0c2e0be592ee984579517af2216e1815488f12f0c"),
        valid=False,
    ),
    # The first signature with S + l < 2^253: the same equation, so it holds for those who only look at the top three bits of S. Malleability.
    SignatureCase(
        "S plus l",
        bytes.fromhex("acf52135e3bbabe6de0b210df430c57d90078c3cee4e09f47268ea0715c220af"),
        b"MESH Ed25519 self-test: good signature",
        bytes.fromhex("d54223e4df0d9fda95edbe1c9fb2d4e7e0af352dcd20cf881f298959176c3cf95ca8b21673107968e5489863a1da9d6e2ee984579517af2216e1815488f12f1c"),
        valid=False,
    ),
    # Key T, (r*B, r), a message whose k is divisible by 8: the equation S*B = R + k*T holds. The signature is nobody's.
    SignatureCase(
        "small-order key",
        bytes.fromhex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"),
        b"MESH Ed25519 self-test: small-order key 24",
        bytes.fromhex("5a8746ba5616384cff7704df12905dafc56f8e5b06c977feb5213754be984b108d5c8ae18506c043ae7d50377f718e8b6f6ff26c88e960b1fb73672faa26fb02"),
        valid=False,
    ),
    # Key 0*B, (r*B, r): holds for every message.
    SignatureCase(
        "identity key",
        bytes.fromhex("0100000000000000000000000000000000000000000000000000000000000000"),
        b"MESH Ed25519 self-test: identity key",
        bytes.fromhex("5a8746ba5616384cff7704df12905dafc56f8e5b06c977feb5213754be984b108d5c8ae18506c043ae7d50377f718e8b6f6ff26c88e960b1fb73672faa26fb02"),
        valid=False,
    ),
    # The same with the identity written as y = p + 1.
    SignatureCase(
        "non-canonical key",
        bytes.fromhex("eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
        b"MESH Ed25519 self-test: non-canonical key",
        bytes.fromhex("5a8746ba5616384cff7704df12905dafc56f8e5b06c977feb5213754be984b108d5c8ae18506c043ae7d50377f718e8b6f6ff26c88e960b1fb73672faa26fb02"),
        valid=False,
    ),
    # Key A + T, S = r + k*a, a message whose k is divisible by 8: holds with and without the cofactor, and only the key rule refuses it.
    SignatureCase(
        "mixed-order key",
        bytes.fromhex("50563f9281ca666d652d2bb5ee6153d024fbefa4a2d6905744d50c73f652ceec"),
        b"MESH Ed25519 self-test: mixed-order key 3",
        bytes.fromhex("5a8746ba5616384cff7704df12905dafc56f8e5b06c977feb5213754be984b10488e7d039e38de86e0ea66ed0b5db4e511dab29856a564af83d8b9c3c55f0b0e"),
        valid=False,
    ),
    # R = 0*B, S = k*a: holds in OpenSSL.
    SignatureCase(
        "small-order R",
        bytes.fromhex("acf52135e3bbabe6de0b210df430c57d90078c3cee4e09f47268ea0715c220af"),
        b"MESH Ed25519 self-test: small-order R",
        bytes.fromhex("01000000000000000000000000000000000000000000000000000000000000008bc1c2e302afa53281e34099af1faf0e607386526dbf78c61239fdfe4946ad0b"),
        valid=False,
    ),
    # R = 0*B written as y = p + 1, S = k*a: holds where R is decoded instead of compared byte by byte.
    SignatureCase(
        "non-canonical R",
        bytes.fromhex("acf52135e3bbabe6de0b210df430c57d90078c3cee4e09f47268ea0715c220af"),
        b"MESH Ed25519 self-test: non-canonical R",
        bytes.fromhex("eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f142354f405fb1195e14d0161f3da3a0ce1df124d28c84b64b9212f4a11effa05"),
        valid=False,
    ),
    # R = r*B + T, S = r + k*a: 8*S*B = 8*R + 8*k*A holds, S*B = R + k*A does not. Batch verifiers and cofactored libraries accept it.
    SignatureCase(
        "valid with the cofactor only",
        bytes.fromhex("acf52135e3bbabe6de0b210df430c57d90078c3cee4e09f47268ea0715c220af"),
        b"MESH Ed25519 self-test: valid with the cofactor only",
        bytes.fromhex("66ac3f58fd4e75a8bf51db593e2e641ca219a670f3f15b653aead92988b7b30b176744dcbef1d5bbd8ce890c1ae16778822a6670a65cefbe2c927f6e3af20001"),
        valid=False,
    ),
)
