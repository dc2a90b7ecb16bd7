"""Metrics: what a validator measures reaches whoever may ask for it, and whoever asks strangely harms neither the metrics nor the validator."""

import asyncio
import re
import socket
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import prometheus_client
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families
from typing_extensions import override

from mesh_core.errors import ErrorCode, LocalFault
from mesh_core.storage.database import CommitStatistics
from mesh_core.validator import metrics_endpoint
from mesh_core.validator.config import MetricsAddress, load_config, write_config
from mesh_core.validator.measures import BOUNDS_S, DurationHistogram, HistogramCounts
from mesh_core.validator.metrics import CONTENT_TYPE, DEFINITIONS, TIMES, MetricsCollector, MetricsFiles, MetricsSnapshot, make_registry, render
from mesh_core.validator.metrics_endpoint import MAX_CONNECTIONS, REQUEST_LIMIT_BYTES, MetricsEndpoint
from mesh_core.validator.metrics_feed import CommitHistogram
from testnet.layout import NetworkFolder
from tests.unit.network.peers import PATIENCE_S, eventually
from tests.unit.validator.test_status import REPORT

Sample = tuple[str, tuple[tuple[str, str], ...]]
HELD_MOST = 100
"""Connections that one test has open at a time: many times those that an endpoint keeps, and few beside the descriptors that a process may have."""


def histogram(*seconds: float) -> HistogramCounts:
    found = DurationHistogram()
    for one in seconds:
        found.add(one)
    return found.counts()


SNAPSHOT = MetricsSnapshot(
    report=REPORT,
    taken_at_ns=5_000_000_000,
    validators_count=4,
    quorum_threshold=3,
    refusals={ErrorCode.BUSY: 2, ErrorCode.RANGE_PROOF: 1},
    times={one.name: histogram(0.0004, 0.0005, 0.004, 60.0) for one in TIMES},
    lines_dropped=6,
)


def told(snapshot: MetricsSnapshot, folder: Path) -> dict[Sample, float]:
    """Every sample by its name and labels."""
    collector = MetricsCollector(lambda: snapshot, MetricsFiles(folder / "validator.db", folder / "votes.journal"), lambda: snapshot.taken_at_ns + 250_000_000)
    text = render(make_registry(collector)).decode()
    return {(one.name, tuple(sorted(one.labels.items()))): one.value for family in text_string_to_metric_families(text) for one in family.samples}


def test_everything_that_is_measured_is_told(tmp_path: Path) -> None:
    (tmp_path / "validator.db").write_bytes(bytes(4096))
    samples = told(SNAPSHOT, tmp_path)
    plain = {name: value for (name, labels), value in samples.items() if not labels}
    assert samples["mesh_build_info", (("backend", "native"), ("network_name", "local-4"), ("validator", "V4"), ("version", "0.9"))] == 1.0
    assert plain["mesh_snapshot_age_seconds"] == 0.25
    assert plain["mesh_votes_cast_total"] == 77
    assert samples["mesh_votes_refused_total", (("code", "0a01"), ("reason", "BUSY"))] == 2
    assert (plain["mesh_voting"], plain["mesh_quarantine"], plain["mesh_halted"], plain["mesh_syncing"]) == (1, 0, 0, 1)
    assert (plain["mesh_log_certificates"], plain["mesh_digest_lag_certificates"], plain["mesh_lag_certificates"]) == (12_000, 10, 0)
    assert (plain["mesh_committee_validators"], plain["mesh_quorum_validators"]) == (4, 3)
    assert {labels[0][1]: value for (name, labels), value in samples.items() if name == "mesh_peer_up"} == {"V1": 1, "V2": 0}
    assert [value for (name, _), value in samples.items() if name == "mesh_peer_round_trip_seconds"] == [pytest.approx(0.00042)]
    assert [value for (name, _), value in samples.items() if name == "mesh_queue_depth"] == [1, 2, 3, 4, 5]
    assert [value for (name, _), value in samples.items() if name == "mesh_file_bytes"] == [4096]
    assert plain["mesh_lines_dropped_total"] == 6
    assert plain["process_resident_memory_bytes"] > 0 or not Path("/proc/self/stat").exists()
    # Classes are cumulative, and a duration on a bound belongs to the class that it ends.
    buckets = {labels[0][1]: value for (name, labels), value in samples.items() if name == "mesh_vote_seconds_bucket"}
    assert list(buckets) == [*map(str, BOUNDS_S), "+Inf"]
    assert (buckets["0.0005"], buckets["0.0025"], buckets["0.005"], buckets["10.0"], buckets["+Inf"]) == (2, 2, 3, 3, 4)
    assert plain["mesh_vote_seconds_count"] == 4
    assert plain["mesh_vote_seconds_sum"] == pytest.approx(60.0049)


