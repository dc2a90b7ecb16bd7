"""Memos and self memos: the vectors, every reason to refuse, who can read and who cannot."""

from dataclasses import replace
from typing import Any

import pytest
from nacl.bindings import crypto_aead_chacha20poly1305_ietf_decrypt, crypto_aead_chacha20poly1305_ietf_encrypt
from nacl.exceptions import CryptoError

from mesh_core.crypto.keys import ViewKey, WalletKeys, WeakViewKeyError, x25519_public_key
from mesh_core.crypto.memo import (
    MemoContext,
    MemoError,
    MemoFault,
    MemoPlain,
    SealedMemo,
    SelfMemoContext,
    derive_eph_secret,
    derive_output_blinding,
    memo_size,
    open_memo,
    open_memo_with_eph_secret,
    open_self_memo,
    reopen_sent_memo,
    seal_memo,
    seal_self_memo,
)
from mesh_core.crypto.pedersen import Opening, commit
from mesh_core.crypto.ristretto import GROUP_ORDER
from mesh_core.errors import ErrorCode, LocalFault
from mesh_core.types.basic import Commitment, Hash32, PublicKey, ViewPublicKey
from tests.vectors import make_keys_and_memos
from tests.vectors.key_vectors import CASES, Case, hexed, scalar
from tests.vectors.public_suites import load_public_suite

ALICE, BOB, CAROL = (WalletKeys.from_seed(bytes([number]) * 32) for number in (1, 2, 3))
NETWORK_ID = Hash32(b"\x77" * 32)
OPENING = Opening(500, 123456789)
CONTEXT = MemoContext(NETWORK_ID, ALICE.owner, 7, 2, BOB.owner, BOB.view_key.public_key, commit(OPENING))
PLAIN = MemoPlain(OPENING, "Lunch")
SEALED = seal_memo(ALICE.view_key, CONTEXT, PLAIN)
SELF_CONTEXT = SelfMemoContext(NETWORK_ID, ALICE.owner, 7, commit(OPENING))


def context_of(fields: dict[str, Any]) -> MemoContext:
    """The context that a case of the vector file describes."""
    return MemoContext(
        network_id=Hash32(hexed(fields["network_id"])),
        sender=PublicKey(hexed(fields["sender"])),
        sequence=fields["sequence"],
        index=fields["index"],
        owner=PublicKey(hexed(fields["owner"])),
        view_pk=ViewPublicKey(hexed(fields["view_pk"])),
        commitment=Commitment(hexed(fields["commitment"])),
    )


def self_context_of(fields: dict[str, Any]) -> SelfMemoContext:
    """The context of a self memo that a case of the vector file describes."""
    return SelfMemoContext(
        network_id=Hash32(hexed(fields["network_id"])),
        sender=PublicKey(hexed(fields["sender"])),
        sequence=fields["sequence"],
        new_balance=Commitment(hexed(fields["new_balance"])),
    )


def view_key_of(seed: str) -> ViewKey:
    return WalletKeys.from_seed(hexed(seed)).view_key


def open_refused(reason: MemoFault, view_key: ViewKey, context: MemoContext, sealed: SealedMemo) -> None:
    """Opening as the recipient fails for `reason`."""
    with pytest.raises(MemoError) as caught:
        open_memo(view_key, context, *sealed)
    assert (caught.value.code, caught.value.reason) == (ErrorCode.OUTPUT_UNOPENABLE, reason)


def test_vector_file_is_what_its_generator_makes() -> None:
    assert make_keys_and_memos.PATH.read_text(encoding="utf-8") == make_keys_and_memos.render()


