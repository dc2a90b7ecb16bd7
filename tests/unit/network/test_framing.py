"""The frame decoder on its own: splits, limits, and that nothing is allocated by an announced length."""

import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh_core.errors import ErrorCode, WireErrorCode
from mesh_core.network.framing import Frame, FrameDecoder, FrameFault, encode_frame

LIMIT = 64
FRAMES = st.lists(st.builds(Frame, st.integers(0, 255), st.binary(max_size=LIMIT - 1)), max_size=8)


def drain(decoder: FrameDecoder) -> list[Frame]:
    frames = []
    while (frame := decoder.next_frame()) is not None:
        frames.append(frame)
    return frames


@given(frames=FRAMES, cuts=st.lists(st.integers(1, 17), min_size=1))
def test_frames_cut_anywhere_come_out_whole_and_in_order(frames: list[Frame], cuts: list[int]) -> None:
    stream = b"".join(encode_frame(frame.type_byte, frame.payload, limit=LIMIT) for frame in frames)
    decoder = FrameDecoder(LIMIT)
    seen: list[Frame] = []
    position = index = 0
    while position < len(stream):
        size = cuts[index % len(cuts)]
        index += 1
        decoder.feed(stream[position : position + size])
        seen += drain(decoder)
        assert decoder.buffered_bytes < 4 + LIMIT
        position += size
    assert seen == frames
    assert decoder.buffered_bytes == 0


@given(data=st.binary(max_size=400))
def test_any_bytes_give_frames_or_a_frame_fault(data: bytes) -> None:
    decoder = FrameDecoder(LIMIT)
    decoder.feed(data)
    frames = []
    fault: FrameFault | None = None
    try:
        while (frame := decoder.next_frame()) is not None:
            frames.append(frame)
    except FrameFault as caught:
        fault = caught
    again = b"".join(encode_frame(frame.type_byte, frame.payload, limit=LIMIT) for frame in frames)
    assert data.startswith(again)
    assert len(data) - len(again) == decoder.buffered_bytes
    if fault is None:
        assert decoder.buffered_bytes < 4 + LIMIT
    else:
        length = int.from_bytes(data[len(again) :][:4], "big")
        assert fault.wire_code is (WireErrorCode.BAD_FRAME if length == 0 else WireErrorCode.TOO_LARGE)
        assert length == 0 or length > LIMIT


def test_layout_is_big_endian_length_type_payload() -> None:
    assert encode_frame(0x10, b"ab", limit=LIMIT) == bytes.fromhex("00000003 10 6162".replace(" ", ""))


def test_frame_of_exactly_the_limit_is_accepted() -> None:
    decoder = FrameDecoder(LIMIT)
    decoder.feed(encode_frame(7, bytes(LIMIT - 1), limit=LIMIT))
    assert decoder.next_frame() == Frame(7, bytes(LIMIT - 1))


def test_length_zero_is_a_bad_frame() -> None:
    decoder = FrameDecoder(LIMIT)
    decoder.feed(bytes(4))
    with pytest.raises(FrameFault) as caught:
        decoder.next_frame()
    assert caught.value.wire_code is WireErrorCode.BAD_FRAME
    assert caught.value.code is ErrorCode.PEER_FRAME


def test_length_over_the_limit_is_refused_before_the_payload_arrives() -> None:
    decoder = FrameDecoder(LIMIT)
    decoder.feed((LIMIT + 1).to_bytes(4, "big"))
    with pytest.raises(FrameFault) as caught:
        decoder.next_frame()
    assert caught.value.wire_code is WireErrorCode.TOO_LARGE


def test_frames_before_a_violation_are_delivered() -> None:
    decoder = FrameDecoder(LIMIT)
    decoder.feed(encode_frame(1, b"x", limit=LIMIT) + bytes(4))
    assert decoder.next_frame() == Frame(1, b"x")
    with pytest.raises(FrameFault):
        decoder.next_frame()


def test_limit_can_rise_after_the_handshake() -> None:
    decoder = FrameDecoder(8)
    decoder.feed(encode_frame(1, bytes(100), limit=1000)[:3])
    assert decoder.next_frame() is None
    decoder.limit = 1000
    decoder.feed(encode_frame(1, bytes(100), limit=1000)[3:])
    assert decoder.next_frame() == Frame(1, bytes(100))


def test_announced_length_allocates_nothing() -> None:
    """A header that announces a quarter of a mebibyte must cost a few bytes until the payload is really there."""
    limit = 256 * 1024
    decoders = [FrameDecoder(limit) for _ in range(100)]
    tracemalloc.start()
    try:
        for decoder in decoders:
            decoder.feed(limit.to_bytes(4, "big"))
            assert decoder.next_frame() is None
        allocated, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert allocated < 100 * 1024
