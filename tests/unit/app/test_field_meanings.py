"""Meanings of fields. Goal: no byte of any certificate is without words."""

import json

import pytest

from mesh_app.field_meanings import MEANINGS, general_path, meaning_of, tone_of
from mesh_app.state.ledger import ByteField
from mesh_core.types.certificate import CERTIFICATE
from testnet.observer.words import describe_fields
from tests.samples import sample_certificate, sample_receive, sample_send
from tests.vectors.vector_file import FOLDER

VECTORS = [bytes.fromhex(case["expected"]["certificate"]) for case in json.loads((FOLDER / "certificates.json").read_text("utf-8"))["certificates"]]
CERTIFICATES = [*VECTORS, *(CERTIFICATE.encode(sample_certificate(sample_send(count, memo_size=272))) for count in (1, 3, 7))]
CERTIFICATES += [CERTIFICATE.encode(sample_certificate(sample_receive(count), 4)) for count in (1, 16)]


def fields_of(data: bytes) -> list[ByteField]:
    return [ByteField(*field) for field in describe_fields(data)]


@pytest.mark.parametrize("number", range(len(CERTIFICATES)))
def test_every_field_has_a_meaning_and_every_byte_a_field(number: int) -> None:
    data = CERTIFICATES[number]
    fields = fields_of(data)
    assert [field.path for field in fields if not meaning_of(field)] == []
    assert [field.offset for field in fields] == [0, *(field.end for field in fields[:-1])]
    assert fields[-1].end == len(data)
    assert all(field.words for field in fields)


def test_no_meaning_is_for_nothing() -> None:
    met = {general_path(field) for data in CERTIFICATES for field in fields_of(data)}
    # A range proof whose size is none of the three has no parts, and is one field.
    assert MEANINGS.keys() - met == {"transition.range_proof"}


def test_a_vote_has_the_tone_of_its_validator() -> None:
    votes = [field for field in fields_of(CERTIFICATES[0]) if field.path.startswith("votes[1].")]
    assert {tone_of(field, (0, 3, 2)) for field in votes} == {"v3"}