@pytest.mark.parametrize("case", CASES["blindings"], ids=lambda case: case["name"])
def test_output_blindings_match_the_vectors(case: Case) -> None:
    fields = case["input"]
    blinding = derive_output_blinding(
        hexed(fields["self_key"]),
        hexed(fields["entropy"]),
        network_id=Hash32(hexed(fields["network_id"])),
        sender=PublicKey(hexed(fields["sender"])),
        sequence=fields["sequence"],
        index=fields["index"],
        value=fields["value"],
        text=fields["text"],
    )
    assert blinding == scalar(case["expected"]["blinding"])


@pytest.mark.parametrize("case", CASES["memos"], ids=lambda case: case["name"])
def test_memos_match_the_vectors(case: Case) -> None:
    fields, expected = case["input"], case["expected"]
    sender, context = view_key_of(fields["sender_seed"]), context_of(fields)
    plain = MemoPlain(Opening(fields["value"], scalar(fields["blinding"])), fields["text"])
    sealed = SealedMemo(ViewPublicKey(hexed(expected["eph_pk"])), hexed(expected["memo"]))
    assert derive_eph_secret(sender, context) == hexed(expected["eph_sk"])
    assert seal_memo(sender, context, plain) == sealed
    assert len(sealed.memo) == memo_size(fields["text"])
    assert open_memo(view_key_of(fields["recipient_seed"]), context, *sealed) == plain
    assert reopen_sent_memo(sender, context, *sealed) == plain
    assert open_memo_with_eph_secret(hexed(expected["eph_sk"]), context, *sealed) == plain


@pytest.mark.parametrize("case", CASES["refused_memos"], ids=lambda case: case["name"])
def test_refused_memos_match_the_vectors(case: Case) -> None:
    fields = case["input"]
    sealed = SealedMemo(ViewPublicKey(hexed(fields["eph_pk"])), hexed(fields["memo"]))
    open_refused(MemoFault[case["expected_error"]], view_key_of(fields["recipient_seed"]), context_of(fields), sealed)


@pytest.mark.parametrize("case", CASES["self_memos"], ids=lambda case: case["name"])
def test_self_memos_match_the_vectors(case: Case) -> None:
    fields = case["input"]
    view_key, context, opening = view_key_of(fields["seed"]), self_context_of(fields), Opening(fields["value"], scalar(fields["blinding"]))
    self_memo = hexed(case["expected"]["self_memo"])
    assert seal_self_memo(view_key, context, opening) == self_memo
    assert open_self_memo(view_key, context, self_memo) == opening


@pytest.mark.parametrize("case", CASES["refused_self_memos"], ids=lambda case: case["name"])
def test_refused_self_memos_match_the_vectors(case: Case) -> None:
    fields = case["input"]
    with pytest.raises(MemoError) as caught:
        open_self_memo(view_key_of(fields["seed"]), self_context_of(fields), hexed(fields["self_memo"]))
    assert (caught.value.code, caught.value.reason) == (ErrorCode.OUTPUT_UNOPENABLE, MemoFault[case["expected_error"]])


def test_every_reason_to_refuse_an_incoming_memo_has_a_vector() -> None:
    reasons = {case["expected_error"] for case in CASES["refused_memos"]}
    assert reasons == {fault.name for fault in MemoFault} - {"OTHER_EPHEMERAL_KEY"}


