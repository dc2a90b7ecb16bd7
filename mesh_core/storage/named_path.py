"""Paths as people type them."""

import argparse
from pathlib import Path


def named_path(text: str) -> Path:
    """A path for argparse. Nothing is not the folder one happens to be in: it is a variable that is not set."""
    if not text:
        raise argparse.ArgumentTypeError("no path is given ('.' is this folder)")
    return Path(text)
