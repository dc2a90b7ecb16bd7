"""Range proofs in a simulation: a transparent stand-in, or the real ones; and who checks them, and signatures, in virtual time.

A real proof costs ten milliseconds to make, and everything else of a payment a tenth of one. The stand-in's bytes are a hash over the statement and a flag that
says whether its openings are in range. So a negative amount, a proof copied from another transition, and changed bytes are refused as with the real one. That
nobody can make one up on purpose is what the real one is for.
"""

import asyncio
import hashlib
from collections.abc import Sequence
from typing import Final, Protocol

from mesh_core.crypto.pedersen import Opening
from mesh_core.crypto.range_proof import RangeProofError, RangeStatement, build_witness, proof_size, prove, verify
from mesh_core.errors import ErrorCode, Rejected
from mesh_core.protocol.certificates import is_signed
from mesh_core.protocol.construction import UNSIGNED, Draft, Entropy
from mesh_core.protocol.effects import VerifyProof, VerifySignatures
from mesh_core.protocol.genesis import Genesis
from mesh_core.protocol.identifiers import identify
from mesh_core.protocol.validation import (
    LedgerView,
    build_range_statement,
    validate_account,
    validate_amounts,
    validate_balance,
    validate_dependencies,
    validate_format,
    validate_sequence,
)
from mesh_core.types.transition import TRANSITION, Kind, Transition
from mesh_core.validator.ports import SignatureVerdict, Verdict
from testnet.simulation.machine import Times

VALUE_LIMIT: Final = 2**64


class ProofSystem(Protocol):
    """Makes and checks range proofs."""

    def prove(self, statement: RangeStatement, new_balance: Opening, outputs: Sequence[Opening], entropy: Entropy) -> bytes:
        """A proof of the statement's size, whatever the openings hold."""
        ...

    def holds(self, statement: RangeStatement, proof: bytes) -> bool:
        """Whether the proof convinces."""
        ...


class StandIn:
    """The transparent stand-in."""

    def prove(self, statement: RangeStatement, new_balance: Opening, outputs: Sequence[Opening], entropy: Entropy) -> bytes:
        """The hash with the flag that the openings deserve."""
        in_range = all(0 <= opening.value < VALUE_LIMIT for opening in (new_balance, *outputs))
        return self._stamp(statement, in_range=in_range)

    def holds(self, statement: RangeStatement, proof: bytes) -> bool:
        """Whether these are the bytes of an honest proof of this statement."""
        return proof == self._stamp(statement, in_range=True)

    @staticmethod
    def _stamp(statement: RangeStatement, *, in_range: bool) -> bytes:
        told = b"MESH simulation range proof" + bytes((in_range, len(statement.commitments))) + statement.context + b"".join(statement.commitments)
        return hashlib.shake_256(told).digest(proof_size(statement.bits, len(statement.commitments)))


class RealProofs:
    """Bulletproofs+, as validators and wallets run them."""

    def prove(self, statement: RangeStatement, new_balance: Opening, outputs: Sequence[Opening], entropy: Entropy) -> bytes:
        """A real proof; for openings out of range, bytes of its size that prove nothing."""
        if not all(0 <= opening.value < VALUE_LIMIT for opening in (new_balance, *outputs)):
            return bytes(proof_size(statement.bits, len(statement.commitments)))
        return prove(statement, build_witness(new_balance, outputs), entropy)

    def holds(self, statement: RangeStatement, proof: bytes) -> bool:
        """The verifier's answer."""
        try:
            verify(statement, proof)
        except RangeProofError:
            return False
        return True


def prove_any(draft: Draft, system: ProofSystem, entropy: Entropy) -> bytes:
    """The range proof of a draft; empty for a RECEIVE."""
    if draft.core.kind is Kind.RECEIVE:
        return b""
    statement = build_range_statement(identify(Transition(draft.core, b"", UNSIGNED)))
    return system.prove(statement, draft.new_opening, draft.output_openings, entropy)


def check_draft(transition: Transition, genesis: Genesis, ledger: LedgerView, system: ProofSystem) -> None:
    """The rules that a wallet runs before it signs (`validation.validate_draft`), with this proof system. Rejected."""
    candidate = validate_format(TRANSITION.encode(transition), genesis)
    core = candidate.core
    account = validate_account(core, ledger)
    validate_sequence(core, account)
    validate_dependencies(core, ledger)
    validate_amounts(core, genesis)
    validate_balance(core, account.balance)
    if core.kind is Kind.SEND and not system.holds(build_range_statement(candidate), transition.range_proof):
        raise Rejected(ErrorCode.RANGE_PROOF, "the range proof does not verify")


class SimulatedProofChecker:
    """A validator's worker for proofs: verdicts come later, in virtual time, and not always in the order of the questions."""

    def __init__(self, system: ProofSystem, times: Times) -> None:
        self._system = system
        self._times = times
        self._is_closed = False
        self._waiting_count = 0

    @property
    def waiting_count(self) -> int:
        """Proofs that have no verdict so far."""
        return self._waiting_count

    def submit(self, job: VerifyProof, verdict: Verdict) -> None:
        """Check one proof; the verdict comes later."""
        self._waiting_count += 1
        seconds = self._times.check_proof()
        asyncio.get_running_loop().call_later(seconds, self._finish, job, verdict, seconds)

    def close(self) -> None:
        """No verdict comes any more."""
        self._is_closed = True

    def _finish(self, job: VerifyProof, verdict: Verdict, seconds: float) -> None:
        self._waiting_count -= 1
        if not self._is_closed:
            verdict(job, self._system.holds(job.statement, job.proof), seconds)


class SimulatedSignatureChecker:
    """A validator's worker for the signatures of certificates: real answers, later, in virtual time."""

    def __init__(self, genesis: Genesis, times: Times) -> None:
        self._genesis = genesis
        self._times = times
        self._is_closed = False

    def submit(self, job: VerifySignatures, verdict: SignatureVerdict) -> None:
        """Check the signatures of some certificates; the verdict comes later."""
        seconds = self._times.check_signatures(len(job.certificates))
        asyncio.get_running_loop().call_later(seconds, self._finish, job, verdict, seconds)

    def close(self) -> None:
        """No verdict comes any more."""
        self._is_closed = True

    def _finish(self, job: VerifySignatures, verdict: SignatureVerdict, seconds: float) -> None:
        if not self._is_closed:
            verdict(job, [is_signed(checked, self._genesis) for checked in job.certificates], seconds)
