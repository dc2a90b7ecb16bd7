"""What one account's keys read in a transition, whoever made it."""

import contextlib
from dataclasses import dataclass, field

from mesh_core.crypto.keys import ViewOnlyKeys, WalletKeys
from mesh_core.crypto.memo import MemoError
from mesh_core.types.transition import TransitionCore
from mesh_core.wallet.reading import read_balance, read_incoming, read_sent


@dataclass(frozen=True, slots=True)
class OwnTransition:
    """A part of a transition that the keys open (secret): `amount` is None where it should open and does not, `text` is the memo or the reason."""

    label: str
    amount: int | None
    text: str = field(default="", repr=False)

    def describe(self) -> str:
        """In words."""
        if self.amount is None:
            return f"does not open: {self.text}"
        return f"{self.amount:,} units" + (f", memo: {self.text}" if self.text else "")


def read_own(keys: WalletKeys | ViewOnlyKeys, core: TransitionCore) -> list[OwnTransition]:
    """The outputs that these keys have paid or are paid with, and the balance that is left where the account is theirs."""
    found: list[OwnTransition] = []
    read = read_sent if core.sender == keys.owner else read_incoming
    for index, output in enumerate(core.outputs):
        if keys.owner in (core.sender, output.owner):
            try:
                plain = read(keys.view_key, core, index)
            except MemoError as error:
                found.append(OwnTransition(f"own output {index}", None, error.text))
            else:
                found.append(OwnTransition(f"own output {index}", plain.value, plain.text))
    if core.sender == keys.owner:
        with contextlib.suppress(MemoError):
            found.append(OwnTransition("own balance after it", read_balance(keys.view_key, core).value))
    return found
