"""Records of measurements: written once, read again, and as a table."""

import csv
import io
import json
from pathlib import Path

import pytest

from mesh_core.errors import ErrorCode, LocalFault
from testnet.traffic.records import as_table, latest_summaries, read_record, write_record

PAYMENTS = [{"wallet": "traffic-1", "payment_ms": 40.5, "acks_ms": None}, {"wallet": "traffic-1", "payment_ms": 41.0, "acks_ms": 60.0}]


def test_a_record_is_found_again_without_its_payments(tmp_path: Path) -> None:
    told = write_record(tmp_path / "measurements", {"p50_ms": 40.5}, PAYMENTS)
    summaries = latest_summaries(tmp_path / "measurements", 20)
    assert summaries == [{"format": "mesh-measurement-1", "p50_ms": 40.5, "date": told["date"], "file": told["file"]}]
    record = read_record(Path(told["file"]))
    assert record is not None
    assert record["payments"] == PAYMENTS
    assert [*csv.DictReader(io.StringIO(as_table(record)))][1] == {"wallet": "traffic-1", "payment_ms": "41.0", "acks_ms": "60.0"}


def test_two_runs_of_one_second_do_not_replace_each_other(tmp_path: Path) -> None:
    files = {write_record(tmp_path, {"run": number}, PAYMENTS)["file"] for number in range(3)}
    assert len(files) == 3
    assert [summary["run"] for summary in latest_summaries(tmp_path, 2)] == [1, 2]


def test_what_is_no_record_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "measure-1.json").write_text("{")
    (tmp_path / "measure-2.json").write_text(json.dumps({"format": "another"}))
    (tmp_path / "measure-3.json").write_text("[" * 100_000)
    assert latest_summaries(tmp_path, 20) == []
    assert latest_summaries(tmp_path / "none", 20) == []


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(LocalFault) as caught:
        write_record(tmp_path / "file" / "measurements", {}, PAYMENTS)
    assert caught.value.code is ErrorCode.STORE_UNAVAILABLE
