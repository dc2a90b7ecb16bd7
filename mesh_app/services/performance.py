"""Orders for traffic and measurements, given to a process of their own (`testnet/traffic`). What it measures arrives as traffic_* and measure_* events.

The process is started when it is first needed, and ends when nothing was asked of it for a minute.
"""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from mesh_app.exports import write_export
from mesh_app.orders.order import Order
from mesh_app.orders.performance import ExportMeasurement, StartMeasurement, StartTraffic, StopMeasurement, StopTraffic
from mesh_app.ports import Event
from mesh_app.services.context import Handler, Revealer, WorkContext
from mesh_core.errors import ErrorCode, LocalFault
from mesh_core.network.plain_file import read_plain_file
from testnet.command_service import CommandService
from testnet.loop_lag import LoopLag
from testnet.routed_service import Address, RoutedService
from testnet.traffic.records import FILE_LIMIT_BYTES, FOLDER_NAME, as_table, latest_summaries, read_record

MODULE: Final = "testnet.traffic.process"
RECORDS_MOST: Final = 20
IDLE_S: Final = 60.0
TELL_LAG_S: Final = 1.0
LAG_SECONDS: Final = 10.0
IDLE_PERIOD_S: Final = 0.05
"""While nothing is measured the probe wakes the screen's process rarely: idle means idle."""
BUSY_PERIOD_S: Final = 0.01


class PerformanceDesk:
    """Traffic, measurements, and the lateness of the screen's own loop."""

    def __init__(self, context: WorkContext) -> None:
        self._context = context
        home = context.folder.home
        self._measurements = home / FOLDER_NAME
        self._process = CommandService(
            MODULE,
            lambda: ["--home", str(home)],
            home / "traffic.log",
            self._on_event,
            name="the traffic process",
            what_follows="payments that it had signed go on at its next start",
        )
        self._routed = RoutedService(self._process)
        self._is_running = False
        self._ending: asyncio.TimerHandle | None = None
        self._lag: LoopLag | None = None

    def handlers(self) -> Mapping[type[Order], Handler]:
        """Which orders it takes."""
        return {
            StartTraffic: self.start_traffic,
            StartMeasurement: self.start_measurement,
            StopTraffic: self.stop_run,
            StopMeasurement: self.stop_run,
            ExportMeasurement: self.export,
        }

    def revealers(self) -> Mapping[type[Order], Revealer]:
        """No secrets."""
        return {}

    async def route(self, validator: int, address: Address | None) -> None:
        """Reach a validator at another address (a relay) from now on; None: directly again. LocalFault."""
        await self._routed.route(validator, address)

    def begin(self) -> None:
        """Read earlier measurements, and watch the loop that this runs in: the screen's."""
        self._context.in_background(self._read_records())
        self._context.in_background(self._watch_loop())

    async def close(self) -> None:
        """Ends its process."""
        if self._ending is not None:
            self._ending.cancel()
        await self._process.stop()

    # --- Orders

    async def start_traffic(self, order: StartTraffic) -> None:
        """Begin. LocalFault: another run goes on, or what is wrong with the order."""
        plan = {name: value for name, value in asdict(order).items() if name != "to_name"}
        await self._command({"command": "traffic", **plan})

    async def start_measurement(self, order: StartMeasurement) -> None:
        """Begin. LocalFault: another run goes on, or what is wrong with the order."""
        await self._command({"command": "measure", **asdict(order)})

    async def stop_run(self, order: Order) -> None:
        """End what runs. LocalFault if the process does not run."""
        await self._process.command({"command": "stop"})

    async def export(self, order: ExportMeasurement) -> None:
        """Write a record's files into HOME/exports. LocalFault (STORE_UNAVAILABLE)."""
        path = Path(order.file)
        record = await asyncio.to_thread(read_record, path) if path.parent == self._measurements else None
        if record is None:
            raise LocalFault(ErrorCode.STORE_UNAVAILABLE, f"{path} is no measurement any more")
        home, name = self._context.folder.home, path.stem
        try:
            text = (await asyncio.to_thread(read_plain_file, path, FILE_LIMIT_BYTES)).decode()
            as_json = await asyncio.to_thread(write_export, home, name, text, "json")
            as_csv = await asyncio.to_thread(write_export, home, name, as_table(record), "csv")
        except OSError as error:
            raise LocalFault(ErrorCode.STORE_UNAVAILABLE, f"the measurement cannot be written: {error.strerror or error}") from error
        self._publish("measure_exported", json=str(as_json), csv=str(as_csv))

    async def _command(self, command: dict[str, Any]) -> None:
        if self._ending is not None:
            self._ending.cancel()
        if self._process.pid is None:
            self._publish("traffic_process", state="starting")
        try:
            await self._routed.start()
            await self._process.command(command)
        except LocalFault:
            self._publish("traffic_process", state="refused")
            raise

    # --- Events

    def _on_event(self, event: Event) -> None:
        self._context.publish(event)
        match event:
            case {"event": "traffic_started" | "measure_started"}:
                self._set_running(is_running=True)
            case {"event": "traffic_over" | "measure_over"}:
                self._set_running(is_running=False)
                self._ending = asyncio.get_running_loop().call_later(IDLE_S, lambda: self._context.in_background(self._process.stop()))
            case {"event": "fault", "text": str(text)}:
                # The process says so when it cannot go on, and its watcher when it has ended.
                self._set_running(is_running=False)
                self._publish("traffic_process", state="ended", text=text)
            case _:
                pass

    def _set_running(self, *, is_running: bool) -> None:
        self._is_running = is_running
        if self._lag is not None:
            self._lag.period_s = BUSY_PERIOD_S if is_running else IDLE_PERIOD_S

    def _publish(self, event: str, **fields: object) -> None:
        self._context.publish({"event": event, "t_ns": self._context.now_ns(), **fields})

    async def _read_records(self) -> None:
        for summary in await asyncio.to_thread(latest_summaries, self._measurements, RECORDS_MOST):
            self._context.publish({**summary, "event": "measure_record"})

    async def _watch_loop(self) -> None:
        """Tell once a second how late the loop was and what the process took, for as long as the workstation runs."""
        self._lag = LoopLag(period_s=BUSY_PERIOD_S if self._is_running else IDLE_PERIOD_S, seconds=LAG_SECONDS)
        self._lag.start()
        try:
            spent, since = time.process_time(), time.monotonic()
            while True:
                await asyncio.sleep(TELL_LAG_S)
                now_spent, now = time.process_time(), time.monotonic()
                p50, p99, longest = (round(ms, 2) for ms in self._lag.figures())
                self._publish("screen_lag", p50_ms=p50, p99_ms=p99, max_ms=longest, cpu_percent=round((now_spent - spent) / (now - since) * 100, 1))
                spent, since = now_spent, now
        finally:
            self._lag.stop()
