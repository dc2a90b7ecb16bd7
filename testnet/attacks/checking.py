"""An equivocation proof judged again, step by step and with times, by the genesis document alone."""

import time
from collections.abc import Callable

from mesh_core.crypto import domains
from mesh_core.crypto.signatures import is_acceptable_key, verify_signature
from mesh_core.errors import DecodeError
from mesh_core.protocol.equivocation import verify_equivocation
from mesh_core.protocol.genesis import Genesis
from mesh_core.types.basic import Hash32, PublicKey, Signature
from mesh_core.types.evidence import EQUIVOCATION_PROOF, ClientEquivocation, EquivocationProof
from mesh_core.types.transition import STATEMENT, Statement
from testnet.attacks.events import ProofCheck, ProofChecked

_DIGITS = 16


def check_proof(data: bytes, genesis: Genesis) -> ProofChecked:
    """Every check by itself. `holds` is the protocol's own judgement, and so needs them all."""
    began = time.perf_counter_ns()
    checks: list[ProofCheck] = []

    def check(title: str, run: Callable[[], tuple[bool, str]]) -> None:
        since = time.perf_counter_ns()
        holds, found = run()
        checks.append(ProofCheck(title, found, holds, (time.perf_counter_ns() - since) / 1e6))

    try:
        proof: EquivocationProof | None = EQUIVOCATION_PROOF.decode(data)
        problem = ""
    except DecodeError as error:
        proof, problem = None, error.text
    check("canonical encoding", lambda: _check_encoding(data, proof, problem))
    if proof is None:
        return ProofChecked(time.monotonic_ns(), data, False, (time.perf_counter_ns() - began) / 1e6, tuple(checks))
    is_client = isinstance(proof, ClientEquivocation)
    key, sender = (proof.owner, proof.owner) if isinstance(proof, ClientEquivocation) else (proof.validator, proof.sender)
    check("network and epoch", lambda: _check_network(proof, genesis))
    check("two ids, one slot", lambda: _check_ids(proof))
    check("who is accused", lambda: _check_key(key, genesis, is_client=is_client))
    tag = domains.SIG_OWNER if is_client else domains.SIG_VOTE
    for name, transition_id, signature in (("first", proof.id_a, proof.signature_a), ("second", proof.id_b, proof.signature_b)):
        statement = Statement(proof.network_id, proof.epoch, sender, proof.sequence, transition_id)
        check(f"{name} signature", lambda statement=statement, signature=signature: _check_signature(tag, key, statement, signature))  # type: ignore[misc]
    return ProofChecked(time.monotonic_ns(), data, verify_equivocation(proof, genesis), (time.perf_counter_ns() - began) / 1e6, tuple(checks))


def _check_encoding(data: bytes, proof: EquivocationProof | None, problem: str) -> tuple[bool, str]:
    if proof is None:
        return False, problem
    return EQUIVOCATION_PROOF.encode(proof) == data, f"{len(data)} bytes, read and written again"


def _check_network(proof: EquivocationProof, genesis: Genesis) -> tuple[bool, str]:
    holds = proof.network_id == genesis.network_id and proof.epoch == genesis.committee.epoch
    return holds, f"network {_short(proof.network_id)}, epoch {proof.epoch}; this one is {_short(genesis.network_id)}, epoch {genesis.committee.epoch}"


def _check_ids(proof: EquivocationProof) -> tuple[bool, str]:
    return proof.id_a < proof.id_b, f"{_short(proof.id_a)} and {_short(proof.id_b)}, in slot {proof.sequence}"


def _check_key(key: PublicKey, genesis: Genesis, *, is_client: bool) -> tuple[bool, str]:
    if is_client:
        return is_acceptable_key(key), f"the owner of the account {_short(key)}"
    index = genesis.committee.index_of(key)
    return index is not None, "no validator of this network" if index is None else f"V{index + 1}, {_short(key)}, of the genesis document"


def _check_signature(tag: bytes, key: PublicKey, statement: Statement, signature: Signature) -> tuple[bool, str]:
    holds = verify_signature(tag, key, STATEMENT.encode(statement), signature)
    return holds, f"Ed25519, over the 112 bytes of the statement, {'verifies' if holds else 'does NOT verify'}"


def _short(value: bytes | Hash32) -> str:
    return value.hex()[:_DIGITS]
