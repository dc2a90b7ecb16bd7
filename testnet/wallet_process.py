"""The wallets' own process: the wallets of a home, away from the screen, so that repainting cannot spoil a measured time nor proving freeze a screen.

Commands come as JSON lines on standard input; events (mesh_core/wallet/events.py) and answers leave as JSON lines on standard output:

    {"id": 1, "command": "pay", "wallet": "alice", "to": "bob", "amount": 500, "text": ""}
    {"id": 2, "command": "create", "name": "carol"}
    {"event": "answer", "id": 1, "ok": true, "code": null, "text": "", "cert_id": "…64 digits…"}

`pay` is answered when the payment is final, with its certificate, or with the reason why nothing was paid. The end of standard input ends the process; a
payment that is signed by then is finished at the next start.
"""

import argparse
import asyncio
import json
import logging
import os
import select
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mesh_core.crypto.startup import prepare
from mesh_core.errors import ErrorCode, LocalFault, MeshError
from mesh_core.validator.output import LineWriter, occupy_standard_descriptors
from mesh_core.wallet.events import WalletFault
from mesh_core.wallet.home import WalletHome
from mesh_core.wallet.network import load_network

logger = logging.getLogger(__name__)

COMMAND_LIMIT_BYTES = 64 * 1024
STOP_DEADLINE_S = 10.0
"""A process that has not stopped so long after its standard input ended is ended hard. Nothing is lost: what counts is on the disk."""


class WalletProcess:
    """Carries out commands on one home's wallets."""

    def __init__(self, network_file: Path, wallets: Path, output: LineWriter, *, only: Sequence[str] | None = None) -> None:
        """`only` names the wallets to open; the others stay free for other programs. LocalFault if the network's files are wrong."""
        self._output = output
        self._only = only
        self._home = WalletHome(wallets, load_network(network_file), output.write, self._on_disk_fault)
        self._commands: set[asyncio.Task[None]] = set()
        self._fault: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def run(self) -> None:
        """Open the wallets and carry out commands until standard input ends. LocalFault if a wallet cannot be opened or its disk fails."""
        reader = asyncio.StreamReader(limit=COMMAND_LIMIT_BYTES)
        await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(0, "rb", closefd=False))
        try:
            self._home.start(self._only)
            reading = asyncio.get_running_loop().create_task(self._read_commands(reader))
            await asyncio.wait([reading, self._fault], return_when=asyncio.FIRST_COMPLETED)
            reading.cancel()
            if self._fault.done():
                self._fault.result()
        finally:
            for command in self._commands:
                command.cancel()
            await self._home.close()

    async def _read_commands(self, reader: asyncio.StreamReader) -> None:
        while True:
            try:
                line = await reader.readline()
            except ValueError:
                continue  # longer than any command
            if not line:
                return
            task = asyncio.get_running_loop().create_task(self._carry_out(line))
            self._commands.add(task)
            task.add_done_callback(self._commands.discard)

    async def _carry_out(self, line: bytes) -> None:
        number: int | None = None
        try:
            command = _read_command(line)
            number = command["id"]
            result = await self._perform(command)
        except MeshError as error:
            self._answer(number, error)
        except Exception as error:
            # A bug of ours. Whoever waits for the answer must not wait for ever; the other commands go on.
            logger.exception("a command failed")
            self._answer(number, LocalFault(ErrorCode.INTERNAL, f"internal error ({type(error).__name__}): see the log of the wallets"))
        else:
            self._answer(number, None, result)

    async def _perform(self, command: dict[str, Any]) -> dict[str, str]:
        """Do it; returns what its answer holds besides."""
        match command:
            case {"command": "pay", "wallet": str(wallet), "to": str(to), "amount": int(amount), "text": str(text)} if not isinstance(amount, bool):
                return {"cert_id": (await self._home.pay(wallet, to, amount, text)).cert_id.hex()}
            case {"command": "create", "name": str(name)}:
                self._home.create(name)
                return {}
            case _:
                raise LocalFault(ErrorCode.CONFIG_INVALID, "a command that is unknown, or whose fields are not those that it has")

    def _answer(self, number: int | None, error: MeshError | None, result: dict[str, str] | None = None) -> None:
        code = None if error is None else f"{error.code:04x}"
        self._output.write({"event": "answer", "id": number, "ok": error is None, "code": code, "text": "" if error is None else error.text, **(result or {})})

    def _on_disk_fault(self, fault: LocalFault) -> None:
        if not self._fault.done():
            self._fault.set_exception(fault)


def end_with_standard_input(deadline_s: float) -> None:
    """From now on, end this process hard if it still runs `deadline_s` after its standard input has ended, whatever it is doing: it has lost its owner."""

    def watch() -> None:
        poll = select.poll()
        # No events: what is reported all the same is that nobody holds the other end any more.
        poll.register(0, 0)
        poll.poll()
        time.sleep(deadline_s)
        os._exit(1)

    threading.Thread(target=watch, name="mesh-stdin", daemon=True).start()


def _read_command(line: bytes) -> dict[str, Any]:
    """The command in a line. LocalFault (CONFIG_INVALID): nothing is guessed where money moves."""
    try:
        command = json.loads(line)
    except (ValueError, RecursionError):
        command = None
    if not isinstance(command, dict) or not isinstance(command.get("id"), int):
        raise LocalFault(ErrorCode.CONFIG_INVALID, "a line that is no command: a JSON object with a number as its id is expected")
    return command


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the process. Exit status 1 after a fault, which was told as a `fault` event."""
    parser = argparse.ArgumentParser(prog="mesh-testnet wallets")
    parser.add_argument("--network", type=Path, required=True)
    parser.add_argument("--wallets", type=Path, required=True)
    parser.add_argument("--only", action="append", metavar="NAME", help="open this wallet, and none that is not named (default: all)")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    # aioquic tells each packet of a handshake at INFO; the handshake that matters is logged by mesh_core.network.
    logging.getLogger("quic").setLevel(logging.WARNING)
    occupy_standard_descriptors()
    end_with_standard_input(STOP_DEADLINE_S)
    output = LineWriter()

    async def run() -> None:
        prepare()
        await WalletProcess(options.network, options.wallets, output, only=options.only).run()

    try:
        asyncio.run(run())
    except LocalFault as fault:
        output.write(WalletFault(time.monotonic_ns(), None, None, f"{fault.code:04x}", fault.text))
        return 1
    except KeyboardInterrupt:
        return 0
    finally:
        output.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