def test_conditions_are_told_each_by_its_own_metric(tmp_path: Path) -> None:
    stopped = replace(REPORT, quarantine="votes may be forgotten", halted=True, supply_audit=False)
    samples = {name: value for (name, _), value in told(replace(SNAPSHOT, report=stopped), tmp_path).items()}
    assert (samples["mesh_voting"], samples["mesh_quarantine"], samples["mesh_halted"], samples["mesh_supply_adds_up"]) == (0, 1, 1, 0)
    assert not any(name == "mesh_supply_adds_up" for name, _ in told(replace(SNAPSHOT, report=replace(REPORT, supply_audit=None)), tmp_path))
    # A peer that lies about its log is excluded, and does not make this validator look late.
    liar = replace(REPORT.peers[0], log_length=10**9, is_excluded=True)
    assert told(replace(SNAPSHOT, report=replace(REPORT, peers=(liar,))), tmp_path)["mesh_lag_certificates", ()] == 0


def test_one_that_claims_a_longer_log_makes_nobody_look_late(tmp_path: Path) -> None:
    """As long as it says nothing when it is asked for it, it is not excluded. Two that claim it are more than may be faulty."""
    liar, honest = replace(REPORT.peers[0], log_length=2**64 - 1), replace(REPORT.peers[0], log_length=12_000)
    ahead, away = replace(honest, log_length=12_003), replace(REPORT.peers[0], log_length=13_000, up=False)
    for peers, lag in (
        ((liar, honest, honest), 0),
        ((honest, liar, ahead), 3),
        ((ahead, ahead, honest), 3),
        ((ahead, away, honest), 0),
        ((liar, away), 0),
        ((), 0),
    ):
        assert told(replace(SNAPSHOT, report=replace(REPORT, peers=peers)), tmp_path)["mesh_lag_certificates", ()] == lag
    alone = replace(SNAPSHOT, validators_count=2, quorum_threshold=2, report=replace(REPORT, peers=(ahead,)))
    assert told(alone, tmp_path)["mesh_lag_certificates", ()] == 3


def test_definitions_and_what_is_told_are_the_same(tmp_path: Path) -> None:
    (tmp_path / "validator.db").touch()
    collector = MetricsCollector(lambda: SNAPSHOT, MetricsFiles(tmp_path / "validator.db", tmp_path / "votes.journal"), lambda: 0)
    collected = list(collector.collect())
    assert sorted(family.name for family in collected) == sorted(f"mesh_{one.name}" for one in DEFINITIONS)
    kinds = {family.name: {"info": "gauge"}.get(family.type, family.type) for family in collected}
    assert kinds == {f"mesh_{one.name}": one.kind_name for one in DEFINITIONS}
    for family in collected:
        [definition] = [one for one in DEFINITIONS if family.name == f"mesh_{one.name}"]
        labels = {tuple(sample.labels) for sample in family.samples if "le" not in sample.labels}
        assert labels <= {definition.labels}, family.name


def test_nothing_of_it_reaches_the_library_s_global_registry(tmp_path: Path) -> None:
    told(SNAPSHOT, tmp_path)
    assert not any(family.name.startswith("mesh") for family in prometheus_client.REGISTRY.collect())


def test_metrics_name_no_key_and_no_digest(tmp_path: Path) -> None:
    text = " ".join(f"{name} {labels}" for name, labels in told(SNAPSHOT, tmp_path))
    assert not re.search(r"[0-9a-f]{16}", text)
    assert not re.search(r"fee|amount|balance|owner", text)


def test_commits_of_which_not_all_are_kept_count_all_the_same() -> None:
    following, statistics = CommitHistogram(), CommitStatistics()
    for _ in range(3):
        statistics = statistics.with_commit(0.002)
    following.follow(statistics)
    following.follow(statistics)
    assert sum(following.histogram.counts().counts) == 3
    for _ in range(1000):
        statistics = statistics.with_commit(0.004)
    following.follow(statistics)
    counts = following.histogram.counts()
    assert sum(counts.counts) == statistics.count == 1003
    assert counts.counts[BOUNDS_S.index(0.005)] == 1000
    assert counts.sum_seconds == pytest.approx(statistics.sum_seconds)


