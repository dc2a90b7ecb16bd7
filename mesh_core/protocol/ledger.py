"""The ledger of one validator: accounts, claimable outputs, and how a certificate changes them (docs/protocol.md, "Validator").

A certificate credits its recipients' claimable outputs; only the recipient's own RECEIVE changes its balance. So an account has one writer, strangers
cannot invalidate a range proof in flight, and an output with a false opening is never added to a balance unseen.
"""

from bisect import bisect_left, bisect_right, insort
from dataclasses import dataclass

from mesh_core.crypto import domains
from mesh_core.crypto.hashing import tagged_hash
from mesh_core.crypto.pedersen import add_commitments, commit_public
from mesh_core.protocol.certificates import CheckedCertificate
from mesh_core.protocol.digest import DigestTree
from mesh_core.protocol.effects import Record
from mesh_core.protocol.genesis import Genesis
from mesh_core.protocol.records import (
    ACCOUNT_PREFIX,
    APPLIED_SLOT,
    GLOBALS,
    GLOBALS_KEY,
    LOG_ENTRY,
    OUTPUT_PREFIX,
    AppliedSlot,
    Globals,
    LogEntry,
    RecordReader,
    account_key,
    certificate_key,
    claim_key,
    log_key,
    output_key,
    parse_output,
    slot_key,
)
from mesh_core.types.account import ACCOUNT_STATE, CLAIMABLE_OUTPUT, AccountState, ClaimableOutput, zero_account
from mesh_core.types.basic import ZERO_HASH, Commitment, Hash32, PublicKey
from mesh_core.types.transition import OUTPUT_KEY, Kind, OutputKey


def extend_chain(chain: Hash32, cert_id: Hash32) -> Hash32:
    """Chain hash of a log with one more certificate."""
    return tagged_hash(domains.LOG, chain + cert_id)


@dataclass(frozen=True, slots=True)
class SupplyEquation:
    """Two group elements, both public: `held` is the sum of all commitments, `public` is what the supply less the fees commits to with no blinding."""

    held: Commitment
    public: Commitment

    @property
    def holds(self) -> bool:
        """Whether nothing was made from nothing, and nothing was lost."""
        return self.held == self.public


