"""`--lift-quarantine`: the operator of a validator that may have forgotten votes decides that it votes again (docs/operations.md, "A lost disk").

No program can decide this. What was signed with the key and then forgotten is nowhere in reach, and the one thing that must hold, that nothing else will ever
vote with this key, is a matter of machines and disks. So it is asked of a person, in a sentence that says it.
"""

import asyncio
import sys
import time
from pathlib import Path

from mesh_core.errors import LocalFault
from mesh_core.network.genesis_file import load_genesis
from mesh_core.protocol.records import QUARANTINE_KEY
from mesh_core.protocol.standing import lift_quarantine
from mesh_core.storage.validator_store import DATABASE_NAME, ValidatorStore
from mesh_core.types.confirmation import lifting_sentence
from mesh_core.types.visible_text import visible_text
from mesh_core.validator.config import ValidatorConfig, load_config
from mesh_core.validator.identity import is_first_start, load_identity, require_seat
from mesh_core.validator.restoring import open_store

LIFTED_PREFIX = "q/"
"""q/TIME: one record for each lifting, with the reason that there was and the sentence that ended it. Nothing but people reads it."""

_EXPLANATION = """\
This validator does not vote, because it may have forgotten votes that it cast:

    {reason}

If it votes again and one of those votes was for something else, it has signed twice. Its own signatures prove that, and it counts as one of the faulty
validators, of which this network survives {faulty}. So lift the quarantine only if all of this is true:

  * It has caught up: --status shows it as long as the others, with an equal digest.
  * No other machine, disk, copy or backup with this key will ever vote.
  * No other validator of this network has lost its votes since the last payment that was under way then was settled.

"""


def confirmation_sentence(public_key: bytes) -> str:
    """What the operator must type."""
    return lifting_sentence(public_key)


def run_lifting(config_path: Path, confirmation: str | None) -> int:
    """Explain, ask, lift. Exit status: 0 lifted; 1 not lifted, with the reason on standard error. `confirmation` takes the place of what is typed."""
    try:
        return _lift(load_config(config_path), confirmation)
    except LocalFault as fault:
        return _refuse(visible_text(str(fault)))
    except KeyboardInterrupt:
        return _refuse("interrupted: whether it is lifted, its next start tells")


def _lift(config: ValidatorConfig, confirmation: str | None) -> int:
    genesis = load_genesis(config.genesis)
    identity = load_identity(config.identity_key, config.data_dir)
    require_seat(identity, genesis)
    if not (config.data_dir / DATABASE_NAME).exists():
        if is_first_start(config.identity_key, identity):
            return _refuse("this validator has never run: there is no quarantine to lift")
        return _refuse(f"there are no data in {config.data_dir}: start the validator first; it begins in quarantine and catches up")
    store = open_store(config, genesis, identity, _ignore)
    try:
        reason = store.get(QUARANTINE_KEY)
        if reason is None:
            return _refuse("this validator is in no quarantine: there is nothing to lift")
        sentence = confirmation_sentence(identity.public_key)
        sys.stdout.write(_EXPLANATION.format(reason=visible_text(reason.decode("utf-8", "replace")), faulty=genesis.committee.faults_tolerated))
        try:
            given = _ask(sentence) if confirmation is None else confirmation
        except KeyboardInterrupt:
            return _refuse("interrupted: not lifted")
        if given.strip() != sentence:
            return _refuse(f"not lifted: the sentence is: {sentence}")
        _record_lifting(store, reason, sentence)
    finally:
        asyncio.run(store.close())
    sys.stdout.write("The quarantine is lifted. The validator votes from its next start on.\n")
    return 0


def _ask(sentence: str) -> str:
    sys.stdout.write(f"Type this sentence to lift the quarantine, anything else to leave it:\n\n    {sentence}\n\n> ")
    sys.stdout.flush()
    return sys.stdin.readline()


def _record_lifting(store: ValidatorStore, reason: bytes, sentence: str) -> None:
    told = reason + b"\n" + sentence.encode("utf-8")
    store.write((*lift_quarantine(store), (f"{LIFTED_PREFIX}{time.time_ns() // 1_000_000:016d}", told)))


def _refuse(text: str) -> int:
    sys.stdout.flush()
    sys.stderr.write(f"mesh-app --validator --lift-quarantine: {text}\n")
    return 1


def _ignore(fault: LocalFault) -> None:
    """A fault of a synchronous write is raised where it happens."""
