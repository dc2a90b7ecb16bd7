"""A past for a validator: certificates of payments that were never made, and a store as it is after all of them were voted for and applied.

The payments carry bytes that only have a range proof's size: a certificate's validity does not rest on the proof, which its voters have checked. So a history
of a hundred thousand certificates takes minutes and not hours to make. The validator's own code votes and applies.
"""

import asyncio
import os
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Final

from mesh_core.crypto import domains
from mesh_core.crypto.pedersen import Opening
from mesh_core.errors import LocalFault
from mesh_core.protocol.construction import Payment, draft_send, sign_draft
from mesh_core.protocol.effects import Effect, Persist
from mesh_core.protocol.identifiers import identify
from mesh_core.protocol.validation import compute_proof_size
from mesh_core.protocol.validator import ValidatorMachine
from mesh_core.storage.validator_store import ValidatorStore
from mesh_core.types.account import AccountState
from mesh_core.types.basic import Signature
from mesh_core.types.certificate import CERTIFICATE, Certificate, Signer
from mesh_core.types.transition import STATEMENT, Transition
from mesh_core.validator.config import load_config
from mesh_core.validator.identity import end_first_start
from mesh_core.validator.restoring import open_store
from testnet.bench.scene import Scene, account_keys, first_balance, first_state

BATCH: Final = 250


def certify(scene: Scene, transition: Transition) -> Certificate:
    """A certificate signed by the quorum of the first validators, without asking them: the last one has nothing to remember."""
    statement = STATEMENT.encode(identify(transition).statement)
    signers = range(scene.genesis.committee.quorum_threshold)
    return Certificate(transition, tuple(Signer(index, Signature(scene.validators[index].sign(domains.SIG_VOTE, statement))) for index in signers))


def make_history(scene: Scene, payers: Sequence[int], count: int) -> Iterator[Certificate]:
    """Payments of these accounts in turn, one unit each to the first of them."""
    keys = {number: account_keys(number) for number in payers}
    states = {number: (first_state(number), Opening(first_balance(number), 0)) for number in payers}
    payment = Payment(keys[payers[0]].address, 1)
    for position in range(count):
        number = payers[position % len(payers)]
        state, opening = states[number]
        draft = draft_send(keys[number], scene.genesis, state, opening, [payment], os.urandom)
        transition = sign_draft(draft, bytes(compute_proof_size(draft.core)), keys[number].signing_key)
        head = identify(transition).transition_id
        states[number] = AccountState(state.owner, state.sequence + 1, draft.core.new_balance, head), draft.new_opening
        yield certify(scene, transition)


def fill(scene: Scene, index: int, history: Iterable[Certificate]) -> None:
    """Leave a validator's data as they are after it has voted for, and applied, all of this. LocalFault."""
    config, identity = load_config(scene.folder.validator(index).config), scene.validators[index]
    store = open_store(config, scene.genesis, identity, _raise)
    machine = ValidatorMachine(scene.genesis, identity, store, store.journal)
    _write(store, machine.initial_effects())
    left = iter(history)
    while batch := list(islice(left, BATCH)):
        effects: list[Effect] = []
        for certificate in batch:
            machine.votes.vote(identify(certificate.transition))
            effects += machine.take_certificate(CERTIFICATE.encode(certificate)).effects
        _write(store, effects)
    store.compact_journal(machine.compacted_journal())
    asyncio.run(store.close())
    end_first_start(config.identity_key)


def _write(store: ValidatorStore, effects: list[Effect]) -> None:
    store.write([record for effect in effects if isinstance(effect, Persist) for record in effect.records])


def _raise(fault: LocalFault) -> None:
    raise fault
