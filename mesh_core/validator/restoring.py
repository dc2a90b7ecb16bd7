"""From a configuration to a validator as it was when it stopped, or to a new one, or to one in quarantine."""

import logging
from collections.abc import Callable

from mesh_core.crypto.signatures import SigningKey
from mesh_core.errors import DecodeError, ErrorCode, LocalFault, MeshError
from mesh_core.protocol.genesis import Genesis
from mesh_core.storage.validator_store import ValidatorStore
from mesh_core.validator.config import ValidatorConfig
from mesh_core.validator.identity import is_first_start
from mesh_core.validator.ports import Output
from mesh_core.validator.runner import ValidatorRunner, stopped_by_store

logger = logging.getLogger(__name__)


def open_store(config: ValidatorConfig, genesis: Genesis, identity: SigningKey, on_fault: Callable[[LocalFault], None]) -> ValidatorStore:
    """Own and open the database and the vote journal that a configuration names. LocalFault."""
    return ValidatorStore.open(
        config.data_dir,
        on_fault,
        journal_path=config.vote_journal,
        header=genesis.network_id + identity.public_key,
        is_first_start=is_first_start(config.identity_key, identity),
    )


async def restore(
    config: ValidatorConfig, genesis: Genesis, identity: SigningKey, output: Output, on_fault: Callable[[LocalFault], None]
) -> tuple[ValidatorRunner, ValidatorStore]:
    """The runner, and the store that it stands on and closes.

    LocalFault, also where a record does not decode: a validator that guesses what it has signed may sign something else.
    """
    store = open_store(config, genesis, identity, lambda fault: on_fault(stopped_by_store(fault)))
    for note in store.journal_notes:
        logger.warning("%s", note)
    try:
        return ValidatorRunner(genesis, identity, store, output, on_fault), store
    except MeshError as error:
        await store.close()
        if isinstance(error, DecodeError):
            raise LocalFault(ErrorCode.STORE_CORRUPT, f"{store.path} holds a record that this program did not write: {error.text}") from error
        raise
