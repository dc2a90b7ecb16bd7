"""One payment, honestly signed, and what can be done with it: replay its certificate, forge one, poison its memo."""

import os
from functools import partial

from mesh_core.types.certificate import Signer
from testnet.attacks.catalogue import AMOUNT
from testnet.attacks.forgeries import forge_certificates, with_noise_for_memo
from testnet.attacks.run import Run

_FORGED = (
    ("one vote, repeated", "the one true vote, as often as a quorum needs"),
    ("one vote, alone", "the one true vote"),
    ("one vote in others' names", "the one true signature, under the names of others"),
    ("votes made up", "the one true vote, and random bytes for the others"),
    ("validators made up", "the one true vote, and validators that do not exist"),
)


async def make_replay(run: Run) -> None:
    """A payment and its certificate, once more of other votes."""
    await _make_payment(run, "A")
    run.add_certificate("certificate A, other votes", "the same payment, certified by other votes", "A", others=True)


async def make_forged_certificates(run: Run) -> None:
    """A payment with one vote, and certificates that pretend to have more."""
    draft = run.draft(run.payees[0])
    candidate = await run.sign(draft)
    run.add_transition("A", f"{AMOUNT} to {run.payees[0].name}, shown to one validator alone", candidate, draft.new_opening)

    def forge(number: int) -> bytes | None:
        signers: list[Signer] = run.signers("A")
        if len(signers) != 1:
            return None
        return forge_certificates(candidate, signers[0], run.genesis.committee.quorum_threshold, os.urandom)[number]

    for number, (name, what) in enumerate(_FORGED):
        run.add_bytes(name, what, partial(forge, number))


async def make_poisoned_memo(run: Run) -> None:
    """A payment whose memo is noise."""
    draft = with_noise_for_memo(run.draft(run.payees[0]), 0, os.urandom)
    run.add_transition("A", f"{AMOUNT} to {run.payees[0].name}, with noise in place of the memo", await run.sign(draft), draft.new_opening)
    run.add_certificate("certificate A", "its certificate: it is valid", "A")


async def _make_payment(run: Run, name: str) -> None:
    draft = run.draft(run.payees[0])
    run.add_transition(name, f"{AMOUNT} to {run.payees[0].name}", await run.sign(draft), draft.new_opening)
    run.add_certificate(f"certificate {name}", f"the certificate of {name}", name)
