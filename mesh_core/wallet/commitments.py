"""The commitments of a balance's parts: what validators see in the place of the amounts that the owner sees."""

from dataclasses import dataclass

from mesh_core.crypto.pedersen import add_commitments, subtract_commitments
from mesh_core.types.basic import Commitment
from mesh_core.wallet.account import WalletAccount


@dataclass(frozen=True, slots=True)
class BalanceCommitments:
    """One commitment for each part of `account.Balance`. The commitment of nothing is 32 zero bytes. Public."""

    spendable: Commitment
    incoming: Commitment
    in_flight: Commitment


def commit_balance(account: WalletAccount) -> BalanceCommitments:
    """Commitments of what an account holds, waits for and has on its way; `in_flight` includes the fee, which is public."""
    balance, pending = account.state.balance, account.pending_candidate
    incoming = add_commitments(output.commitment for output in account.claimable(2**32))
    if pending is None or account.balance.in_flight == 0:
        return BalanceCommitments(balance, incoming, add_commitments(()))
    return BalanceCommitments(pending.core.new_balance, incoming, subtract_commitments(balance, pending.core.new_balance))
