"""`python -m testnet.attacks.double_voter`: a validator with one fault. Where rule 4 says "conflicts with my vote", it votes all the same.

For the laboratory alone: it starts in a local testnet and nowhere else. Its first vote of a slot is an honest one, recorded as always, so that the validator
can be started again as it was; what it signs besides is recorded nowhere, and convicts it.
"""

import argparse
import logging
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from typing_extensions import override

from mesh_core.errors import ErrorCode, LocalFault, Rejected
from mesh_core.protocol.identifiers import Identified
from mesh_core.protocol.validation import validate_format
from mesh_core.types.messages import Message, VoteReject, VoteRequest, VoteResponse
from mesh_core.validator import lines
from mesh_core.validator.output import LineWriter
from mesh_core.validator.ports import Session
from mesh_core.validator.process import run_validator
from mesh_core.validator.runner import ValidatorRunner
from testnet.attacks.forgeries import vote_regardless
from testnet.attacks.local_only import refusal, require_local_testnet
from testnet.attacks.modules import DOUBLE_VOTER
from testnet.simulation.byzantine.behaviour import Behaviour
from testnet.simulation.byzantine.filtering import Filtered
from testnet.simulation.entropy import Stream

MODULE = DOUBLE_VOTER

logger = logging.getLogger(__name__)


class DoubleVoter(Behaviour):
    """Answers each refusal for a conflict with its own vote by a vote."""

    name = "double voter"

    def __init__(self, runner: ValidatorRunner) -> None:
        super().__init__(runner, Stream(self.name))
        self._sessions: dict[Session, _TwoFaced] = {}

    @override
    def on_open(self, session: Session) -> None:
        two_faced = self._sessions[session] = _TwoFaced(session, self.runner)
        super().on_open(two_faced.session)

    @override
    def handle(self, session: Session, message: Message) -> None:
        two_faced = self._sessions[session]
        two_faced.note(message)
        super().handle(two_faced.session, message)

    @override
    def on_close(self, session: Session, reason: str) -> None:
        super().on_close(self._sessions.pop(session).session, reason)


class _TwoFaced:
    """One connection: which transition each open request is about, and the answers as they leave."""

    def __init__(self, session: Session, runner: ValidatorRunner) -> None:
        self.session = Filtered(session, self._change)
        self._runner = runner
        self._asked: dict[int, Identified] = {}

    def note(self, message: Message) -> None:
        """Remember what a request for a vote is about. One that is no transition will be refused as it should be."""
        if isinstance(message, VoteRequest):
            try:
                self._asked[message.request_id] = validate_format(message.transition, self._runner.machine.genesis)
            except Rejected:
                return

    def _change(self, message: Message) -> Message:
        if not isinstance(message, VoteReject | VoteResponse):
            return message
        candidate = self._asked.pop(message.request_id, None)
        if candidate is None or not isinstance(message, VoteReject) or message.code is not ErrorCode.CONFLICTS_WITH_VOTE:
            return message
        logger.warning("voting a second time in slot %d of %s, on purpose", candidate.core.sequence, candidate.core.sender.hex()[:16])
        return VoteResponse(message.request_id, vote_regardless(self._runner.machine.identity, candidate))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it, supervised. Exit status 1 where it is refused, with a `fatal` line that says why."""
    parser = argparse.ArgumentParser(prog=f"python -m {MODULE}", description="A validator that votes twice, for the laboratory of a local testnet.")
    parser.add_argument("--config", type=Path, required=True, metavar="FILE")
    parser.add_argument("--supervised", action="store_true", help="stop when standard input ends")
    options = parser.parse_args(arguments)
    try:
        if not options.supervised:
            raise refusal("nobody supervises this process, and nobody would end it")
        require_local_testnet(options.config)
    except LocalFault as fault:
        output = LineWriter()
        output.write(lines.Fatal(time.monotonic_ns(), f"{fault.code:04x}", fault.text))
        output.close()
        sys.stderr.write(f"{MODULE}: {fault}\n")
        return 1
    return run_validator(options.config, supervised=True, wrap=DoubleVoter)


if __name__ == "__main__":
    sys.exit(main())
