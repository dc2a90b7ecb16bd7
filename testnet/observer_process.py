"""The observer's own process (testnet/observer): reads and checks the validators' logs away from the screen, with the network file and no keys."""

import argparse
import asyncio
import os
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from mesh_core.crypto.startup import prepare
from mesh_core.validator.output import LineWriter
from mesh_core.wallet.network import load_network
from testnet.command_process import CommandProcess, run_process
from testnet.observer.client import ObserverClient
from testnet.observer.observer import Observer
from testnet.observer.picture import Picture

NICENESS = 5
"""Reading a long log is work for idle moments: validators and wallets on this machine go first."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the process. Exit status 1 after a fault, which was told as a `fault` event."""
    parser = argparse.ArgumentParser(prog="mesh-testnet observer")
    parser.add_argument("--network", type=Path, required=True)
    parser.add_argument("--picture", action="store_true", help="tell also what a supervisor would, as far as it can be seen from outside")
    options = parser.parse_args(arguments)

    async def work(output: LineWriter) -> None:
        prepare()
        os.nice(NICENESS)
        network = load_network(options.network)
        picture = Picture(network.genesis, output.write) if options.picture else None
        connect = partial(ObserverClient, network, on_event=None if picture is None else picture.on_event)
        observer = Observer(network.genesis, connect, output.write, on_sight=None if picture is None else picture.on_sight)
        process = CommandProcess(output, observer.perform)
        observer.start()
        async with asyncio.TaskGroup() as tasks:
            telling = None
            if picture is not None:
                picture.view = lambda: observer.view
                telling = tasks.create_task(picture.run())
            try:
                await process.run()
            finally:
                if telling is not None:
                    telling.cancel()
                await observer.close()

    return run_process(work)


if __name__ == "__main__":
    sys.exit(main())
