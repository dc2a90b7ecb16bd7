"""Lies about what it has: lengths and digests that are made up, accounts as they were long ago, outputs left out."""

from dataclasses import replace

from typing_extensions import override

from mesh_core.types.account import zero_account
from mesh_core.types.basic import Hash32
from mesh_core.types.messages import AccountStateMessage, Message, QueryAccount
from mesh_core.validator.ports import Session
from testnet.simulation.byzantine.behaviour import Behaviour

LENGTH_MOST = 1_000_000


class Liar(Behaviour):
    """PONG with any log length and digest; ACCOUNT_STATE of an account that has never moved."""

    name = "liar"

    @override
    def pong(self) -> tuple[int, Hash32, int]:
        length, digest, flags = self.runner.pong()
        if self.draw.chance(0.3):
            return length, digest, flags
        return self.draw.whole(0, LENGTH_MOST), Hash32(self.draw(32)), self.draw.whole(0, 7)

    @override
    def handle(self, session: Session, message: Message) -> None:
        if not isinstance(message, QueryAccount) or self.draw.chance(0.3):
            super().handle(session, message)
            return
        ledger = self.runner.machine.ledger
        account = ledger.account_or_zero(message.owner)
        if self.draw.chance(0.5):
            account = zero_account(message.owner)
        answer = AccountStateMessage(message.request_id, True, account, None, None, (), False, ledger.globals.log_length)
        session.send(replace(answer, more=self.draw.chance(0.5)))
