"""Whatever bytes are taken for a range proof, a commitment or a scalar: they are read in the only way in which they are written, or refused with a reason."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mesh_core.crypto.range_proof import RangeProof, RangeProofError, RangeProofFault, RangeStatement, proof_size, verify
from mesh_core.crypto.ristretto import GROUP_ORDER, decode_point, decode_scalar, encode_scalar, is_canonical_point
from mesh_core.errors import DecodeError
from mesh_core.types.basic import Commitment

BITS = (2, 4, 8, 16, 32, 64)
COUNTS = (1, 2, 4, 8)
IDENTITY = bytes(32)
BASEPOINT = bytes.fromhex("e2f2ae0a6abc4e71a884a961c500515f58e30b6aa582dd8db6a65945e08d2d76")

# Half of what is noise is refused by the first bytes that are read, so good encodings are mixed in.
elements = st.one_of(
    st.sampled_from((IDENTITY, BASEPOINT, GROUP_ORDER.to_bytes(32, "little"), (GROUP_ORDER - 1).to_bytes(32, "little"), b"\xff" * 32)),
    st.integers(0, GROUP_ORDER - 1).map(encode_scalar),
    st.binary(min_size=32, max_size=32),
)
statements = st.builds(lambda bits, count: RangeStatement((Commitment(IDENTITY),) * count, bytes(32), bits), st.sampled_from(BITS), st.sampled_from(COUNTS))


@st.composite
def proofs_of_the_right_size(draw: st.DrawFn) -> tuple[RangeStatement, bytes]:
    statement = draw(statements)
    count = (proof_size(statement.bits, len(statement.commitments)) - 1) // 32
    good, other = draw(st.tuples(elements, elements))
    places = draw(st.sets(st.integers(0, count - 1), max_size=3))
    body = b"".join(other if place in places else good for place in range(count))
    return statement, draw(st.sampled_from((b"\x01", b"\x01", b"\x01", b"\x00"))) + body


@given(statements, st.binary(max_size=2000))
def test_bytes_of_another_size_are_refused_for_their_size(statement: RangeStatement, data: bytes) -> None:
    if len(data) == proof_size(statement.bits, len(statement.commitments)):
        data += b"\0"
    with pytest.raises(RangeProofError) as caught:
        RangeProof.parse(statement, data)
    assert caught.value.reason is RangeProofFault.PROOF_SIZE


@given(proofs_of_the_right_size())
@example((RangeStatement((Commitment(IDENTITY),), bytes(32), 2), b"\x01" + bytes(proof_size(2, 1) - 1)))
def test_proof_is_read_as_it_is_written_or_refused(case: tuple[RangeStatement, bytes]) -> None:
    statement, data = case
    # Nobody has proven anything here.
    with pytest.raises(RangeProofError) as caught:
        verify(statement, data)
    if caught.value.reason in {RangeProofFault.EXTENSION, RangeProofFault.SCALAR_ENCODING, RangeProofFault.POINT_ENCODING}:
        return
    assert caught.value.reason in {RangeProofFault.IDENTITY_POINT, RangeProofFault.EQUATION}
    assert RangeProof.parse(statement, data).encode() == data


@given(st.lists(st.one_of(elements, st.binary(max_size=40)), max_size=9), st.one_of(st.just(bytes(32)), st.binary(max_size=40)), st.integers(-1, 129))
@example([IDENTITY, BASEPOINT], bytes(32), 64)
def test_statement_is_one_or_refused(commitments: list[bytes], context: bytes, bits: int) -> None:
    is_one = bits in BITS and len(commitments) in COUNTS and len(context) == 32 and all(map(is_canonical_point, commitments))
    try:
        statement = RangeStatement(tuple(map(Commitment, commitments)), context, bits)
    except RangeProofError:
        assert not is_one
        return
    assert is_one
    assert [point.encode() for point in statement.points] == commitments


@given(st.one_of(elements, st.binary(max_size=70)))
def test_point_is_read_as_it_is_written_or_refused(data: bytes) -> None:
    try:
        assert decode_point(data).encode() == data
    except DecodeError:
        assert not is_canonical_point(data)


@given(st.one_of(elements, st.binary(max_size=70)))
def test_scalar_is_read_as_it_is_written_or_refused(data: bytes) -> None:
    try:
        assert encode_scalar(decode_scalar(data)) == data
    except DecodeError:
        assert len(data) != 32 or int.from_bytes(data, "little") >= GROUP_ORDER
