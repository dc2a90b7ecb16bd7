"""Reducers of staged attacks (`testnet.attacks`): what was tried, what each validator answered, and what came of it."""

from collections.abc import Mapping
from typing import Final

from mesh_app.event_fields import Fields
from mesh_app.format import short
from mesh_app.reducers.note import Note, Notes, Reducer, validator_note, who
from mesh_app.spans import validator_name
from mesh_app.state import State

_SOURCE: Final = "attack"


def attack_started(state: State, fields: Fields, t_ns: int) -> Notes:
    """An owner has signed two transitions for one slot."""
    attack, sender, sequence = fields.text("attack"), fields.hexadecimal("sender"), fields.integer("sequence")
    id_a, id_b, shown_first = fields.hexadecimal("id_a"), fields.hexadecimal("id_b"), fields.integers("shown_first")
    names = ", ".join(validator_name(index) for index in shown_first)
    told = f"{attack}: {who(state, sender)} #{sequence} signs A {short(id_a)} and B {short(id_b)}; A goes to {names}, B to the others"
    return (Note(_SOURCE, "attack", told, tone="proof"),)


def attack_answer(state: State, fields: Fields, t_ns: int) -> Notes:
    """What a validator said to one of the two."""
    index, transition, voted = fields.validator("validator"), fields.text("transition"), fields.truth("voted")
    code, name, text, proves = (
        fields.text("code", default="") if fields.has("code") else "",
        fields.text("name", default="") if fields.has("name") else "",
        fields.text("text"),
        fields.truth("proves"),
    )
    said = f"votes for {transition}" if voted else f"refuses {transition}: {code} {name}, {text}{', with a proof that holds' if proves else ''}"
    return (validator_note(index, "attack", said, tone="text" if voted else "down"),)


def attack_over(state: State, fields: Fields, t_ns: int) -> Notes:
    """What came of it."""
    attack, votes_a, votes_b, proofs = fields.text("attack"), fields.integer("votes_a"), fields.integer("votes_b"), fields.hexadecimals("proof_ids")
    settled = fields.text("settled", default="") if fields.has("settled") else ""
    end = f"{settled} has a quorum and settles" if settled else "neither has a quorum: the account is locked"
    return (Note(_SOURCE, "attack", f"{attack}: votes {votes_a} to {votes_b}, {end}; {len(proofs)} proof(s) against the owner", tone="proof"),)


REDUCERS: Final[Mapping[str, Reducer]] = {"attack_started": attack_started, "attack_answer": attack_answer, "attack_over": attack_over}