class Ledger:
    """Accounts and outputs in memory; certificates, the log and the index of claims are read from the store."""

    def __init__(self, genesis: Genesis, store: RecordReader) -> None:
        self.genesis = genesis
        self._store = store
        self.globals = Globals(0, 0, genesis.network_id)
        self._accounts: dict[PublicKey, AccountState] = {}
        self._outputs: dict[OutputKey, ClaimableOutput] = {}
        self._outputs_of: dict[PublicKey, list[bytes]] = {}
        """Keys of each owner's outputs, ascending: whoever sends somebody a million of them must not make every question about that account a sort."""
        self._digest = DigestTree(genesis)
        for allocation in genesis.doc.allocations:
            self._put_account(AccountState(allocation.owner, 0, commit_public(allocation.amount), ZERO_HASH))

    @classmethod
    def restore(cls, genesis: Genesis, store: RecordReader) -> "Ledger":
        """The ledger that the durable records describe."""
        ledger = cls(genesis, store)
        for _, value in store.records(ACCOUNT_PREFIX):
            ledger._put_account(ACCOUNT_STATE.decode(value))
        for key, value in store.records(OUTPUT_PREFIX):
            ledger._put_output(parse_output(key), CLAIMABLE_OUTPUT.decode(value))
        stored = store.get(GLOBALS_KEY)
        if stored is not None:
            ledger.globals = GLOBALS.decode(stored)
        return ledger

    # --- What the rules and the queries ask

    def account(self, owner: PublicKey) -> AccountState | None:
        """State of an account, or None if it never existed."""
        return self._accounts.get(owner)

    def account_or_zero(self, owner: PublicKey) -> AccountState:
        """State of an account; the zero account if it never existed."""
        return self._accounts.get(owner) or zero_account(owner)

    def output(self, key: OutputKey) -> ClaimableOutput | None:
        """An output that waits to be claimed, or None."""
        return self._outputs.get(key)

    def claimed_by(self, key: OutputKey) -> Hash32 | None:
        """cert_id of the RECEIVE that claimed an output, or None."""
        taker = self._store.get(claim_key(key))
        return None if taker is None else Hash32(taker)

    def outputs_of(self, owner: PublicKey, after: bytes = b"", most: int | None = None) -> list[OutputKey]:
        """Outputs that an owner may claim, ascending, so many at most, and those alone whose 33 bytes come after `after`."""
        names = self._outputs_of.get(owner, [])
        first = bisect_right(names, after)
        return [OUTPUT_KEY.decode(name) for name in names[first : None if most is None else first + most]]

    @property
    def owners_count(self) -> int:
        """Number of owners of outputs that wait to be claimed."""
        return len(self._outputs_of)

    @property
    def accounts_count(self) -> int:
        """Number of accounts that exist."""
        return len(self._accounts)

    @property
    def outputs_count(self) -> int:
        """Number of outputs that wait to be claimed."""
        return len(self._outputs)

    # --- Applying a certificate

    def apply(self, checked: CheckedCertificate) -> list[Record]:
        """Apply a certificate that was checked against this state; returns all records that must become durable together.

        The caller has established that the sequence is the account's next, prev its head, every claim present, and the equation balanced.
        """
        core = checked.core
        account = AccountState(core.sender, core.sequence + 1, core.new_balance, checked.transition_id)
        self._put_account(account)
        records: list[Record] = [(account_key(core.sender), ACCOUNT_STATE.encode(account))]
        if core.kind is Kind.SEND:
            for index, output in enumerate(core.outputs):
                key, claimable = OutputKey(checked.cert_id, index), ClaimableOutput(output.owner, output.commitment)
                self._put_output(key, claimable)
                records.append((output_key(key), CLAIMABLE_OUTPUT.encode(claimable)))
        for claim in core.claims:
            self._take_output(claim.key)
            records += [(output_key(claim.key), b""), (claim_key(claim.key), checked.cert_id)]
        return records + self._append_to_log(checked)

    def _append_to_log(self, checked: CheckedCertificate) -> list[Record]:
        index = self.globals.log_length
        chain = extend_chain(self.globals.chain, checked.cert_id)
        self.globals = Globals(self.globals.fee_pool + checked.core.fee, index + 1, chain)
        return [
            (certificate_key(checked.cert_id), checked.data),
            (slot_key(checked.core.sender, checked.core.sequence), APPLIED_SLOT.encode(AppliedSlot(checked.cert_id, checked.transition_id, index))),
            (log_key(index), LOG_ENTRY.encode(LogEntry(checked.cert_id, chain))),
            (GLOBALS_KEY, GLOBALS.encode(self.globals)),
        ]

    def _put_account(self, account: AccountState) -> None:
        self._accounts[account.owner] = account
        self._digest.put_account(account)

    def _put_output(self, key: OutputKey, output: ClaimableOutput) -> None:
        self._outputs[key] = output
        insort(self._outputs_of.setdefault(output.owner, []), OUTPUT_KEY.encode(key))
        self._digest.put_output(key, output)

    def _take_output(self, key: OutputKey) -> None:
        output = self._outputs.pop(key)
        owned = self._outputs_of[output.owner]
        del owned[bisect_left(owned, OUTPUT_KEY.encode(key))]
        if not owned:
            del self._outputs_of[output.owner]
        self._digest.delete_output(key)

    # --- Comparing and auditing

    def prepare_digest(self) -> bool:
        """Do a piece of `compute_digest`; True when little is left of it. For whoever must not be held up by a whole one."""
        return self._digest.prepare()

    def compute_digest(self) -> Hash32:
        """The state digest of what is applied."""
        return self._digest.compute(self.globals.fee_pool)

    def supply_equation(self) -> SupplyEquation:
        """Both sides of the equation that says that nobody minted, however many validators lied; no opening is needed for it.

        sum(balance) + sum(claimable) == (supply - fee_pool) * value_generator

        The blinding parts cancel, because the genesis has none and every transition balances.
        """
        held = (account.balance for account in self._accounts.values())
        waiting = (output.commitment for output in self._outputs.values())
        total = add_commitments((add_commitments(held), add_commitments(waiting)))
        return SupplyEquation(total, commit_public(self.genesis.doc.supply - self.globals.fee_pool))

    def audit_supply(self) -> bool:
        """Whether the commitments add up to the supply."""
        return self.supply_equation().holds
