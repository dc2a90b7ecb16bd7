"""The outside of the laboratory: its process, the payment to the attacking account, and the validator that runs with a fault for a while."""

import asyncio
import signal
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any

from mesh_core.errors import ErrorCode, LocalFault, MeshError
from mesh_core.types.json_form import json_form
from testnet.attacks.catalogue import ATTACKS, BY_ID, Attack
from testnet.attacks.events import AttackCatalogue, AttackEvent, AttackFailed, AttackStep
from testnet.attacks.modules import DOUBLE_VOTER, LABORATORY
from testnet.child import Event
from testnet.command_service import CommandService
from testnet.layout import NetworkFolder
from testnet.supervisor import Supervisor

IDLE_S = 60.0
"""The process ends when nothing was asked of it for so long: idle means idle."""

Pay = Callable[[str, int], Awaitable[object]]
"""`pay(address, amount)` returns when the payment is final. MeshError."""
BystanderForm = dict[str, str]
"""`name` and `owner` (the account's key in hexadecimal digits) of an account that has nothing to do with an attack."""


class LaboratoryService:
    """One home's laboratory. Its process is started when it is first needed, and again after it has ended."""

    def __init__(self, folder: NetworkFolder, validators_count: int, supervisor: Supervisor, pay: Pay, publish: Callable[[Event], None]) -> None:
        """`pay` pays an attacking account, out of some wallet of this home."""
        self._validators_count = validators_count
        self._supervisor = supervisor
        self._pay = pay
        self._publish = publish
        self._service = CommandService(
            LABORATORY,
            lambda: ["--home", str(folder.home)],
            folder.home / "laboratory.log",
            publish,
            name="the laboratory's process",
            what_follows="the attack that was under way is over; the next one starts it again",
        )
        self._running = ""
        self._asked_count = 0
        self._ending: asyncio.TimerHandle | None = None
        self._stopping: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int | None:
        """Process id while the process runs."""
        return self._service.pid

    def tell_catalogue(self) -> None:
        """Say which attacks there are."""
        self._tell(AttackCatalogue(time.monotonic_ns(), tuple(attack.describe() for attack in ATTACKS)))

    def launch(self, attack_id: str, bystanders: Sequence[BystanderForm] = ()) -> Coroutine[Any, Any, Event]:
        """Take an attack at once; what is returned makes it, and must be awaited. LocalFault (LABORATORY): another one is under way, or there is no such.

        It gives `outcome` and `as_specified`, or raises LocalFault where the attack cannot be made, which was told as an event, too.
        """
        if self._running:
            raise LocalFault(ErrorCode.LABORATORY, f"“{self._running}” is under way: one attack at a time")
        attack = BY_ID.get(attack_id)
        if attack is None:
            raise LocalFault(ErrorCode.LABORATORY, f"there is no attack '{attack_id[:40]}'")
        self._running = attack.name
        return self._attack(attack, bystanders)

    async def _attack(self, attack: Attack, bystanders: Sequence[BystanderForm]) -> Event:
        """From its account to its end."""
        try:
            await self._begin()
            prepared = await self._service.command({"command": "prepare", "attack": attack.id})
            number = int(prepared["run"])
            try:
                self._tell(AttackStep(time.monotonic_ns(), number, attack.id, f"{prepared['account']} is paid {prepared['amount']:,} units"))
                await self._pay(str(prepared["address"]), int(prepared["amount"]))
                liar = self._validators_count - 1 if attack.needs_liar else None
                await self._run(number, attack.id, {"command": "run", "bystanders": list(bystanders), "liar": liar}, liar)
                return await self._service.command({"command": "conclude"})
            except MeshError as error:
                await self._give_up(number, attack.id, error)
                raise
        finally:
            self._running = ""
            self._end()

    async def check(self, digits: str) -> bool:
        """Have a proof verified; the checks are told as an event. LocalFault."""
        try:
            await self._begin()
            return bool((await self._service.command({"command": "check", "proof": digits}))["holds"])
        finally:
            self._end()

    async def stop(self) -> None:
        """End the process."""
        if self._ending is not None:
            self._ending.cancel()
        await self._service.stop()

    async def kill(self, number: signal.Signals) -> None:
        """End the process by a signal."""
        await self._service.kill(number)

    async def _begin(self) -> None:
        """The process runs, and does not end while something is asked of it."""
        self._asked_count += 1
        if self._ending is not None:
            self._ending.cancel()
        if self._stopping is not None:
            await self._stopping
        await self._service.start()

    def _end(self) -> None:
        """Nothing more is asked for now."""
        self._asked_count -= 1
        if self._asked_count == 0:
            loop = asyncio.get_running_loop()
            self._ending = loop.call_later(IDLE_S, self._stop_when_idle)

    def _stop_when_idle(self) -> None:
        self._stopping = asyncio.get_running_loop().create_task(self._service.stop(), name="laboratory ends")

    async def _run(self, number: int, attack_id: str, command: dict[str, Any], liar: int | None) -> None:
        """Run it, with a validator that misbehaves meanwhile if there is to be one. Afterwards that one is started again as it was, whatever happened."""
        if liar is None:
            await self._service.command(command)
            return
        name = f"V{liar + 1}"
        self._supervisor.run_as(liar, DOUBLE_VOTER)
        try:
            await self._supervisor.restart(liar)
            self._tell(AttackStep(time.monotonic_ns(), number, attack_id, f"{name} runs with a fault now: it votes twice"))
            await self._service.command(command)
        except asyncio.CancelledError:
            # Everything is being stopped: it must not be started once more.
            self._supervisor.run_as(liar, None)
            raise
        except MeshError:
            await self._restore(liar)
            raise
        await self._restore(liar)
        self._tell(AttackStep(time.monotonic_ns(), number, attack_id, f"{name} was restarted as it was"))

    async def _restore(self, liar: int) -> None:
        self._supervisor.run_as(liar, None)
        await self._supervisor.restart(liar)

    async def _give_up(self, number: int, attack_id: str, error: MeshError) -> None:
        """Say that the attack is over. Its own process does, if there still is one and it has not by then."""
        if self._service.pid is None:
            self._tell(AttackFailed(time.monotonic_ns(), number, attack_id, error.text))
            return
        try:
            await self._service.command({"command": "abandon", "text": error.text})
        except MeshError:
            self._tell(AttackFailed(time.monotonic_ns(), number, attack_id, error.text))

    def _tell(self, event: AttackEvent) -> None:
        self._publish(json_form(event))
