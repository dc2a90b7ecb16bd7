"""How commands speak of a profile (`testnet/profiles.py`), which they import no earlier than they need it."""

from typing import Final

PROFILES: Final = "local, australia, global, bad-mobile, or a file (docs/operations.md, Lines)"
"""What `--profile` takes."""
