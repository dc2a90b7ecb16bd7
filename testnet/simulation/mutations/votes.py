"""Mutations of how votes are cast, kept and sent."""

from collections.abc import Callable

from mesh_core.protocol import voting
from mesh_core.protocol.effects import Persist
from mesh_core.protocol.identifiers import Identified
from mesh_core.protocol.vote_book import VoteBook
from mesh_core.types.certificate import Vote
from mesh_core.validator.runner import ValidatorRunner


def skip_vote_persistence() -> None:
    """A vote is remembered, and not written."""
    real = VoteBook.vote

    def forget(self: VoteBook, candidate: Identified) -> tuple[Vote, Persist]:
        return real(self, candidate)[0], Persist(())

    VoteBook.vote = forget  # type: ignore[method-assign]


def send_before_fsync() -> None:
    """Whatever waits for the disk leaves at once."""

    def at_once(self: ValidatorRunner, perform: Callable[[], None]) -> None:
        perform()

    ValidatorRunner.when_durable = at_once  # type: ignore[method-assign]


def skip_rule_4() -> None:
    """A slot may get a second vote."""
    _replace("validate_conflict", lambda *_: False)


def skip_rule_5() -> None:
    """Any sequence will do, and any predecessor."""
    _replace("validate_sequence", lambda *_: None)


def skip_rule_6() -> None:
    """Anything may be claimed."""
    _replace("validate_dependencies", lambda *_: None)


def skip_rule_7() -> None:
    """Any fee will do."""
    _replace("validate_amounts", lambda *_: None)


def skip_rule_8() -> None:
    """Nothing needs to add up."""
    _replace("validate_balance", lambda *_: None)


def _replace(rule: str, passing: Callable[..., object]) -> None:
    assert hasattr(voting, rule)
    setattr(voting, rule, passing)
