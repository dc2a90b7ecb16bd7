"""Merlin transcripts, with both sponges, against merlin's published values and the project's vectors."""

import builtins
import hashlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh_core.crypto import transcript as module
from mesh_core.crypto.transcript import CShakeSponge, OpenSslSponge, Sponge, Strobe128, Transcript, TranscriptRng, choose_sponge
from mesh_core.errors import ErrorCode, LocalFault
from tests import schoolbook_verifier as schoolbook
from tests.vectors.public_suites import load_public_suite
from tests.vectors.range_proof_vectors import RANGE_PROOFS, Case, hexed

MERLIN = RANGE_PROOFS["merlin"]
# How many outputs each transcript of the vectors compares.
OUTPUTS = {"simple": 1, "complex": 32, "lengths": 23, "rng": 3}
SpongeMaker = Callable[[], Sponge]


def has_openssl_sponge() -> bool:
    try:
        OpenSslSponge()
    except ValueError:
        return False
    return True


needs_openssl_3 = pytest.mark.skipif(not has_openssl_sponge(), reason="this Python's OpenSSL does not have KECCAK-KMAC-128")


@pytest.fixture(params=[pytest.param(OpenSslSponge, marks=needs_openssl_3), CShakeSponge])
def new_sponge(request: pytest.FixtureRequest) -> SpongeMaker:
    maker: SpongeMaker = request.param
    return maker


@pytest.fixture
def fresh_choice() -> Iterator[None]:
    choose_sponge.cache_clear()
    yield
    choose_sponge.cache_clear()


def entropy_of(data: bytes) -> Callable[[int], bytes]:
    return lambda size: data[:size]


def play(transcript: Transcript, operations: list[list[Any]]) -> int:
    """Run the operations of a vector; the number of outputs compared."""
    compared = 0
    witness: tuple[bytes, bytes] = (b"", b"")
    rng: TranscriptRng | None = None
    for name, *arguments in operations:
        match name:
            case "append":
                transcript.append(hexed(arguments[0]), hexed(arguments[1]))
            case "append_repeat":
                transcript.append(hexed(arguments[0]), hexed(arguments[1]) * arguments[2])
            case "append_u64":
                transcript.append_u64(hexed(arguments[0]), arguments[1])
            case "challenge" | "challenge_of_unforked_transcript":
                assert transcript.challenge_bytes(hexed(arguments[0]), arguments[1]).hex() == arguments[2]
                compared += 1
            case "build_rng":
                rng = None
            case "rekey":
                witness = (hexed(arguments[0]), hexed(arguments[1]))
            case "finalize":
                rng = transcript.fork_rng(*witness, entropy_of(hexed(arguments[0])))
            case "fill":
                assert rng is not None
                assert rng.fill(arguments[0]).hex() == arguments[1]
                compared += 1
            case _:
                pytest.fail(f"unknown operation {name}")
    return compared


@pytest.mark.parametrize("case", MERLIN["transcripts"], ids=lambda case: case["name"])
def test_transcripts_match_the_vectors(case: Case, new_sponge: SpongeMaker) -> None:
    assert play(Transcript(hexed(case["label"]), new_sponge()), case["ops"]) == OUTPUTS[case["name"]]


def test_strobe_conformance_sequence(new_sponge: SpongeMaker) -> None:
    case = MERLIN["strobe"]
    strobe = Strobe128(hexed(case["protocol"]), new_sponge())
    strobe.meta_ad(b"ms")
    strobe.meta_ad(b"g", more=True)
    strobe.ad(b"\x63" * 1024)
    strobe.meta_ad(b"prf")
    first = strobe.prf(32)
    strobe.meta_ad(b"key")
    strobe.key(first)
    strobe.meta_ad(b"prf")
    assert (first.hex(), strobe.prf(32).hex()) == (case["prf1"], case["prf2"])


def test_published_transcripts_of_merlin(new_sponge: SpongeMaker) -> None:
    suite = load_public_suite("merlin.json")
    simple = suite["simple"]
    transcript = Transcript(simple["init"].encode(), new_sponge())
    for label, message in simple["append"]:
        transcript.append(label.encode(), message.encode())
    assert transcript.challenge_bytes(simple["challenge_label"].encode(), simple["len"]).hex() == simple["expect"]

    complicated = suite["complex"]
    transcript = Transcript(complicated["init"].encode(), new_sponge())
    transcript.append(*(text.encode() for text in complicated["append_first"]))
    challenge = b""
    for _ in range(complicated["loop"]):
        challenge = transcript.challenge_bytes(b"challenge", 32)
        transcript.append(b"bigdata", b"\x63" * 1024)
        transcript.append(b"challengedata", challenge)
    assert challenge.hex() == complicated["expect_last_challenge"]

    assert suite["strobe_conformance"]["first_prf"] == MERLIN["strobe"]["prf1"]


