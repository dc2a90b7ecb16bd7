"""Exit statuses of `mesh-wallet`: what a script can tell apart without reading."""

from enum import IntEnum

from mesh_core.errors import ErrorCode, MeshError


class ExitStatus(IntEnum):
    """What a shell is told."""

    GOOD = 0
    FAILED = 1
    USAGE = 2
    """Words that do not go together; click says which."""
    NO_QUORUM = 3
    """Too few validators answered within the patience. What was signed is kept, and goes on with the next command."""
    LOCKED = 4
    """The account is locked or stuck: it cannot pay, and trying again does not help."""
    NOT_VERIFIED = 5
    """A document that proves nothing."""


_STATUSES = {
    ErrorCode.NO_QUORUM: ExitStatus.NO_QUORUM,
    ErrorCode.ACCOUNT_LOCKED: ExitStatus.LOCKED,
    ErrorCode.ACCOUNT_STUCK: ExitStatus.LOCKED,
    ErrorCode.RECEIPT_INVALID: ExitStatus.NOT_VERIFIED,
    ErrorCode.DOCUMENT_INVALID: ExitStatus.NOT_VERIFIED,
}

EXPLAINED = """\b
Exit status:
  0  done
  1  failed; the reason is on standard error
  2  wrong usage
  3  no quorum of validators answered within the patience
  4  the account is locked or stuck
  5  a document that does not verify"""
"""For the help."""


def status_of(error: MeshError) -> ExitStatus:
    """The status for an error that ends the command."""
    return _STATUSES.get(error.code, ExitStatus.FAILED)
