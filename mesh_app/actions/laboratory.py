"""Actions of the laboratory screen: one key for each attack, and what can be done with evidence."""

from typing import Final

from mesh_app.actions.action import Action

# fmt: off
_ATTACKS: Final = (
    ("split-2-2", "a", "Double spend, 2-2"),
    ("split-3-1", "b", "Double spend, 3-1"),
    ("sequence", "c", "Double spend, in turn"),
    ("double-voter", "d", "Validator votes twice"),
    ("replay", "e", "Replayed certificate"),
    ("forged-certificate", "f", "Forged certificate"),
    ("stolen-signature", "i", "Stolen signature"),
    ("negative-amount", "m", "Negative amount"),
    ("overspend", "s", "Overspend"),
    ("copied-proof", "r", "Copied range proof"),
    ("poisoned-memo", "u", "Poisoned memo"),
    ("stale-wallet", "w", "Stale wallet"),
)
"""Id in the laboratory's catalogue, key, name."""
# fmt: on

ATTACK_ACTIONS: Final = {
    attack: Action("laboratory", f"attack('{attack}')", key, name, f"Attack: {name}", in_bar=False, in_palette=True) for attack, key, name in _ATTACKS
}
ACTIONS: Final[tuple[Action, ...]] = (
    Action("laboratory", "launch", "enter", "Attack", "Make the attack under the cursor"),
    Action("laboratory", "verify", "V", "Verify", "Verify the proof under the cursor, by the genesis document alone", in_palette=True),
    Action("laboratory", "open_proof", "P", "Proof", "Open the proof under the cursor, or the newest: both statements side by side", in_palette=True),
    *ATTACK_ACTIONS.values(),
    Action("evidence", "open", "enter", "Open", "Open the proof: both statements side by side"),
)
