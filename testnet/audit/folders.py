"""An audit of validators that do not run, from their data folders: nothing in them is changed.

Beside the log itself every record is compared with what a correct validator would have written: so damage that no checksum shows, and a record that somebody
has changed, are named by their key.
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from mesh_core.errors import DecodeError, ErrorCode, LocalFault
from mesh_core.protocol.genesis import Genesis
from mesh_core.protocol.records import (
    ACCOUNT_PREFIX,
    CLAIM_PREFIX,
    GLOBALS,
    GLOBALS_KEY,
    HALTED_KEY,
    IDENTITY_KEY,
    LOG_ENTRY,
    NETWORK_KEY,
    OUTPUT_PREFIX,
    account_key,
    certificate_key,
    log_key,
    output_key,
    parse_output,
    parse_owner,
)
from mesh_core.storage.stopped import StoppedDatabase, open_stopped_validator
from mesh_core.types.account import ACCOUNT_STATE, CLAIMABLE_OUTPUT
from mesh_core.types.basic import Hash32, PublicKey
from mesh_core.types.transition import OutputKey
from testnet.audit.comparing import compare_logs
from testnet.audit.follower import Known, LogError, LogFollower
from testnet.audit.report import SHOWN_DIGITS, AuditedValidator, AuditReport

CHANGING = (ACCOUNT_PREFIX, OUTPUT_PREFIX, GLOBALS_KEY)
"""Records that are written again and again: they are compared at the end."""
OWN = ("m/", "v/", "n/", "e/", "x/")
"""Records of a validator's own life, which its log does not determine."""

Tell = Callable[[str, int, int], None]
T = TypeVar("T")


def audit_folders(genesis: Genesis, data_dirs: list[Path], tell: Tell) -> AuditReport:
    """Audit every validator from its folder. What cannot be read is a finding; LocalFault for a validator that runs (STORE_LOCKED)."""
    started = time.monotonic()
    report = AuditReport(genesis, "from the data folders", [AuditedValidator(index) for index in range(len(data_dirs))])
    known = Known()
    ids: list[list[Hash32]] = []
    for one, data_dir in zip(report.validators, data_dirs, strict=True):
        ids.append([])
        try:
            with open_stopped_validator(data_dir) as database:
                _audit_one(one, database, genesis, known, ids[-1], tell)
        except LocalFault as fault:
            if fault.code is ErrorCode.STORE_LOCKED:
                raise
            one.find("", fault.text, fault.code)
    compare_logs(report, ids)
    report.certificates_checked = sum(len(log) for log in ids)
    report.signatures_checked, report.proofs_checked = known.signatures_count, known.proofs_count
    report.seconds = time.monotonic() - started
    return report


def _audit_one(one: AuditedValidator, database: StoppedDatabase, genesis: Genesis, known: Known, ids: list[Hash32], tell: Tell) -> None:
    follower = LogFollower(genesis, known)
    try:
        _check_owner(one, database, genesis)
        written = database.get(GLOBALS_KEY)
        length = 0 if written is None else GLOBALS.decode(written).log_length
        one.said_length = length
        if database.get(HALTED_KEY) is not None:
            one.find(HALTED_KEY, "is halted: it has seen two certificates that conflict, and votes no more")
        for index in range(length):
            tell(one.name, index, length)
            ids.append(_take_entry(one, database, follower, index))
        follower.finish()
    except LogError as error:
        one.length = error.index
        one.find(f"log entry {error.index:,}", error.text, error.code)
        return
    except DecodeError as error:
        one.find(f"log entry {follower.length:,}", f"a record does not decode: {error.text}", ErrorCode.STORE_CORRUPT)
        return
    finally:
        one.note_rivals(follower.rivals)
    _compare_state(one, database, follower)
    one.note_state(follower.ledger)
    # It has no digest in its folder: its records are what it would compute one from, and they were compared.
    one.said_digest = None if one.findings else one.digest


