"""The workstation: composes the screens, brings events into the state ten times a second, and has done what screens ask for. Nothing else."""

import contextlib
from collections.abc import Callable, Coroutine, Iterable
from functools import partial
from typing import Any, ClassVar, Final

from textual import on
from textual.app import App, SystemCommand
from textual.binding import BindingType
from textual.css.query import NoMatches
from textual.screen import Screen
from textual.worker import Worker, WorkerState
from typing_extensions import override

from mesh_app.actions import ACTIONS
from mesh_app.messages import CertificateWanted, Ordered, PaymentWanted, SecretWanted, StateWanted
from mesh_app.model import apply, remark
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
from mesh_app.screens.confirm import Confirm
from mesh_app.screens.help import HelpScreen
from mesh_app.screens.laboratory import LaboratoryScreen
from mesh_app.screens.ledger import LedgerScreen
from mesh_app.screens.live_modal import LiveModal
from mesh_app.screens.mesh_screen import MeshScreen
from mesh_app.screens.network import NetworkScreen
from mesh_app.screens.palette import BoundedPalette
from mesh_app.screens.pay import PayScreen
from mesh_app.screens.performance import PerformanceScreen
from mesh_app.screens.validators import ValidatorsScreen
from mesh_app.screens.wallets import WalletsScreen
from mesh_app.settings.settings import THEMES
from mesh_app.setup import Setup
from mesh_app.shell.keeping import Keeping
from mesh_app.shell.stylesheet import SteadyStylesheet
from mesh_app.widgets.bindings import bindings_of
from mesh_app.widgets.tones import MESH_MONO, MESH_THEMES
from mesh_core.errors import MeshError
from mesh_core.types.visible_text import visible_text

TICK_SECONDS: Final = 0.1
SLOW_TICK_SECONDS: Final = 0.5
"""For remote links: figures twice a second."""
MAX_EVENTS_PER_TICK: Final = 2_000
"""More wait for the next tick, so that a flood of events never holds up the keyboard."""
WAYS: Final = frozenset({"show", "pay", "back", "leave", "new_wallet"})
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
_NANOSECONDS_PER_SECOND: Final = 1_000_000_000


class MeshApp(Keeping):
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
        super().__init__(workbench, setup or Setup())
        self.stylesheet = SteadyStylesheet(variables=self.get_css_variables())
        self.when_up: Callable[[], None] = lambda: None
        """Called once the terminal is the screen's."""
        self._earlier_screens: list[str] = []
        self._second = -1
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
        self.was_up = True
        self.when_up()
        if self.setup.record is not None:
            self.begin_recording(self.setup.record)
        if not self.setup.is_driven:
            self.set_interval(SLOW_TICK_SECONDS if self.setup.settings.slow else TICK_SECONDS, self.tick)
        self.tick()

    # --- Events ---------------------------------------------------------------------------------------------------------------

    def tick(self) -> bool:
        """Brings waiting events into the state and, where something changed, the screen up to date. Whether it did."""
        self.take_picture()
        self.state.now_ns = self.workbench.now_ns()
        changed = self._take_events()
        self._tell_faults()
        second = self.state.now_ns // _NANOSECONDS_PER_SECOND
        waiting = any(True for _ in self.state.payments_in_flight) or any(
            isinstance(screen, MeshScreen) and screen.is_moving for screen in self.screen_stack[-1:]
        )
        if not (self.end_toasts() or changed or waiting or self.is_out_of_date or second != self._second):
            return False
        self.is_out_of_date = False
        is_new_second, self._second = second != self._second, second
        self._tell_dead_network()
        self._show()
        if is_new_second and not self.setup.is_driven:
            self.keep_panes()
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
                    self.restore_panes(screen)
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
        self.keep_panes()

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

    @override
    def action_command_palette(self) -> None:
        if not isinstance(self.screen, BoundedPalette):
            self.push_screen(BoundedPalette(id="--command-palette"))

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
        self.is_out_of_date = True
        self._show()

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
