"""`mesh-app attach --json`: a network that somebody else runs, as JSON lines on standard output, for scripts and recordings."""

import asyncio
import json
import os
import signal
import sys
import tempfile
from pathlib import Path

from mesh_app.exit_status import ExitStatus
from mesh_app.services.attached import AttachedWorkbench
from testnet.layout import NetworkFolder


def tell_events(home: Path, network_file: Path | None) -> int:
    """Print every event until SIGINT, SIGTERM, or until nobody reads; returns the exit status. LocalFault (NO_NETWORK)."""
    with tempfile.TemporaryDirectory(prefix="mesh-attached-") as scratch:
        if network_file is None:
            folder = NetworkFolder(home)
            workbench = AttachedWorkbench(folder.network_file, folder, has_home=True)
        else:
            workbench = AttachedWorkbench(network_file.absolute(), NetworkFolder(Path(scratch)), has_home=False)
        workbench.open()
        try:
            asyncio.run(_tell(workbench))
        except BrokenPipeError:
            # Whoever read has gone. Python flushes once more at the end and would complain.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return ExitStatus.GOOD


async def _tell(workbench: AttachedWorkbench) -> None:
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with workbench:
        await workbench.start()
        stopping = loop.create_task(stop.wait())
        try:
            while not stop.is_set():
                reading = loop.create_task(workbench.events.get())
                await asyncio.wait([reading, stopping], return_when=asyncio.FIRST_COMPLETED)
                if not reading.done():
                    reading.cancel()
                    break
                sys.stdout.write(json.dumps(reading.result(), separators=(",", ":")) + "\n")
                sys.stdout.flush()
        finally:
            stopping.cancel()
