"""The transcript of a range proof: what is absorbed, under which label, in which order, by prover and verifier alike.

Everything that the statement consists of is absorbed before the first challenge, and every message of the prover before the challenge that answers it.
A value left out could be chosen after the challenge is known: with that, false statements have been proven in systems of this kind.
Order and labels are those of tari's Bulletproofs+ 0.4.1 (docs/range-proofs.md, "Transcript"); there "H" labels the base of the value, "G" that of the blinding.
"""

from collections.abc import Callable
from typing import Final

from mesh_core.crypto import domains
from mesh_core.crypto.generators import blinding_generator, value_generator
from mesh_core.crypto.range_proof.statement import EXTENSION_DEGREE, RangeProofError, RangeProofFault, RangeStatement
from mesh_core.crypto.ristretto import Point, encode_scalar
from mesh_core.crypto.transcript import Transcript, TranscriptRng

_PROOF_SYSTEM: Final = b"Bulletproofs+ Range Proof"
_BINDING_BYTES: Final = 32


class ProofTranscript:
    """One run of the argument as a transcript. The method names follow the protocol's messages, in the order in which they must be called."""

    __slots__ = ("_transcript",)

    def __init__(self, statement: RangeStatement) -> None:
        transcript = Transcript(domains.RANGE_PROOF_TRANSCRIPT)
        transcript.append(b"context", statement.context)
        transcript.append(b"dom-sep", _PROOF_SYSTEM)
        transcript.append(b"H", value_generator().encode())
        transcript.append(b"G", blinding_generator().encode())
        transcript.append_u64(b"N", statement.bits)
        transcript.append_u64(b"T", EXTENSION_DEGREE)
        transcript.append_u64(b"M", len(statement.commitments))
        for commitment in statement.commitments:
            transcript.append(b"Ci", commitment)
        for _ in statement.commitments:
            # The least value that is promised; MESH promises none.
            transcript.append_u64(b"vi - minimum_value", 0)
        self._transcript = transcript

    def append_bits(self, A: Point) -> None:
        """Absorb the commitment to the bits. RangeProofError (IDENTITY_POINT)."""
        self._append_point(b"A", A)

    def challenge_bits(self) -> tuple[int, int]:
        """The challenges y, z. RangeProofError (ZERO_CHALLENGE)."""
        return self._challenge(b"y"), self._challenge(b"z")

    def append_round(self, L: Point, R: Point) -> None:
        """Absorb the two points of a round. RangeProofError (IDENTITY_POINT)."""
        self._append_point(b"L", L)
        self._append_point(b"R", R)

    def append_last(self, A1: Point, B: Point) -> None:
        """Absorb the points of the last step. RangeProofError (IDENTITY_POINT)."""
        self._append_point(b"A1", A1)
        self._append_point(b"B", B)

    def challenge_e(self) -> int:
        """The challenge e of a round or of the last step. RangeProofError (ZERO_CHALLENGE)."""
        return self._challenge(b"e")

    def append_answers(self, r1: int, s1: int, d1: int) -> None:
        """Absorb the last answers: only the verifier does, to bind the weights of a batch to all of the proof."""
        for label, scalar in ((b"r1", r1), (b"s1", s1), (b"d1", d1)):
            self._transcript.append(label, encode_scalar(scalar))

    def binding(self) -> bytes:
        """32 bytes that no other statement or proof gives."""
        return self._transcript.challenge_bytes(b"binding", _BINDING_BYTES)

    def fork_rng(self, witness: bytes, entropy: Callable[[int], bytes]) -> TranscriptRng:
        """The prover's nonces for the next message, keyed with everything so far, the witness and 32 fresh bytes."""
        return self._transcript.fork_rng(b"witness", witness, entropy)

    def _append_point(self, label: bytes, point: Point) -> None:
        if point.is_identity():
            # An honest prover's points never are. A cheating one could use it to take away what the next challenge does.
            raise RangeProofError(RangeProofFault.IDENTITY_POINT, label.decode())
        self._transcript.append(label, point.encode())

    def _challenge(self, label: bytes) -> int:
        challenge = self._transcript.challenge_scalar(label)
        if challenge == 0:
            # A zero would cancel what it multiplies, and has no inverse. Its probability is 2^-252.
            raise RangeProofError(RangeProofFault.ZERO_CHALLENGE, label.decode())
        return challenge
