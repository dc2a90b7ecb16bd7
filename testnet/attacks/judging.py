"""What came of an attack, measured at the validators, and compared with what the catalogue says must come of it.

Nothing is taken from the run's own intentions: which transitions are final is read from the account's chain, what a shop has got from the outputs that it can
open, what everybody else has from their commitments.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mesh_core.crypto.memo import MemoError
from mesh_core.crypto.pedersen import commit
from mesh_core.errors import PeerFault
from mesh_core.protocol.certificates import CheckedCertificate, InvalidCertificate, read_certificate
from mesh_core.types.account import AccountState
from mesh_core.types.basic import PublicKey
from mesh_core.types.messages import SyncAccount, SyncRequest, SyncResponse
from mesh_core.wallet.reading import read_incoming
from testnet.attacks.catalogue import Ending
from testnet.attacks.events import Effect
from testnet.attacks.observing import Observation, Standing
from testnet.attacks.run import Payee, Run, names
from testnet.attacks.wire import Wire

CHAIN_MOST = 16
CHAIN_BYTES = 200_000
_DIGITS = 8


@dataclass(frozen=True, slots=True)
class Bystander:
    """An account that has nothing to do with the attack."""

    name: str
    owner: PublicKey


@dataclass(frozen=True, slots=True)
class Judgement:
    """The measured end, what everything was and is, and whatever is otherwise than specified."""

    ending: Ending
    effects: tuple[Effect, ...]
    deviations: tuple[str, ...]


async def judge(run: Run, before: Observation, after: Observation, bystanders: Sequence[Bystander]) -> Judgement:
    """Measure the end and compare."""
    chain = await _fetch_chain(run.wire, run.voting, run.attacker.keys.owner, run.attacker.state.sequence)
    deviations = list(run.deviations)
    shops = [_read_shop(payee, chain, after) for payee in run.payees]
    ending = Ending(
        settled=tuple(_name_of(run, certificate) for certificate in chain),
        is_locked=_is_locked(run, chain),
        convicted=run.convicted,
        received=tuple((shop.name, shop.received) for shop in shops),
        unopenable=sum(shop.unopenable for shop in shops),
    )
    deviations += _compare(run.attack.ending, ending)
    effects = [*_attacker_effects(run, ending, after, deviations), *_shop_effects(run.attack.ending, shops)]
    effects += [effect for one in bystanders for effect in _bystander_effects(one, before, after, deviations)]
    effects += _network_effects(before, after, deviations)
    return Judgement(ending, tuple(effects), tuple(deviations))


def expected_evidence(run: Run, before: Observation) -> dict[int, int]:
    """How many proofs each validator must hold in the end: what it held, and the one against the attacking account, which all pass on to each other.

    Of the proofs against a validator each keeps sixteen, so that one more need not be seen there.
    """
    more = 1 if "owner" in run.convicted else 0
    return {validator: standing.evidence_count + more for validator, standing in before.standings.items()}


# --- The attacking account -------------------------------------------------------------------------------------------------------------------------


async def _fetch_chain(wire: Wire, validators: Sequence[int], owner: PublicKey, sequence: int) -> list[CheckedCertificate]:
    """The account's certificates from a slot on: the longest verified chain that anybody has."""
    longest: list[CheckedCertificate] = []
    for validator in validators:
        found: list[CheckedCertificate] = []
        try:
            answer = await wire.request(validator, SyncRequest(0, SyncAccount(owner, sequence), CHAIN_MOST, CHAIN_BYTES))
            if isinstance(answer, SyncResponse):
                found = [read_certificate(item.certificate, wire.genesis) for item in answer.items]
        except (PeerFault, InvalidCertificate):
            continue
        own = [certificate for certificate in found if certificate.core.sender == owner]
        longest = max(longest, own, key=len)
    return longest


