"""Reducers of what the supervisor says: the network as it was started, the state of each process, the audit."""

from collections.abc import Mapping
from typing import Final

from mesh_app.event_fields import Fields, MalformedEventError
from mesh_app.format import amount, short
from mesh_app.reducers.note import Note, Notes, Reducer, validator_note
from mesh_app.spans import Tone
from mesh_app.state import AWAITED, KILLED, Audit, Network, State, ValidatorView
from mesh_core.types.basic import PublicKey
from mesh_core.types.committee import MAX_VALIDATORS, Committee

PROCESS_STATES: Final = frozenset({"stopped", "starting", "up", "stopping", "exited", "restarting", "paused", "unreachable", AWAITED})


def started(state: State, fields: Fields, t_ns: int) -> Notes:
    """The network: committee, supply, fees."""
    keys = fields.hexadecimals("validators")
    if not 1 <= len(keys) <= MAX_VALIDATORS:
        raise MalformedEventError(f"validators are {len(keys)}")
    network = Network(
        name=fields.text("name"),
        network_id=fields.hexadecimal("network_id"),
        committee=Committee(fields.integer("epoch", default=0), tuple(PublicKey(bytes.fromhex(key)) for key in keys)),
        supply=fields.integer("supply"),
        fee_base=fields.integer("fee_base"),
        fee_per_output=fields.integer("fee_per_output"),
        home=fields.text("home", default=""),
        start_ns=t_ns,
    )
    state.network = network
    known = {validator.index: validator for validator in state.validators}
    state.validators = [known.get(index, ValidatorView(index)) for index in range(len(keys))]
    for validator, key in zip(state.validators, keys, strict=True):
        validator.public_key = key
    return (Note("net", "network", f"{network.name}: {len(keys)} validators, supply {amount(network.supply)}, id {short(network.network_id)}", tone="strong"),)


def validator_state(state: State, fields: Fields, t_ns: int) -> Notes:
    """A process was started, answers, stops or is gone."""
    validator = find_validator(state, fields)
    name = fields.text("state")
    if name not in PROCESS_STATES:
        raise MalformedEventError(f"{name[:20]} is no state of a process")
    pid, exit_status = fields.optional_integer("pid"), fields.optional_integer("exit")
    restarts, detail, reason = fields.integer("restarts", default=0), fields.text("detail", default=""), fields.text("reason", default="")
    module = fields.text("module") if fields.has("module") else ""
    validator.state, validator.since_ns = name, t_ns
    validator.pid, validator.exit, validator.restarts, validator.detail = pid, exit_status, restarts, detail
    validator.reason = reason
    state.operation.modules[validator.index] = module
    if name == "starting":
        validator.ready_ns, validator.flags, validator.last_error = None, 0, ""
        validator.peers_up = ()
    if name == "exited" and detail:
        validator.last_error = detail
    _, word, tone = validator.condition
    told = f"{word}{f', pid {pid}' if pid is not None and name in {'starting', 'up'} else ''}{f': {detail}' if detail else ''}"
    if name == "exited" and exit_status == KILLED:
        told = f"killed by SIGKILL{f': {detail}' if detail else ''}"
    return (validator_note(validator.index, "process", told, tone=tone),)


def audited(state: State, fields: Fields, t_ns: int) -> Notes:
    """The supply audit on commitments, and whether all validators hold one state."""
    audit = Audit(t_ns, fields.optional_truth("supply_audit"), fields.truth("digests_equal"), fields.truth("is_read", default=True))
    before, state.audit = state.audit, audit
    if before is not None and (before.supply_audit, before.digests_equal) == (audit.supply_audit, audit.digests_equal):
        return ()
    supply = {True: "commitments add up to the supply", False: "COMMITMENTS DO NOT ADD UP TO THE SUPPLY", None: "supply not audited"}[audit.supply_audit]
    supply = supply if audit.is_read else "supply not audited: the ledger is not read"
    digests = "all digests equal" if audit.digests_equal else "digests differ"
    tone: Tone = "down" if audit.supply_audit is False else "up" if audit.digests_equal else "wait"
    return (Note("net", "audit", f"{supply}; {digests}", tone=tone),)


def garbage(state: State, fields: Fields, t_ns: int) -> Notes:
    """A process wrote a line that is no event: counted, shown, never obeyed."""
    told = f"unreadable line: {short(fields.text('text', default=''), 100)}"
    validator = find_validator(state, fields) if fields.has("validator") else None
    state.unreadable_count += 1
    return (Note("wallets", "garbage", told, tone="down") if validator is None else validator_note(validator.index, "garbage", told, tone="down"),)


def find_validator(state: State, fields: Fields) -> ValidatorView:
    """The validator that the event is about. MalformedEventError for an index outside the committee."""
    index = fields.validator()
    if index >= len(state.validators):
        raise MalformedEventError(f"there is no validator {index}")
    return state.validators[index]


REDUCERS: Final[Mapping[str, Reducer]] = {"network": started, "validator_state": validator_state, "audit": audited, "garbage": garbage}
