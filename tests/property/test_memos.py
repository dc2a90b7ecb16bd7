"""Memos: what is sealed opens to the same for both sides, and any change to what is on the ledger closes it."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh_core.crypto.keys import WalletKeys
from mesh_core.crypto.memo import (
    MemoContext,
    MemoError,
    MemoPlain,
    SelfMemoContext,
    memo_size,
    open_memo,
    open_self_memo,
    reopen_sent_memo,
    seal_memo,
    seal_self_memo,
)
from mesh_core.crypto.pedersen import Opening, commit
from mesh_core.crypto.ristretto import GROUP_ORDER
from mesh_core.types.basic import Hash32, ViewPublicKey
from mesh_core.types.transition import MEMO_SIZES

SEEDS = st.binary(min_size=32, max_size=32)
U64 = st.integers(0, 2**64 - 1)
OPENINGS = st.builds(Opening, U64, st.integers(0, GROUP_ORDER - 1))
TEXTS = st.text(st.characters(codec="utf-8"), max_size=215).filter(lambda text: len(text.encode()) <= 215)

ALICE, BOB = WalletKeys.from_seed(b"\1" * 32), WalletKeys.from_seed(b"\2" * 32)
OPENING = Opening(2**40 + 5, 2**250 + 77)
CONTEXT = MemoContext(Hash32(b"\x77" * 32), ALICE.owner, 7, 2, BOB.owner, BOB.view_key.public_key, commit(OPENING))
SELF_CONTEXT = SelfMemoContext(Hash32(b"\x77" * 32), ALICE.owner, 7, commit(OPENING))


@given(SEEDS, SEEDS, SEEDS, U64, st.integers(0, 255), OPENINGS, TEXTS)
def test_memo_opens_for_both_sides(sender_seed: bytes, recipient_seed: bytes, network: bytes, sequence: int, index: int, opening: Opening, text: str) -> None:
    sender, recipient = WalletKeys.from_seed(sender_seed), WalletKeys.from_seed(recipient_seed)
    context = MemoContext(Hash32(network), sender.owner, sequence, index, recipient.owner, recipient.view_key.public_key, commit(opening))
    plain = MemoPlain(opening, text)
    sealed = seal_memo(sender.view_key, context, plain)
    assert len(sealed.memo) == memo_size(text)
    assert len(sealed.memo) in MEMO_SIZES
    assert open_memo(recipient.view_key, context, *sealed) == plain
    assert reopen_sent_memo(sender.view_key, context, *sealed) == plain


@given(SEEDS, SEEDS, U64, OPENINGS)
def test_self_memo_opens_for_its_owner(seed: bytes, network: bytes, sequence: int, opening: Opening) -> None:
    keys = WalletKeys.from_seed(seed)
    context = SelfMemoContext(Hash32(network), keys.owner, sequence, commit(opening))
    assert open_self_memo(keys.view_key, context, seal_self_memo(keys.view_key, context, opening)) == opening


@pytest.mark.parametrize("text", ["Lunch", "m" * 24, "m" * 88], ids=["80 bytes", "144 bytes", "272 bytes"])
def test_every_flipped_bit_closes_a_memo(text: str) -> None:
    eph_pk, memo = seal_memo(ALICE.view_key, CONTEXT, MemoPlain(OPENING, text))
    for bit in range(len(memo) * 8):
        flipped = (int.from_bytes(memo, "big") ^ 1 << bit).to_bytes(len(memo), "big")
        with pytest.raises(MemoError):
            open_memo(BOB.view_key, CONTEXT, eph_pk, flipped)
    for bit in range(256):
        flipped_key = ViewPublicKey((int.from_bytes(eph_pk, "big") ^ 1 << bit).to_bytes(32, "big"))
        with pytest.raises(MemoError):
            open_memo(BOB.view_key, CONTEXT, flipped_key, memo)


def test_every_flipped_bit_closes_a_self_memo() -> None:
    self_memo = seal_self_memo(ALICE.view_key, SELF_CONTEXT, OPENING)
    for bit in range(len(self_memo) * 8):
        flipped = (int.from_bytes(self_memo, "big") ^ 1 << bit).to_bytes(len(self_memo), "big")
        with pytest.raises(MemoError):
            open_self_memo(ALICE.view_key, SELF_CONTEXT, flipped)


@given(st.one_of(st.binary(max_size=300), st.sampled_from(MEMO_SIZES).flatmap(lambda size: st.binary(min_size=size, max_size=size))), SEEDS)
def test_arbitrary_bytes_never_open_and_never_fail_otherwise(memo: bytes, eph_pk: bytes) -> None:
    with pytest.raises(MemoError):
        open_memo(BOB.view_key, CONTEXT, ViewPublicKey(eph_pk), memo)
    with pytest.raises(MemoError):
        open_self_memo(ALICE.view_key, SELF_CONTEXT, memo)


@given(st.integers(0, 255), U64)
def test_two_places_never_share_a_ciphertext(index: int, sequence: int) -> None:
    """The keystream of one output would otherwise decrypt the other: the nonce is always zero."""
    here, there = CONTEXT, replace(CONTEXT, index=index, sequence=sequence)
    one, other = (seal_memo(ALICE.view_key, place, MemoPlain(OPENING, "")) for place in (here, there))
    assert (one.memo == other.memo) == (one.eph_pk == other.eph_pk) == (here == there)
