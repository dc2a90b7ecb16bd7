"""What benchmarks of networks have in common about profiles: the option, what a result keeps of the profile, and how its tables say it."""

import argparse
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from testnet.commands.profile_option import PROFILES

if TYPE_CHECKING:
    from testnet.profiles import Profile


def add_profile_argument(parser: argparse.ArgumentParser, which: str) -> None:
    """`--profile`, without which no relay stands anywhere. `which` says whose lines it changes."""
    parser.add_argument("--profile", metavar="PROFILE", help=f"{which} are as this profile says: {PROFILES} (default: direct, without any relay)")


def chosen_profile(options: argparse.Namespace) -> "Profile | None":
    """The profile that was asked for; None where none was. LocalFault (CONFIG_INVALID)."""
    from testnet.profiles import load_profile

    return None if options.profile is None else load_profile(options.profile)


def profile_form(profile: "Profile | None") -> dict[str, Any]:
    """What a result's options keep of it: nothing where there was none."""
    if profile is None:
        return {}
    return {
        "profile": profile.name,
        "text": profile.text,
        "source": profile.source,
        "loss": profile.line.loss,
        "jitter_ms": profile.line.jitter_ms,
        "wallet_line": profile.wallet_line.form(),
    }


def profile_sentence(options: Mapping[str, Any]) -> str:
    """A sentence for the end of a table's title, with the space before it; empty for a result without a profile. KeyError and the like."""
    if "profile" not in options:
        return ""
    return f" Lines as in {options['profile']} ({options['text']}), {line_words(options)}: {options['source']}."


def line_words(options: Mapping[str, Any]) -> str:
    """What the lines do besides taking time, and the wallet's own line, where it has one. KeyError and the like."""
    words, own = f"{options['loss'] * 100:g} % loss, jitter {options['jitter_ms']:g} ms", options["wallet_line"]
    if not any(own.values()):
        return words
    width = f", {own['bandwidth_kbit_s']:g} kbit/s" if own["bandwidth_kbit_s"] else ""
    return f"{words}; the wallet's own line {own['delay_ms']:g} ms each way, {own['loss'] * 100:g} % loss, jitter {own['jitter_ms']:g} ms{width}"