# --- The endpoint ----------------------------------------------------------------------------------------------------------------------------------


@contextmanager
def telling(answer: Callable[[], bytes] = lambda: b"mesh_voting 1.0\n", host: str = "127.0.0.1") -> Iterator[MetricsEndpoint]:
    endpoint = MetricsEndpoint(host, 0, answer, CONTENT_TYPE)
    assert endpoint.open()
    thread = endpoint._thread
    assert thread is not None
    try:
        yield endpoint
    finally:
        endpoint.close()
        thread.join(PATIENCE_S)
        assert "mesh-metrics" not in {thread.name for thread in threading.enumerate()}


def exchange(endpoint: MetricsEndpoint, request: bytes) -> bytes:
    """Everything that is answered to some bytes."""
    with socket.create_connection(("127.0.0.1", endpoint.port), timeout=10) as asking:
        answer = b""
        try:
            asking.sendall(request)
            while part := asking.recv(65536):
                answer += part
        except ConnectionError:
            pass
        return answer


def scrape(endpoint: MetricsEndpoint) -> bytes:
    return exchange(endpoint, b"GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")


def test_one_path_and_one_method() -> None:
    with telling() as endpoint:
        answer = scrape(endpoint)
        assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
        assert f"Content-Type: {CONTENT_TYPE}\r\n".encode() in answer
        assert answer.endswith(b"Content-Length: 16\r\nConnection: close\r\nCache-Control: no-store\r\n\r\nmesh_voting 1.0\n")
        assert exchange(endpoint, b"GET /metrics?x=1 HTTP/1.0\r\n\r\n").startswith(b"HTTP/1.1 200 ")
        assert exchange(endpoint, b"GET / HTTP/1.1\r\n\r\n").startswith(b"HTTP/1.1 404 ")
        assert exchange(endpoint, b"POST /metrics HTTP/1.1\r\n\r\n").startswith(b"HTTP/1.1 405 ")
        assert exchange(endpoint, b"\x16\x03\x01\x02\x00\x01\r\n\r\n").startswith(b"HTTP/1.1 400 ")
        assert exchange(endpoint, b"GET /metrics HTTP/1.1\r\n" + b"x" * REQUEST_LIMIT_BYTES) == b""


@pytest.mark.parametrize(
    ("host", "status"), [("localhost:9464", 200), ("127.0.0.1:9464", 200), ("[::1]:9464", 200), ("rebound.example", 403), ("rebound.example:9464", 403)]
)
def test_page_that_rebinds_its_name_reads_nothing(host: str, status: int) -> None:
    """The browser of whoever runs the validator sends the name of the page, whatever address that leads to."""
    with telling() as endpoint:
        assert exchange(endpoint, f"GET /metrics HTTP/1.1\r\nHost: {host}\r\n\r\n".encode()).startswith(f"HTTP/1.1 {status} ".encode())


def test_endpoint_for_a_network_is_asked_by_name() -> None:
    with telling(host="0.0.0.0") as endpoint:
        assert exchange(endpoint, b"GET /metrics HTTP/1.1\r\nHost: v1:9464\r\n\r\n").startswith(b"HTTP/1.1 200 ")


@given(st.binary(max_size=200))
def test_any_head_has_an_answer(head: bytes) -> None:
    endpoint = MetricsEndpoint("127.0.0.1", 0, lambda: b"", CONTENT_TYPE)
    assert endpoint._respond(head)[0][:3] in {"200", "400", "403", "404", "405"}


def test_many_who_say_nothing_do_not_keep_others_out() -> None:
    with telling() as endpoint, ExitStack() as silent:
        held: deque[socket.socket] = deque()
        for number in range(1000):
            if len(held) == HELD_MOST:
                held.popleft().close()
            held.append(silent.enter_context(socket.create_connection(("127.0.0.1", endpoint.port), timeout=10)))
            if number % 2:
                held[-1].send(b"GET /metr")
            if number % 100 == 0:
                assert scrape(endpoint).startswith(b"HTTP/1.1 200 ")
        assert scrape(endpoint).startswith(b"HTTP/1.1 200 ")
        assert len(endpoint._open) <= MAX_CONNECTIONS


class Counted(dict[Any, Any]):
    """Connections that are open, and how many there have been: those that end soon are not missed by whoever looks too late."""

    all_count = 0

    @override
    def __setitem__(self, key: Any, value: Any) -> None:
        self.all_count += 1
        super().__setitem__(key, value)


