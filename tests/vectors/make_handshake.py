"""Makes `handshake.json`: whole handshakes, and messages that are refused with the code of the ERROR.

`python -m tests.vectors.make_all` writes the files anew.
"""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from mesh_core.crypto import domains
from mesh_core.crypto.signatures import SigningKey
from mesh_core.errors import WireErrorCode
from mesh_core.protocol.handshake import Initiator, Responder
from mesh_core.types.basic import Hash32
from mesh_core.types.messages import HANDSHAKE, HELLO, Handshake, Role
from tests.vectors.story import genesis_hex, make_genesis, seed_of, validator_seeds
from tests.vectors.vector_file import json_of

NAME = "handshake.json"

CERTIFICATE = b"MESH vectors: bytes that stand for the responder's TLS certificate (DER)"
"""What is in it does not matter here: only its SHA3-256 is signed."""
FINGERPRINT = Hash32(hashlib.sha3_256(CERTIFICATE).digest())
RESPONDER_SEED = validator_seeds()[0]
INITIATORS = {
    "a wallet": (Role.WALLET, seed_of("an identity for one connection")),
    "a monitor": (Role.MONITOR, seed_of("a monitor")),
    "another validator": (Role.VALIDATOR, validator_seeds()[3]),
}
INITIATOR_NONCE = hashlib.sha3_256(b"MESH vectors: nonce of the initiator").digest()
RESPONDER_NONCE = hashlib.sha3_256(b"MESH vectors: nonce of the responder").digest()


def fixed(nonce: bytes) -> Callable[[int], bytes]:
    return lambda size: nonce


def initiator(role: Role, seed: bytes) -> Initiator:
    genesis = make_genesis()
    responder = SigningKey(RESPONDER_SEED).public_key
    return Initiator(
        key=SigningKey(seed),
        role=role,
        network_id=genesis.network_id,
        responder=responder,
        tls_fingerprint=FINGERPRINT,
        entropy=fixed(INITIATOR_NONCE),
    )


def responder() -> Responder:
    genesis = make_genesis()
    return Responder(
        key=SigningKey(RESPONDER_SEED),
        network_id=genesis.network_id,
        tls_fingerprint=FINGERPRINT,
        validators=genesis.committee.validators,
        entropy=fixed(RESPONDER_NONCE),
    )


def shake_hands(role: Role, seed: bytes) -> tuple[bytes, bytes, bytes]:
    """The three messages, accepted by both machines."""
    left, right = initiator(role, seed), responder()
    hello = left.hello()
    answer = right.receive_hello(hello)
    final = left.receive_handshake(answer)
    assert right.receive_handshake(final).role is role
    return HELLO.encode(hello), HANDSHAKE.encode(answer), HANDSHAKE.encode(final)


def handshake_case(name: str, role: Role, seed: bytes) -> dict[str, Any]:
    hello, answer, final = shake_hands(role, seed)
    given = {
        "role": int(role),
        "initiator_seed": seed.hex(),
        "responder_seed": RESPONDER_SEED.hex(),
        "initiator_nonce": INITIATOR_NONCE.hex(),
        "responder_nonce": RESPONDER_NONCE.hex(),
        "tls_certificate": CERTIFICATE.hex(),
    }
    expected = {"tls_fingerprint": FINGERPRINT.hex(), "hello": hello.hex(), "responder_handshake": answer.hex(), "initiator_handshake": final.hex()}
    return {"name": name, "input": given, "expected": expected}


def signed(message: Handshake, seed: bytes, tag: bytes, **changes: Any) -> bytes:
    """The message with other fields, signed by whoever it names."""
    key = SigningKey(seed)
    data = HANDSHAKE.encode(replace(message, **({"identity": key.public_key} | changes)))
    return data[:-64] + key.sign(tag, data[:-64])


def refused_hellos() -> dict[str, tuple[bytes, WireErrorCode]]:
    hello = initiator(*INITIATORS["a wallet"]).hello()
    return {
        "HELLO: versions 2 to 9": (HELLO.encode(replace(hello, version_min=2, version_max=9)), WireErrorCode.VERSION),
        "HELLO: version 0": (HELLO.encode(replace(hello, version_min=0, version_max=0)), WireErrorCode.VERSION),
        "HELLO: versions 2 to 0": (HELLO.encode(replace(hello, version_min=2, version_max=0)), WireErrorCode.VERSION),
        "HELLO: another network": (HELLO.encode(replace(hello, network_id=other_network())), WireErrorCode.NETWORK),
        "HELLO: nonce of zeros": (HELLO.encode(replace(hello, nonce=bytes(32))), WireErrorCode.IDENTITY),
    }


