"""Recovery phrases: a wallet's seed as 24 English words (BIP-39), for a person to write down (docs/protocol.md, "Keys, addresses").

The words encode the 32 bytes of the seed and eight bits of their SHA-256 as a checksum. The seed is taken as it is: BIP-39's own PBKDF2 step, which would
allow a second password, is not used, so that a phrase and a seed are the same thing and one can be made from the other.
"""

import unicodedata
from functools import cache
from typing import Final

from mnemonic import Mnemonic

from mesh_core.errors import ErrorCode, LocalFault

WORDS_COUNT: Final = 24
SEED_BYTES: Final = 32
_SUGGESTION_LETTERS: Final = 4
"""The first four letters of a word of the list name it (BIP-39)."""


@cache
def _list() -> Mnemonic:
    """The English list, read on first use."""
    return Mnemonic("english")


def seed_to_phrase(seed: bytes) -> str:
    """The 24 words of a seed of 32 bytes, separated by single spaces. Secret."""
    assert len(seed) == SEED_BYTES
    return _list().to_mnemonic(seed)


def phrase_to_seed(phrase: str) -> bytes:
    """The seed that 24 words encode: 32 bytes, secret. Case and spacing do not matter.

    Raises LocalFault (PHRASE_INVALID). The text names the place of a wrong word and, where it is the beginning of one, the word that was meant; it never
    repeats a whole phrase, since messages end up in logs.
    """
    words = unicodedata.normalize("NFKD", phrase).lower().split()
    if len(words) != WORDS_COUNT:
        raise LocalFault(ErrorCode.PHRASE_INVALID, f"a recovery phrase has {WORDS_COUNT} words, this one {len(words)}")
    known = set(_list().wordlist)
    for place, word in enumerate(words, 1):
        if word not in known:
            meant = [other for other in _list().wordlist if len(word) >= _SUGGESTION_LETTERS and other.startswith(word[:_SUGGESTION_LETTERS])]
            hint = f", did you mean '{meant[0]}'?" if meant else ""
            raise LocalFault(ErrorCode.PHRASE_INVALID, f"word {place} is not in the list of BIP-39's English words{hint}")
    if not _list().check(" ".join(words)):
        raise LocalFault(ErrorCode.PHRASE_INVALID, "the checksum does not fit: a word is wrong or two have changed places; compare with what was written down")
    return bytes(_list().to_entropy(words))
