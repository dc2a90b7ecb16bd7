"""The attacks that the laboratory makes, as data: what is sent to whom, which answers the protocol allows, how it must end, and what it promises.

A run is compared with this, answer by answer and in its end. Nothing here is computed from a run, so a network that behaves otherwise is seen to.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from mesh_core.errors import ErrorCode
from testnet.attacks.events import Description, PlannedSending

VOTE: Final = "vote"
APPLIED: Final = "applied"
ALREADY_APPLIED: Final = "already_applied"
INVALID: Final = "invalid"
SILENT: Final = "silent"
NONSENSE: Final = "nonsense"

FUNDING: Final = 1_000
"""Units that an attacking account is paid before it attacks."""
AMOUNT: Final = 300
"""Units that each of its payments is about."""
FIRST_SHOP: Final = "shop A"
SECOND_SHOP: Final = "shop B"
NOT_AS_SPECIFIED: Final = "NOT as specified"
OWNER: Final = "owner"
VALIDATOR: Final = "validator"


class Kind(StrEnum):
    """What the protocol does about an attack."""

    REFUSED = "refused"
    TOLERATED = "tolerated"
    CONTAINED = "contained"
    """It happens, and hurts nobody but the attacker."""
    NOT_PREVENTED = "not prevented"


class Group(StrEnum):
    """Some of the validators. `members` says which."""

    EVERYBODY = "everybody"
    ONE = "one"
    LESS_THAN_A_QUORUM = "less than a quorum"
    THE_OTHERS = "the others"
    A_QUORUM = "a quorum"
    THE_REST = "the rest"
    HONEST_AND_LIAR = "some, and the liar"
    LEFT_AND_LIAR = "the others, and the liar"
    HONEST = "some"
    LEFT = "the others but the liar"


def members(group: Group, voting: tuple[int, ...], quorum: int, liar: int | None) -> tuple[int, ...]:
    """The validators of a group among those that vote, ascending. `liar` votes twice, if there is one."""
    honest = tuple(index for index in voting if index != liar)
    liars = tuple(index for index in voting if index == liar)
    match group:
        case Group.EVERYBODY:
            return voting
        case Group.ONE:
            return voting[:1]
        case Group.LESS_THAN_A_QUORUM:
            return voting[: quorum - 1]
        case Group.THE_OTHERS:
            return voting[quorum - 1 :]
        case Group.A_QUORUM:
            return voting[:quorum]
        case Group.THE_REST:
            return voting[quorum:]
        case Group.HONEST_AND_LIAR:
            return tuple(sorted(honest[: quorum - 1] + liars))
        case Group.LEFT_AND_LIAR:
            return tuple(sorted(honest[quorum - 1 :] + liars))
        case Group.HONEST:
            return honest[: quorum - 1]
        case Group.LEFT:
            return honest[quorum - 1 :]


@dataclass(frozen=True, slots=True)
class Sending:
    """One thing that goes to a group at once, and the answers of which each member must give one. No answers: it is one way."""

    item: str
    to: Group
    answers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Ending:
    """How everything stands afterwards: which transitions are final, whether the account can ever go on, who is convicted, who has got what.

    `received` are the amounts that the payees can claim; `unopenable` counts outputs that nobody can.
    """

    settled: tuple[str, ...] = ()
    is_locked: bool = False
    convicted: tuple[str, ...] = ()
    received: tuple[tuple[str, int], ...] = ((FIRST_SHOP, 0), (SECOND_SHOP, 0))
    unopenable: int = 0


@dataclass(frozen=True, slots=True)
class Attack:
    """One attack. `phases` follow each other; what stands in one phase is sent at once. `outcome` is its end in a few words, where it is as specified.

    `needs_all`: with a validator away the end would be open, since it might tip the balance later.
    """

    id: str
    name: str
    line: str
    kind: Kind
    phases: tuple[tuple[Sending, ...], ...]
    ending: Ending
    outcome: str
    promise: str
    sections: tuple[str, ...]
    needs_all: bool = False
    needs_liar: bool = False

    def describe(self) -> Description:
        """It in words."""
        plan = tuple(
            PlannedSending(phase, sending.item, str(sending.to), sending.answers) for phase, sendings in enumerate(self.phases, 1) for sending in sendings
        )
        return Description(self.id, self.name, self.line, str(self.kind), plan, self.outcome, self.promise, self.sections)


def refusals(*codes: ErrorCode) -> tuple[str, ...]:
    """Codes as answers are written."""
    return tuple(f"{code:04x}" for code in codes)


_VOTE: Final = (VOTE,)
_DELIVERED: Final = (APPLIED, ALREADY_APPLIED)
"""Validators fetch from each other what they lack, so the laboratory may come second."""
_CONFLICTS_WITH_VOTE: Final = refusals(ErrorCode.CONFLICTS_WITH_VOTE)
_CONFLICTS_WITH_CERTIFICATE: Final = refusals(ErrorCode.CONFLICTS_WITH_CERTIFICATE)
_ONE_PAID: Final = ((FIRST_SHOP, AMOUNT), (SECOND_SHOP, 0))

SPLIT_2_2: Final = Attack(
    id="split-2-2",
    name="Double spend, 2-2",
    line="two payments of one slot, each to half of the validators",
    kind=Kind.CONTAINED,
    phases=(
        (Sending("A", Group.LESS_THAN_A_QUORUM, _VOTE), Sending("B", Group.THE_OTHERS, _VOTE)),
        (Sending("B", Group.LESS_THAN_A_QUORUM, _CONFLICTS_WITH_VOTE), Sending("A", Group.THE_OTHERS, _CONFLICTS_WITH_VOTE)),
    ),
    ending=Ending(is_locked=True, convicted=(OWNER,)),
    outcome="locked: neither settles",
    promise=(
        "A validator votes for one transition of a slot, ever. Split 2-2, neither payment reaches 3 of 4, so neither shop is paid and no money is made. "
        "The attacker's account is locked for good: consistency is kept, and liveness is lost for the equivocator alone. Each validator that saw both "
        "signatures holds a proof that anybody can check with the genesis document. The proof has no consequence in the protocol."
    ),
    sections=("Locked accounts", "The nine rules", "EquivocationProof", "What evidence leads to"),
    needs_all=True,
)
SPLIT_3_1: Final = Attack(
    id="split-3-1",
    name="Double spend, 3-1",
    line="two payments of one slot, one of them to a quorum",
    kind=Kind.TOLERATED,
    phases=(
        (Sending("A", Group.A_QUORUM, _VOTE), Sending("B", Group.THE_REST, _VOTE)),
        (Sending("B", Group.A_QUORUM, _CONFLICTS_WITH_VOTE), Sending("A", Group.THE_REST, _CONFLICTS_WITH_VOTE)),
        (Sending("certificate A", Group.EVERYBODY, _DELIVERED),),
    ),
    ending=Ending(settled=("A",), convicted=(OWNER,), received=_ONE_PAID),
    outcome="A settles, B never can",
    promise=(
        "Two quorums of four share at least two validators, and an honest one votes once: so at most one of the two payments can ever be final. Here A "
        "gets its three votes and settles, B stays at one. The validator that voted for B applies A's certificate all the same: a certificate wins over "
        "its own vote. The shop that waited for a certificate of B before handing over the goods has lost nothing."
    ),
    sections=("Parties and faults", "Handling a certificate", "EquivocationProof", "Properties"),
)
IN_SEQUENCE: Final = Attack(
    id="sequence",
    name="Double spend, in turn",
    line="A gets its certificate, then B claims the same slot",
    kind=Kind.REFUSED,
    phases=(
        (Sending("A", Group.EVERYBODY, _VOTE),),
        (Sending("certificate A", Group.EVERYBODY, _DELIVERED),),
        (Sending("B", Group.EVERYBODY, _CONFLICTS_WITH_CERTIFICATE),),
    ),
    ending=Ending(settled=("A",), convicted=(OWNER,), received=_ONE_PAID),
    outcome="B refused, with proof",
    promise=(
        "A settled slot is taken for good. CONFLICT (rule 4) stands before SEQUENCE (rule 5), so that a second spend of a settled slot does not end as a "
        "mere “stale”: every validator refuses it with 0402 and hands out the proof that the owner signed twice."
    ),
    sections=("The nine rules", "Why this order", "EquivocationProof"),
)
DOUBLE_VOTER: Final = Attack(
    id="double-voter",
    name="Validator votes twice",
    line="one validator votes for both sides of a double spend",
    kind=Kind.TOLERATED,
    phases=(
        (Sending("A", Group.HONEST_AND_LIAR, _VOTE), Sending("B", Group.LEFT_AND_LIAR, _VOTE)),
        (Sending("B", Group.HONEST, _CONFLICTS_WITH_VOTE), Sending("A", Group.LEFT, _CONFLICTS_WITH_VOTE)),
        (Sending("certificate A", Group.EVERYBODY, _DELIVERED),),
        (Sending("proof", Group.EVERYBODY),),
    ),
    ending=Ending(settled=("A",), convicted=(OWNER, VALIDATOR), received=_ONE_PAID),
    outcome="A settles, the validator is convicted",
    promise=(
        "f = 1 of 4 validators may do anything. With its two votes A has three and settles; B has two, and no more can come, since the others vote once. "
        "Agreement holds: it would take a second such validator to break it, and then at least two would stand convicted. Two votes of one key for one "
        "slot are evidence against the validator, which the protocol lets nobody make against an honest one. Here a real process plays it; it is restarted "
        "as it was."
    ),
    sections=("Parties and faults", "Vote", "EquivocationProof", "AccountabilityReport", "What evidence leads to"),
    needs_all=True,
    needs_liar=True,
)
REPLAY: Final = Attack(
    id="replay",
    name="Replayed certificate",
    line="a certificate again and again, also with other votes",
    kind=Kind.TOLERATED,
    phases=(
        (Sending("A", Group.EVERYBODY, _VOTE),),
        (Sending("certificate A", Group.EVERYBODY, _DELIVERED),),
        (Sending("certificate A", Group.EVERYBODY, (ALREADY_APPLIED,)),),
        (Sending("certificate A, other votes", Group.EVERYBODY, (ALREADY_APPLIED,)),),
        (Sending("A", Group.EVERYBODY, refusals(ErrorCode.STALE_SEQUENCE)),),
    ),
    ending=Ending(settled=("A",), received=_ONE_PAID),
    outcome="nothing changes",
    promise=(
        "A replay changes nothing: a certificate is known by what it certifies and not by who signed it, so the same payment with other votes is the same "
        "payment, applied once. The answer is ALREADY_APPLIED; log, digest and balances stay. The signed transition alone is refused as stale (0501): a "
        "validator never signs in a slot that is settled."
    ),
    sections=("Identifiers", "Handling a certificate", "Properties"),
)
FORGED_CERTIFICATE: Final = Attack(
    id="forged-certificate",
    name="Forged certificate",
    line="one true vote counted three times, made-up votes, made-up validators",
    kind=Kind.REFUSED,
    phases=(
        (Sending("A", Group.ONE, _VOTE),),
        (Sending("one vote, repeated", Group.EVERYBODY, (INVALID,)),),
        (Sending("one vote, alone", Group.EVERYBODY, (INVALID,)),),
        (Sending("one vote in others' names", Group.EVERYBODY, (INVALID,)),),
        (Sending("votes made up", Group.EVERYBODY, (INVALID,)),),
        (Sending("validators made up", Group.EVERYBODY, (INVALID,)),),
    ),
    ending=Ending(),
    outcome="refused by everybody",
    promise=(
        "A certificate needs votes of a quorum of different validators of the genesis document, in ascending order, so that no signer counts twice; each "
        "signature is verified over the statement recomputed from the transition itself. Whoever has fewer votes has nothing: the answer is INVALID, and "
        "nothing is stored or passed on."
    ),
    sections=("SettlementCertificate", "Handling a certificate"),
)
STOLEN_SIGNATURE: Final = Attack(
    id="stolen-signature",
    name="Stolen signature",
    line="a payment in somebody else's name",
    kind=Kind.REFUSED,
    phases=(
        (Sending("A", Group.EVERYBODY, refusals(ErrorCode.BAD_SIGNATURE)),),
        (Sending("B", Group.EVERYBODY, refusals(ErrorCode.BAD_SIGNATURE)),),
    ),
    ending=Ending(),
    outcome="refused by everybody",
    promise=(
        "No account changes without its owner's signature, which covers network, epoch, account, slot and transition. Neither the attacker's own key nor a "
        "true signature of the victim from another payment fits: rule 2 refuses with 0201 before any other rule works for bytes that nobody signed, and a "
        "forged request leaves no evidence against the victim."
    ),
    sections=("Identifiers", "The nine rules", "Properties"),
)
NEGATIVE_AMOUNT: Final = Attack(
    id="negative-amount",
    name="Negative amount",
    line="pays less than nothing, so that the own balance grows",
    kind=Kind.REFUSED,
    phases=((Sending("A", Group.EVERYBODY, refusals(ErrorCode.RANGE_PROOF)),),),
    ending=Ending(),
    outcome="refused by everybody",
    promise=(
        "On commitments alone a negative amount adds up: the balance equation (rule 8) holds. The range proof is what forbids it: it shows that every "
        "output and the new balance lie between 0 and 2^64 without showing them, and for a negative amount none can be made (rule 9, 0901)."
    ),
    sections=("Balance equations", "Range proofs", "The nine rules"),
)
OVERSPEND: Final = Attack(
    id="overspend",
    name="Overspend",
    line="pays more than there is, and hides it in two ways",
    kind=Kind.REFUSED,
    phases=(
        (Sending("A", Group.EVERYBODY, refusals(ErrorCode.RANGE_PROOF)),),
        (Sending("B", Group.EVERYBODY, refusals(ErrorCode.UNBALANCED)),),
    ),
    ending=Ending(),
    outcome="refused by everybody",
    promise=(
        "Whoever pays more than the account holds has two ways to write it down. A tells the truth on commitments: the new balance is below zero, and the "
        "range proof cannot hold (0901). B lies about the new balance: every amount is in range, and the equation does not add up (0801). No validator "
        "needs to see an amount for that."
    ),
    sections=("Balance equations", "The nine rules"),
)
COPIED_PROOF: Final = Attack(
    id="copied-proof",
    name="Copied range proof",
    line="the proof of one payment under another",
    kind=Kind.REFUSED,
    phases=(
        (Sending("P", Group.EVERYBODY, _VOTE),),
        (Sending("certificate P", Group.EVERYBODY, _DELIVERED),),
        (Sending("A", Group.EVERYBODY, refusals(ErrorCode.RANGE_PROOF)),),
        (Sending("B", Group.EVERYBODY, refusals(ErrorCode.RANGE_PROOF)),),
    ),
    ending=Ending(settled=("P",), received=_ONE_PAID),
    outcome="refused by everybody",
    promise=(
        "The hash of the whole transition goes into the range proof's transcript. So a proof convinces in the transition that it was made for and in no "
        "other: not under other commitments, and not under the same ones where a single byte beside them has changed."
    ),
    sections=("Range proofs", "The nine rules"),
)
POISONED_MEMO: Final = Attack(
    id="poisoned-memo",
    name="Poisoned memo",
    line="pays with a memo that the payee cannot open",
    kind=Kind.NOT_PREVENTED,
    phases=((Sending("A", Group.EVERYBODY, _VOTE),), (Sending("certificate A", Group.EVERYBODY, _DELIVERED),)),
    ending=Ending(settled=("A",), unopenable=1),
    outcome="the sender burns its money",
    promise=(
        "Validators cannot look into a memo, so this cannot be prevented: the payment is valid and final, and its value is lost to both sides. It hurts "
        "only the sender, who burns its own money. The payee's wallet shows the output as unopenable and never claims it, so that its own balance stays "
        "spendable; that is why a payment is claimed, and not simply added. In the ledger nothing is lost: the supply adds up."
    ),
    sections=("Output memo", "Life of a payment", "Receiving"),
)
STALE_WALLET: Final = Attack(
    id="stale-wallet",
    name="Stale wallet",
    line="an old copy of a wallet signs a slot that is used",
    kind=Kind.REFUSED,
    phases=((Sending("B", Group.EVERYBODY, _CONFLICTS_WITH_CERTIFICATE),),),
    ending=Ending(settled=("A",), convicted=(OWNER,), received=_ONE_PAID),
    outcome="refused, the copy catches up",
    promise=(
        "A slot is never used again. An old copy of a wallet that signs blindly is refused with 0402, and has convicted its owner without meaning to: the "
        "protocol cannot tell a mistake from fraud, and says only that two ids were signed. The wallet program itself does not fall into this: before its "
        "first payment it asks all validators, adopts what they can prove, and goes on from there."
    ),
    sections=("A slot is never reused", "After a crash", "Trusting answers"),
)

ATTACKS: Final = (
    SPLIT_2_2,
    SPLIT_3_1,
    IN_SEQUENCE,
    DOUBLE_VOTER,
    REPLAY,
    FORGED_CERTIFICATE,
    STOLEN_SIGNATURE,
    NEGATIVE_AMOUNT,
    OVERSPEND,
    COPIED_PROOF,
    POISONED_MEMO,
    STALE_WALLET,
)
BY_ID: Final = {attack.id: attack for attack in ATTACKS}
