"""What an audit has found: the state of each validator, recomputed, and everything that is not as it must be, with its place."""

from dataclasses import dataclass, field
from typing import Any

from mesh_core.errors import ErrorCode
from mesh_core.protocol.genesis import Genesis
from mesh_core.protocol.ledger import Ledger, SupplyEquation
from mesh_core.types.basic import Hash32
from testnet.audit.follower import Rival

SHOWN_DIGITS = 16
FINDINGS_MOST = 50
"""Of one validator: whoever has lost a table need not be told of every row."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not as it must be. `where` is a place in a log or a key of a record; empty where it is about a validator as a whole."""

    where: str
    text: str
    code: int | None = None


@dataclass(slots=True)
class AuditedValidator:
    """One validator. `digest` was computed here from its log; `said_length` and `said_digest` are what it says itself, or has written down."""

    index: int
    length: int = 0
    digest: Hash32 | None = None
    said_length: int | None = None
    said_digest: Hash32 | None = None
    supply: SupplyEquation | None = None
    accounts: int = 0
    outputs: int = 0
    fee_pool: int = 0
    findings: list[Finding] = field(default_factory=list)
    left_out: int = 0

    def find(self, where: str, text: str, code: int | None = None) -> None:
        """One finding more."""
        if len(self.findings) < FINDINGS_MOST:
            self.findings.append(Finding(where, text, code))
        else:
            self.left_out += 1

    def note_state(self, ledger: Ledger) -> None:
        """The state that was recomputed from the whole log."""
        self.length = ledger.globals.log_length
        self.digest = ledger.compute_digest()
        self.supply = ledger.supply_equation()
        self.accounts, self.outputs, self.fee_pool = ledger.accounts_count, ledger.outputs_count, ledger.globals.fee_pool

    def note_rivals(self, rivals: list[Rival]) -> None:
        """Slots that another log has decided otherwise."""
        for rival in rivals:
            slot = f"sequence {rival.sequence} of {rival.sender.hex()[:SHOWN_DIGITS]}"
            text = f"a quorum has signed two certificates for {slot}: this one, and {rival.other.hex()[:SHOWN_DIGITS]} in another log"
            self.find(f"log entry {rival.index:,}", text, ErrorCode.CONFLICTS_WITH_CERTIFICATE)

    @property
    def name(self) -> str:
        """V1 to Vn."""
        return f"V{self.index + 1}"


@dataclass(slots=True)
class AuditReport:
    """All validators. `source` says where the logs were read."""

    genesis: Genesis
    source: str
    validators: list[AuditedValidator]
    certificates_checked: int = 0
    signatures_checked: int = 0
    proofs_checked: int = 0
    seconds: float = 0.0

    @property
    def digests_equal(self) -> bool:
        """Whether all were recomputed and say the same of themselves as each other and as was computed here."""
        digests = {digest for one in self.validators for digest in (one.digest, one.said_digest)}
        return len(digests) == 1 and None not in digests

    @property
    def is_good(self) -> bool:
        """Whether nothing was found, and the commitments of everything that is held add up."""
        return self.digests_equal and all(not one.findings and one.supply is not None and one.supply.holds for one in self.validators)

    def form(self) -> dict[str, Any]:
        """For programs."""
        doc = self.genesis.doc
        return {
            "event": "audit",
            "good": self.is_good,
            "source": self.source,
            "name": doc.name,
            "network_id": self.genesis.network_id.hex(),
            "supply": doc.supply,
            "digests_equal": self.digests_equal,
            "certificates_checked": self.certificates_checked,
            "signatures_checked": self.signatures_checked,
            "proofs_checked": self.proofs_checked,
            "seconds": round(self.seconds, 3),
            "validators": [_validator_form(one) for one in self.validators],
        }

    def lines(self) -> list[str]:
        """For people."""
        rows = [("", "log", "digest, computed", "digest, its own", "accounts", "outputs", "fees", "supply")]
        rows += [
            (
                one.name,
                f"{one.length:,}",
                _short(one.digest),
                _short(one.said_digest),
                f"{one.accounts:,}",
                f"{one.outputs:,}",
                f"{one.fee_pool:,}",
                "–" if one.supply is None else "adds up" if one.supply.holds else "DOES NOT ADD UP",
            )
            for one in self.validators
        ]
        widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
        table = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
        checked = (
            f"{self.certificates_checked:,} certificates, {self.signatures_checked:,} signatures and {self.proofs_checked:,} range proofs checked"
            f" from the genesis on, in {self.seconds:.1f} s"
        )
        found = [f"{one.name}: {_describe(finding)}" for one in self.validators for finding in one.findings]
        found += [
            f"{one.name}: what is held does not add up to the supply less the fees"
            for one in self.validators
            if one.supply is not None and not one.supply.holds
        ]
        found += [f"{one.name}: {one.left_out:,} more of that kind" for one in self.validators if one.left_out]
        verdict = f"good: {len(self.validators)} equal digests, the supply of {self.genesis.doc.supply:,} adds up" if self.is_good else "NOT good:"
        return [f"{self.genesis.doc.name}, {self.source}", "", *table, "", checked, verdict, *(f"  {line}" for line in found)]


def _validator_form(one: AuditedValidator) -> dict[str, Any]:
    return {
        "name": one.name,
        "log_length": one.length,
        "digest": one.digest.hex() if one.digest else None,
        "said_log_length": one.said_length,
        "said_digest": one.said_digest.hex() if one.said_digest else None,
        "accounts": one.accounts,
        "outputs": one.outputs,
        "fee_pool": one.fee_pool,
        "supply_holds": None if one.supply is None else one.supply.holds,
        "supply_held": None if one.supply is None else one.supply.held.hex(),
        "supply_public": None if one.supply is None else one.supply.public.hex(),
        "findings": [
            {"where": finding.where, "text": finding.text, "code": None if finding.code is None else f"{finding.code:04x}"} for finding in one.findings
        ],
        "findings_left_out": one.left_out,
    }


def _describe(finding: Finding) -> str:
    where = f"{finding.where}: " if finding.where else ""
    return f"{where}{finding.text}{'' if finding.code is None else f' [{finding.code:04x}]'}"


def _short(digest: Hash32 | None) -> str:
    return "–" if digest is None else digest.hex()[:SHOWN_DIGITS]