def other_network() -> Hash32:
    network_id = make_genesis().network_id
    return Hash32(network_id[:-1] + bytes([network_id[-1] ^ 1]))


def refused_handshakes(message: bytes, seed: bytes, tag: bytes, other_tag: bytes) -> dict[str, tuple[bytes, WireErrorCode]]:
    """What both sides refuse alike."""
    good = HANDSHAKE.decode(message)
    flipped = message[:-33] + bytes([message[-33] ^ 1]) + message[-32:]
    return {
        "version 2": (signed(good, seed, tag, version=2), WireErrorCode.VERSION),
        "another network": (signed(good, seed, tag, network_id=other_network()), WireErrorCode.NETWORK),
        "epoch 1": (signed(good, seed, tag, epoch=1), WireErrorCode.NETWORK),
        "own nonce of zeros": (signed(good, seed, tag, own_nonce=bytes(32)), WireErrorCode.IDENTITY),
        "an answer to another nonce": (signed(good, seed, tag, peer_nonce=bytes([good.peer_nonce[0] ^ 1]) + good.peer_nonce[1:]), WireErrorCode.IDENTITY),
        "for another TLS certificate": (signed(good, seed, tag, tls_fingerprint=Hash32(bytes(32))), WireErrorCode.IDENTITY),
        "a bit of the signature": (flipped, WireErrorCode.IDENTITY),
        "a field changed after it was signed": (message[:-65] + bytes([message[-65] ^ 1]) + message[-64:], WireErrorCode.IDENTITY),
        "signed under the tag of the other side": (signed(good, seed, other_tag), WireErrorCode.IDENTITY),
        "role 4": (message[:1] + b"\4" + message[2:], WireErrorCode.ROLE),
    }


def build() -> dict[str, Any]:
    wallet_role, wallet_seed = INITIATORS["a wallet"]
    _, answer, final = shake_hands(wallet_role, wallet_seed)
    responder_tag, initiator_tag = domains.SIG_HANDSHAKE_RESPONDER, domains.SIG_HANDSHAKE_INITIATOR
    from_responder = refused_handshakes(answer, RESPONDER_SEED, responder_tag, initiator_tag) | {
        "another validator of the committee": (signed(HANDSHAKE.decode(answer), validator_seeds()[1], responder_tag), WireErrorCode.IDENTITY),
        "role of a wallet": (signed(HANDSHAKE.decode(answer), RESPONDER_SEED, responder_tag, role=Role.WALLET), WireErrorCode.ROLE),
    }
    from_initiator = refused_handshakes(final, wallet_seed, initiator_tag, responder_tag) | {
        "not the nonce of its HELLO": (signed(HANDSHAKE.decode(final), wallet_seed, initiator_tag, own_nonce=b"\1" * 32), WireErrorCode.IDENTITY),
        "role of a validator, not in the committee": (signed(HANDSHAKE.decode(final), wallet_seed, initiator_tag, role=Role.VALIDATOR), WireErrorCode.ROLE),
        "the responder's own HANDSHAKE sent back": (answer, WireErrorCode.IDENTITY),
    }
    refused = []
    for receiver, message, table in (
        ("responder", "hello", refused_hellos()),
        ("initiator", "handshake", {f"to the initiator: {name}": case for name, case in from_responder.items()}),
        ("responder", "handshake", {f"to the responder: {name}": case for name, case in from_initiator.items()}),
    ):
        for name, (data, code) in table.items():
            refused.append({"name": name, "input": {"receiver": receiver, "message": message, "data": data.hex()}, "expected": {"error": int(code)}})
    return {
        "description": [
            "handshakes: payloads of HELLO and both HANDSHAKEs, made with these seeds and nonces; signatures are deterministic (RFC 8032).",
            "refused: a message that comes instead of the one in the first case of `handshakes`, whose nonces, keys and TLS certificate both sides have.",
            "error: code of the ERROR message with which the receiver closes.",
        ],
        "source": "tests/vectors/make_handshake.py with mesh_core; recomputed by tests/vectors/second_opinion.py",
        "genesis": genesis_hex(),
        "error_codes": {code.name: json_of(code) for code in WireErrorCode},
        "handshakes": [handshake_case(name, *who) for name, who in INITIATORS.items()],
        "refused": refused,
    }
