"""What the parts of a vote cost by themselves, in a process that does nothing else: batch verification, Ed25519, group commit.

    python -m testnet.bench.parts_process NETWORK REQUESTS --batch 48 --group 31

Its last line, `parts`, has microseconds of this process's time for each vote, all threads. The parts do what a validator does for these very requests, with
its own functions: `proof` verifies their range proofs in batches of the size that the validator had, `signatures` checks the owner's signature and signs the
vote, `commit` makes the records and the journal entry of each vote durable, so many votes sharing a commit as there were in the validator.
"""

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from mesh_core.crypto import domains
from mesh_core.crypto.range_proof import verify_batch
from mesh_core.crypto.signatures import SigningKey
from mesh_core.crypto.startup import prepare
from mesh_core.errors import LocalFault
from mesh_core.protocol.effects import Persist
from mesh_core.protocol.genesis import Genesis
from mesh_core.protocol.identifiers import Identified
from mesh_core.protocol.validation import build_range_statement, validate_format, validate_signature
from mesh_core.protocol.validator import ValidatorMachine
from mesh_core.storage.validator_store import ValidatorStore
from mesh_core.types.json_form import json_line
from mesh_core.types.transition import STATEMENT
from mesh_core.validator.config import load_config
from mesh_core.validator.identity import load_identity
from mesh_core.wallet.network import load_network
from testnet.bench.requests_file import read_requests
from testnet.layout import NetworkFolder


def time_proofs(candidates: Sequence[Identified], batch: int) -> float:
    """Seconds to verify all range proofs, in batches."""
    pairs = [(build_range_statement(candidate), candidate.transition.range_proof) for candidate in candidates]

    def verify() -> None:
        for start in range(0, len(pairs), batch):
            assert not verify_batch(pairs[start : start + batch]), "these were made for being right"

    return _timed(verify)


def time_signatures(candidates: Sequence[Identified], identity: SigningKey) -> float:
    """Seconds to check each owner's signature and to sign each vote."""

    def check_and_sign() -> None:
        for candidate in candidates:
            validate_signature(candidate)
            identity.sign(domains.SIG_VOTE, STATEMENT.encode(candidate.statement))

    return _timed(check_and_sign)


async def time_commits(candidates: Sequence[Identified], genesis: Genesis, identity: SigningKey, folder: Path, group: int) -> float:
    """Seconds to make all votes durable, so many with one commit."""
    store = ValidatorStore.open(folder, _raise, header=genesis.network_id + identity.public_key, is_first_start=True)
    try:
        machine = ValidatorMachine(genesis, identity, store, store.journal)
        batches = [machine.votes.vote(candidate)[1] for candidate in candidates]
        await _persist(store, [effect for effect in machine.initial_effects() if isinstance(effect, Persist)])
        spent = time.process_time()
        for start in range(0, len(batches), group):
            await _persist(store, batches[start : start + group])
        return time.process_time() - spent
    finally:
        await store.close()


async def _persist(store: ValidatorStore, batches: Sequence[Persist]) -> None:
    await asyncio.gather(*(store.persist(batch.records, batch.journal) for batch in batches))


def _timed(work: Callable[[], None]) -> float:
    spent = time.process_time()
    work()
    return time.process_time() - spent


def _raise(fault: LocalFault) -> None:
    raise fault


def measure(network_file: Path, requests_file: Path, batch: int, group: int) -> dict[str, float]:
    """Microseconds for each vote, by part."""
    genesis = load_network(network_file).genesis
    config = load_config(NetworkFolder(network_file.parent).validator(0).config)
    identity = load_identity(config.identity_key, config.data_dir)
    candidates = [validate_format(data, genesis) for data in read_requests(requests_file)]
    time_signatures(candidates[:1], identity)
    with tempfile.TemporaryDirectory(prefix="mesh-bench-", dir=network_file.parent) as folder:
        seconds = {
            "proof": time_proofs(candidates, batch),
            "signatures": time_signatures(candidates, identity),
            "commit": asyncio.run(time_commits(candidates, genesis, identity, Path(folder), group)),
        }
    return {name: spent / len(candidates) * 1e6 for name, spent in seconds.items()}


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure."""
    parser = argparse.ArgumentParser(prog="python -m testnet.bench.parts_process")
    parser.add_argument("network", type=Path)
    parser.add_argument("requests", type=Path)
    parser.add_argument("--batch", type=int, required=True)
    parser.add_argument("--group", type=int, required=True)
    options = parser.parse_args(arguments)
    prepare()
    parts = measure(options.network, options.requests, options.batch, options.group)
    sys.stdout.write(json_line({"event": "parts", **parts}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
