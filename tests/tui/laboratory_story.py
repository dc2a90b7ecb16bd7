"""Attacks as the laboratory tells them, in its own events: stories for the fake workbench."""

from collections.abc import Sequence
from typing import Any

from mesh_core.crypto import domains
from mesh_core.crypto.signatures import SigningKey
from mesh_core.protocol.equivocation import build_client_equivocation, build_validator_equivocation
from mesh_core.protocol.identifiers import compute_proof_id
from mesh_core.types.basic import Hash32, Signature
from mesh_core.types.certificate import Vote
from mesh_core.types.evidence import EQUIVOCATION_PROOF, ClientEquivocation, EquivocationProof
from mesh_core.types.transition import STATEMENT, Statement
from mesh_core.validator import lines
from testnet.attacks.catalogue import ATTACKS, SPLIT_2_2, Attack
from testnet.attacks.events import (
    AttackAnswer,
    AttackCatalogue,
    AttackEvidence,
    AttackFailed,
    AttackOver,
    AttackSent,
    AttackStarted,
    AttackStep,
    Effect,
    ProofCheck,
    ProofChecked,
)
from tests.tui.fake_workbench import VALIDATORS, digest, of_validator

MALLORY = SigningKey(bytes(range(32)))


def catalogue() -> AttackCatalogue:
    """Everything that can be made."""
    return AttackCatalogue(1, tuple(attack.describe() for attack in ATTACKS))


def statement(number: int) -> Statement:
    """One of the two that Mallory signs for slot 1."""
    return Statement(Hash32(digest("network")), 0, MALLORY.public_key, 1, Hash32(digest("transition", number)))


def client_proof() -> ClientEquivocation:
    """Mallory signed both."""
    one, other = statement(1), statement(2)
    first, second = (MALLORY.sign(domains.SIG_OWNER, STATEMENT.encode(each)) for each in (one, other))
    return build_client_equivocation(one, first, other.transition_id, second)


def validator_proof(index: int) -> EquivocationProof:
    """A validator voted for both. Its signatures are none: nobody verifies them here."""
    one, other = statement(1), statement(2)
    signature = Signature(bytes(64))
    return build_validator_equivocation(Vote(one, VALIDATORS[index], signature), other.transition_id, Signature(bytes((1,) * 64)))  # type: ignore[arg-type]


def evidence(proof: EquivocationProof, *, run: int = 1, attack: str = SPLIT_2_2.id) -> AttackEvidence:
    """As the laboratory tells it."""
    is_client = isinstance(proof, ClientEquivocation)
    offender = proof.owner if isinstance(proof, ClientEquivocation) else proof.validator
    return AttackEvidence(
        t_ns=60,
        run=run,
        attack=attack,
        proof_id=compute_proof_id(proof),
        kind="client" if is_client else "validator",
        convicted="the owner of mallory-1" if is_client else "V4",
        offender=offender,
        proof=EQUIVOCATION_PROOF.encode(proof),
        statements=(statement(1), statement(2)),
        signatures=(proof.signature_a, proof.signature_b),
    )


def found_by(index: int, proof: EquivocationProof) -> dict[str, Any]:
    """As a validator tells it."""
    kind, sender = ("client", proof.owner) if isinstance(proof, ClientEquivocation) else ("validator", proof.sender)
    offender = proof.owner if isinstance(proof, ClientEquivocation) else proof.validator
    line = lines.EquivocationFound(
        70, compute_proof_id(proof), offender, kind, sender, proof.sequence, proof.id_a, proof.id_b, EQUIVOCATION_PROOF.encode(proof)
    )
    return of_validator(index, line)


def checked(proof: EquivocationProof, *, holds: bool = True) -> ProofChecked:
    """As the laboratory's process tells it."""
    checks = (ProofCheck("canonical encoding", "273 bytes", True, 0.02), ProofCheck("second signature", "Ed25519", holds, 0.11))
    return ProofChecked(90, EQUIVOCATION_PROOF.encode(proof), holds, 0.4, checks)


def answer(sending: int, item: str, validator: int, verdict: str, *, text: str = "vote", as_expected: bool = True, run: int = 1) -> AttackAnswer:
    """A vote, the status of a certificate, or a refusal with evidence."""
    is_code = verdict.startswith("0")
    return AttackAnswer(
        t_ns=50,
        run=run,
        attack=SPLIT_2_2.id,
        sending=sending,
        item=item,
        validator=validator,
        verdict=verdict,
        voted=verdict == "vote",
        code=verdict if is_code else None,
        rule=4 if is_code else None,
        name="CONFLICT" if is_code else None,
        reason="CONFLICTS_WITH_VOTE" if is_code else None,
        text=text,
        proves=is_code,
        ms=12.5,
        as_expected=as_expected,
    )


def sent(number: int, item: str, to: Sequence[int], expected: Sequence[str], *, kind: str = "transition", run: int = 1) -> AttackSent:
    """A sending of the split."""
    what = f"300 to shop {item[-1]}, out of slot 1 of mallory-{run}"
    return AttackSent(40, run, SPLIT_2_2.id, number, item, kind, what, digest("transition", number), 1_224, tuple(to), tuple(expected))  # type: ignore[arg-type]


def begun(attack: Attack = SPLIT_2_2, run: int = 1, t_ns: int = 10) -> list[Any]:
    """An attack that has its account."""
    return [
        AttackStarted(t_ns, run, attack.id, f"mallory-{run}", MALLORY.public_key),
        AttackStep(t_ns + 5, run, attack.id, f"mallory-{run} is paid 1,000 units"),
    ]


def split(run: int = 1) -> list[Any]:
    """The whole story of a split 2-2, up to its end."""
    refusal = "slot 1 has this validator's vote for 5a5a5a5a5a5a5a5a"
    return [
        *begun(run=run),
        sent(1, "A", (0, 1), ("vote",), run=run),
        sent(2, "B", (2, 3), ("vote",), run=run),
        *(answer(1, "A", index, "vote", run=run) for index in (0, 1)),
        *(answer(2, "B", index, "vote", run=run) for index in (2, 3)),
        sent(3, "B", (0, 1), ("0401",), run=run),
        sent(4, "A", (2, 3), ("0401",), run=run),
        answer(3, "B", 0, "0401", text=refusal, run=run),
        evidence(client_proof(), run=run),
        *(found_by(index, client_proof()) for index in range(4)),
        answer(3, "B", 1, "0401", text=refusal, run=run),
        *(answer(4, "A", index, "0401", text=refusal, run=run) for index in (2, 3)),
        over(run=run),
    ]


def over(*, run: int = 1, deviations: Sequence[str] = ()) -> AttackOver:
    """The end of a split."""
    effects = (
        Effect(f"mallory-{run}", "balance", "1,000", "1,000", False, True),
        Effect(f"mallory-{run}", "account", "next slot 1", "next slot 1, locked", True, not deviations),
        Effect("alice", "commitment", "2876285a… in slot 0", "2876285a… in slot 0", False, True),
        Effect("validators", "log", "10 certificates", "10 certificates", False, True),
    )
    return AttackOver(
        t_ns=900_000_010,
        run=run,
        attack=SPLIT_2_2.id,
        outcome=SPLIT_2_2.outcome if not deviations else "NOT as specified",
        as_specified=not deviations,
        deviations=tuple(deviations),
        settled=(),
        votes=(("A", 2), ("B", 2)),
        proof_ids=(compute_proof_id(client_proof()),),
        effects=effects,
    )


def failed(text: str, run: int = 1) -> AttackFailed:
    """It could not be carried out."""
    return AttackFailed(100, run, SPLIT_2_2.id, text)
