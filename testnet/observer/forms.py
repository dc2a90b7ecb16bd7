"""What the observer tells, as JSON events (`ledger_*`). Everything in them is public."""

import time
from collections.abc import Sequence
from typing import Any

from mesh_core.protocol.certificates import CheckedCertificate
from mesh_core.types.address import Address, format_address
from mesh_core.types.basic import Hash32, PublicKey
from mesh_core.types.transition import OutputKey
from testnet.observer.accounts import AccountChain, Link, Word
from testnet.observer.client import ValidatorSight
from testnet.observer.comparison import Comparison, Difference, Standing
from testnet.observer.rows import Row, output_name
from testnet.observer.verification import Outcome, Verification
from testnet.observer.words import describe_fields

Form = dict[str, Any]


def event(name: str, **fields: object) -> Form:
    """An event of this moment."""
    return {"event": name, "t_ns": time.monotonic_ns(), **fields}


def row_form(row: Row) -> Form:
    """A row of a log."""
    return {
        "index": row.index,
        "cert_id": row.cert_id.hex(),
        "kind": row.kind.name.lower(),
        "sender": row.sender.hex(),
        "sequence": row.sequence,
        "fee": row.fee,
        "recipients": [owner.hex() for owner in row.recipients],
        "memo_bytes": list(row.memo_bytes),
        "claims": [output_name(key) for key in row.claims],
        "signers": list(row.signers),
        "size_bytes": row.size_bytes,
    }


def rows_event(validator: int, generation: int, rows: Sequence[Row]) -> Form:
    """Rows of a validator's log. `generation` counts how often reading began anew: rows of an earlier one are void."""
    return event("ledger_rows", validator=validator, generation=generation, rows=[row_form(row) for row in rows])


def certificate_event(checked: CheckedCertificate, row: Row | None, outputs: Sequence[Form]) -> Form:
    """A certificate with every field and its bytes."""
    core = checked.core
    return event(
        "ledger_certificate",
        cert_id=checked.cert_id.hex(),
        transition_id=checked.transition_id.hex(),
        core_hash=checked.identified.core_hash.hex(),
        index=None if row is None else row.index,
        kind=core.kind.name.lower(),
        sender=core.sender.hex(),
        sequence=core.sequence,
        prev=core.prev.hex(),
        balance=core.new_balance.hex(),
        fee=core.fee,
        epoch=core.epoch,
        asset=core.asset_id.hex(),
        proof_bytes=len(checked.certificate.transition.range_proof),
        owner_signature=checked.certificate.transition.owner_signature.hex(),
        outputs=list(outputs),
        claims=[{"output": output_name(claim.key), "commitment": claim.commitment.hex()} for claim in core.claims],
        votes=[{"validator": vote.validator_index, "signature": vote.signature.hex()} for vote in checked.certificate.votes],
        data=checked.data.hex(),
        fields=[list(field) for field in describe_fields(checked.data)],
    )


def output_form(
    key: OutputKey, owner: PublicKey, commitment: bytes, *, address: Address | None = None, claimed_by: Hash32 | None = None, claimable: bool | None = None
) -> Form:
    """One output: who may claim it, and who did. `claimable` is None where nobody knows."""
    return {
        "output": output_name(key),
        "owner": owner.hex(),
        "address": "" if address is None else format_address(address),
        "commitment": commitment.hex(),
        "claimed_by": None if claimed_by is None else claimed_by.hex(),
        "claimable": claimable,
    }


def verification_event(verification: Verification) -> Form:
    """All checks of a certificate."""
    return event(
        "ledger_verified",
        cert_id=verification.cert_id.hex(),
        ok=verification.ok,
        ms=verification.ms,
        backend=verification.backend,
        checks=[_outcome_form(outcome) for outcome in verification.outcomes],
    )


def account_event(chain: AccountChain, claimable: Sequence[Form]) -> Form:
    """An account's chain and what validators say of it."""
    return event(
        "ledger_account",
        owner=chain.owner.hex(),
        sequence=chain.sequence,
        balance=chain.balance.hex(),
        head=chain.head.hex(),
        allocation=chain.allocation,
        end=chain.end,
        links=[_link_form(link) for link in chain.links],
        words=[_word_form(word, chain) for word in chain.words],
        claimable=list(claimable),
    )


def sight_form(sight: ValidatorSight) -> Form:
    """One validator, as it is seen."""
    return {
        "validator": sight.index,
        "up": sight.is_up,
        "rtt_ms": sight.rtt_ms,
        "log_length": sight.log_length,
        "digest": None if sight.digest is None else sight.digest.hex(),
        "flags": sight.flags,
        "error": sight.error,
    }


def comparison_event(comparison: Comparison) -> Form:
    """The validators beside each other."""
    return event(
        "ledger_comparison",
        reference=comparison.reference,
        length=comparison.length,
        digest=None if comparison.digest is None else comparison.digest.hex(),
        supply_audit=comparison.supply_audit,
        standings=[_standing_form(standing) for standing in comparison.standings],
    )


def _outcome_form(outcome: Outcome) -> Form:
    return {
        "name": outcome.name,
        "title": outcome.title,
        "proves": outcome.proves,
        "validator": outcome.validator,
        "ok": outcome.ok,
        "found": outcome.found,
        "ms": outcome.ms,
    }


def _link_form(link: Link) -> Form:
    core = link.checked.core
    return {
        "cert_id": link.checked.cert_id.hex(),
        "kind": core.kind.name.lower(),
        "sequence": core.sequence,
        "prev": core.prev.hex(),
        "transition_id": link.checked.transition_id.hex(),
        "balance": core.new_balance.hex(),
        "fee": core.fee,
        "outputs": len(core.outputs),
        "claims": len(core.claims),
        "linked": link.linked,
    }


def _word_form(word: Word, chain: AccountChain) -> Form:
    return {
        "validator": word.validator,
        "exists": word.exists,
        "sequence": word.sequence,
        "balance": None if word.balance is None else word.balance.hex(),
        "head": word.head.hex(),
        "claimable": len(word.claimable),
        "agrees": not word.error and not word.lie and (word.sequence, word.head) == (chain.sequence, chain.head),
        "lie": word.lie,
        "error": word.error,
    }


def _standing_form(standing: Standing) -> Form:
    difference = standing.difference
    return sight_form(standing.sight) | {
        "verdict": standing.verdict,
        "text": standing.text,
        "difference": None if difference is None else _difference_form(difference),
    }


def _difference_form(difference: Difference) -> Form:
    return {
        "index": difference.index,
        "here": None if difference.here is None else row_form(difference.here),
        "there": None if difference.there is None else row_form(difference.there),
        "only_here": [row_form(row) for row in difference.only_here],
        "only_there": [row_form(row) for row in difference.only_there],
        "only_here_count": difference.only_here_count,
        "only_there_count": difference.only_there_count,
        "complete": difference.is_complete,
    }
