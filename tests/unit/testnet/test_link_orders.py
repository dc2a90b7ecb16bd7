"""`mesh-testnet link shape` and `link profile`: from what is typed to the order that the running program gets, and back into words."""

import argparse
from pathlib import Path
from typing import Any

import pytest

from mesh_core.errors import LocalFault
from testnet.cli import make_parser
from testnet.control_commands import order_of
from testnet.layout import NetworkFolder
from testnet.profiles import FOLDER
from testnet.up_lines import describe_line


def typed(*words: str) -> argparse.Namespace:
    options = make_parser().parse_args(["link", *words])
    options.chosen.check(options, options.chosen_parser)
    return options


def order(*words: str) -> dict[str, Any]:
    return order_of(typed(*words), NetworkFolder(Path("nowhere")))


def test_shape_names_only_what_was_given_and_shares_instead_of_per_cent() -> None:
    options = ("--ms", "24", "--jitter-ms", "1.5", "--percent", "1", "--reorder-percent", "2", "--duplicate-percent", "0.5", "--kbit", "800")
    assert order("shape", "V1", "wallets", *options) == {
        "order": "shape",
        "line": ["V1", "wallets"],
        "delay_ms": 24,
        "jitter_ms": 1.5,
        "loss": 0.01,
        "reordering": 0.02,
        "duplication": 0.005,
        "bandwidth_kbit_s": 800,
    }
    assert order("shape", "V1", "V2", "--kbit", "64") == {"order": "shape", "line": ["V1", "V2"], "bandwidth_kbit_s": 64}


def test_shape_without_anything_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        typed("shape", "V1", "V2")
    assert ended.value.code == 2
    assert "at least one of its options" in capsys.readouterr().err


def test_a_profile_is_looked_up_before_it_is_ordered_and_a_file_by_its_whole_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert order("profile", "australia") == {"order": "profile", "profile": "australia"}
    monkeypatch.chdir(tmp_path)
    Path("own.toml").write_text((FOLDER / "local.toml").read_text())
    assert order("profile", "./own.toml") == {"order": "profile", "profile": str(tmp_path / "own.toml")}
    with pytest.raises(LocalFault):
        order("profile", "atlantis")


def test_a_line_in_words() -> None:
    event = {"delay_ms": 24.0, "jitter_ms": 1.0, "loss": 0.001, "reordering": 0.02, "duplication": 0.03, "bandwidth_kbit_s": 800.0}
    words = "is 24 ms slower each way, has a jitter of 1 ms, loses 0.1 % of its datagrams, swaps 2 %, doubles 3 %, carries 800 kbit/s"
    assert describe_line(event) == words
    assert describe_line({}) == "is direct"
