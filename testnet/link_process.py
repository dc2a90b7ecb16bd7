"""The relays' own process: away from the screen, whose repainting would delay every datagram. Started when the first line is cut or slowed, and not before.

{"id": 1, "command": "open", "line": "V1>V3", "host": "127.0.0.1", "port": 20003}      answered with the relay's own "port"
{"id": 2, "command": "set", "line": "V1>V3", "delay_ms": 50, "jitter_ms": 2, "loss": 0.001}      the keys of `conditions.py`
{"id": 3, "command": "counts"}                                     answered with "forwarded" and "dropped" of all relays together
{"event": "line_counts", "t_ns": …, "lines": [{"line": "V1>V3", "forwarded": 1240, "dropped": 3}]}

Counts are told once a second, of lines where they changed.
"""

import argparse
import asyncio
import contextlib
import resource
import sys
import time
from collections.abc import Sequence
from typing import Any

from mesh_core.errors import ErrorCode, LocalFault
from mesh_core.validator.output import LineWriter
from testnet.command_process import Command, CommandProcess, run_process, unknown_command
from testnet.conditions import Transmitter, read_conditions
from testnet.lines import DIRECTION, WALLETS_NAME
from testnet.links import Relay
from testnet.precise_loop import new_precise_loop

COUNTS_INTERVAL_S = 1.0
MAX_LINES = 1024
MAX_PORT = 65_535
MAX_LINE_NAME_CHARACTERS = 40


class LinkProcess:
    """Opens relays and sets their conditions."""

    def __init__(self, output: LineWriter, seed: int = 0) -> None:
        self._output = output
        self._seed = seed
        self._process = CommandProcess(output, self._perform)
        self._relays: dict[str, Relay] = {}
        self._of_wallets = (Transmitter(), Transmitter())
        self._told: dict[str, tuple[int, int]] = {}

    async def run(self) -> None:
        """Carry out commands until standard input ends."""
        counting = asyncio.get_running_loop().create_task(self._tell_counts())
        try:
            await self._process.run()
        finally:
            counting.cancel()
            for relay in self._relays.values():
                relay.close()

    async def _perform(self, command: Command) -> dict[str, Any]:
        match command:
            case {"command": "open", "line": str(line), "host": str(host), "port": int(port)} if 1 <= port <= MAX_PORT:
                return {"port": self._open(line[:MAX_LINE_NAME_CHARACTERS], host, port)}
            case {"command": "set", "line": str(line), **form}:
                form.pop("id", None)
                self._relay(line).conditions = read_conditions(form)
                return {}
            case {"command": "counts"}:
                relays = self._relays.values()
                return {"forwarded": sum(relay.forwarded_count for relay in relays), "dropped": sum(relay.dropped_count for relay in relays)}
            case _:
                raise unknown_command()

    def _open(self, line: str, host: str, port: int) -> int:
        if line in self._relays:
            return self._relays[line].port
        if len(self._relays) >= MAX_LINES:
            raise LocalFault(ErrorCode.CONFIG_INVALID, f"there are {MAX_LINES} relays already")
        # The same for the same line in each run: what a lossy line loses first can be looked at again.
        # All lines of the wallets leave one device: where it is narrow, what goes to one validator waits behind what goes to the others.
        shared = self._of_wallets if line.startswith(WALLETS_NAME + DIRECTION) else None
        relay = Relay((host, port), seed=f"{self._seed} {line}", transmitters=shared)
        try:
            relay.open()
        except OSError as error:
            raise LocalFault(ErrorCode.CONFIG_INVALID, f"no relay for {line}: {error.strerror or error}") from error
        self._relays[line] = relay
        return relay.port

    def _relay(self, line: str) -> Relay:
        relay = self._relays.get(line)
        if relay is None:
            raise LocalFault(ErrorCode.CONFIG_INVALID, f"there is no relay for {line[:MAX_LINE_NAME_CHARACTERS]}")
        return relay

    async def _tell_counts(self) -> None:
        while True:
            await asyncio.sleep(COUNTS_INTERVAL_S)
            counts = {line: (relay.forwarded_count, relay.dropped_count) for line, relay in self._relays.items()}
            changed = [
                {"line": line, "forwarded": forwarded, "dropped": dropped}
                for line, (forwarded, dropped) in counts.items()
                if self._told.get(line) != (forwarded, dropped)
            ]
            self._told = counts
            if changed:
                self._output.write({"event": "line_counts", "t_ns": time.monotonic_ns(), "lines": changed})


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the process. Exit status 1 after a fault, which was told as a `fault` event."""
    parser = argparse.ArgumentParser(prog="mesh-testnet links")
    parser.add_argument("--seed", type=int, default=0, help="which datagrams are lost, late, overtaken and doubled")
    options = parser.parse_args(arguments)
    _allow_many_sockets()

    async def work(output: LineWriter) -> None:
        await LinkProcess(output, options.seed).run()

    return run_process(work, new_loop=new_precise_loop)


def _allow_many_sockets() -> None:
    """Each relay has a socket for each connection besides its own: some hundreds where sixteen validators stand behind relays."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(OSError, ValueError):  # then as many as there may be
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


if __name__ == "__main__":
    sys.exit(main())