def _name_of(run: Run, certificate: CheckedCertificate) -> str:
    for name, item in run.items.items():
        if item.candidate is not None and item.candidate.transition_id == certificate.transition_id:
            return name
    return f"unknown transition {certificate.transition_id.hex()[:_DIGITS]}"


def _is_locked(run: Run, chain: Sequence[CheckedCertificate]) -> bool:
    """Whether votes were cast in the account's next slot, and no transition there can ever get a quorum of those that voted or may."""
    slot = run.attacker.state.sequence + len(chain)
    rivals = [votes for name, votes in run.votes.items() if votes and (candidate := run.items[name].candidate) is not None and candidate.core.sequence == slot]
    undecided = len(set(range(run.genesis.committee.size)) - {validator for votes in rivals for validator in votes})
    return bool(rivals) and all(len(votes) + undecided < run.genesis.committee.quorum_threshold for votes in rivals)


def _attacker_effects(run: Run, ending: Ending, after: Observation, deviations: list[str]) -> list[Effect]:
    """What the attacker has left, opened with its own secrets, and whether its account goes on."""
    attacker = run.attacker
    states = {answer.account for answer in after.accounts.get(attacker.keys.owner, {}).values()}
    if len(states) != 1:
        deviations.append(f"the validators do not agree on the account of {attacker.name}")
        return []
    [state] = states
    expected, value = attacker.state, attacker.opening.value
    for name in ending.settled:
        item = run.items.get(name)
        if item is not None and item.candidate is not None and item.opening is not None:
            core = item.candidate.core
            expected, value = AccountState(expected.owner, core.sequence + 1, core.new_balance, item.candidate.transition_id), item.opening.value
            if commit(item.opening) != state.balance:
                deviations.append(f"the balance of {attacker.name} is another than its own payments leave")
    if state != expected:
        deviations.append(f"the account of {attacker.name} is in a state that none of its payments leads to")
    slot = f"next slot {state.sequence}{', locked' if ending.is_locked else ''}"
    begin = attacker.opening.value
    return [
        Effect(attacker.name, "balance", f"{begin:,}", f"{value:,}", changed=begin != value, good=state == expected),
        Effect(
            attacker.name,
            "account",
            f"next slot {attacker.state.sequence}",
            slot,
            changed=ending.is_locked or state != attacker.state,
            good=ending.is_locked == run.attack.ending.is_locked,
        ),
    ]


# --- Shops -----------------------------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Shop:
    """What a shop has got: units that it can claim, and outputs that nobody can open."""

    name: str
    received: int
    unopenable: int


def _read_shop(payee: Payee, chain: Sequence[CheckedCertificate], after: Observation) -> _Shop:
    """Open what was paid, as the shop's wallet would; it counts only where the validators have it as claimable."""
    claimable = {
        (one.key.cert_id, one.key.index, one.commitment) for answer in after.accounts.get(payee.address.owner, {}).values() for one in answer.claimable
    }
    received = unopenable = 0
    for certificate in chain:
        for index, output in enumerate(certificate.core.outputs):
            if output.owner != payee.address.owner or payee.keys is None or (certificate.cert_id, index, output.commitment) not in claimable:
                continue
            try:
                received += read_incoming(payee.keys.view_key, certificate.core, index).opening.value
            except MemoError:
                unopenable += 1
    return _Shop(payee.name, received, unopenable)


def _shop_effects(specified: Ending, shops: Sequence[_Shop]) -> list[Effect]:
    expected = dict(specified.received)
    return [
        Effect(
            shop.name,
            "can claim",
            "0",
            f"{shop.received:,}{_describe_unopenable(shop.unopenable)}",
            changed=bool(shop.received or shop.unopenable),
            good=shop.received == expected.get(shop.name),
        )
        for shop in shops
    ]


def _describe_unopenable(count: int) -> str:
    return f", and {count} output{'' if count == 1 else 's'} that nobody can open" if count else ""


# --- Everybody else --------------------------------------------------------------------------------------------------------------------------------