@pytest.mark.parametrize("size", [*range(140, 180), *range(320, 345)])
def test_messages_and_challenges_around_the_block_boundary_match_the_schoolbook(size: int, new_sponge: SpongeMaker) -> None:
    transcript, merlin = Transcript(b"boundary", new_sponge()), schoolbook.Merlin(b"boundary")
    for _ in range(2):
        transcript.append(b"message", b"m" * size)
        merlin.append(b"message", b"m" * size)
        assert transcript.challenge_bytes(b"challenge", size) == merlin.challenge(b"challenge", size)


@given(st.lists(st.tuples(st.booleans(), st.binary(max_size=20), st.binary(max_size=200)), max_size=8))
def test_any_sequence_matches_the_schoolbook(operations: list[tuple[bool, bytes, bytes]]) -> None:
    transcripts = [Transcript(b"any", CShakeSponge()), Transcript(b"any")]
    merlin = schoolbook.Merlin(b"any")
    for is_challenge, label, message in operations:
        if is_challenge:
            assert {transcript.challenge_bytes(label, len(message)) for transcript in transcripts} == {merlin.challenge(label, len(message))}
        else:
            merlin.append(label, message)
            for transcript in transcripts:
                transcript.append(label, message)
    assert {transcript.challenge_bytes(b"end", 32) for transcript in transcripts} == {merlin.challenge(b"end", 32)}


def test_label_and_message_cannot_be_cut_in_another_place() -> None:
    challenges = set()
    for label, message in ((b"ab", b"c"), (b"a", b"bc"), (b"abc", b""), (b"", b"abc")):
        transcript = Transcript(b"cut")
        transcript.append(label, message)
        challenges.add(transcript.challenge_bytes(b"c", 32))
    assert len(challenges) == 4


def test_challenge_scalar_is_the_wide_reduction_of_64_bytes() -> None:
    first, second = Transcript(b"scalar"), Transcript(b"scalar")
    assert first.challenge_scalar(b"c") == int.from_bytes(second.challenge_bytes(b"c", 64), "little") % schoolbook.ORDER


def nonce(statement: bytes, witness: bytes, fresh: bytes) -> int:
    transcript = Transcript(b"hedge")
    transcript.append(b"statement", statement)
    return transcript.fork_rng(b"witness", witness, lambda size: fresh * size).scalar()


def test_nonces_depend_on_transcript_witness_and_entropy_each_by_itself() -> None:
    """A cloned machine repeats its entropy, two payments may share a witness: what differs must be enough."""
    nonces = {nonce(statement, witness, fresh) for statement in (b"1", b"2") for witness in (b"1", b"2") for fresh in (b"1", b"2")}
    assert len(nonces) == 8
    assert nonce(b"1", b"1", b"1") in nonces


def test_nonces_of_one_generator_differ() -> None:
    rng = Transcript(b"many").fork_rng(b"witness", b"", bytes)
    assert len({rng.scalar() for _ in range(20)}) == 20


def test_long_witness_is_absorbed_to_its_end(new_sponge: SpongeMaker) -> None:
    """The witness of eight openings, 320 bytes, is longer than a block."""
    outputs = set()
    for last in (b"1", b"2"):
        rng = Transcript(b"long", new_sponge()).fork_rng(b"witness", b"w" * 319 + last, bytes)
        outputs.add(rng.fill(32))
    assert len(outputs) == 2


def test_entropy_of_another_length_is_our_own_bug() -> None:
    with pytest.raises(AssertionError):
        Transcript(b"short").fork_rng(b"witness", b"", lambda size: bytes(size - 1))


@needs_openssl_3
@pytest.mark.usefixtures("fresh_choice")
def test_openssl_is_chosen_where_it_has_the_sponge() -> None:
    assert choose_sponge() is OpenSslSponge


@pytest.mark.usefixtures("fresh_choice")
@pytest.mark.parametrize("sabotage", ["missing", "wrong"])
def test_pycryptodome_stands_in(sabotage: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise ValueError("unsupported hash type KECCAK-KMAC-128")

    # A digest of that name with other bytes must not be believed either.
    monkeypatch.setattr(hashlib, "new", refuse if sabotage == "missing" else lambda _name, data: hashlib.shake_128(data))
    assert choose_sponge() is CShakeSponge
    transcript = Transcript(b"test protocol")
    transcript.append(b"some label", b"some data")
    assert transcript.challenge_bytes(b"challenge", 32).hex() == "d5a21972d0d5fe320c0d263fac7fffb8145aa640af6e9bca177c03c7efcf0615"


@pytest.mark.usefixtures("fresh_choice")
def test_without_any_sponge_the_error_names_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    original_import = builtins.__import__

    def refuse(name: str, *rest: Any) -> Any:
        if name.startswith("Crypto"):
            raise ImportError(name)
        return original_import(name, *rest)

    monkeypatch.setattr(module, "OpenSslSponge", CShakeSponge)
    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(LocalFault) as caught:
        choose_sponge()
    assert caught.value.code == ErrorCode.CRYPTO_LIBRARY
    assert "pip install pycryptodome" in caught.value.text
