"""When a transition is refused for ever: the only case in which another one may be signed in its slot (docs/protocol.md, "A slot is never reused").

Safe for agreement: at least q validators have refused the first one for ever, so at least f + 1 correct ones will never vote for it, and what remains is no
quorum. But both stay signed, and whoever holds both can show an EquivocationProof against this owner.
"""

from typing import Final

from mesh_core.errors import ErrorCode, LocalFault
from mesh_core.protocol.construction import OpenedOutput
from mesh_core.protocol.settlement import RefusalClass, classify_refusal
from mesh_core.types.committee import Committee
from mesh_core.types.transition import MAX_CLAIMS
from mesh_core.wallet.account import WalletAccount
from mesh_core.wallet.records import Condition, Standing

CONFIRMATION: Final = "I sign two transitions for one slot"
"""What the owner types. It says what happens."""
_ABOUT_CLAIMS: Final = (ErrorCode.NOT_OWNER, ErrorCode.CLAIM_COMMITMENT)


def check_replacement(standing: Standing, confirmation: str, committee: Committee) -> None:
    """Whether another transition may be signed in the slot. LocalFault: NOT_STUCK, CONFIRMATION_MISSING.

    Without the count, a wallet that took two refusals and two silences for a refusal would sign a second transition beside a first one that is being
    certified meanwhile: then its account is locked, or its money is spent by the wrong one of the two.
    """
    permanent = {refusal.validator for refusal in standing.refusals if classify_refusal(refusal.code) is RefusalClass.PERMANENT}
    if standing.condition is not Condition.STUCK or len(permanent) < committee.quorum_threshold:
        text = f"this is for a transition that at least {committee.quorum_threshold} validators refuse for ever, and there is none"
        raise LocalFault(ErrorCode.NOT_STUCK, text)
    if confirmation != CONFIRMATION:
        raise LocalFault(
            ErrorCode.CONFIRMATION_MISSING, f"two transitions signed for one slot can be proven against you; to go on, confirm with: {CONFIRMATION}"
        )


def outputs_beside(account: WalletAccount, standing: Standing) -> list[OpenedOutput]:
    """What a claim in the place of the refused transition may claim: not what was claimed there, if that is what was refused."""
    refused = account.pending_candidate
    is_about_claims = any(refusal.code in _ABOUT_CLAIMS for refusal in standing.refusals)
    bad = {claim.key for claim in refused.core.claims} if refused is not None and is_about_claims else set()
    return [output for output in account.claimable(MAX_CLAIMS + len(bad)) if output.key not in bad][:MAX_CLAIMS]