def _check_owner(one: AuditedValidator, database: StoppedDatabase, genesis: Genesis) -> None:
    for key, what, wanted in ((NETWORK_KEY, "network", genesis.network_id), (IDENTITY_KEY, "validator", genesis.committee.validators[one.index])):
        found = database.get(key)
        if found is not None and found != wanted:
            raise LocalFault(ErrorCode.STORE_FORMAT, f"{database.path} is of {what} {found.hex()[:SHOWN_DIGITS]}, not {wanted.hex()[:SHOWN_DIGITS]}")


def _take_entry(one: AuditedValidator, database: StoppedDatabase, follower: LogFollower, index: int) -> Hash32:
    """Apply one entry, and compare what it writes for ever. LogError."""
    entry = database.get(log_key(index))
    if entry is None:
        raise LogError(index, ErrorCode.STORE_CORRUPT, "is missing, and the log is longer")
    cert_id = LOG_ENTRY.decode(entry).cert_id
    data = database.get(certificate_key(cert_id))
    if data is None:
        raise LogError(index, ErrorCode.STORE_CORRUPT, f"its certificate {cert_id.hex()[:SHOWN_DIGITS]} is missing")
    checked, records = follower.take(data)
    if checked.cert_id != cert_id:
        raise LogError(index, ErrorCode.STORE_CORRUPT, f"names {cert_id.hex()[:SHOWN_DIGITS]}, and what lies there is {checked.cert_id.hex()[:SHOWN_DIGITS]}")
    for key, value in records:
        if not key.startswith((*CHANGING, *OWN)) and database.get(key) != value:
            one.find(key, f"is not what log entry {index:,} writes", ErrorCode.STORE_CORRUPT)
    return cert_id


def _compare_state(one: AuditedValidator, database: StoppedDatabase, follower: LogFollower) -> None:
    """Accounts, outputs and counters as they were recomputed, against what is written, in both directions."""
    ledger = follower.ledger
    if (database.get(GLOBALS_KEY) or b"") != (GLOBALS.encode(ledger.globals) if follower.length else b""):
        one.find(GLOBALS_KEY, "fee pool, length or chain hash is not what the log amounts to", ErrorCode.STORE_CORRUPT)
    accounts: set[PublicKey | None] = set()
    for key, value in database.records(ACCOUNT_PREFIX):
        owner = _parsed(parse_owner, key)
        accounts.add(owner)
        account = None if owner is None else ledger.account(owner)
        if account is None or ACCOUNT_STATE.encode(account) != value:
            one.find(key, "is not the account that the log amounts to", ErrorCode.STORE_CORRUPT)
    for lost in follower.owners - accounts:
        one.find(account_key(lost), "is missing: the log holds transitions of that account", ErrorCode.STORE_CORRUPT)
    outputs: set[OutputKey | None] = set()
    for key, value in database.records(OUTPUT_PREFIX):
        name = _parsed(parse_output, key)
        outputs.add(name)
        output = None if name is None else ledger.output(name)
        if output is None or CLAIMABLE_OUTPUT.encode(output) != value:
            one.find(key, "is not an output that waits to be claimed, or another one", ErrorCode.STORE_CORRUPT)
    for absent in follower.claimable - outputs:
        one.find(output_key(absent), "is missing: it waits to be claimed", ErrorCode.STORE_CORRUPT)
    # Each entry's own records were compared: there may be none beside them, or a later start would believe it.
    for prefix, expected in (("c/", follower.length), ("l/", follower.length), ("s/", follower.length), (CLAIM_PREFIX, follower.claims_count)):
        count = sum(1 for _ in database.records(prefix))
        if count != expected:
            one.find(prefix, f"{count:,} records, and {expected:,} follow from the log", ErrorCode.STORE_CORRUPT)


def _parsed(parse: Callable[[str], T], key: str) -> T | None:
    """What a key names; None for one that no validator writes."""
    try:
        return parse(key)
    except (ValueError, IndexError):
        return None
