"""The workstation as a whole: a home, four validators, the wallets' process, and the screen that shows them."""

import asyncio
import contextlib
import logging
import signal
from collections.abc import AsyncIterator
from pathlib import Path

from mesh_app.app import MeshApp
from mesh_app.services.workbench import LocalWorkbench
from mesh_core.errors import MeshError
from testnet.layout import NetworkFolder

LOG_NAME = "mesh-app.log"
_STOP_SIGNALS = (signal.SIGTERM, signal.SIGHUP)


def run_workstation(home: Path) -> int:
    """Open the home, show the screen, and stop every process when it is quit; returns the exit status. LocalFault if the home cannot be opened.

    Whatever happens to a validator or a wallet is shown on the screen and does not end it.
    """
    folder = NetworkFolder(home)
    workbench = LocalWorkbench(folder, auto_restart=True)
    workbench.open()
    logging.basicConfig(filename=home / LOG_NAME, level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    return asyncio.run(_run(workbench))


async def _run(workbench: LocalWorkbench) -> int:
    app = MeshApp(workbench)
    async with workbench, _stopped_by_signals(app):
        starting = asyncio.get_running_loop().create_task(_start(workbench))
        try:
            await app.run_async()
        finally:
            starting.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await starting
    return app.return_code or 0


async def _start(workbench: LocalWorkbench) -> None:
    """Start everything behind the screen; what cannot be started is told on it."""
    try:
        await workbench.start()
    except MeshError as error:
        workbench.tell_fault(error)


@contextlib.asynccontextmanager
async def _stopped_by_signals(app: MeshApp) -> AsyncIterator[None]:
    """A closed terminal or a polite kill ends the screen in good order, so that the validators are stopped, too."""
    loop = asyncio.get_running_loop()
    for number in _STOP_SIGNALS:
        loop.add_signal_handler(number, app.exit)
    try:
        yield
    finally:
        for number in _STOP_SIGNALS:
            loop.remove_signal_handler(number)
