"""An old copy of a wallet: what it signs blindly, and what the wallet program does on the same copy."""

from pathlib import Path

from mesh_core.errors import ErrorCode, LocalFault
from mesh_core.protocol.construction import Payment
from mesh_core.wallet.wallet import Wallet
from testnet.attacks.accounts import AttackerWallet, copy_wallet
from testnet.attacks.catalogue import AMOUNT
from testnet.attacks.run import Run

APPLIED_DEADLINE_S = 10.0


async def make_stale_wallet(run: Run, home: Path) -> None:
    """Copy the wallet; pay with the original; then sign for the same slot with what the copy holds."""
    attacker = run.attacker
    copy_wallet(home, attacker.name, copy_name(attacker.name))
    run.tell(f"the wallet of {attacker.name} is copied; the original pays {AMOUNT} to {run.payees[0].name} out of slot {attacker.state.sequence}")
    original = AttackerWallet(home, attacker.name, run.wire.network)
    try:
        await original.wallet.send([Payment(run.payees[0].address, AMOUNT, "")])
        await original.wallet.wait_settled()
        [paid] = [record for sequence, record in original.wallet.account.newest_outgoing() if sequence == attacker.state.sequence]
        opening = original.wallet.account.opening
    finally:
        await original.close()
    # A validator that has not seen the payment yet would vote for the second one, and rightly so.
    if not await run.wire.wait_applied(run.voting, attacker.keys.owner, attacker.state.sequence + 1, APPLIED_DEADLINE_S):
        raise LocalFault(ErrorCode.NO_QUORUM, f"the payment of {attacker.name} did not reach all validators within {APPLIED_DEADLINE_S:g} s")
    run.add_settled("A", paid.transition, opening)
    draft = run.draft(run.payees[1])
    what = f"{AMOUNT} to {run.payees[1].name}, out of slot {attacker.state.sequence} again, signed with what the old copy holds"
    run.add_transition("B", what, await run.sign(draft), draft.new_opening)


async def open_copy(run: Run, home: Path) -> None:
    """Open the wallet program on the old copy: it must learn of the payment, and sign nothing for the used slot."""
    used = run.attacker.state.sequence
    copy = AttackerWallet(home, copy_name(run.attacker.name), run.wire.network)

    def has_caught_up(wallet: Wallet) -> bool:
        return wallet.is_in_step and wallet.account.state.sequence > used

    try:
        await copy.until(has_caught_up, "the wallet program on the old copy did not catch up")
    except LocalFault as fault:
        run.deviations.append(fault.text)
    else:
        run.tell(f"the wallet program, opened on the old copy, has caught up: its next slot is {copy.wallet.account.state.sequence}")
    finally:
        await copy.close()


def copy_name(name: str) -> str:
    """The name of the old copy."""
    return f"{name}-old"
