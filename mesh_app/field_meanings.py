"""What each field of a certificate means, in words, and what kind of thing it is: for the hex view, whose cursor stands on a byte and asks what it is.

Paths are those of `mesh_core.types.anatomy`, without the numbers of items. A test holds the table against every certificate of the vectors.
"""

import re
from collections.abc import Sequence
from typing import Final

from mesh_app.spans import Tone, validator_tone
from mesh_app.state.ledger import ByteField

_NUMBER: Final = re.compile(r"\[\d+\]")
_ITEM: Final = re.compile(r"votes\[(\d+)\]")

MEANINGS: Final[dict[str, str]] = {
    "version": "The version of the certificate's encoding. Another one is refused.",
    "transition.length": "How many bytes the transition has. It must fill them exactly.",
    "transition.core.version": "The version of the transition's encoding.",
    "transition.core.kind": "What the owner does: SEND pays others, RECEIVE claims what was paid to it.",
    "transition.core.network_id": "The hash of the genesis document: a transition of one network means nothing on another.",
    "transition.core.epoch": "Which committee may vote on it.",
    "transition.core.asset_id": "What is paid. A network has one asset.",
    "transition.core.sender": "The Ed25519 key of the account that changes. Its owner alone can sign for it.",
    "transition.core.sequence": "The slot of the account: 0, 1, 2 without a gap. One slot, one certificate, for ever.",
    "transition.core.prev": "The transition before it on this account: together they are a chain that nobody can rewrite. Zeros for the first.",
    "transition.core.new_balance": "A Pedersen commitment to the balance that is left: the amount is hidden, and the sum over all accounts can be checked.",
    "transition.core.fee": "The fee, the one amount that everybody sees. It must be the network's.",
    "transition.core.outputs.count": "How many outputs follow, 1 to 7.",
    "transition.core.outputs.owner": "The key that may claim this output.",
    "transition.core.outputs.view_pk": "The recipient's X25519 key, to which the memo is encrypted.",
    "transition.core.outputs.commitment": "A Pedersen commitment to the amount that is paid: 32 bytes, whatever the amount.",
    "transition.core.outputs.eph_pk": "The sender's one-time X25519 key for this memo.",
    "transition.core.outputs.memo.length": "How long the memo is: one of three sizes, so that it tells little about the text.",
    "transition.core.outputs.memo.sealed": "Amount, blinding factor and text, encrypted: the recipient's view key opens it, and the sender's own.",
    "transition.core.outputs.memo.tag": "Poly1305 over the memo: a changed one does not open.",
    "transition.core.claims.count": "How many outputs are claimed, 1 to 16.",
    "transition.core.claims.cert_id": "The certificate that made the output which is claimed.",
    "transition.core.claims.index": "Which of that certificate's outputs.",
    "transition.core.claims.commitment": "The output's commitment, as it was certified. Another one would mint money.",
    "transition.core.self_memo.sealed": "The new balance and its blinding factor, encrypted by the owner to itself: a wallet restores itself from it.",
    "transition.core.self_memo.tag": "Poly1305 over the note to itself.",
    "transition.range_proof": "The range proof: every amount is from 0 to 2^64 - 1.",
    "transition.range_proof.length": "How long the range proof is: 641, 705 or 769 bytes, and none for a RECEIVE.",
    "transition.range_proof.degree": "How many blinding factors a commitment has: always one.",
    "transition.range_proof.d1": "A scalar: the answer about the blinding factors.",
    "transition.range_proof.A": "A point: the commitment to all bits of all amounts.",
    "transition.range_proof.A1": "A point: masks of the last round.",
    "transition.range_proof.B": "A point: masks of the last round, squared part.",
    "transition.range_proof.r1": "A scalar: the left answer of the last round.",
    "transition.range_proof.s1": "A scalar: the right answer of the last round.",
    "transition.range_proof.L": "A point: one side of a round of the inner-product argument, which halves the vectors.",
    "transition.range_proof.R": "A point: the other side of the round.",
    "transition.owner_signature.R": "First half of the owner's Ed25519 signature: the commitment to its nonce.",
    "transition.owner_signature.S": "Second half of the owner's Ed25519 signature: its answer, below the group's order.",
    "votes.count": "How many votes follow: at least a quorum.",
    "votes.validator_index": "Whose vote: the validator's place in the committee. They rise, so none counts twice.",
    "votes.signature.R": "First half of the validator's Ed25519 signature over the statement.",
    "votes.signature.S": "Second half of the validator's Ed25519 signature over the statement.",
}

_TONES: Final[tuple[tuple[str, Tone], ...]] = (
    ("commitment", "hidden"),
    ("new_balance", "hidden"),
    ("range_proof.length", "dim"),
    ("range_proof", "proof"),
    ("memo.length", "dim"),
    ("memo", "wait"),
    ("owner_signature", "amount"),
    ("sender", "v0"),
    ("owner", "v3"),
    ("view_pk", "v3"),
    ("eph_pk", "wait"),
    ("cert_id", "v2"),
    ("prev", "v2"),
    ("sequence", "strong"),
    ("fee", "strong"),
    ("kind", "strong"),
)


def general_path(field: ByteField) -> str:
    """A field's path without the numbers of items: the same for all outputs."""
    return _NUMBER.sub("", field.path)


def meaning_of(field: ByteField) -> str:
    """What a field means. Empty for one that is unknown here."""
    return MEANINGS.get(general_path(field), "")


def tone_of(field: ByteField, voters: Sequence[int]) -> Tone:
    """What kind of thing a field is. A vote has the tone of its validator; `voters` are these, in the order of the votes."""
    item = _ITEM.match(field.path)
    if item is not None and int(item.group(1)) < len(voters):
        return validator_tone(voters[int(item.group(1))])
    path = general_path(field)
    return next((tone for name, tone in _TONES if name in path), "dim")
