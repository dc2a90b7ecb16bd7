"""Links against a server in a process of its own, with the default rhythm: killed, restarted, frozen, stopped."""

import asyncio
import json
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from mesh_core.errors import PeerFault
from mesh_core.network.client import PeerAddress
from mesh_core.network.link import LinkState, LinkStatus, ValidatorLink
from mesh_core.network.tls import TlsIdentity, generate_tls_identity, save_tls_identity
from tests.unit.network.peers import NETWORK_ID, VALIDATOR_KEYS, WALLET, eventually, text_of, vote_request

ROOT = Path(__file__).parents[2]
START_S = 30.0
"""A process that is not ready by then never will be."""
NOTICED_S = 30.0
"""Silence is noticed after 2.5 s and a new connection takes milliseconds, on a machine that has time for it. That it was noticed, and was not the end that
QUIC alone makes of such a connection after ten seconds, is told by `doubted_first`."""


class Process:
    """The echo validator as a child process that keeps its port and its certificate over restarts."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.tls: TlsIdentity = generate_tls_identity()
        self.port = 0
        self._child: asyncio.subprocess.Process | None = None
        save_tls_identity(self.tls, certificate_path=folder / "tls.crt", key_path=folder / "tls.key")

    @property
    def address(self) -> PeerAddress:
        return PeerAddress("127.0.0.1", self.port, VALIDATOR_KEYS[0].public_key, self.tls.certificate_der, "process")

    async def start(self) -> None:
        self._child = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "tests.e2e.echo_validator",
            str(self.port),
            str(self.folder),
            cwd=ROOT,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        assert self._child.stdout is not None
        async with asyncio.timeout(START_S):
            line = await self._child.stdout.readline()
        self.port = json.loads(line)["ready"]

    async def kill(self) -> None:
        """kill -9."""
        assert self._child is not None
        self._child.kill()
        await self._child.wait()

    def signal(self, number: signal.Signals) -> None:
        assert self._child is not None
        self._child.send_signal(number)

    async def stop(self) -> int:
        """End of file on its standard input: the graceful way."""
        assert self._child is not None
        assert self._child.stdin is not None
        self._child.stdin.close()
        async with asyncio.timeout(START_S):
            return await self._child.wait()

    async def end(self) -> None:
        if self._child is not None and self._child.returncode is None:
            self._child.kill()
            await self._child.wait()


@asynccontextmanager
async def linked(folder: Path) -> AsyncIterator[tuple[Process, ValidatorLink, list[LinkStatus]]]:
    process = Process(folder)
    await process.start()
    statuses: list[LinkStatus] = []
    link = ValidatorLink(process.address, WALLET, NETWORK_ID, on_status=statuses.append)
    link.start()
    try:
        await eventually(lambda: link.status.rtt_ms is not None, within_s=START_S)
        yield process, link, statuses
    finally:
        link.close()
        await link.wait_closed()
        await process.end()


async def ask(link: ValidatorLink, text: str) -> str:
    return text_of(await link.request(vote_request(text.encode()), START_S))


def doubted_first(statuses: list[LinkStatus]) -> bool:
    """Whether the link has doubted its connection before that had ended."""
    states = [status.state for status in statuses]
    return next(state for state in states[states.index(LinkState.UP) :] if state is not LinkState.UP) is LinkState.SILENT


def first_end(statuses: list[LinkStatus]) -> str:
    """Why the link's first connection ended with no other in its place."""
    return next(status.last_error for status in statuses if status.state is LinkState.DOWN)


async def test_killed_and_restarted_process_is_found_again_by_the_next_request(tmp_path: Path) -> None:
    async with linked(tmp_path) as (process, link, _):
        assert await ask(link, "before") == "before"
        await process.kill()
        await process.start()
        assert await ask(link, "after") == "after"
        assert link.status.connections_made >= 2


async def test_killed_and_restarted_process_is_noticed_without_a_request(tmp_path: Path) -> None:
    async with linked(tmp_path) as (process, link, statuses):
        await process.kill()
        await process.start()
        await eventually(lambda: link.status.connections_made >= 2 and link.status.state is LinkState.UP, within_s=NOTICED_S)
        assert doubted_first(statuses)


async def test_request_made_while_the_process_is_dead_is_answered_by_its_successor(tmp_path: Path) -> None:
    async with linked(tmp_path) as (process, link, statuses):
        await process.kill()
        waiting = asyncio.create_task(ask(link, "patient"))
        await eventually(lambda: link.status.state is LinkState.DOWN, within_s=NOTICED_S)
        assert doubted_first(statuses)
        assert "silent, and no new connection" in first_end(statuses)
        await process.start()
        assert await waiting == "patient"


async def test_frozen_process_is_silent_then_down_and_up_again_when_it_thaws(tmp_path: Path) -> None:
    """A frozen process holds its port, so the operating system sees nothing wrong: only the missing PONGs tell."""
    async with linked(tmp_path) as (process, link, statuses):
        process.signal(signal.SIGSTOP)
        await eventually(lambda: link.status.state is LinkState.DOWN, within_s=NOTICED_S)
        assert doubted_first(statuses)
        assert "silent, and no new connection" in first_end(statuses)
        process.signal(signal.SIGCONT)
        assert await ask(link, "thawed") == "thawed"


async def test_graceful_stop_ends_cleanly_and_is_told_to_the_link(tmp_path: Path) -> None:
    async with linked(tmp_path) as (process, link, statuses):
        assert await process.stop() == 0
        await eventually(lambda: any("validator stops" in status.last_error for status in statuses), within_s=NOTICED_S)
        with pytest.raises(PeerFault):
            await link.request(vote_request(), 0.2)
