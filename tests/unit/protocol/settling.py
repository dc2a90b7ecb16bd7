"""A settlement machine without a network: its requests wait until the test lets them be answered, by real validators or by whatever it likes."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from mesh_core.protocol.effects import Source
from mesh_core.protocol.genesis import Genesis
from mesh_core.protocol.identifiers import identify
from mesh_core.protocol.settlement import (
    Ask,
    KeepCertificate,
    Pause,
    SettlementEffect,
    SettlementMachine,
    SettlementReport,
    SettlementState,
    StateChanged,
)
from mesh_core.types.certificate import CERTIFICATE, Certificate
from mesh_core.types.messages import Message
from mesh_core.types.transition import Transition
from tests.cluster import Validator

WALLET = Source(77)


@dataclass
class History:
    """What the wallet has at hand for validators that are behind."""

    account: Sequence[Certificate] = ()
    claimed: Sequence[Certificate] = ()

    def certificates_since(self, sequence: int) -> Sequence[bytes]:
        return [CERTIFICATE.encode(one) for one in self.account if one.transition.core.sequence >= sequence]

    def claimed_certificates(self) -> Sequence[bytes]:
        return [CERTIFICATE.encode(one) for one in self.claimed]


@dataclass
class Settling:
    """The machine, and what it has asked for."""

    machine: SettlementMachine
    asks: list[Ask] = field(default_factory=list)
    pauses: list[Pause] = field(default_factory=list)
    reports: list[SettlementReport] = field(default_factory=list)
    kept: list[KeepCertificate] = field(default_factory=list)

    @classmethod
    def begin(cls, genesis: Genesis, transition: Transition, history: History | None = None, certificate: bytes | None = None) -> "Settling":
        settling = cls(SettlementMachine(genesis, identify(transition), history or History(), certificate))
        settling.take(settling.machine.start())
        return settling

    @property
    def states(self) -> list[SettlementState]:
        return [report.state for report in self.reports if isinstance(report, StateChanged)]

    def state(self) -> SettlementState:
        return self.machine.state

    def take(self, effects: list[SettlementEffect]) -> list[SettlementEffect]:
        """Note what the machine wants."""
        for effect in effects:
            match effect:
                case Ask():
                    self.asks.append(effect)
                case Pause():
                    self.pauses.append(effect)
                case KeepCertificate():
                    self.kept.append(effect)
                case _:
                    self.reports.append(effect)
        return effects

    def asked(self, validator: int) -> Message:
        """The oldest request to a validator that has no answer so far; it is answered now."""
        index = next(index for index, ask in enumerate(self.asks) if ask.validator == validator)
        return self.asks.pop(index).message

    def answer(self, validator: int, message: Message) -> list[SettlementEffect]:
        """Answer the oldest request to a validator."""
        self.asked(validator)
        return self.take(self.machine.on_answer(validator, message))

    def ask(self, validator: int, real: Validator) -> Message:
        """Let a real validator answer the oldest request to it; returns its answer."""
        answer = real.ask(self.asked(validator), WALLET)
        self.take(self.machine.on_answer(validator, answer))
        return answer

    def silence(self, validator: int) -> list[SettlementEffect]:
        """The oldest request to a validator is lost."""
        return self.take(self.machine.on_silence(validator, self.asked(validator)))

    def retry(self, validator: int) -> list[SettlementEffect]:
        """The oldest pause of a validator is over."""
        index = next(index for index, pause in enumerate(self.pauses) if pause.validator == validator)
        self.pauses.pop(index)
        return self.take(self.machine.on_retry(validator))
