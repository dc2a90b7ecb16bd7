"""What an operator must type before a program does what no program may decide."""

SHOWN_KEY_DIGITS = 16


def lifting_sentence(public_key: bytes) -> str:
    """Before a quarantine is lifted. It names the validator, so that a script written for one does not lift another's."""
    return f"nothing else will ever vote with key {public_key.hex()[:SHOWN_KEY_DIGITS]}"