@pytest.mark.parametrize(("length", "size"), [(0, 80), (23, 80), (24, 144), (87, 144), (88, 272), (215, 272)])
def test_memo_size_goes_by_the_bytes_of_the_text(length: int, size: int) -> None:
    assert memo_size("a" * length) == size
    assert len(seal_memo(ALICE.view_key, CONTEXT, MemoPlain(OPENING, "a" * length)).memo) == size
    assert memo_size("é" * (length // 2) + "a" * (length % 2)) == size


@pytest.mark.parametrize("text", ["a" * 216, "é" * 108, "\ud800"], ids=["216 bytes", "108 characters of 2 bytes", "half a surrogate pair"])
def test_text_that_no_memo_can_hold_is_refused(text: str) -> None:
    def derive() -> object:
        return derive_output_blinding(bytes(32), bytes(32), network_id=NETWORK_ID, sender=ALICE.owner, sequence=0, index=0, value=1, text=text)

    for refuse in (lambda: memo_size(text), lambda: seal_memo(ALICE.view_key, CONTEXT, MemoPlain(OPENING, text)), derive):
        with pytest.raises(LocalFault) as caught:
            refuse()
        assert caught.value.code == ErrorCode.MEMO_TEXT_INVALID


def test_only_the_two_sides_read_a_memo() -> None:
    assert open_memo(BOB.view_key, CONTEXT, *SEALED) == PLAIN
    assert reopen_sent_memo(ALICE.view_key, CONTEXT, *SEALED) == PLAIN
    open_refused(MemoFault.OTHER_VIEW_KEY, CAROL.view_key, CONTEXT, SEALED)
    open_refused(MemoFault.OTHER_VIEW_KEY, ALICE.view_key, CONTEXT, SEALED)
    open_refused(MemoFault.AUTHENTICATION, CAROL.view_key, replace(CONTEXT, view_pk=CAROL.view_key.public_key), SEALED)
    for stranger in (BOB, CAROL):
        with pytest.raises(MemoError) as caught:
            reopen_sent_memo(stranger.view_key, CONTEXT, *SEALED)
        assert caught.value.reason is MemoFault.OTHER_EPHEMERAL_KEY


def test_view_key_alone_is_enough_to_read() -> None:
    assert open_memo(ViewKey(BOB.view_key.secret), CONTEXT, *SEALED) == PLAIN
    assert reopen_sent_memo(ViewKey(ALICE.view_key.secret), CONTEXT, *SEALED) == PLAIN
    self_memo = seal_self_memo(ALICE.view_key, SELF_CONTEXT, OPENING)
    assert open_self_memo(ViewKey(ALICE.view_key.secret), SELF_CONTEXT, self_memo) == OPENING


@pytest.mark.parametrize(
    "change",
    [
        {"network_id": Hash32(b"\x78" * 32)},
        {"sender": CAROL.owner},
        {"sequence": 8},
        {"index": 3},
        {"owner": CAROL.owner},
        {"commitment": commit(Opening(501, 123456789))},
    ],
    ids=lambda change: next(iter(change)),
)
def test_memo_of_one_output_does_not_open_in_another(change: dict[str, Any]) -> None:
    """Also not with the ephemeral secret itself, which knows nothing of the place."""
    moved = replace(CONTEXT, **change)
    open_refused(MemoFault.AUTHENTICATION, BOB.view_key, moved, SEALED)
    with pytest.raises(MemoError) as caught:
        open_memo_with_eph_secret(derive_eph_secret(ALICE.view_key, CONTEXT), moved, *SEALED)
    assert caught.value.reason is MemoFault.AUTHENTICATION
    assert derive_eph_secret(ALICE.view_key, moved) != derive_eph_secret(ALICE.view_key, CONTEXT) or "owner" in change


def test_disclosed_secret_of_another_output_is_refused() -> None:
    other = derive_eph_secret(ALICE.view_key, replace(CONTEXT, index=3))
    with pytest.raises(MemoError) as caught:
        open_memo_with_eph_secret(other, CONTEXT, *SEALED)
    assert caught.value.reason is MemoFault.OTHER_EPHEMERAL_KEY


def test_memo_to_a_view_key_of_small_order_is_never_made() -> None:
    context = replace(CONTEXT, view_pk=ViewPublicKey(bytes(32)))
    with pytest.raises(WeakViewKeyError) as caught:
        seal_memo(ALICE.view_key, context, PLAIN)
    assert caught.value.code == ErrorCode.ADDRESS_INVALID
    with pytest.raises(MemoError) as unreadable:
        open_memo_with_eph_secret(bytes(32), context, x25519_public_key(bytes(32)), SEALED.memo)
    assert unreadable.value.reason is MemoFault.WEAK_KEY


@pytest.mark.parametrize("opening", [Opening(501, 123456789), Opening(500, 123456788), Opening(500, 0)])
def test_opening_of_another_commitment_is_never_sealed(opening: Opening) -> None:
    with pytest.raises(MemoError) as caught:
        seal_memo(ALICE.view_key, CONTEXT, MemoPlain(opening, ""))
    assert caught.value.reason is MemoFault.COMMITMENT
    with pytest.raises(MemoError) as caught:
        seal_self_memo(ALICE.view_key, SELF_CONTEXT, opening)
    assert caught.value.reason is MemoFault.COMMITMENT


@pytest.mark.parametrize(
    "change",
    [{"network_id": Hash32(b"\x78" * 32)}, {"sender": CAROL.owner}, {"sequence": 8}, {"new_balance": commit(Opening(501, 123456789))}],
    ids=lambda change: next(iter(change)),
)
def test_self_memo_does_not_open_elsewhere(change: dict[str, Any]) -> None:
    self_memo = seal_self_memo(ALICE.view_key, SELF_CONTEXT, OPENING)
    with pytest.raises(MemoError) as caught:
        open_self_memo(ALICE.view_key, replace(SELF_CONTEXT, **change), self_memo)
    assert caught.value.reason is MemoFault.AUTHENTICATION


def test_self_memo_opens_for_its_owner_alone() -> None:
    self_memo = seal_self_memo(ALICE.view_key, SELF_CONTEXT, OPENING)
    with pytest.raises(MemoError) as caught:
        open_self_memo(BOB.view_key, SELF_CONTEXT, self_memo)
    assert caught.value.reason is MemoFault.AUTHENTICATION


@pytest.mark.parametrize(
    "change",
    [
        {"self_key": b"\1" * 32},
        {"entropy": b"\1" * 32},
        {"network_id": Hash32(b"\1" * 32)},
        {"sender": BOB.owner},
        {"sequence": 1},
        {"index": 1},
        {"value": 2},
        {"text": "."},
    ],
    ids=lambda change: next(iter(change)),
)
def test_output_blinding_depends_on_everything(change: dict[str, Any]) -> None:
    """Equal randomness on a cloned machine must not give equal blindings to different outputs."""
    inputs: dict[str, Any] = {"self_key": bytes(32), "entropy": bytes(32), "network_id": NETWORK_ID, "sender": ALICE.owner}
    inputs |= {"sequence": 0, "index": 0, "value": 1, "text": ""}
    blinding, other = derive_output_blinding(**inputs), derive_output_blinding(**inputs | change)
    assert blinding != other
    assert 0 <= blinding < GROUP_ORDER


def test_repr_shows_neither_value_nor_blinding_nor_text() -> None:
    shown = repr(PLAIN) + str(PLAIN)
    assert "500" not in shown
    assert "123456789" not in shown
    assert "Lunch" not in shown


def test_wycheproof_chacha20_poly1305() -> None:
    """The cipher as the library has it: memos use it with one nonce, which is too narrow a use to test it by."""
    suite = load_public_suite("chacha20_poly1305_test.json")
    wrong, count = [], 0
    for case in (case for group in suite["testGroups"] for case in group["tests"]):
        count += 1
        key, nonce, aad, message, sealed = (bytes.fromhex(case[name]) for name in ("key", "iv", "aad", "msg", "ct"))
        sealed += bytes.fromhex(case["tag"])
        try:
            opened = crypto_aead_chacha20poly1305_ietf_decrypt(sealed, aad, nonce, key)
        except (CryptoError, TypeError):
            valid = False
        else:
            valid = opened == message and crypto_aead_chacha20poly1305_ietf_encrypt(message, aad, nonce, key) == sealed
        if valid != (case["result"] == "valid"):
            wrong.append(case["tcId"])
    assert (count, wrong) == (325, [])
