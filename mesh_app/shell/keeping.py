"""What is found again in the next run: the screen, the theme, and how panes were set."""

import asyncio

from mesh_app.model import remark
from mesh_app.ports import Workbench
from mesh_app.screens.mesh_screen import MeshScreen
from mesh_app.settings.kept import Kept
from mesh_app.settings.settings import THEMES
from mesh_app.setup import Setup
from mesh_app.shell.taking_away import TakingAway


class Keeping(TakingAway):
    """Restores panes when their screen is first shown, and writes what changed once a second."""

    def __init__(self, workbench: Workbench, setup: Setup) -> None:
        super().__init__(workbench, setup)
        self._restored: set[str] = set()
        self._kept = setup.kept
        self._kept_panes = setup.kept.panes

    def restore_panes(self, screen: MeshScreen) -> None:
        """A screen that is shown for the first time in this run gets its panes as they were."""
        if screen.NAME not in self._restored:
            self._restored.add(screen.NAME)
            screen.restore(self.setup.kept.panes.get(screen.NAME, {}))

    def _collect_kept(self) -> Kept:
        panes = dict(self._kept_panes)
        for screen in self.screen_stack:
            if isinstance(screen, MeshScreen) and screen.NAME in self._restored:
                panes[screen.NAME] = screen.keep()
        self._kept_panes = {name: kept for name, kept in panes.items() if kept}
        return Kept(screen=self.current_mode, theme=self.theme if self.theme in THEMES else None, panes=self._kept_panes)

    def keep_panes(self) -> None:
        """Written when something changed, and away from the screen's loop; a run that is killed has lost a second."""
        kept = self._collect_kept()
        if kept != self._kept:
            self._kept = kept
            self.run_worker(self._write_kept(kept), group="keeping", exit_on_error=False)

    async def _write_kept(self, kept: Kept) -> None:
        problem = await asyncio.to_thread(self.setup.keep, kept)
        if problem:
            remark(self.state, problem)
