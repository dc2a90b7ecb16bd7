"""What each attack of the catalogue makes before it is played, and what is looked at afterwards."""

from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Final

from testnet.attacks import catalogue
from testnet.attacks.broken_rules import make_copied_proof, make_negative_amount, make_overspend, make_stolen_signature
from testnet.attacks.double_spend import make_rivals, make_rivals_and_proof
from testnet.attacks.run import Run
from testnet.attacks.single_payment import make_forged_certificates, make_poisoned_memo, make_replay
from testnet.attacks.stale_wallet import make_stale_wallet, open_copy

Maker = Callable[[Run], Awaitable[None]]

_MAKERS: Final[Mapping[str, Maker]] = {
    catalogue.SPLIT_2_2.id: make_rivals,
    catalogue.SPLIT_3_1.id: make_rivals,
    catalogue.IN_SEQUENCE.id: make_rivals,
    catalogue.DOUBLE_VOTER.id: make_rivals_and_proof,
    catalogue.REPLAY.id: make_replay,
    catalogue.FORGED_CERTIFICATE.id: make_forged_certificates,
    catalogue.STOLEN_SIGNATURE.id: make_stolen_signature,
    catalogue.NEGATIVE_AMOUNT.id: make_negative_amount,
    catalogue.OVERSPEND.id: make_overspend,
    catalogue.COPIED_PROOF.id: make_copied_proof,
    catalogue.POISONED_MEMO.id: make_poisoned_memo,
}


async def make(run: Run, home: Path) -> None:
    """Make everything that the attack sends. `home` is the folder of the throw-away wallets."""
    if run.attack.id == catalogue.STALE_WALLET.id:
        await make_stale_wallet(run, home)
    else:
        await _MAKERS[run.attack.id](run)


async def look_afterwards(run: Run, home: Path) -> None:
    """What belongs to the attack once everything was sent."""
    if run.attack.id == catalogue.STALE_WALLET.id:
        await open_copy(run, home)
