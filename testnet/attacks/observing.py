"""How everything stands: each validator's log, digest, supply audit and evidence, and accounts as every validator has them. Before an attack, and after it."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from mesh_core.errors import LocalFault
from mesh_core.types.basic import PublicKey
from mesh_core.types.messages import AccountStateMessage
from mesh_core.validator.status import ask_status
from testnet.attacks.wire import Wire
from testnet.layout import NetworkFolder

QUIET_DEADLINE_S = 10.0
BUSY_DEADLINE_S = 3.0
"""While others pay, the validators are hardly ever all at one certificate: then it is not waited for any longer."""
BUSY_INTERVAL_S = 1.0
POLL_INTERVAL_S = 0.05


@dataclass(frozen=True, slots=True)
class Standing:
    """One validator at one moment, by its own report. `is_fresh`: digest and audit belong to the whole log."""

    log_length: int
    digest: str
    is_fresh: bool
    supply_audit: bool | None
    evidence_count: int
    votes: bool


@dataclass(frozen=True, slots=True)
class Observation:
    """`standings` by validator; `accounts` by owner and validator. Whoever did not answer is missing.

    `is_busy`: logs grew until the end, so that validators which are not in step may only be so because others pay.
    """

    standings: Mapping[int, Standing]
    accounts: Mapping[PublicKey, Mapping[int, AccountStateMessage]]
    is_busy: bool = False

    @property
    def is_in_step(self) -> bool:
        """Whether all reports are fresh, and are of one state."""
        states = {(standing.log_length, standing.digest) for standing in self.standings.values()}
        return len(states) == 1 and all(standing.is_fresh for standing in self.standings.values())


async def report(folder: NetworkFolder, validator: int) -> Standing | None:
    """One validator's own report; None if it does not run."""
    try:
        answer = json.loads(await asyncio.to_thread(ask_status, folder.validator(validator).data_dir))
        return Standing(
            log_length=answer["log_length"],
            digest=answer["state_digest"],
            is_fresh=answer["digest_is_fresh"],
            supply_audit=answer["supply_audit"],
            evidence_count=answer["evidence_count"],
            votes=answer["quarantine"] is None and not answer["halted"],
        )
    except (LocalFault, ValueError, KeyError):
        return None


async def find_voting(folder: NetworkFolder, validators_count: int) -> tuple[int, ...]:
    """The validators that run and vote, as they say themselves."""
    reports = await asyncio.gather(*(report(folder, validator) for validator in range(validators_count)))
    return tuple(validator for validator, standing in enumerate(reports) if standing is not None and standing.votes)


async def observe(wire: Wire, folder: NetworkFolder, validators: Sequence[int], owners: Sequence[PublicKey], *, evidence: Mapping[int, int]) -> Observation:
    """Everything at once, as soon as these validators are in step and hold at least so many proofs; after ten seconds as it is then."""
    loop = asyncio.get_running_loop()
    began = grown_at = loop.time()
    height: int | None = None
    while True:
        seen = await _observe(wire, folder, validators, owners)
        now, highest = loop.time(), max((standing.log_length for standing in seen.standings.values()), default=0)
        if height is not None and highest != height:
            grown_at = now
        height = highest
        is_busy = grown_at > began and now - grown_at < BUSY_INTERVAL_S
        has_evidence = all(standing.evidence_count >= evidence.get(validator, 0) for validator, standing in seen.standings.items())
        is_complete = len(seen.standings) == len(validators) and has_evidence
        if is_complete and (seen.is_in_step or (is_busy and now - began >= BUSY_DEADLINE_S)):
            return replace(seen, is_busy=is_busy)
        if now - began >= QUIET_DEADLINE_S:
            return replace(seen, is_busy=is_busy)
        await asyncio.sleep(POLL_INTERVAL_S)


async def _observe(wire: Wire, folder: NetworkFolder, validators: Sequence[int], owners: Sequence[PublicKey]) -> Observation:
    reports = await asyncio.gather(*(report(folder, validator) for validator in validators))
    standings = {validator: standing for validator, standing in zip(validators, reports, strict=True) if standing is not None}
    accounts: dict[PublicKey, dict[int, AccountStateMessage]] = {}
    for owner in owners:
        answers = await asyncio.gather(*(wire.query(validator, owner) for validator in validators))
        accounts[owner] = {validator: answer for validator, answer in zip(validators, answers, strict=True) if answer is not None}
    return Observation(standings, accounts)
