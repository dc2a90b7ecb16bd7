"""The traffic's own process: wallets of its own, payments, and the clocks that time them.

Not the wallets' process, for three reasons. A measured payment must not share an interpreter with other work, nor must the person's own payments wait behind
traffic. Traffic tells a summary a few times a second, where the wallets' process tells some thirty lines of each payment. And traffic wallets would otherwise
be opened, connected and brought up to date at every start of the workstation.

    {"id": 1, "command": "traffic", "rate": 20, "arrivals": "poisson", "amount_least": 1, "amount_most": 100, "wallets": 8,
     "duration_s": null, "seed": 1, "to": ""}
    {"id": 2, "command": "measure", "payments": 100, "at_once": 1, "wallets": 2, "warm_up": 5, "amount": 1}
    {"id": 3, "command": "stop"}
    {"id": 4, "command": "route", "validator": 2, "host": "127.0.0.1", "port": 40001}      nulls: directly again

A command is answered when it is taken. Events: `traffic_started`, `traffic_progress` (four a second), `traffic_over`, and the same of `measure`.
"""

import argparse
import asyncio
import logging
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from mesh_core.crypto.startup import prepare
from mesh_core.errors import ErrorCode, LocalFault
from mesh_core.validator.output import LineWriter
from mesh_core.wallet import events
from mesh_core.wallet.home import WalletHome
from mesh_core.wallet.network import load_network
from mesh_core.wallet.secrecy import refuse_core_dumps
from testnet.command_process import Command, CommandProcess, run_process, unknown_command
from testnet.layout import NetworkFolder
from testnet.traffic.machine import describe_machine
from testnet.traffic.measured_run import MeasuredRun
from testnet.traffic.plan import Arrivals, MeasurePlan, TrafficPlan, check_measure, check_traffic
from testnet.traffic.purses import Purses
from testnet.traffic.records import FOLDER_NAME
from testnet.traffic.run import Run, internal_error
from testnet.traffic.samples import SampleBook
from testnet.traffic.traffic_run import TrafficRun

logger = logging.getLogger(__name__)

WALLETS_NAME = "traffic"


class TrafficProcess:
    """One home's traffic: at most one run at a time, since two would spoil each other's times."""

    def __init__(self, folder: NetworkFolder, output: LineWriter) -> None:
        """LocalFault if the network's files are wrong."""
        network = load_network(folder.network_file)
        self._measurements = folder.home / FOLDER_NAME
        self._output = output
        self._process = CommandProcess(output, self._perform)
        self._home = WalletHome(folder.home / WALLETS_NAME, network, self._take, self._process.fail)
        self._links = [False] * len(network.validators)
        self._facts = describe_machine(network)
        self._running: Run | None = None
        self._task: asyncio.Task[None] | None = None
        self.purses = Purses(self._home, folder.faucet_socket)
        self.book = SampleBook(network.genesis.committee.quorum_threshold)
        self.fee = network.genesis.doc.fee_of_send(1)

    async def run(self) -> None:
        """Open the wallets and carry out commands until standard input ends. LocalFault if a wallet cannot be opened or its disk fails."""
        try:
            self._home.start()
            await self._process.run()
        finally:
            if self._task is not None:
                self._task.cancel()
                await asyncio.gather(self._task, return_exceptions=True)
            if self._running is not None:
                await self._running.close()
            await self.purses.close()
            await self._home.close()

    # --- run.Surroundings

    def links_up(self) -> list[bool]:
        """Which validators are reached now."""
        return [*self._links]

    def facts(self) -> dict[str, Any]:
        """The machine."""
        return self._facts

    def tell(self, event: dict[str, Any]) -> None:
        """Pass on an event."""
        self._output.write(event)

    def _take(self, event: events.WalletEvent) -> None:
        """What wallets tell stays here, and becomes samples."""
        self.book.take(event)
        match event:
            case events.WalletChanged():
                self.purses.note_change()
            case events.LinkChanged(validator=index, up=up):
                self._links[index] = up
            case _:
                pass

    # --- Commands

    async def _perform(self, command: Command) -> dict[str, Any]:
        fields = {name: value for name, value in command.items() if name not in ("id", "command")}
        match command.get("command"):
            case "traffic":
                plan = _read_traffic(fields)
                check_traffic(plan)
                self._start(lambda: TrafficRun(self, plan))
            case "measure":
                measure = _read_measure(fields)
                check_measure(measure)
                self._start(lambda: MeasuredRun(self, measure, self._measurements))
            case "route":
                self._home.route(*_read_route(fields, len(self._links)))
            case "stop" if not fields:
                if self._running is not None:
                    self._running.stop()
            case _:
                raise unknown_command()
        return {}

    def _start(self, make: Callable[[], Run]) -> None:
        if self._running is not None:
            what = "traffic" if self._running.NAME == "traffic" else "a measurement"
            raise LocalFault(ErrorCode.BUSY, f"{what} runs already: stop it first, since one would spoil the times of the other")
        self._running = make()
        self._task = asyncio.get_running_loop().create_task(self._carry_out(self._running))

    async def _carry_out(self, run: Run) -> None:
        try:
            await run.run()
        except Exception as error:
            # A bug of ours. The screen must not show for ever that something runs.
            logger.exception("a run failed")
            run.tell_broken(internal_error(error))
        finally:
            self._running = None


def _read_traffic(fields: dict[str, Any]) -> TrafficPlan:
    """LocalFault (CONFIG_INVALID): nothing is guessed."""
    match fields:
        case {
            "rate": int() | float() as rate,
            "arrivals": "poisson" | "steady" as arrivals,
            "amount_least": int(least),
            "amount_most": int(most),
            "wallets": int(wallets),
            "duration_s": None | int() | float() as duration_s,
            "seed": int(seed),
            "to": str(to),
        } if len(fields) == 8 and not any(isinstance(value, bool) for value in fields.values()):
            return TrafficPlan(float(rate), Arrivals(arrivals), least, most, wallets, None if duration_s is None else float(duration_s), seed, to)
        case _:
            raise unknown_command()


def _read_route(fields: dict[str, Any], validators_count: int) -> tuple[int, tuple[str, int] | None]:
    """A validator, and the address of a relay, or None. LocalFault (CONFIG_INVALID): nothing is guessed."""
    match fields:
        case {"validator": int(validator), "host": host, "port": port} if (
            len(fields) == 3 and not isinstance(validator, bool) and 0 <= validator < validators_count and (host is None) == (port is None)
        ):
            if host is None:
                return validator, None
            if isinstance(host, str) and isinstance(port, int):
                return validator, (host, port)
    raise unknown_command()


def _read_measure(fields: dict[str, Any]) -> MeasurePlan:
    """LocalFault (CONFIG_INVALID): nothing is guessed."""
    match fields:
        case {"payments": int(payments), "at_once": int(at_once), "wallets": int(wallets), "warm_up": int(warm_up), "amount": int(amount)} if len(
            fields
        ) == 5 and not any(isinstance(value, bool) for value in fields.values()):
            return MeasurePlan(payments, at_once, wallets, warm_up, amount)
        case _:
            raise unknown_command()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the process. Exit status 1 after a fault, which was told as a `fault` event."""
    parser = argparse.ArgumentParser(prog="mesh-testnet traffic")
    parser.add_argument("--home", type=Path, required=True)
    options = parser.parse_args(arguments)
    refuse_core_dumps()

    async def work(output: LineWriter) -> None:
        prepare()
        await TrafficProcess(NetworkFolder(options.home), output).run()

    return run_process(work)


if __name__ == "__main__":
    sys.exit(main())
