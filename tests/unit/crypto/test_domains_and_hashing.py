"""Tags and tagged hashes: every tag has one purpose, and no two (tag, data) pairs hash the same bytes."""

import hashlib
import inspect

import pytest

from mesh_core.crypto import domains
from mesh_core.crypto.hashing import MAX_TAG_BYTES, tagged_hash, tagged_prefix, tagged_xof


def test_tags_are_distinct_and_all_listed() -> None:
    constants = [value for name, value in inspect.getmembers(domains) if name.isupper() and isinstance(value, bytes)]
    assert sorted(constants) == sorted(domains.ALL_TAGS)
    assert len(set(domains.ALL_TAGS)) == len(domains.ALL_TAGS)


@pytest.mark.parametrize("tag", domains.ALL_TAGS, ids=bytes.decode)
def test_tag_is_short_ascii_under_the_protocol_version(tag: bytes) -> None:
    assert tag.isascii()
    assert tag.startswith(b"MESH/v1/")
    assert len(tag) <= MAX_TAG_BYTES


def test_tags_are_those_of_the_specification() -> None:
    names = "genesis transition-core proof-hash transition-id cert-id equivocation leaf/account leaf/output bucket branch state log"
    assert [tag.decode() for tag in domains.HASH_TAGS] == [f"MESH/v1/{name}" for name in names.split()]
    assert [tag.decode() for tag in domains.KDF_TAGS] == [f"MESH/v1/kdf/{name}" for name in "sign view self eph memo self-memo blinding".split()]
    signatures = "owner vote handshake-responder handshake-initiator receipt"
    assert [tag.decode() for tag in domains.SIGNATURE_TAGS] == [f"MESH/v1/sig/{name}" for name in signatures.split()]
    assert (domains.PEDERSEN_H, domains.RANGE_PROOF_TRANSCRIPT, domains.ALPN) == (b"MESH/v1/pedersen/H", b"MESH/v1/range-proof", "mesh/1")


def test_tagged_hash_covers_length_tag_and_data() -> None:
    assert tagged_hash(b"MESH/v1/log", b"data") == hashlib.sha3_256(b"\x0bMESH/v1/logdata").digest()


def test_tagged_xof_covers_length_tag_and_data() -> None:
    assert tagged_xof(b"MESH/v1/kdf/eph", b"data", 77) == hashlib.shake_256(b"\x0fMESH/v1/kdf/ephdata").digest(77)


def test_tag_and_data_cannot_be_cut_in_another_place() -> None:
    """Without the length byte, these two would be one: `MESH/v1/kdf/self` with data "-memo", and `MESH/v1/kdf/self-memo` with none."""
    assert tagged_hash(domains.KDF_SELF, b"-memo") != tagged_hash(domains.KDF_SELF_MEMO, b"")
    assert tagged_prefix(domains.KDF_SELF) + b"-memo" != tagged_prefix(domains.KDF_SELF_MEMO)


@pytest.mark.parametrize("tag", [b"", b"x" * (MAX_TAG_BYTES + 1)])
def test_a_tag_that_is_no_tag_is_our_own_bug(tag: bytes) -> None:
    with pytest.raises(AssertionError):
        tagged_hash(tag, b"")
