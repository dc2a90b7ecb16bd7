"""A network as it looks from outside: the events that a supervisor and validators would tell, as far as a stranger with the network file can know them.

Who answers, how long its log is, its digest, its votes and certificates since somebody looks: that can be seen. Processes, restarts, the times of disk and
proof cannot, and are left out, not made up. Proofs and certificates are checked before they are passed on; the rest is a validator's own word.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from mesh_core.errors import DecodeError
from mesh_core.protocol.certificates import CheckedCertificate, InvalidCertificate, verify_certificate
from mesh_core.protocol.equivocation import verify_equivocation
from mesh_core.protocol.genesis import Genesis
from mesh_core.protocol.identifiers import identify
from mesh_core.types import events
from mesh_core.types.basic import Hash32
from mesh_core.types.certificate import CERTIFICATE
from mesh_core.types.json_form import json_form
from mesh_core.types.messages import Event as WireEvent
from mesh_core.validator.narration import Timing, narrate
from testnet.observer.client import ValidatorSight
from testnet.observer.forms import Form, event
from testnet.observer.log import LogView
from testnet.observer.replay import Replay

STATUS_INTERVAL_S: Final = 1.0
CHECKED_MOST: Final = 1_024
UNKNOWABLE: Final = ("rules_ms", "proof_ms", "durable_ms", "total_ms")
"""Measured inside of a validator, and told by its own lines alone."""
UP: Final = "up"
UNREACHABLE: Final = "unreachable"


@dataclass(slots=True)
class _Seen:
    """What was seen of one validator since somebody looks."""

    is_up: bool | None = None
    votes_cast: int = 0
    votes_refused: int = 0
    peers_up: set[int] = field(default_factory=set)


class Picture:
    """Turns what the observer sees into events. `run` tells each validator's status once a second."""

    def __init__(self, genesis: Genesis, publish: Callable[[Form], None]) -> None:
        self._genesis = genesis
        self._publish = publish
        self._seen = [_Seen() for _ in genesis.committee.validators]
        self._sights: dict[int, ValidatorSight] = {}
        self._audit: tuple[int, bool] | None = None
        self._checked: OrderedDict[Hash32, bool] = OrderedDict()
        self.view: Callable[[], LogView | None] = lambda: None
        """The log that is read here, where one is. The ledger that follows it knows counts and sums that nobody needs to be asked for."""

    async def run(self) -> None:
        """Tell statuses until cancelled."""
        while True:
            for sight in [*self._sights.values()]:
                self._tell_status(sight)
            await asyncio.sleep(STATUS_INTERVAL_S)

    def on_sight(self, sight: ValidatorSight) -> None:
        """A validator came, went, or said something new."""
        self._sights[sight.index] = sight
        seen = self._seen[sight.index]
        if seen.is_up is not sight.is_up and (sight.is_up or sight.error):
            seen.is_up = sight.is_up
            state, detail = (UP, "") if sight.is_up else (UNREACHABLE, sight.error)
            self._publish(event("validator_state", validator=sight.index, state=state, pid=None, exit=None, restarts=0, detail=detail))
        self._tell_status(sight)

    def on_event(self, validator: int, message: WireEvent) -> None:
        """A validator told an event. What is malformed, or does not hold, is told as what it is."""
        try:
            body = events.decode_event_body(message.kind, message.body)
        except DecodeError as error:
            self._tell_lie(validator, f"its event is malformed: {error.text}")
            return
        seen = self._seen[validator]
        match body:
            case events.VoteCast():
                seen.votes_cast += 1
            case events.VoteRejected():
                seen.votes_refused += 1
            case events.PeerChanged(peer, is_up):
                self._tell_peer(validator, self._genesis.committee.index_of(peer), is_up=is_up)
            case events.CertificateApplied() if not self._holds(body):
                self._tell_lie(validator, f"it says that it has applied {body.cert_id.hex()[:16]}, which is no certificate")
                return
            case events.Equivocation(proof) if not verify_equivocation(proof, self._genesis):
                self._tell_lie(validator, "its equivocation proof does not hold")
                return
            case events.SafetyAlarm(report) if not all(verify_equivocation(proof, self._genesis) for proof in report.proofs):
                self._tell_lie(validator, "its alarm does not hold")
                return
            case _:
                pass
        self._tell_line(validator, body)

    def _tell_line(self, validator: int, body: events.EventBody) -> None:
        now_ns = time.monotonic_ns()
        line = narrate(body, Timing(now_ns), now_ns)
        if line is not None:
            form = json_form(line)
            self._publish({name: value for name, value in form.items() if name not in UNKNOWABLE} | {"validator": validator})

    def _holds(self, body: events.CertificateApplied) -> bool:
        """Whether an announced certificate is one. The second to announce it need not be checked again."""
        identified = identify(body.certificate.transition)
        if identified.cert_id != body.cert_id:
            return False
        known = self._checked.get(body.cert_id)
        if known is None:
            try:
                verify_certificate(CheckedCertificate(body.certificate, identified, CERTIFICATE.encode(body.certificate)), self._genesis)
                known = True
            except InvalidCertificate:
                return False
            self._checked[body.cert_id] = known
            while len(self._checked) > CHECKED_MOST:
                self._checked.popitem(last=False)
        return known

    def _tell_status(self, sight: ValidatorSight) -> None:
        if not sight.is_up or sight.log_length is None or sight.digest is None:
            return
        seen = self._seen[sight.index]
        self._publish(
            event(
                "status",
                validator=sight.index,
                log_length=sight.log_length,
                state_digest=sight.digest.hex(),
                votes_cast=seen.votes_cast,
                votes_refused=seen.votes_refused,
                peers_up=sorted(seen.peers_up),
                flags=sight.flags,
                **self._counts(sight.log_length),
            )
        )

    def _counts(self, log_length: int) -> Form:
        """What the ledger that follows a log here knows of this length. Without `supply_audit` where it has not come there: None is for one that cannot."""
        view = self.view()
        if view is None:
            return {}
        replay = view.replay
        if replay is None:
            return {"supply_audit": None}
        if replay.length != log_length:
            return {}
        counts: Form = {"accounts_count": replay.accounts_count, "outputs_count": replay.outputs_count, "fee_pool": replay.fee_pool}
        return {**counts, "supply_audit": self._audited(replay)}

    def _audited(self, replay: Replay) -> bool:
        """The supply audit of the ledger that follows a log here, added up once for each length."""
        if self._audit is None or self._audit[0] != replay.length:
            self._audit = replay.length, replay.audit_supply()
        return self._audit[1]

    def _tell_peer(self, validator: int, peer: int | None, *, is_up: bool) -> None:
        if peer is None:
            return
        seen = self._seen[validator].peers_up
        (seen.add if is_up else seen.discard)(peer)
        self._publish(event("peer", validator=validator, peer=peer, up=is_up, detail=""))

    def _tell_lie(self, validator: int, text: str) -> None:
        self._publish(event("ledger_lie", validator=validator, text=text))
