"""Two payments of one slot: the double spends, and what a validator needs that is to vote twice."""

import asyncio

from testnet.attacks.run import Payee, Run


async def make_rivals(run: Run) -> None:
    """A pays the first payee, B the second, out of the same slot; and the certificate of A, for where it gets one."""
    await make_two_payments(run, run.payees)
    run.add_certificate("certificate A", "the certificate of A, from its first votes", "A")


async def make_rivals_and_proof(run: Run) -> None:
    """And the proof against the validator that voted for both."""
    await make_rivals(run)
    run.add_evidence("proof", "the proof that a validator voted for both")


async def make_two_payments(run: Run, payees: tuple[Payee, Payee]) -> None:
    """Both signed before anything is sent."""
    drafts = [run.draft(payee, text=f"the same coin for {payee.name}") for payee in payees]
    candidates = await asyncio.gather(*(run.sign(draft) for draft in drafts))
    slot = run.attacker.state.sequence
    for name, payee, draft, candidate in zip(("A", "B"), payees, drafts, candidates, strict=True):
        run.add_transition(name, f"{draft.output_openings[0].value} to {payee.name}, out of slot {slot} of {run.attacker.name}", candidate, draft.new_opening)
