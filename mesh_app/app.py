"""The workstation: composes the screens, brings events into the state ten times a second, and has done what screens ask for. Nothing else."""

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Final

from rich.traceback import Traceback
from textual import on
from textual._context import active_message_pump
from textual.app import App, SystemCommand
from textual.binding import Binding, BindingType
from textual.css.query import NoMatches
from textual.notifications import Notification, SeverityLevel
from textual.screen import Screen
from textual.worker import Worker, WorkerFailed, WorkerState
from typing_extensions import override

from mesh_app.actions import ACTIONS
from mesh_app.exports import free_export, write_export
from mesh_app.messages import CertificateWanted, Ordered, PaymentWanted, SecretWanted, StateWanted
from mesh_app.mishaps import Mishaps, words_of
from mesh_app.model import State, apply, remark
from mesh_app.orders.order import Order
from mesh_app.orders.performance import StartTraffic, StopTraffic
from mesh_app.orders.validators import (
    KillValidator,
    PauseValidator,
    RestartValidator,
    ResumeValidator,
    StartValidator,
    StopValidator,
    ValidatorOrder,
    WipeValidator,
)
from mesh_app.orders.wallets import Pay
from mesh_app.ports import Workbench
from mesh_app.questions import question_before, why_not
from mesh_app.recording.screen import take_frame
from mesh_app.recording.session import SessionRecording
from mesh_app.screens.confirm import Confirm
from mesh_app.screens.help import HelpScreen
from mesh_app.screens.laboratory import LaboratoryScreen
from mesh_app.screens.ledger import LedgerScreen
from mesh_app.screens.live_modal import LiveModal
from mesh_app.screens.mesh_screen import MeshScreen
from mesh_app.screens.network import NetworkScreen
from mesh_app.screens.pay import PayScreen
from mesh_app.screens.performance import PerformanceScreen
from mesh_app.screens.validators import ValidatorsScreen
from mesh_app.screens.wallets import WalletsScreen
from mesh_app.settings.kept import Kept
from mesh_app.settings.settings import THEMES
from mesh_app.setup import Setup
from mesh_app.terminal_driver import TerminalDriver
from mesh_app.widgets.bindings import bindings_of
from mesh_app.widgets.tones import MESH_MONO, MESH_THEMES
from mesh_app.widgets.unbroken import Unbroken
from mesh_core.errors import LocalFault, MeshError
from mesh_core.types.visible_text import visible_text

TICK_SECONDS: Final = 0.1
SLOW_TICK_SECONDS: Final = 0.5
"""For remote links: figures twice a second."""
MAX_ERRORS: Final = 20
MAX_EVENTS_PER_TICK: Final = 2_000
"""More wait for the next tick, so that a flood of events never holds up the keyboard."""
WAYS: Final = frozenset({"show", "pay", "back", "leave", "new_wallet"})
MAX_TOASTS: Final = 2
VALIDATOR_COMMANDS: Final[tuple[type[ValidatorOrder], ...]] = (
    StartValidator,
    StopValidator,
    KillValidator,
    RestartValidator,
    PauseValidator,
    ResumeValidator,
    WipeValidator,
)
"""In the command palette, for each validator."""
TOAST_SECONDS: Final = 4.0
ERROR_TOAST_SECONDS: Final = 8.0
ENDLESS_SECONDS: Final = 1e6
_NANOSECONDS_PER_SECOND: Final = 1_000_000_000

logger = logging.getLogger(__name__)


