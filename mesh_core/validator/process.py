"""The life of one validator process: read the configuration, restore, listen, say so, and stop in good order.

Standard output carries JSON lines (lines.py) and nothing else; the log goes to standard error. Supervised, the process ends when its standard input does:
whoever started it holds the other end, so a validator never outlives a killed workstation.
"""

import asyncio
import contextlib
import gc
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

from mesh_core.crypto.startup import prepare
from mesh_core.errors import ErrorCode, LocalFault
from mesh_core.network.genesis_file import load_genesis
from mesh_core.network.server import Handler, HandshakeSettings, Server
from mesh_core.network.tls import load_tls_identity
from mesh_core.validator import lines
from mesh_core.validator.config import MetricsAddress, ValidatorConfig, load_config
from mesh_core.validator.heap import keep_large_blocks_apart
from mesh_core.validator.identity import end_first_start, load_identity, require_seat
from mesh_core.validator.output import LineWriter, occupy_standard_descriptors
from mesh_core.validator.peers import Peers
from mesh_core.validator.reporting import Reporter
from mesh_core.validator.restoring import restore
from mesh_core.validator.routes import LINE_LIMIT_BYTES, Routes
from mesh_core.validator.runner import ValidatorRunner, condition_texts
from mesh_core.validator.status import StatusSocket
from mesh_core.validator.syncing import PeerSync

logger = logging.getLogger(__name__)

# SIGTERM last: whoever sees that it is caught may send either.
_STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)

STOP_DEADLINE_S = 5.0
"""A supervised process that has not stopped so long after its standard input ended is ended hard."""


Wrap = Callable[[ValidatorRunner], Handler]
"""Makes what connections talk to, in front of the runner."""


