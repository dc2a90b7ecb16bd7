"""What the laboratory tells: one JSON object a line, for screens, recordings and people. Public data, but for the amounts of its own throw-away accounts.

`run` numbers an attack; it is the number of the account that attacks. `t_ns` is the machine's monotonic clock, `_ms` durations measured in the laboratory's
process. An attack begins with `attack_started` and ends with `attack_over`, or with `attack_failed` where it could not be carried out.
"""

from dataclasses import dataclass
from typing import ClassVar

from mesh_core.types.basic import Hash32, PublicKey, Signature
from mesh_core.types.transition import Statement


@dataclass(frozen=True, slots=True)
class PlannedSending:
    """What goes to whom in an attack, and the answers that the protocol allows. What has one `phase` goes at once."""

    phase: int
    item: str
    to: str
    answers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Description:
    """One attack that can be made, in words. `sections` are headings of docs/protocol.md. `kind`: refused, tolerated, contained or not prevented."""

    attack: str
    name: str
    line: str
    kind: str
    plan: tuple[PlannedSending, ...]
    outcome: str
    promise: str
    sections: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AttackCatalogue:
    """Every attack that can be made here."""

    EVENT: ClassVar[str] = "attack_catalogue"
    t_ns: int
    attacks: tuple[Description, ...]


@dataclass(frozen=True, slots=True)
class AttackStarted:
    """An attack begins: `account` is the throw-away account that attacks, `owner` its key."""

    EVENT: ClassVar[str] = "attack_started"
    t_ns: int
    run: int
    attack: str
    account: str
    owner: PublicKey


@dataclass(frozen=True, slots=True)
class AttackStep:
    """Something that was done on the way: the account was paid, a validator was restarted."""

    EVENT: ClassVar[str] = "attack_step"
    t_ns: int
    run: int
    attack: str
    text: str


@dataclass(frozen=True, slots=True)
class AttackSent:
    """What goes to whom. `item` names it within the attack ("A", "B"), `kind` is transition, certificate or evidence, `what` says in words what it is.

    `id` is the transition's, the certificate's or the proof's, where these bytes have one; `expected` are the answers that the protocol allows.
    """

    EVENT: ClassVar[str] = "attack_sent"
    t_ns: int
    run: int
    attack: str
    sending: int
    item: str
    kind: str
    what: str
    id: Hash32 | None
    size_bytes: int
    to: tuple[int, ...]
    expected: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AttackAnswer:
    """What one validator answered to one sending.

    `verdict` is the answer in one word, compared with `expected`: vote, a refusal's code, the status of a certificate, silent, nonsense. `code`, `rule`,
    `name`, `reason` and `text` are a refusal's own. `proves`: it came with an equivocation proof that holds.
    """

    EVENT: ClassVar[str] = "attack_answer"
    t_ns: int
    run: int
    attack: str
    sending: int
    item: str
    validator: int
    verdict: str
    voted: bool
    code: str | None
    rule: int | None
    name: str | None
    reason: str | None
    text: str
    proves: bool
    ms: float
    as_expected: bool


@dataclass(frozen=True, slots=True)
class AttackEvidence:
    """An equivocation proof, verified. `proof` is its canonical bytes, the two statements and signatures what they decode to. `convicted` says who signed."""

    EVENT: ClassVar[str] = "attack_evidence"
    t_ns: int
    run: int
    attack: str
    proof_id: Hash32
    kind: str
    convicted: str
    offender: PublicKey
    proof: bytes
    statements: tuple[Statement, Statement]
    signatures: tuple[Signature, Signature]


@dataclass(frozen=True, slots=True)
class Effect:
    """What one thing was before the attack and after it. `good`: as the protocol says that it must be."""

    who: str
    what: str
    before: str
    after: str
    changed: bool
    good: bool


@dataclass(frozen=True, slots=True)
class AttackOver:
    """What came of it. `settled` are the transitions that are final; `votes` those that each got, by its name.

    `as_specified` is false where anything ended otherwise than the catalogue says; `deviations` says what.
    """

    EVENT: ClassVar[str] = "attack_over"
    t_ns: int
    run: int
    attack: str
    outcome: str
    as_specified: bool
    deviations: tuple[str, ...]
    settled: tuple[str, ...]
    votes: tuple[tuple[str, int], ...]
    proof_ids: tuple[Hash32, ...]
    effects: tuple[Effect, ...]


@dataclass(frozen=True, slots=True)
class AttackFailed:
    """The attack could not be carried out; `text` says why. That says nothing about the network."""

    EVENT: ClassVar[str] = "attack_failed"
    t_ns: int
    run: int
    attack: str
    text: str


@dataclass(frozen=True, slots=True)
class ProofCheck:
    """One part of the judgement on a proof. `found` says what was found, in words."""

    title: str
    found: str
    holds: bool
    ms: float


@dataclass(frozen=True, slots=True)
class ProofChecked:
    """A proof was verified again, with the genesis document alone."""

    EVENT: ClassVar[str] = "attack_proof_checked"
    t_ns: int
    proof: bytes
    holds: bool
    ms: float
    checks: tuple[ProofCheck, ...]


AttackEvent = AttackCatalogue | AttackStarted | AttackStep | AttackSent | AttackAnswer | AttackEvidence | AttackOver | AttackFailed | ProofChecked
