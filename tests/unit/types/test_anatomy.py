"""Taking encodings apart. Goal: every byte belongs to exactly one named field, and the field's bytes are its value."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh_core.errors import DecodeError
from mesh_core.types.anatomy import dissect, divide, leaves
from mesh_core.types.certificate import CERTIFICATE, Certificate
from mesh_core.types.codec import Codec
from mesh_core.types.messages import MESSAGES
from tests.samples import sample_certificate, sample_receive, sample_send
from tests.strategies import values_of
from tests.vectors.vector_file import FOLDER

VECTORS = [
    (case["name"], bytes.fromhex(case["expected"]["certificate"])) for case in json.loads((FOLDER / "certificates.json").read_text("utf-8"))["certificates"]
]


def assert_covers(codec: Codec[Any], data: bytes) -> None:
    found = list(leaves(dissect(codec, data)))
    at = 0
    for part in found:
        assert part.offset == at, f"{part.path} begins at {part.offset}, the field before it ends at {at}"
        at = part.end
    assert at == len(data)
    assert len({part.path for part in found}) == len(found), "two fields have one name"
    assert all(data[part.offset : part.end] == part.value for part in found if isinstance(part.value, bytes))
    numbers = [part for part in found if isinstance(part.value, int)]
    assert all(int.from_bytes(data[part.offset : part.end], "big") == part.value for part in numbers)


@pytest.mark.parametrize("data", [data for _, data in VECTORS], ids=[name for name, _ in VECTORS])
def test_every_byte_of_a_vector_belongs_to_one_field(data: bytes) -> None:
    assert_covers(CERTIFICATE, data)


@given(certificate=values_of(CERTIFICATE))
def test_every_byte_of_any_certificate_belongs_to_one_field(certificate: Certificate) -> None:
    assert_covers(CERTIFICATE, CERTIFICATE.encode(certificate))


@given(data=st.data())
def test_every_byte_of_any_message_belongs_to_one_field(data: st.DataObject) -> None:
    """Messages have the forms that certificates lack: choices, optional fields, texts."""
    _, codec = data.draw(st.sampled_from([MESSAGES[kind] for kind in sorted(MESSAGES)]))
    assert_covers(codec, codec.encode(data.draw(values_of(codec))))


def test_fields_are_named_from_the_outermost_type() -> None:
    data = CERTIFICATE.encode(sample_certificate(sample_send(2)))
    found = {part.path: part for part in leaves(dissect(CERTIFICATE, data))}
    assert found["version"].offset == 0
    assert (found["transition.length"].offset, found["transition.length"].size) == (1, 4)
    assert found["transition.core.kind"].value == 1
    assert found["transition.core.sequence"].value == 7
    assert found["transition.core.outputs[1].memo"].value == b"m" * 80
    assert found["votes[2].validator_index"].value == 2
    assert "transition.core.claims.count" not in found


def test_a_claim_has_no_proof_and_no_outputs() -> None:
    found = {part.path: part for part in leaves(dissect(CERTIFICATE, CERTIFICATE.encode(sample_certificate(sample_receive(2)))))}
    assert found["transition.core.claims[1].index"].value == 1
    assert "transition.range_proof" not in found, "a field without bytes cannot be under a cursor"
    assert found["transition.range_proof.length"].value == 0


def test_bytes_that_are_no_encoding_have_no_fields() -> None:
    data = CERTIFICATE.encode(sample_certificate(sample_send()))
    with pytest.raises(DecodeError, match="left over"):
        dissect(CERTIFICATE, data + b"\0")


def test_opaque_bytes_are_taken_apart_by_their_sizes() -> None:
    tree = dissect(CERTIFICATE, CERTIFICATE.encode(sample_certificate(sample_send())))
    signature = next(part for part in leaves(tree) if part.path == "votes[0].signature")
    halves = list(leaves(divide(signature, (("R", 32), ("S", 32)))))
    assert [(half.path, half.offset - signature.offset, half.size) for half in halves] == [("votes[0].signature.R", 0, 32), ("votes[0].signature.S", 32, 32)]
    with pytest.raises(ValueError, match="its pieces 63"):
        divide(signature, (("R", 32), ("S", 31)))