class MeshApp(Unbroken, App[None]):
    """`await MeshApp(workbench).run_async()`. The workbench runs before and is closed after it, by whoever made it."""

    CSS_PATH = "app.tcss"
    TITLE = "MESH"
    MODES: ClassVar[dict[str, str | Callable[[], Screen[Any]]]] = {
        "network": NetworkScreen,
        "wallets": WalletsScreen,
        "pay": PayScreen,
        "ledger": LedgerScreen,
        "laboratory": LaboratoryScreen,
        "validators": ValidatorsScreen,
        "performance": PerformanceScreen,
        "help": HelpScreen,
    }
    DEFAULT_MODE = "network"
    BINDINGS: ClassVar[list[BindingType]] = [*bindings_of("everywhere")]
    ENABLE_COMMAND_PALETTE = True

    def __init__(self, workbench: Workbench, setup: Setup | None = None) -> None:
        super().__init__(driver_class=TerminalDriver)
        self.setup = setup or Setup()
        self.workbench = workbench
        self.state = State(about=replace(self.setup.about, keys=self.setup.settings.keys))
        self.state.show.is_utc = self.setup.is_driven
        self.errors: deque[str] = deque(maxlen=MAX_ERRORS)
        """Told above the keys until somebody dismisses them."""
        self.mishaps = Mishaps(self.setup.about.log)
        self.last_words = ""
        """Why the workstation could not go on, where it could not; for the terminal that it leaves behind."""
        self.when_up: Callable[[], None] = lambda: None
        """Called once the terminal is the screen's."""
        self._recording: SessionRecording | None = None
        self._toast_ends: list[tuple[int, str]] = []
        self._earlier_screens: list[str] = []
        self._second = -1
        self._restored: set[str] = set()
        self._kept = self.setup.kept
        self._kept_panes = self._kept.panes
        self._is_out_of_date = False
        self._was_up = False
        self._had_validators = False
        for theme in MESH_THEMES:
            self.register_theme(theme)
        self.theme = self.setup.theme
        self.set_keymap(dict(self.setup.settings.keys))
        if self.setup.settings.slow or not self.setup.settings.animations:
            self.animation_level = "none"
        if self.setup.kept.screen in self.MODES:
            self._current_mode = self.setup.kept.screen
            self._screen_stacks = {self._current_mode: []}

    def on_mount(self) -> None:
        """Events are read from now on."""
        for problem in self.setup.problems:
            self.tell_error(problem)
        self._was_up = True
        self.when_up()
        if self.setup.record is not None:
            self._begin_recording(self.setup.record)
        if not self.setup.is_driven:
            self.set_interval(SLOW_TICK_SECONDS if self.setup.settings.slow else TICK_SECONDS, self.tick)
        self.tick()

    # --- Events ---------------------------------------------------------------------------------------------------------------

    def tick(self) -> bool:
        """Brings waiting events into the state and, where something changed, the screen up to date. Whether it did."""
        self._take_picture()
        self.state.now_ns = self.workbench.now_ns()
        changed = self._take_events()
        self._tell_faults()
        second = self.state.now_ns // _NANOSECONDS_PER_SECOND
        waiting = any(True for _ in self.state.payments_in_flight) or any(
            isinstance(screen, MeshScreen) and screen.is_moving for screen in self.screen_stack[-1:]
        )
        if not (self._end_toasts() or changed or waiting or self._is_out_of_date or second != self._second):
            return False
        self._is_out_of_date = False
        is_new_second, self._second = second != self._second, second
        self._tell_dead_network()
        self._show()
        if is_new_second and not self.setup.is_driven:
            self._keep()
        return True

    def _take_events(self) -> bool:
        events = self.workbench.events
        for taken in range(MAX_EVENTS_PER_TICK):
            if events.empty():
                return taken > 0
            apply(self.state, events.get_nowait())
        return True

    def _tell_faults(self) -> None:
        faults, self.state.new_faults = self.state.new_faults, []
        for fault in faults:
            self._report_fault(visible_text(fault.text), of_wallet=fault.wallet is not None)

    def _show(self) -> None:
        for screen in self.screen_stack:
            if isinstance(screen, MeshScreen) and screen.is_mounted:
                # While the application ends, its timers still run, and a screen loses its panes one by one.
                with contextlib.suppress(NoMatches):
                    self._restore(screen)
                    screen.tell_errors(self.errors)
                    screen.show(self.state, self.workbench.mode)
            elif isinstance(screen, LiveModal) and screen.is_mounted:
                with contextlib.suppress(NoMatches):
                    screen.show(self.state)

    def _report_fault(self, text: str, *, of_wallet: bool) -> None:
        if of_wallet and isinstance(self.screen, PayScreen):
            self.screen.refuse(text)
        else:
            self.tell_error(text, entered=True)

    def _tell_dead_network(self) -> None:
        """The last validator has gone: what it said last stays in sight."""
        has_validators = any(validator.is_running for validator in self.state.validators)
        if self._had_validators and not has_validators:
            last = max(self.state.validators, key=lambda validator: validator.since_ns)
            words = last.last_error or last.detail or last.condition[1]
            self.tell_error(f"no validator is left; the last was {last.name}: {words}. Payments wait until {self.state.quorum} are up.")
        self._had_validators = has_validators

    @on(StateWanted)
    def _screen_is_back(self) -> None:
        self.state.now_ns = self.workbench.now_ns()
        self._show()

    # --- What screens ask for ---------------------------------------------------------------------------------------------------

    @on(Ordered)
    def _take(self, request: Ordered) -> None:
        order = request.order
        problem = why_not(self.state, order)
        if problem is not None:
            self.toast(problem)
            return
        question = question_before(self.state, order)
        if question is None:
            self._give(order)
        else:
            self.push_screen(Confirm(question.text, yes=question.yes, typed=question.typed), lambda yes: self._give(order) if yes else None)

    def _give(self, order: Order) -> None:
        if isinstance(order, Pay):
            if isinstance(self.screen, PayScreen):
                self.screen.payment_asked()
            self._order(self._pay(order), order.describe())
            return
        command = order.command_line()
        if order.is_told:
            remark(self.state, f"you: {order.describe()}{f' · {command}' if command else ''}")
        self._order(self.workbench.do(order), order.describe())

    async def _pay(self, order: Pay) -> None:
        """A payment that is refused says so in the form that it was typed into."""
        try:
            await self.workbench.do(order)
        except MeshError as error:
            self._report_fault(error.text, of_wallet=True)
            remark(self.state, f"{order.describe()} refused: {error}")

    @on(SecretWanted)
    def _reveal(self, request: SecretWanted) -> None:
        async def ask() -> None:
            try:
                request.give(await self.workbench.reveal(request.order))
            except MeshError as error:
                request.refuse(error.text)

        self._order(ask(), request.order.describe())

    @on(PaymentWanted)
    async def _open_payment(self, request: PaymentWanted) -> None:
        await self._start_payment(request.payer, request.recipient)

    @on(CertificateWanted)
    async def _open_certificate(self, request: CertificateWanted) -> None:
        await self.action_show("ledger")
        if isinstance(self.screen, LedgerScreen):
            self.screen.open_certificate(request.cert_id)

    def _order(self, work: Coroutine[Any, Any, None], name: str) -> None:
        self.run_worker(work, name=name, group="orders", exit_on_error=False)

    @on(Worker.StateChanged)
    def _order_ended(self, event: Worker.StateChanged) -> None:
        """An order that failed says so, and the workstation lives on."""
        if event.worker.group != "orders" or event.state is not WorkerState.ERROR:
            return
        error = event.worker.error
        if isinstance(error, MeshError):
            self.tell_error(f"{event.worker.name}: {error.text}")
        elif isinstance(error, Exception):
            self._handle_exception(error)

    # --- Actions ----------------------------------------------------------------------------------------------------------------

    @override
    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """No way to another screen leads past an open question."""
        return isinstance(self.screen, MeshScreen) if action in WAYS else super().check_action(action, parameters)

    async def action_show(self, name: str) -> None:
        """Another screen. Awaited to the end, so that keys pressed in the meantime go there."""
        if name != self.current_mode:
            scopes = self._scopes_here()
            self._earlier_screens = [*self._earlier_screens[-9:], self.current_mode]
            await self._switch(name)
            if isinstance(self.screen, HelpScreen):
                self.screen.explain(scopes)

    async def _switch(self, name: str) -> None:
        self._collect_kept()
        await self.switch_mode(name)
        self._keep()

    def _scopes_here(self) -> list[str]:
        """Scopes of the actions that keys reach here, the pane in focus first."""
        scopes = [binding.id.partition(".")[0] for _, binding, *_ in self.screen.active_bindings.values() if binding.id is not None]
        return [*dict.fromkeys(scopes)]

    async def action_pay(self) -> None:
        """The payment form, from anywhere; on the wallets screen for the wallet in focus."""
        await self._start_payment(self.screen.payer if isinstance(self.screen, WalletsScreen) else "", "")

    async def _start_payment(self, payer: str, recipient: str) -> None:
        await self.action_show("pay")
        if isinstance(self.screen, PayScreen):
            self.screen.show(self.state, self.workbench.mode)
            self.screen.start_payment(payer, recipient)

    @override
    async def action_back(self) -> None:
        """Undoes one thing: a selection, errors, a zoom, the form that one is in; after that, to the screen before."""
        screen = self.screen
        if screen.selections:
            screen.clear_selection()
        elif self.errors:
            self.action_dismiss_errors()
        elif screen.maximized is not None:
            screen.minimize()
        elif isinstance(screen, PayScreen) and screen.focused is not None and screen.query_one("#payment-form") in screen.focused.ancestors:
            screen.query_one("#payments").focus()
        elif not (isinstance(screen, MeshScreen) and screen.step_back()) and self._earlier_screens:
            await self._switch(self._earlier_screens.pop())

    def action_toggle_traffic(self) -> None:
        """Traffic as the form of the performance screen says where that is in front, else of the usual kind; or no more of it."""
        if isinstance(self.screen, PerformanceScreen):
            self.screen.action_traffic()
        else:
            self.post_message(Ordered(StartTraffic() if self.state.performance.traffic is None else StopTraffic()))

    def action_copy(self) -> None:
        """What the pane in focus offers to copy, through the terminal (OSC 52)."""
        self._copy(self._offered("copy_text"))

    def action_copy_json(self) -> None:
        """What the pane in focus offers as JSON."""
        self._copy(self._offered("copy_json"))

    def _copy(self, offered: tuple[str, str] | None) -> None:
        if offered is None:
            self.toast("nothing to copy here")
            return
        what, text = offered
        self.copy_to_clipboard(text)
        self.toast(f"copied: {what}")

    def action_write_file(self) -> None:
        """What the pane in focus offers for a file, else as JSON, else as text: a file of the home, also where the terminal gives nothing to the clipboard."""
        network = self.state.network
        offers = ((self._offered(method), ending) for method, ending in (("copy_file", "hex"), ("copy_json", "json"), ("copy_text", "txt")))
        offered, ending = next(((offer, ending) for offer, ending in offers if offer is not None), (None, ""))
        if offered is None or network is None or not network.home:
            self.toast("nothing to write here")
            return
        what, text = offered
        try:
            path = write_export(Path(network.home), what, text, ending)
        except OSError as error:
            self.toast(f"{what} cannot be written: {error.strerror or error}", error=True)
            return
        self.toast(f"{what} written: {path}")

    def _offered(self, method: str) -> tuple[str, str] | None:
        """(what, text) of the pane in focus."""
        offer = getattr(self.screen.focused, method, None)
        return offer() if offer is not None else None

    def action_screenshot_file(self) -> None:
        """A picture of the screen in the network's home, which is there and can be written to. None while a secret is on it."""
        if any(isinstance(screen, LiveModal) and screen.HOLDS_SECRET for screen in self.screen_stack):
            self.toast("no picture while a secret is on the screen")
            return
        network = self.state.network
        self.deliver_screenshot(path=network.home if network is not None and network.home else None)

    async def action_new_wallet(self) -> None:
        """The form for a new wallet, from anywhere."""
        await self.action_show("wallets")
        if isinstance(self.screen, WalletsScreen):
            self.screen.show(self.state, self.workbench.mode)
            self.screen.start_new_wallet()

    def action_leave(self) -> None:
        """Quits; asks while validators run."""
        running = sum(1 for validator in self.state.validators if validator.is_running)
        if not running or not self.setup.stops_validators:
            self.exit()
            return
        plural = "" if running == 1 else "s"
        self.push_screen(Confirm(f"Quit? {running} validator{plural} will be stopped.", yes="Quit", no="Stay"), lambda yes: self.exit() if yes else None)

    def action_zoom(self) -> None:
        """The pane in focus over the whole screen; again, and everything is back."""
        screen = self.screen
        if screen.maximized is not None:
            screen.minimize()
        elif screen.focused is None or not screen.maximize(screen.focused):
            self.toast("no pane to zoom here")

    def action_next_theme(self) -> None:
        """Dark, light, without colours."""
        here = THEMES.index(self.theme) if self.theme in THEMES else -1
        self.theme = THEMES[(here + 1) % len(THEMES)]
        self.toast(f"theme: {self.theme}")

    def watch_theme(self, theme: str) -> None:
        """What tells states apart without colours needs other borders."""
        self.set_class(theme == MESH_MONO.name, "-mono")

    def action_stay(self) -> None:
        """Suspended, nobody would see what the validators do, and the terminal would stay as it is."""
        self.toast("ctrl+z does not suspend: the validators would go on unseen. Another terminal is the way, or q.")

    def redraw(self) -> None:
        """Everything anew: the terminal showed something else meanwhile."""
        self.screen.refresh(layout=True)

    @override
    def action_help_quit(self) -> None:
        """Many press ctrl+c to leave; here it copies what is selected."""
        self.toast("ctrl+c copies what the mouse has selected; y copies the pane, q quits")

    def action_dismiss_errors(self) -> None:
        """The errors above the keys were read."""
        self.errors.clear()
        self._is_out_of_date = True
        self._show()

    def tell_error(self, text: str, *, entered: bool = False) -> None:
        """An error: a toast, a line above the keys until it is dismissed, and a line in the event stream where it has not been entered there already."""
        if not entered:
            remark(self.state, text)
        if text not in self.errors:
            self.errors.append(text)
        self._is_out_of_date = True
        self.toast(text, error=True)

    def toast(self, text: str, *, error: bool = False) -> None:
        """A short message in the corner."""
        self.notify(text, severity="error" if error else "information", timeout=ERROR_TOAST_SECONDS if error else TOAST_SECONDS, markup=False)

    @override
    def notify(self, message: str, *, title: str = "", severity: SeverityLevel = "information", timeout: float | None = None, markup: bool = True) -> None:
        """At most two toasts at a time, and never the same twice; whoever asks for them.

        They end by the clock of the events and not by a timer, so that a recording that is played again shows the same ones.
        """
        shown = [*self._notifications]
        if any(notification.message == message for notification in shown):
            return
        for notification in shown[: max(0, len(shown) - MAX_TOASTS + 1)]:
            self._unnotify(notification, refresh=False)
        self._notifications.add(Notification(message, title, severity, ENDLESS_SECONDS, markup=markup))
        self._refresh_notifications()
        seconds = TOAST_SECONDS if timeout is None else timeout
        self._toast_ends = [(end_ns, ending) for end_ns, ending in self._toast_ends if ending != message]
        self._toast_ends.append((self.state.now_ns + int(seconds * _NANOSECONDS_PER_SECOND), message))

    def _end_toasts(self) -> bool:
        over = {message for end_ns, message in self._toast_ends if end_ns <= self.state.now_ns}
        if not over:
            return False
        self._toast_ends = [(end_ns, message) for end_ns, message in self._toast_ends if end_ns > self.state.now_ns]
        for notification in [*self._notifications]:
            if notification.message in over:
                self._unnotify(notification)
        return True

    # --- Recording --------------------------------------------------------------------------------------------------------------

    def action_record(self) -> None:
        """Begins a recording of the screen in the home's exports, or ends the one that runs."""
        if self._recording is not None:
            self._end_recording()
            return
        network = self.state.network
        if network is None or not network.home:
            self.toast("no home to record into")
            return
        try:
            self._begin_recording(free_export(Path(network.home), "recording", "cast"))
        except OSError as error:
            self.tell_error(f"cannot record: {error.strerror or error}")

    def _begin_recording(self, path: Path) -> None:
        try:
            self._recording = SessionRecording(path, self.size, self.workbench.now_ns())
        except LocalFault as fault:
            self.tell_error(fault.text)
            return
        self.state.show.is_recording = self._is_out_of_date = True
        self.toast(f"recording; {self.get_key_display(Binding('ctrl+r', 'record'))} ends it. Secrets are covered.")

    def _take_picture(self) -> None:
        if self._recording is None:
            return
        is_secret = any(isinstance(screen, LiveModal) and screen.HOLDS_SECRET for screen in self.screen_stack)
        try:
            self._recording.take(self.workbench.now_ns(), take_frame(self), is_secret=is_secret)
        except LocalFault as fault:
            self._recording.abandon()
            self._recording = None
            self.state.show.is_recording = False
            self.tell_error(f"the recording ended: {fault.text}")

    def _end_recording(self) -> None:
        recording, self._recording = self._recording, None
        self.state.show.is_recording, self._is_out_of_date = False, True
        if recording is None:
            return
        try:
            recording.end()
        except LocalFault as fault:
            self.tell_error(fault.text)
        else:
            self.toast(f"recorded: {recording.path}")

    def on_unmount(self) -> None:
        """A recording that still runs is whole as it is."""
        self._end_recording()

    # --- What is kept for the next run --------------------------------------------------------------------------------------------

    def _restore(self, screen: MeshScreen) -> None:
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

    def _keep(self) -> None:
        """Written when something changed, and away from the screen's loop; a run that is killed has lost a second."""
        kept = self._collect_kept()
        if kept != self._kept:
            self._kept = kept
            self.run_worker(self._write_kept(kept), group="keeping", exit_on_error=False)

    async def _write_kept(self, kept: Kept) -> None:
        problem = await asyncio.to_thread(self.setup.keep, kept)
        if problem:
            remark(self.state, problem)

    # --- Bugs ---------------------------------------------------------------------------------------------------------------------

    @override
    def _handle_exception(self, error: Exception) -> None:
        """Textual ends an application at the first exception, with pages of traceback. Here it is logged, told in one line, and everything else goes on.

        Where it cannot go on (no screen yet, a screen whose loop has ended, far too many), the application ends in good order with that line.
        """
        if isinstance(error, WorkerFailed) and isinstance(error.error, NoMatches):
            # Textual's palette still looks for its list when it was closed at once: nothing is missing that anybody sees.
            logger.info("a worker outlived its screen: %s", error)
            return
        if self._was_up and not self.is_running:
            logger.info("on the way out: %s", words_of(error))
            return
        line = self.mishaps.take(error)
        if not self.is_running or not self._screen_stacks.get(self._current_mode) or self.mishaps.too_many:
            self._give_up(error)
            return
        if line:
            self.tell_error(line)
        pump = active_message_pump.get(None)
        if isinstance(pump, Screen):
            asyncio.get_running_loop().call_soon(self._look_after, pump, error)

    def look_after_task(self, task: asyncio.Task[Any]) -> None:
        """For tasks that run behind the screen: a bug in one is told as any other. To be called when it has ended."""
        if not task.cancelled() and isinstance(error := task.exception(), Exception):
            self._handle_exception(error)

    def _look_after(self, screen: Screen[Any], error: Exception) -> None:
        """A screen that takes no messages any more would hold the keyboard for ever."""
        if not screen.is_running and screen in self.screen_stack:
            self._give_up(error)

    @override
    def panic(self, *renderables: Any) -> None:
        """Textual's own threads end here, with a traceback to print: it goes into the log."""
        stacks = [stack for renderable in renderables if isinstance(renderable, Traceback) for stack in renderable.trace.stacks]
        text = ", ".join(f"{stack.exc_type}: {stack.exc_value}" for stack in stacks) or " ".join(map(str, renderables))
        logger.error("a thread ended: %s", text)
        self._give_up(RuntimeError(text))

    def _give_up(self, error: Exception) -> None:
        self.last_words = self.last_words or words_of(error)
        self._return_code = 1
        self._close_messages_no_wait()

    @override
    async def run_action(self, action: Any, default_namespace: Any = None, namespaces: Any = None) -> bool:
        try:
            return await super().run_action(action, default_namespace, namespaces)
        except Exception as error:  # noqa: BLE001 - a key that meets a bug does nothing, and says so
            self._handle_exception(error)
            return True

    # --- Command palette --------------------------------------------------------------------------------------------------------

    @override
    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:
        for action in ACTIONS:
            owner = self._owner_of(action.name, screen)
            if action.in_palette and owner is not None:
                yield SystemCommand(action.text, f"key {action.shown_keys[0]}", partial(self.run_action, action.name, owner))
        for validator in self.state.validators:
            for kind in VALIDATOR_COMMANDS:
                order = kind(validator.index)
                yield SystemCommand(f"Validator: {order.describe()}", f"its process: {validator.condition[1]}", partial(self.post_message, Ordered(order)))
        yield SystemCommand("Theme", "Change the colours", self.action_change_theme)

    def _owner_of(self, action: str, screen: Screen[Any]) -> Screen[Any] | App[Any] | None:
        """Who has an action: the screen, else the application. None for an action of another screen."""
        method = f"action_{action.removeprefix('app.').split('(')[0]}"
        return screen if hasattr(screen, method) and not hasattr(self, method) else self if hasattr(self, method) else None
