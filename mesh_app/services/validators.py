"""Orders for the validators' processes, given to the supervisor. What comes of them arrives as `validator_state` events, a failure as a `fault`."""

from collections.abc import Coroutine, Mapping
from typing import Any

from mesh_app.orders.order import Order
from mesh_app.orders.validators import (
    CutLine,
    HealAllLines,
    HealLine,
    KillValidator,
    LiftQuarantine,
    LineOrder,
    LoseOnLine,
    MarkLog,
    PauseValidator,
    RestartAll,
    RestartValidator,
    ResumeValidator,
    SlowLine,
    StartValidator,
    StopValidator,
    WatchValidators,
    WipeValidator,
)
from mesh_app.ports import Event
from mesh_app.services.context import Handler, Revealer, WorkContext
from testnet.conditions import GOOD, Conditions
from testnet.lines import Line
from testnet.log_marks import user_mark, write_mark
from testnet.operating import Operating
from testnet.routed_service import RoutedWallets

PROGRAM = "mesh-app"
PERCENT = 100


class ValidatorDesk:
    """The validators of this home: processes, lines, logs, reports, and the socket for other programs' orders."""

    def __init__(self, context: WorkContext, wallets: RoutedWallets) -> None:
        """`wallets` are all whose lines can be cut."""
        self._context = context
        self._supervisor = context.supervisor
        self._operating = Operating(context.folder, context.supervisor, wallets, context.publish, program=PROGRAM)

    def handlers(self) -> Mapping[type[Order], Handler]:
        """Which orders it takes."""
        return {
            StartValidator: self._start,
            StopValidator: self._stop,
            KillValidator: self._kill,
            RestartValidator: self._restart,
            PauseValidator: self._pause,
            ResumeValidator: self._resume,
            WipeValidator: self._wipe,
            LiftQuarantine: self._lift,
            RestartAll: self._restart_all,
            CutLine: self._cut,
            SlowLine: self._slow,
            LoseOnLine: self._lose,
            HealLine: self._heal,
            HealAllLines: self._heal_all,
            WatchValidators: self._watch,
            MarkLog: self._mark,
        }

    def revealers(self) -> Mapping[type[Order], Revealer]:
        """No secrets."""
        return {}

    async def open(self) -> None:
        """Follow the logs, and take orders from other programs."""
        await self._operating.open()

    def take(self, event: Event) -> None:
        """Every event of the workbench: whoever follows from outside is told it."""
        self._operating.take(event)

    async def close(self) -> None:
        """End what runs beside the validators, which the workbench stops."""
        await self._operating.close()

    async def end_logs(self) -> None:
        """The last words of validators that have stopped."""
        await self._operating.end_logs()

    def _behind(self, work: Coroutine[Any, Any, object]) -> None:
        self._context.in_background(work)

    async def _start(self, order: StartValidator) -> None:
        self._behind(self._supervisor.start(order.index))

    async def _stop(self, order: StopValidator) -> None:
        self._behind(self._supervisor.stop(order.index))

    async def _kill(self, order: KillValidator) -> None:
        self._behind(self._supervisor.kill(order.index))

    async def _restart(self, order: RestartValidator) -> None:
        self._behind(self._supervisor.restart(order.index))

    async def _pause(self, order: PauseValidator) -> None:
        await self._supervisor.pause(order.index)

    async def _resume(self, order: ResumeValidator) -> None:
        await self._supervisor.resume(order.index)

    async def _wipe(self, order: WipeValidator) -> None:
        await self._supervisor.wipe(order.index)

    async def _lift(self, order: LiftQuarantine) -> None:
        self._behind(self._supervisor.lift(order.index, order.sentence))

    async def _restart_all(self, _: RestartAll) -> None:
        self._behind(self._supervisor.restart_all())

    async def _cut(self, order: CutLine) -> None:
        self._set(order, Conditions(is_cut=True))

    async def _slow(self, order: SlowLine) -> None:
        self._set(order, Conditions(delay_ms=order.delay_ms))

    async def _lose(self, order: LoseOnLine) -> None:
        self._set(order, Conditions(loss=order.percent / PERCENT))

    async def _heal(self, order: HealLine) -> None:
        self._set(order, GOOD)

    async def _heal_all(self, _: HealAllLines) -> None:
        self._behind(self._operating.links.heal_all())

    async def _watch(self, order: WatchValidators) -> None:
        self._operating.reports.watch(PROGRAM, order.is_watched)

    async def _mark(self, order: MarkLog) -> None:
        write_mark(self._context.folder.validator(order.index).log, user_mark())

    def _set(self, order: LineOrder, conditions: Conditions) -> None:
        self._behind(self._operating.links.set(Line.between(order.one, order.other), conditions))
