"""What the scale benchmark computes, what it refuses, and the past that it makes."""

import asyncio
from pathlib import Path

import pytest

from mesh_core.protocol.certificates import is_signed
from mesh_core.protocol.validator import ValidatorMachine
from mesh_core.validator.config import load_config
from mesh_core.validator.restoring import open_store
from testnet.bench.asking import summary
from testnet.bench.history import fill, make_history
from testnet.bench.report import tables_of
from testnet.bench.results import Result
from testnet.bench.scale import growth_of, slope
from testnet.bench.scene import account_keys, account_owner, first_balance, make_scene
from testnet.bench.tables import as_text
from testnet.cli import main

TIMES = {"count": 2, "median_ms": 5.0, "p90_ms": 6.0, "p99_ms": 7.0, "max_ms": 7.0}


def test_slope_and_growth() -> None:
    assert slope([(1000, 5_000), (10_000, 50_000), (100, 500)]) == 5.0
    assert slope([(7, 3)]) is None
    assert growth_of(6.0, 5.0) == 0.2


def test_summary_is_by_nearest_rank() -> None:
    assert summary([float(number) for number in range(100, 0, -1)]) == {"count": 100, "median_ms": 50.5, "p90_ms": 90.0, "p99_ms": 99.0, "max_ms": 100.0}
    assert summary([])["count"] == 0


def test_accounts_follow_from_their_numbers() -> None:
    assert account_owner(3) == account_keys(3).owner
    assert first_balance(3) != first_balance(4)


async def test_history_is_applied_by_the_validator_s_own_code(tmp_path: Path) -> None:
    """Afterwards the store holds so many certificates, each signed by a quorum, and an honest validator restores from it and votes."""
    scene = make_scene(tmp_path / "home", accounts=4)
    history = list(make_history(scene, range(3), 7))
    await asyncio.to_thread(fill, scene, 0, history)
    config = load_config(scene.folder.validator(0).config)
    store = open_store(config, scene.genesis, scene.validators[0], lambda fault: None)
    machine = ValidatorMachine(scene.genesis, scene.validators[0], store, store.journal)
    assert machine.ledger.globals.log_length == 7
    assert machine.quarantine is None
    assert not machine.votes.locks
    assert [machine.ledger.account_or_zero(account_owner(number)).sequence for number in range(4)] == [3, 2, 2, 0]
    assert machine.ledger.audit_supply()
    checked = [machine.decode_certificate(data) for _, data in store.records("c/")]
    assert len(checked) == 7
    assert all(one is not None and is_signed(one, scene.genesis) for one in checked)
    await store.close()


def test_tables_show_every_part_that_was_measured() -> None:
    row = {"vote": TIMES, "certificate": TIMES, "vote_growth": 0.1, "certificate_growth": -0.05, "rss_bytes": 60 * 2**20, "started_s": 1.0}
    accounts = {"rows": [{"accounts": 1000, "genesis_bytes": 40_000, **row}], "memory_of_account_bytes": 760.4}
    log = {"rows": [{"certificates": 10, "disk_bytes": 30_000, **row}], "disk_of_certificate_bytes": 2835.0, "memory_of_certificate_bytes": 12.0}
    result = Result("scale", "2026-11-23", "x", 0, {}, {}, {"accounts": accounts, "log": log, "committee": None, "wallets": None})
    text = as_text(tables_of(result))
    assert "760 bytes of memory each" in text
    assert "+10 %" in text
    assert "-5 %" in text
    assert "2,835 bytes of disk" in text


@pytest.mark.parametrize("options", [["--most-accounts", "10"], ["--asked", "0"], ["--payments", "0"], ["--only", "clouds"]])
def test_nothing_to_measure_is_wrong_usage(options: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["bench", "scale", *options])
    assert ended.value.code == 2
