"""Mutations of what a range proof is bound to."""

from dataclasses import replace

from mesh_core.crypto.range_proof import RangeStatement
from mesh_core.crypto.transcript import Transcript
from mesh_core.protocol import validation
from mesh_core.protocol.identifiers import Identified
from testnet.simulation.mutations.replacing import replace_everywhere


def leave_out_the_core_hash() -> None:
    """A proof is about its commitments, in whatever transition they stand."""
    real = validation.build_range_statement

    def unbound(candidate: Identified) -> RangeStatement:
        return replace(real(candidate), context=bytes(32))

    replace_everywhere(real, unbound)


def leave_the_context_out_of_the_transcript() -> None:
    """The real proof's challenges do not depend on the transition. The stand-in has no transcript, and cannot see this."""
    real = Transcript.append

    def append(self: Transcript, label: bytes, message: bytes) -> None:
        if label != b"context":
            real(self, label, message)

    Transcript.append = append  # type: ignore[method-assign]
