"""What only the simulation knows: every vote that left anybody, every opening, every message. Oracles look here; no node does."""

from dataclasses import dataclass, field

from mesh_core.crypto.pedersen import Opening, commit
from mesh_core.errors import DecodeError
from mesh_core.protocol.construction import Draft
from mesh_core.protocol.genesis import Genesis
from mesh_core.types.basic import Commitment, Hash32, PublicKey
from mesh_core.types.certificate import CERTIFICATE, Certificate, Vote
from mesh_core.types.events import CertificateApplied
from mesh_core.types.messages import Event, SettlementCertificate, SyncResponse, VoteRequest
from testnet.simulation.network import Sent

Slot = tuple[PublicKey, int]


@dataclass(slots=True)
class Ghost:
    """`votes[slot][transition_id]` are the indices of validators whose votes have left them."""

    genesis: Genesis
    openings: dict[Commitment, Opening] = field(default_factory=dict)
    votes: dict[Slot, dict[Hash32, set[int]]] = field(default_factory=dict)
    honest_owners: set[PublicKey] = field(default_factory=set)
    forbidden: dict[Hash32, str] = field(default_factory=dict)
    """Transitions that break a rule, and how."""

    def __post_init__(self) -> None:
        for allocation in self.genesis.doc.allocations:
            opening = Opening(allocation.amount, 0)
            self.openings[commit(opening)] = opening
        zero = Opening(0, 0)
        self.openings[commit(zero)] = zero

    def on_draft(self, draft: Draft) -> None:
        """A wallet is about to sign: its openings become known here."""
        core = draft.core
        self.openings[core.new_balance] = draft.new_opening
        for output, opening in zip(core.outputs, draft.output_openings, strict=True):
            self.openings[output.commitment] = opening

    def on_vote(self, vote: Vote) -> None:
        """A vote has left a validator."""
        index = self.genesis.committee.index_of(vote.validator)
        if index is not None:
            statement = vote.statement
            ids = self.votes.setdefault((statement.sender, statement.sequence), {})
            ids.setdefault(statement.transition_id, set()).add(index)

    def certifiable(self, slot: Slot) -> list[Hash32]:
        """Transitions of a slot for which a certificate can be formed from votes that somebody has."""
        quorum = self.genesis.committee.quorum_threshold
        return sorted(transition_id for transition_id, voters in self.votes.get(slot, {}).items() if len(voters) >= quorum)


def certificates_in(sent: Sent) -> list[Certificate]:
    """The certificates that a message carries, as far as they decode."""
    found: list[Certificate] = []
    match sent.message:
        case SettlementCertificate(_, data):
            found = _decoded([data])
        case VoteRequest(_, several, _):
            found = _decoded(several)
        case SyncResponse():
            found = _decoded([item.certificate for item in sent.message.items])
        case Event() if isinstance(sent.event, CertificateApplied):
            found = [sent.event.certificate]
        case _:
            pass
    return found


def _decoded(several: tuple[bytes, ...] | list[bytes]) -> list[Certificate]:
    found = []
    for data in several:
        try:
            found.append(CERTIFICATE.decode(data))
        except DecodeError:
            continue
    return found
