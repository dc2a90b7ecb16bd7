"""The three-message handshake that opens every connection, as two machines without input or output (docs/protocol.md, "HELLO and HANDSHAKE").

    initiator                              responder
    HELLO      versions, network, nonce -->
               <-- HANDSHAKE  signed, both nonces, fingerprint of the responder's TLS certificate
    HANDSHAKE  signed, both nonces      -->

TLS alone proves little here: the certificates are self-signed. The handshake proves which Ed25519 identity stands behind the connection:

* both nonces are signed by both sides, so a recorded message opens no second connection;
* each role signs under its own tag, so a message cannot be sent back to the one who made it;
* the fingerprint of the certificate is signed as each side itself sees it, so a relay with another certificate breaks both signatures.

Every refusal raises HandshakeFault with the code of the ERROR message that tells the peer why. Each machine is used once and never again after a fault.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from typing import Final

from mesh_core.crypto import domains
from mesh_core.crypto.signatures import SigningKey, verify_signature
from mesh_core.errors import ErrorCode, PeerFault, WireErrorCode
from mesh_core.types.basic import EPOCH_0, Hash32, PublicKey, Signature
from mesh_core.types.messages import PROTOCOL_VERSION, Handshake, Hello, Role, encode_message

Entropy = Callable[[int], bytes]

NONCE_BYTES: Final = 32
SIGNATURE_BYTES: Final = 64
NO_FEATURES: Final = 0
"""No optional feature exists in this version. Unknown bits of a peer are ignored, so that a later version can announce some."""

_ZERO_NONCE: Final = bytes(NONCE_BYTES)
_UNSIGNED: Final = Signature(bytes(SIGNATURE_BYTES))


class HandshakeFault(PeerFault):
    """The peer's HELLO or HANDSHAKE is refused. `wire_code` is what the ERROR message tells it. Proves nothing to third parties."""

    def __init__(self, wire_code: WireErrorCode, text: str, *, peer: str = "") -> None:
        super().__init__(ErrorCode.PEER_HANDSHAKE, text, peer=peer)
        self.wire_code = wire_code
        self.reason = text


@dataclass(frozen=True, slots=True)
class PeerIdentity:
    """Who the other side has proven to be. A wallet's identity is fresh for each connection and names nobody."""

    role: Role
    identity: PublicKey
    features: int


@dataclass(frozen=True, slots=True)
class _Expected:
    """What every field of the peer's HANDSHAKE is compared with."""

    signature_tag: bytes
    network_id: Hash32
    own_nonce: bytes
    peer_nonce: bytes | None
    tls_fingerprint: Hash32


class Initiator:
    """The side that opens the connection: a wallet, a monitor, or a validator that dials another.

    `responder` is the configured identity of the validator, `tls_fingerprint` the fingerprint of the certificate that TLS has verified on this connection
    (not the configured one: the point is to sign what was seen). `entropy` gives the nonce.
    """

    def __init__(self, *, key: SigningKey, role: Role, network_id: Hash32, responder: PublicKey, tls_fingerprint: Hash32, entropy: Entropy) -> None:
        self._key = key
        self._role = role
        self._network_id = network_id
        self._responder = responder
        self._tls_fingerprint = tls_fingerprint
        self._nonce = _fresh_nonce(entropy)
        self._peer: PeerIdentity | None = None

    @property
    def peer(self) -> PeerIdentity | None:
        """The responder, once its HANDSHAKE is accepted."""
        return self._peer

    def hello(self) -> Hello:
        """The first message."""
        return Hello(version_min=PROTOCOL_VERSION, version_max=PROTOCOL_VERSION, network_id=self._network_id, nonce=self._nonce)

    def receive_handshake(self, theirs: Handshake) -> Handshake:
        """Check the responder's HANDSHAKE; returns ours, after which requests may follow at once. HandshakeFault when anything is not as expected."""
        if self._peer is not None:
            raise HandshakeFault(WireErrorCode.BAD_FRAME, "a second HANDSHAKE")
        expected = _Expected(domains.SIG_HANDSHAKE_RESPONDER, self._network_id, self._nonce, None, self._tls_fingerprint)
        _check_fields(theirs, expected)
        if theirs.identity != self._responder:
            # A validator of the same network that answers at another one's address, by mistake or on purpose, is not the one that was asked for.
            raise HandshakeFault(WireErrorCode.IDENTITY, "the responder is not the configured validator")
        if theirs.role is not Role.VALIDATOR:
            raise HandshakeFault(WireErrorCode.ROLE, f"the responder calls itself {theirs.role.name}, not VALIDATOR")
        _check_signature(theirs, expected.signature_tag)
        ours = _signed(
            self._key,
            domains.SIG_HANDSHAKE_INITIATOR,
            role=self._role,
            network_id=self._network_id,
            own_nonce=self._nonce,
            peer_nonce=theirs.own_nonce,
            tls_fingerprint=self._tls_fingerprint,
        )
        self._peer = PeerIdentity(theirs.role, theirs.identity, theirs.features)
        return ours


