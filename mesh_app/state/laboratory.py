"""The laboratory: attacks that can be made, those that ran, and the evidence that is known. Hashes, keys and bytes as hexadecimal digits."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

MAX_RUNS: Final = 40
MAX_PROOFS: Final = 100
MAX_STEPS: Final = 50
MAX_SENDINGS: Final = 60


@dataclass(frozen=True, slots=True)
class PlanRow:
    """What would go to whom, and the answers that the protocol allows."""

    phase: int
    item: str
    to: str
    answers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AttackView:
    """An attack that can be made. `sections` are headings of the protocol's document; `kind` what the protocol does about it, `outcome` how it ends."""

    id: str
    name: str
    line: str
    kind: str
    plan: tuple[PlanRow, ...]
    outcome: str
    promise: str
    sections: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AttackStepView:
    """Something that was done on the way."""

    t_ns: int
    text: str


@dataclass(frozen=True, slots=True)
class AnswerView:
    """What one validator answered to one sending. `verdict` is the answer in one word; the rest is a refusal's own."""

    t_ns: int
    validator: int
    verdict: str
    voted: bool
    code: str
    rule: int | None
    name: str
    reason: str
    text: str
    proves: bool
    ms: float
    as_expected: bool


@dataclass(slots=True)
class SendingView:
    """One thing that went to some validators, and what they answered so far. `expected` are the answers that the protocol allows; none where it is one way."""

    number: int
    t_ns: int
    item: str
    kind: str
    what: str
    id: str
    size_bytes: int
    to: tuple[int, ...]
    expected: tuple[str, ...]
    answers: dict[int, AnswerView] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class EffectView:
    """What one thing was before the attack and after it."""

    who: str
    what: str
    before: str
    after: str
    changed: bool
    good: bool


@dataclass(frozen=True, slots=True)
class AttackEnd:
    """What came of an attack. `deviations` says what is otherwise than the protocol promises."""

    t_ns: int
    outcome: str
    as_specified: bool
    deviations: tuple[str, ...]
    settled: tuple[str, ...]
    votes: tuple[tuple[str, int], ...]
    effects: tuple[EffectView, ...]


@dataclass(slots=True)
class AttackRun:
    """One attack under way or over. `failed` says why it could not be carried out, where it could not."""

    number: int
    attack: str
    account: str
    owner: str
    started_ns: int
    steps: list[AttackStepView] = field(default_factory=list)
    sendings: dict[int, SendingView] = field(default_factory=dict)
    proofs: list[str] = field(default_factory=list)
    end: AttackEnd | None = None
    failed: str = ""

    @property
    def is_over(self) -> bool:
        """Whether nothing more comes."""
        return self.end is not None or bool(self.failed)

    @property
    def votes_items(self) -> tuple[str, ...]:
        """What can be voted for, in the order in which it was sent."""
        return tuple(dict.fromkeys(sending.item for sending in self.sendings.values() if sending.kind == "transition"))

    def voters(self, item: str) -> tuple[int, ...]:
        """Who has voted for an item."""
        return tuple(
            sorted(answer.validator for sending in self.sendings.values() if sending.item == item for answer in sending.answers.values() if answer.voted)
        )


@dataclass(frozen=True, slots=True)
class StatementView:
    """One of the two statements that were signed, and its signature. `data` are the 112 bytes under the signature."""

    network_id: str
    epoch: int
    sender: str
    sequence: int
    transition_id: str
    signature: str
    data: str


@dataclass(frozen=True, slots=True)
class CheckView:
    """One check of a proof."""

    title: str
    found: str
    holds: bool
    ms: float


@dataclass(frozen=True, slots=True)
class VerificationView:
    """A proof as it was verified on demand."""

    t_ns: int
    holds: bool
    ms: float
    checks: tuple[CheckView, ...]


@dataclass(slots=True)
class ProofView:
    """An equivocation proof. `data` are its canonical bytes. `validator` is who is convicted, where it is one; `held_by` who told that it holds it."""

    id: str
    kind: str
    offender: str
    validator: int | None
    data: str
    statements: tuple[StatementView, StatementView]
    first_ns: int
    run: int | None = None
    held_by: set[int] = field(default_factory=set)
    verification: VerificationView | None = None


@dataclass(slots=True)
class LaboratoryView:
    """`latest` is each attack's last run. `proofs` are those of validators too, whoever caused them."""

    attacks: dict[str, AttackView] = field(default_factory=dict)
    runs: dict[int, AttackRun] = field(default_factory=dict)
    latest: dict[str, int] = field(default_factory=dict)
    proofs: dict[str, ProofView] = field(default_factory=dict)

    @property
    def running(self) -> AttackRun | None:
        """The attack under way, if one is."""
        return next((run for run in reversed(self.runs.values()) if not run.is_over), None)

    @property
    def last(self) -> AttackRun | None:
        """The attack under way, or the one before."""
        return next(reversed(self.runs.values()), None)

    def run_of(self, attack: str) -> AttackRun | None:
        """An attack's last run."""
        return self.runs.get(self.latest.get(attack, -1))

    def proofs_newest_first(self) -> Sequence[ProofView]:
        """All known proofs."""
        return sorted(self.proofs.values(), key=lambda proof: -proof.first_ns)
