"""Recovery phrases: the published vectors, and every way in which a person copies one wrongly."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh_core.crypto.phrase import phrase_to_seed, seed_to_phrase
from mesh_core.errors import ErrorCode, LocalFault

VECTORS = json.loads((Path(__file__).parents[2] / "vectors" / "keys-and-memos.json").read_text())["phrases"]
ZERO = "abandon " * 23 + "art"


def refusal(phrase: str) -> str:
    with pytest.raises(LocalFault) as caught:
        phrase_to_seed(phrase)
    assert caught.value.code is ErrorCode.PHRASE_INVALID
    return caught.value.text


@pytest.mark.parametrize("case", VECTORS, ids=lambda case: str(case["name"]))
def test_published_phrases(case: dict[str, Any]) -> None:
    seed, phrase = bytes.fromhex(case["input"]["seed"]), case["expected"]["phrase"]
    assert seed_to_phrase(seed) == phrase
    assert phrase_to_seed(phrase) == seed


@given(st.binary(min_size=32, max_size=32))
def test_every_seed_has_one_phrase(seed: bytes) -> None:
    phrase = seed_to_phrase(seed)
    assert len(phrase.split()) == 24
    assert phrase_to_seed(phrase) == seed


def test_case_and_spacing_do_not_matter() -> None:
    assert phrase_to_seed(f"\n  {ZERO.upper().replace(' ', chr(9) + '  ')} \r\n") == bytes(32)


@pytest.mark.parametrize("count", [0, 1, 12, 23, 25])
def test_other_numbers_of_words_are_refused(count: int) -> None:
    assert f"24 words, this one {count}" in refusal(" ".join(["abandon"] * count))


def test_word_that_is_not_in_the_list_is_named_by_its_place_and_what_was_meant() -> None:
    assert refusal(ZERO.replace("art", "arts")) == "word 24 is not in the list of BIP-39's English words"
    assert "word 1 is not in the list of BIP-39's English words, did you mean 'abandon'?" in refusal("abandonn " + " ".join(["abandon"] * 22) + " art")


def test_swapped_and_changed_words_break_the_checksum() -> None:
    words = seed_to_phrase(bytes(range(32))).split()
    swapped = [words[1], words[0], *words[2:]]
    assert "checksum" in refusal(" ".join(swapped))
    assert "checksum" in refusal(" ".join(["abandon"] * 24))


@given(st.text(max_size=300))
def test_no_text_is_repeated_in_a_refusal(text: str) -> None:
    """Messages end up in logs."""
    said = refusal(text)
    assert len(said) < 200
    assert text.strip() not in said or len(text.strip()) < 12