async def test_who_talks_slowly_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics_endpoint, "EXCHANGE_TIMEOUT_S", 0.2)
    with telling(lambda: bytes(32_000_000)) as endpoint, ExitStack() as slow:
        endpoint._open = connections = Counted()
        for request in (b"GET", b"GET /metrics HTTP/1.1\r\n\r\n"):
            # The second one asks for much and reads none of it.
            slow.enter_context(socket.create_connection(("127.0.0.1", endpoint.port), timeout=10)).send(request)
        await eventually(lambda: connections.all_count == 2 and not connections)


def test_answer_is_made_anew_only_so_often(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[None] = []

    def answer() -> bytes:
        made.append(None)
        return b"%d" % len(made)

    monkeypatch.setattr(metrics_endpoint, "RENDERED_FOR_S", 3600.0)
    with telling(answer) as endpoint:
        assert {scrape(endpoint)[-1:] for _ in range(20)} == {b"1"}
        monkeypatch.setattr(metrics_endpoint, "RENDERED_FOR_S", 0.0)
        assert [scrape(endpoint)[-1:] for _ in range(2)] == [b"2", b"3"]


def test_bug_in_the_metrics_ends_one_answer_and_is_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    def fail() -> bytes:
        raise ZeroDivisionError

    with telling(fail) as endpoint:
        assert scrape(endpoint) == b""
        assert exchange(endpoint, b"GET / HTTP/1.1\r\n\r\n").startswith(b"HTTP/1.1 404 ")
    assert "the metrics could not be told" in caplog.text


async def test_port_that_is_taken_is_told_and_stops_nobody(caplog: pytest.LogCaptureFixture) -> None:
    with telling() as endpoint:
        second = MetricsEndpoint("127.0.0.1", endpoint.port, lambda: b"", CONTENT_TYPE)
        assert not second.open()
        second.close()
        assert f"NO METRICS: cannot listen on 127.0.0.1 port {endpoint.port}: Address already in use" in caplog.text
        assert (await asyncio.to_thread(scrape, endpoint)).startswith(b"HTTP/1.1 200 ")


# --- Configuration ---------------------------------------------------------------------------------------------------------------------------------


def write_metrics(network: NetworkFolder, *lines: str) -> Path:
    """Add lines to the configuration of the first validator."""
    config = network.validator(0).config
    config.write_text(config.read_text().replace("[validator]\n", "\n".join(("[validator]", *lines, ""))))
    return config


def test_no_metrics_unless_they_are_asked_for(network: NetworkFolder) -> None:
    assert load_config(network.validator(0).config).metrics is None


@pytest.mark.parametrize(
    ("text", "reach", "host", "port"),
    [("127.0.0.1:9464", "loopback", "127.0.0.1", 9464), ("[::1]:0", "loopback", "::1", 0), ("0.0.0.0:9464", "network", "0.0.0.0", 9464)],
)
def test_addresses_are_read_and_written(network: NetworkFolder, text: str, reach: str, host: str, port: int) -> None:
    config = load_config(write_metrics(network, f'metrics_listen = "{text}"', f'metrics_reach = "{reach}"'))
    assert config.metrics == MetricsAddress(host, port, reach)
    again = network.home / "again.toml"
    write_config(again, replace(config, peers=()), {})
    assert load_config(again).metrics == config.metrics


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        (('metrics_listen = "0.0.0.0:9464"',), "reached from other machines"),
        (('metrics_listen = "192.0.2.7:9464"', 'metrics_reach = "loopback"'), 'add metrics_reach = "network"'),
        (('metrics_listen = "localhost:9464"',), "is no IP address with a port"),
        (('metrics_listen = "127.0.0.1"',), "is no IP address with a port"),
        (('metrics_listen = "127.0.0.1:65536"',), "is no TCP port"),
        (('metrics_listen = "127.0.0.1:-1"',), "is no TCP port"),
        (("metrics_listen = 9464",), "must be text"),
        (('metrics_reach = "network"',), "there is no metrics_listen"),
        (('metrics_listen = "127.0.0.1:1"', 'metrics_reach = "world"'), "is none of loopback, network"),
    ],
)
def test_what_is_not_meant_is_refused_with_key_and_reason(network: NetworkFolder, lines: tuple[str, ...], why: str) -> None:
    config = write_metrics(network, *lines)
    with pytest.raises(LocalFault, match=re.escape(why)) as raised:
        load_config(config)
    assert raised.value.code is ErrorCode.CONFIG_INVALID
    assert str(config) in raised.value.text
    assert "validator.metrics_" in raised.value.text
