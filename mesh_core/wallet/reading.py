"""What a wallet's view key reads out of transitions: its own balance, what it paid, what it was paid (docs/protocol.md, "Output memo", "Self memo")."""

import contextlib

from mesh_core.crypto.keys import ViewKey
from mesh_core.crypto.memo import MemoContext, MemoError, MemoPlain, SelfMemoContext, open_memo, open_self_memo, reopen_sent_memo
from mesh_core.crypto.pedersen import Opening
from mesh_core.types.transition import TransitionCore
from mesh_core.wallet.records import PaidOutput


def read_balance(view_key: ViewKey, core: TransitionCore) -> Opening:
    """Opening of the balance that a transition of our own leaves (secret). MemoError if somebody without the view key made it."""
    return open_self_memo(view_key, SelfMemoContext(core.network_id, core.sender, core.sequence, core.new_balance), core.self_memo)


def read_sent(view_key: ViewKey, core: TransitionCore, index: int) -> MemoPlain:
    """What an output of our own SEND holds (secret): the sender's view key derives the memo's key again. MemoError if it was made by other means."""
    output = core.outputs[index]
    return reopen_sent_memo(view_key, _context(core, index), output.eph_pk, output.memo)


def read_paid(view_key: ViewKey, core: TransitionCore) -> tuple[PaidOutput, ...]:
    """What the outputs of a SEND of ours pay (secret). One that cannot be read is left out: the balance does not depend on it."""
    paid: list[PaidOutput] = []
    for index, output in enumerate(core.outputs):
        with contextlib.suppress(MemoError):
            plain = read_sent(view_key, core, index)
            paid.append(PaidOutput(output.owner, plain.value, plain.text))
    return tuple(paid)


def read_incoming(view_key: ViewKey, core: TransitionCore, index: int) -> MemoPlain:
    """What an output for us holds (secret), its commitment opened and compared. MemoError: it must never be claimed."""
    output = core.outputs[index]
    return open_memo(view_key, _context(core, index), output.eph_pk, output.memo)


def _context(core: TransitionCore, index: int) -> MemoContext:
    output = core.outputs[index]
    return MemoContext(core.network_id, core.sender, core.sequence, index, output.owner, output.view_pk, output.commitment)