class Responder:
    """The side that accepts the connection: a validator. `validators` are the keys that may take role 2; `tls_fingerprint` is that of its own certificate."""

    def __init__(self, *, key: SigningKey, network_id: Hash32, tls_fingerprint: Hash32, validators: Collection[PublicKey], entropy: Entropy) -> None:
        self._key = key
        self._network_id = network_id
        self._tls_fingerprint = tls_fingerprint
        self._validators = validators
        self._nonce = _fresh_nonce(entropy)
        self._initiator_nonce: bytes | None = None
        self._peer: PeerIdentity | None = None

    @property
    def has_answered(self) -> bool:
        """True once our HANDSHAKE exists: an honest initiator can have sent nothing but its HELLO before."""
        return self._initiator_nonce is not None

    @property
    def peer(self) -> PeerIdentity | None:
        """The initiator, once its HANDSHAKE is accepted. Nothing that it sent may be handled before."""
        return self._peer

    def receive_hello(self, hello: Hello) -> Handshake:
        """Check the initiator's HELLO; returns our HANDSHAKE. HandshakeFault when version, network or nonce do not fit."""
        if self._initiator_nonce is not None:
            raise HandshakeFault(WireErrorCode.BAD_FRAME, "a second HELLO")
        if not hello.version_min <= PROTOCOL_VERSION <= hello.version_max:
            raise HandshakeFault(WireErrorCode.VERSION, f"versions {hello.version_min} to {hello.version_max} do not include {PROTOCOL_VERSION}")
        _check_network(hello.network_id, self._network_id)
        _check_nonce_present(hello.nonce)
        self._initiator_nonce = hello.nonce
        return _signed(
            self._key,
            domains.SIG_HANDSHAKE_RESPONDER,
            role=Role.VALIDATOR,
            network_id=self._network_id,
            own_nonce=self._nonce,
            peer_nonce=hello.nonce,
            tls_fingerprint=self._tls_fingerprint,
        )

    def receive_handshake(self, theirs: Handshake) -> PeerIdentity:
        """Check the initiator's HANDSHAKE; returns who it is. HandshakeFault when anything is not as expected."""
        if self._initiator_nonce is None:
            raise HandshakeFault(WireErrorCode.BAD_FRAME, "HANDSHAKE before HELLO")
        if self._peer is not None:
            raise HandshakeFault(WireErrorCode.BAD_FRAME, "a second HANDSHAKE")
        expected = _Expected(domains.SIG_HANDSHAKE_INITIATOR, self._network_id, self._nonce, self._initiator_nonce, self._tls_fingerprint)
        _check_fields(theirs, expected)
        if theirs.role is Role.VALIDATOR and theirs.identity not in self._validators:
            raise HandshakeFault(WireErrorCode.ROLE, "role VALIDATOR, but the identity is not in the committee")
        _check_signature(theirs, expected.signature_tag)
        self._peer = PeerIdentity(theirs.role, theirs.identity, theirs.features)
        return self._peer


def _check_fields(theirs: Handshake, expected: _Expected) -> None:
    """Every field that has one right value. Cheap comparisons first: a signature check is only spent on a message that could be right."""
    if theirs.version != PROTOCOL_VERSION:
        raise HandshakeFault(WireErrorCode.VERSION, f"version {theirs.version}, this is {PROTOCOL_VERSION}")
    _check_network(theirs.network_id, expected.network_id)
    if theirs.epoch != EPOCH_0:
        # Code 6, as for another network: votes of one epoch mean nothing in another.
        raise HandshakeFault(WireErrorCode.NETWORK, f"epoch {theirs.epoch}, only {EPOCH_0} exists")
    _check_nonce_present(theirs.own_nonce)
    if theirs.peer_nonce != expected.own_nonce:
        # Otherwise a message recorded on an earlier connection would be accepted on this one.
        raise HandshakeFault(WireErrorCode.IDENTITY, "HANDSHAKE answers another nonce")
    if expected.peer_nonce is not None and theirs.own_nonce != expected.peer_nonce:
        raise HandshakeFault(WireErrorCode.IDENTITY, "HANDSHAKE does not carry the nonce of its HELLO")
    if theirs.tls_fingerprint != expected.tls_fingerprint:
        # Otherwise somebody in the middle could end TLS with a certificate of his own and pass both signatures on.
        raise HandshakeFault(WireErrorCode.IDENTITY, "HANDSHAKE was made for another TLS certificate")


def _check_network(theirs: Hash32, ours: Hash32) -> None:
    if theirs != ours:
        raise HandshakeFault(WireErrorCode.NETWORK, f"network {theirs.hex()[:16]}, this is {ours.hex()[:16]}")


def _check_nonce_present(nonce: bytes) -> None:
    """A zero nonce is one that a broken generator or an uninitialised buffer repeats, and a repeated nonce is no proof of freshness."""
    if nonce == _ZERO_NONCE:
        raise HandshakeFault(WireErrorCode.IDENTITY, "the nonce is zero")


def _check_signature(theirs: Handshake, tag: bytes) -> None:
    """The identity key signed every field. `verify_signature` also refuses keys of small order, under which anybody can make a signature."""
    if not verify_signature(tag, theirs.identity, _signed_bytes(theirs), theirs.signature):
        raise HandshakeFault(WireErrorCode.IDENTITY, "the signature of the HANDSHAKE is not valid")


def _signed(key: SigningKey, tag: bytes, *, role: Role, network_id: Hash32, own_nonce: bytes, peer_nonce: bytes, tls_fingerprint: Hash32) -> Handshake:
    unsigned = Handshake(
        version=PROTOCOL_VERSION,
        role=role,
        network_id=network_id,
        epoch=EPOCH_0,
        identity=key.public_key,
        own_nonce=own_nonce,
        peer_nonce=peer_nonce,
        tls_fingerprint=tls_fingerprint,
        features=NO_FEATURES,
        signature=_UNSIGNED,
    )
    return replace(unsigned, signature=key.sign(tag, _signed_bytes(unsigned)))


def _signed_bytes(handshake: Handshake) -> bytes:
    """All fields but the signature, which is the last one and of fixed size."""
    _, payload = encode_message(handshake)
    return payload[:-SIGNATURE_BYTES]


def _fresh_nonce(entropy: Entropy) -> bytes:
    nonce = entropy(NONCE_BYTES)
    assert len(nonce) == NONCE_BYTES and nonce != _ZERO_NONCE, "the entropy source is broken"
    return nonce
