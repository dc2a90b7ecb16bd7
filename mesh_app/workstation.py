"""The workstation as a whole: a home, four validators, the wallets' process, and the screen that shows them."""

import asyncio
import contextlib
import dataclasses
import gc
import importlib.metadata
import logging
import os
import signal
import sys
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

from mesh_app.app import MeshApp
from mesh_app.exit_status import ExitStatus
from mesh_app.locations import Locations
from mesh_app.services.attached import AttachedWorkbench
from mesh_app.services.workbench import LocalWorkbench
from mesh_app.settings.kept import Kept, keep, read_kept
from mesh_app.settings.settings import Settings, ThemeName
from mesh_app.setup import Setup
from mesh_app.state.about import About
from mesh_app.terminal import give_back_terminal, hold_terminal
from mesh_core.errors import ErrorCode, LocalFault, MeshError
from mesh_core.wallet.secrecy import refuse_core_dumps
from testnet.layout import NetworkFolder

NO_COLOR: Final = "NO_COLOR"
_STOP_SIGNALS: Final = (signal.SIGTERM, signal.SIGHUP)

logger = logging.getLogger(__name__)


def run_workstation(locations: Locations, settings: Settings, *, problems: tuple[str, ...] = (), record: Path | None = None) -> int:
    """Open the home, show the screen, and stop every process when it is quit; returns the exit status. LocalFault if the home cannot be opened.

    Whatever happens to a validator or a wallet is shown on the screen and does not end it. `problems` are told there, too.
    """
    workbench = LocalWorkbench(NetworkFolder(locations.home), auto_restart=True)
    workbench.open()
    return _show(workbench, locations, settings, problems=problems, record=record)


def run_attached(locations: Locations, settings: Settings, network_file: Path | None, *, problems: tuple[str, ...] = ()) -> int:
    """Show a network that somebody else runs, that of the home or the one of a file; returns the exit status. LocalFault (NO_NETWORK) where there is none.

    With a file alone nothing is written but a log, in a folder that is gone afterwards.
    """
    if network_file is None:
        folder = NetworkFolder(locations.home)
        workbench = AttachedWorkbench(folder.network_file, folder, has_home=True)
        workbench.open()
        return _show(workbench, locations, settings, problems=problems)
    with tempfile.TemporaryDirectory(prefix="mesh-attached-") as scratch:
        apart = dataclasses.replace(locations, home=Path(scratch))
        workbench = AttachedWorkbench(network_file.absolute(), NetworkFolder(apart.home), has_home=False)
        workbench.open()
        return _show(workbench, apart, settings, problems=problems)


def _show(
    workbench: LocalWorkbench | AttachedWorkbench, locations: Locations, settings: Settings, *, problems: tuple[str, ...], record: Path | None = None
) -> int:
    """The screen of an open workbench, until the person quits."""
    refuse_core_dumps()
    _open_log(locations.log, settings)
    kept, kept_problem = read_kept(locations.state)
    setup = make_setup(locations, settings, kept, problems=(*problems, *((kept_problem,) if kept_problem else ())))
    app = MeshApp(workbench, dataclasses.replace(setup, stops_validators=isinstance(workbench, LocalWorkbench), record=record))
    try:
        status = asyncio.run(_run(workbench, app, mouse=settings.mouse))
    except Exception as error:
        logger.exception("the workstation ended")
        app.last_words = app.last_words or f"{type(error).__name__}: {error}"
        status = ExitStatus.FAILED
    if app.last_words:
        sys.stderr.write(f"mesh-app: {app.last_words}; details in {locations.log}\n")
        return status or ExitStatus.FAILED
    return status


def make_setup(locations: Locations, settings: Settings, kept: Kept, *, problems: tuple[str, ...] = ()) -> Setup:
    """How the screen begins. Where nobody chose a theme, that of the last run; without colours, the theme that needs none."""
    theme: ThemeName = settings.theme or ("mesh-mono" if os.environ.get(NO_COLOR) else kept.theme or "mesh-dark")
    return Setup(
        theme=theme,
        settings=settings,
        kept=kept,
        keep=lambda found: keep(locations.state, found),
        about=About(
            version=importlib.metadata.version("mesh-protocol"),
            log=str(locations.log),
            locations=locations.rows(),
        ),
        problems=problems,
    )


def _open_log(path: Path, settings: Settings) -> None:
    """Everything that anybody logs, and every warning of Python, goes into the file: one line on the terminal would spoil the screen."""
    try:
        logging.basicConfig(filename=path, level=settings.log_level.upper(), format="%(asctime)s %(levelname)s %(name)s %(message)s", encoding="utf-8")
    except OSError as error:
        raise LocalFault(ErrorCode.STORE_UNAVAILABLE, f"cannot write {path}: {error.strerror or error}") from error
    logging.captureWarnings(True)


async def _run(workbench: LocalWorkbench | AttachedWorkbench, app: MeshApp, *, mouse: bool) -> int:
    async with workbench, _stopped_by_signals(app):
        if isinstance(workbench, LocalWorkbench):
            workbench.watch_screen()
        starting = asyncio.get_running_loop().create_task(_start(workbench))
        starting.add_done_callback(app.look_after_task)
        try:
            await app.run_async(mouse=mouse)
        finally:
            starting.cancel()
            await asyncio.gather(starting, return_exceptions=True)
    return app.return_code or 0


async def _start(workbench: LocalWorkbench | AttachedWorkbench) -> None:
    """Start everything behind the screen; what cannot be started is told on it, and keeps nothing else from starting."""
    try:
        await workbench.start()
    except MeshError as error:
        workbench.tell_fault(error)
        if isinstance(workbench, LocalWorkbench) and error.code is not ErrorCode.VALIDATOR_START:
            await _start_validators(workbench)
    _keep_what_is_made()


async def _start_validators(workbench: LocalWorkbench) -> None:
    """Where the wallets could not be started, validators are there all the same, to be looked at."""
    try:
        await workbench.supervisor.start_all()
    except MeshError as error:
        workbench.tell_fault(error)


def _keep_what_is_made() -> None:
    """Modules, styles and screens stay to the end. Left to the collector, each of its full rounds looks through them all, 40 ms in which no key is answered."""
    gc.collect()
    gc.freeze()


@contextlib.asynccontextmanager
async def _stopped_by_signals(app: MeshApp) -> AsyncIterator[None]:
    """A closed terminal or a polite kill ends the screen in good order, so that the validators are stopped, too."""
    loop = asyncio.get_running_loop()
    for number in _STOP_SIGNALS:
        loop.add_signal_handler(number, app.exit)
    app.when_up = lambda: hold_terminal(stay=app.action_stay, redraw=app.redraw)
    try:
        yield
    finally:
        give_back_terminal()
        for number in _STOP_SIGNALS:
            loop.remove_signal_handler(number)
