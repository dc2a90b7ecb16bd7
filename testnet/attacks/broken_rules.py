"""Payments that break one rule each, as cleverly as the attacker's own key allows."""

import asyncio
import os
from dataclasses import replace

from mesh_core.protocol.construction import Draft
from mesh_core.protocol.identifiers import identify
from mesh_core.types.certificate import CERTIFICATE
from testnet.attacks.catalogue import AMOUNT, FUNDING
from testnet.attacks.forgeries import in_the_name_of, prove_pretended, with_more_left, with_negative_amount, with_other_self_memo, with_overspent_balance
from testnet.attacks.run import Run

MISSING = 500
"""How much more is spent than there is."""


async def make_stolen_signature(run: Run) -> None:
    """Payments in the name of whoever paid the attacker: signed with the attacker's key, and with a signature of the victim's from another payment."""
    paid_by = CERTIFICATE.decode(run.attacker.funding).transition
    victim = paid_by.core
    draft = in_the_name_of(run.draft(run.payees[0]), victim.sender)
    draft = replace(draft, core=replace(draft.core, sequence=victim.sequence + 1, prev=identify(paid_by).transition_id))
    signed = await run.sign(draft)
    name = f"{AMOUNT} out of the account that paid {run.attacker.name}"
    run.add_transition("A", f"{name}, signed with {run.attacker.name}'s key", signed)
    stolen = identify(replace(signed.transition, owner_signature=paid_by.owner_signature))
    run.add_transition("B", f"{name}, with its owner's true signature of another payment", stolen)


async def make_negative_amount(run: Run) -> None:
    """Pays less than nothing. The range proof is a true one, of the amount without its sign."""
    draft = with_negative_amount(run.draft(run.payees[0]))
    candidate = await run.sign(draft, await _prove_pretended(draft))
    run.add_transition("A", f"-{AMOUNT} to {run.payees[0].name}, and {AMOUNT} more on the own account", candidate)


async def make_overspend(run: Run) -> None:
    """More than there is: once with a balance below zero, once with one that is made up."""
    below = with_overspent_balance(run.draft(run.payees[0]), MISSING)
    candidate = await run.sign(below, await _prove_pretended(below))
    run.add_transition("A", f"{below.output_openings[0].value} of {FUNDING} to {run.payees[0].name}; what is left is -{MISSING}, and adds up", candidate)
    more = with_more_left(run.draft(run.payees[0]), MISSING)
    run.add_transition("B", f"{AMOUNT} to {run.payees[0].name}, and {MISSING} more left than there can be", await run.sign(more))


async def make_copied_proof(run: Run) -> None:
    """An honest payment, and two behind it that bear a proof of another transition."""
    honest = run.draft(run.payees[0])
    paid = await run.sign(honest)
    run.add_transition("P", f"an honest payment of {AMOUNT} to {run.payees[0].name}", paid, honest.new_opening)
    run.add_certificate("certificate P", "its certificate", "P")
    before = run.attacker.state, run.attacker.opening
    run.attacker.advance(paid, honest.new_opening)
    try:
        following = run.draft(run.payees[1])
    finally:
        run.attacker.state, run.attacker.opening = before
    run.add_transition("A", "the next payment, with the range proof of P", await run.sign(following, paid.transition.range_proof))
    own = (await run.sign(following)).transition.range_proof
    changed = await run.sign(with_other_self_memo(following, os.urandom), own)
    run.add_transition("B", "the next payment with its own proof, its self memo changed afterwards", changed)


async def _prove_pretended(draft: Draft) -> bytes:
    return await asyncio.to_thread(prove_pretended, draft, os.urandom)