def run_validator(config_path: Path, *, supervised: bool, wrap: Wrap = lambda runner: runner) -> int:
    """Run until stopped. Exit status: 0 after an orderly stop, 1 after a fault, which was written as a `fatal` line and to standard error.

    `wrap` puts something between connections and runner: for tests, and for faults that are shown on purpose.
    """
    occupy_standard_descriptors()
    keep_large_blocks_apart()
    output = LineWriter()
    try:
        config = load_config(config_path)
        logging.basicConfig(level=config.log_level.upper(), stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s %(message)s")
        # aioquic tells each packet of a handshake at INFO; the handshake that matters is logged by mesh_core.network.
        logging.getLogger("quic").setLevel(logging.WARNING)
        # Modules stay to the end. Left to the collector, each of its full rounds looks through them all, some 20 ms in which no vote is cast.
        gc.freeze()
        asyncio.run(_run(config, _About(config_path), output, wrap, supervised=supervised))
    except LocalFault as fault:
        _tell_fatal(fault, output)
        return 1
    except Exception as error:
        # A bug of ours. The log gets all of it, the supervisor at least where to look.
        output.write(lines.Fatal(time.monotonic_ns(), f"{ErrorCode.INTERNAL:04x}", f"internal error ({type(error).__name__}): see the log"))
        raise
    else:
        return 0
    finally:
        output.close()


class _About:
    """Says which file, and which key in it, leads to a fault: whoever has to mend it looks there first."""

    def __init__(self, config_path: Path) -> None:
        self._config_path = config_path

    @contextlib.contextmanager
    def __call__(self, key: str = "") -> Iterator[None]:
        try:
            yield
        except LocalFault as fault:
            where = f"{self._config_path}: {key}" if key else str(self._config_path)
            raise LocalFault(fault.code, f"{where}: {fault.text}") from fault


async def _run(config: ValidatorConfig, about: _About, output: LineWriter, wrap: Wrap, *, supervised: bool) -> None:
    started_ns = time.monotonic_ns()
    stop: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    faults: list[LocalFault] = []
    routes = Routes()

    def on_fault(fault: LocalFault) -> None:
        faults.append(fault)
        _settle(stop, "a fault")

    async with contextlib.AsyncExitStack() as stack:
        # First of all: whoever asks for an end while a large store is being read gets it in good order, too.
        await stack.enter_async_context(_stop_requests(stop, routes, supervised=supervised))
        prepare()
        with about("validator.genesis"):
            genesis = load_genesis(config.genesis)
        with about("validator.identity_key"):
            identity = load_identity(config.identity_key, config.data_dir)
            index = require_seat(identity, genesis)
        with about("validator.tls_certificate, validator.tls_key"):
            tls = load_tls_identity(certificate_path=config.tls_certificate, key_path=config.tls_key)
        with about():
            peers = Peers(config.peers, genesis, identity)
        with about("validator.data_dir, validator.vote_journal"):
            runner, store = await restore(config, genesis, identity, output, on_fault)
            stack.push_async_callback(runner.close)
            stack.callback(store.watch_reads(lambda fault: end_hard(fault, output)).close)
            await runner.prepare()
        # What was restored stays, too: with a million accounts the collector's full rounds would hold up votes for tenths of a second.
        gc.freeze()
        with about("validator.identity_key"):
            end_first_start(config.identity_key)
        for text in condition_texts(runner.machine):
            logger.error("%s", text)
        server = Server(
            host=config.listen_host,
            port=config.listen_port,
            tls=tls,
            settings=HandshakeSettings(identity, genesis.network_id, frozenset(genesis.committee.validators)),
            handler=wrap(runner),
            pong_source=runner.pong,
        )
        with about("validator.listen_host, validator.listen_port"):
            await server.start()
        stack.push_async_callback(server.close)
        runner.connections_count = lambda: server.connections
        runner.peers_up = peers.up
        syncing = PeerSync(runner, store, peers, output)
        reporter = Reporter(runner, store, server, syncing, index, config.listen_host, started_ns)
        asking = StatusSocket(config.data_dir, reporter.report)
        await asking.open()
        stack.push_async_callback(asking.close)
        stack.callback(syncing.close)
        routes.use(peers)
        syncing.start()
        output.write(runner.ready_line(config.listen_host, server.port, os.getpid()))
        runner.write_status()
        reporting = asyncio.get_running_loop().create_task(runner.report_status())
        stack.callback(reporting.cancel)
        if config.metrics is not None:
            stack.callback(_tell_metrics(config.metrics, reporter, output))
        reason = await stop
        logger.info("stopping: %s", reason)
        output.write(lines.Stopping(time.monotonic_ns(), reason))
    if faults:
        # Also one of the last moment, when the stop was under way already: an exit status of 0 says that everything is on the disk.
        raise faults[0]


def _tell_metrics(address: MetricsAddress, reporter: Reporter, output: LineWriter) -> Callable[[], None]:
    """Tell metrics from now on; returns what ends that."""
    # Here, since few validators need the library, and a start is to be quick.
    from mesh_core.validator.metrics_feed import MetricsFeed, make_endpoint

    feed = MetricsFeed(reporter, output)
    feeding = asyncio.get_running_loop().create_task(feed.run(), name="metrics")
    endpoint = make_endpoint(address, feed, reporter.store)
    endpoint.open()

    def end() -> None:
        feeding.cancel()
        endpoint.close()

    return end


def end_hard(fault: LocalFault, output: LineWriter) -> None:
    """Say why, and end: for another thread, when the event loop hangs in the kernel and will never hear of it."""
    _tell_fatal(fault, output)
    output.close()
    os._exit(1)


def _tell_fatal(fault: LocalFault, output: LineWriter) -> None:
    output.write(lines.Fatal(time.monotonic_ns(), f"{fault.code:04x}", fault.text))
    sys.stderr.write(f"mesh-app --validator: {fault}\n")
    sys.stderr.flush()


@contextlib.asynccontextmanager
async def _stop_requests(stop: "asyncio.Future[str]", routes: Routes, *, supervised: bool) -> AsyncIterator[None]:
    """SIGTERM and SIGINT stop the validator; supervised, the end of standard input does, too, and what is written there are routes."""
    loop = asyncio.get_running_loop()
    for number in _STOP_SIGNALS:
        loop.add_signal_handler(number, _settle, stop, signal.Signals(number).name)
    if supervised:
        threading.Thread(target=_watch_standard_input, args=(loop, stop, routes), name="mesh-stdin", daemon=True).start()
    try:
        yield
    finally:
        for number in _STOP_SIGNALS:
            loop.remove_signal_handler(number)


def _watch_standard_input(loop: asyncio.AbstractEventLoop, stop: "asyncio.Future[str]", routes: Routes) -> None:
    """Read routes until end of file. A process that does not stop by itself then is ended: it has lost its supervisor."""
    begun = b""
    with contextlib.suppress(OSError, RuntimeError):  # RuntimeError: the loop has ended meanwhile, and everything with it
        while data := os.read(0, LINE_LIMIT_BYTES):
            *lines_read, begun = (begun + data).split(b"\n")
            begun = begun[:LINE_LIMIT_BYTES]  # no route is longer: what comes of the rest is none
            for line in lines_read:
                loop.call_soon_threadsafe(routes.take, line)
    with contextlib.suppress(RuntimeError):
        loop.call_soon_threadsafe(_settle, stop, "standard input ended")
    time.sleep(STOP_DEADLINE_S)
    os._exit(1)


def _settle(stop: "asyncio.Future[str]", reason: str) -> None:
    if not stop.done():
        stop.set_result(reason)
