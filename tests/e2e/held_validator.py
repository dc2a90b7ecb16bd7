"""`mesh_core.validator` whose verifications last until a test lets them end: each batch is really verified, again and again, until the file in
MESH_TEST_RELEASE exists. So they are under way for as long as a test wants, with all the work and all the contention for the interpreter that they cause.
"""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from mesh_core.crypto.range_proof import RangeStatement, verify_batch
from mesh_core.validator import proofs
from mesh_core.validator.__main__ import main


def hold(released: Path) -> None:
    """Let no batch end before `released` exists."""

    def verify_until_released(items: Sequence[tuple[RangeStatement, bytes]]) -> tuple[int, ...]:
        while True:
            bad = verify_batch(items)
            if released.exists():
                return bad

    pytest.MonkeyPatch().setattr(proofs, "verify_batch", verify_until_released)


if __name__ == "__main__":
    hold(Path(os.environ["MESH_TEST_RELEASE"]))
    sys.exit(main())