def _bystander_effects(bystander: Bystander, before: Observation, after: Observation, deviations: list[str]) -> list[Effect]:
    """An account changes by its owner's signature and by nothing else: in a slot it has one state, at every validator, before and after."""
    was = {answer.account for answer in before.accounts.get(bystander.owner, {}).values()}
    now = {answer.account for answer in after.accounts.get(bystander.owner, {}).values()}
    if not was or not now or (len(now) > 1 and not after.is_busy):
        deviations.append(f"the validators do not agree on the account of {bystander.name}")
        return []
    first, last = (max(states, key=lambda state: state.sequence) for states in (was, now))
    good = len(was | now) == len({state.sequence for state in was | now}) and last.sequence >= first.sequence
    if not good:
        deviations.append(f"the account of {bystander.name} changed, and its owner signed nothing")
    note = "" if first == last or not good else ", by its own payments"
    return [Effect(bystander.name, "commitment", _describe(first), f"{_describe(last)}{note}", changed=first != last, good=good)]


def _describe(state: AccountState) -> str:
    return f"{state.balance.hex()[:_DIGITS]}… in slot {state.sequence}"


def _network_effects(before: Observation, after: Observation, deviations: list[str]) -> list[Effect]:
    """Log, digest, supply and evidence of all validators; one line each where they agree."""
    is_one_state = after.is_in_step or after.is_busy
    if not is_one_state:
        deviations.append("the validators are not in one state")
    if any(standing.supply_audit is False for standing in after.standings.values()):
        deviations.append("the supply does not add up")
    silenced = [validator for validator, standing in after.standings.items() if not standing.votes and before.standings.get(validator, standing).votes]
    if silenced:
        deviations.append(f"{names(sorted(silenced))} votes no more")
    rows: tuple[tuple[str, Callable[[Standing], str], bool], ...] = (
        ("log", lambda one: f"{one.log_length} certificates", is_one_state),
        ("state digest", lambda one: f"{one.digest[:_DIGITS]}…", is_one_state),
        ("supply", lambda one: {True: "adds up", False: "does NOT add up", None: "too large to add up"}[one.supply_audit], _supply_is_good(after)),
        ("proofs held", lambda one: str(one.evidence_count), not silenced),
    )
    return [_network_effect(what, tell, before, after, good=good) for what, tell, good in rows]


def _network_effect(what: str, tell: Callable[[Standing], str], before: Observation, after: Observation, *, good: bool) -> Effect:
    was, now = (_together({validator: tell(standing) for validator, standing in seen.standings.items()}) for seen in (before, after))
    return Effect("validators", what, was, now, changed=was != now, good=good)


def _together(told: dict[int, str]) -> str:
    """One word for all where they agree, one for each where they do not."""
    if len(set(told.values())) == 1:
        return next(iter(told.values()))
    return ", ".join(f"V{validator + 1} {text}" for validator, text in sorted(told.items()))


def _supply_is_good(after: Observation) -> bool:
    return all(standing.supply_audit is not False for standing in after.standings.values())


# --- Comparing -------------------------------------------------------------------------------------------------------------------------------------


def _compare(specified: Ending, measured: Ending) -> list[str]:
    """What ended otherwise."""
    rows = (
        ("final is", ", ".join(measured.settled) or "nothing", ", ".join(specified.settled) or "nothing"),
        ("the account is", "locked" if measured.is_locked else "not locked", "locked" if specified.is_locked else "not locked"),
        ("convicted is", ", ".join(measured.convicted) or "nobody", ", ".join(sorted(specified.convicted)) or "nobody"),
        ("the shops can claim", _amounts(measured), _amounts(specified)),
        ("outputs that nobody can open:", str(measured.unopenable), str(specified.unopenable)),
    )
    return [f"{what} {found}, and should be {wanted}" for what, found, wanted in rows if found != wanted]


def _amounts(ending: Ending) -> str:
    return ", ".join(f"{name} {amount}" for name, amount in ending.received)
