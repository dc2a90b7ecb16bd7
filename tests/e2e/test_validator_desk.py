"""What the validators screen orders, done by the real workbench, and what of it reaches the state that every screen shows."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from mesh_app.model import State, apply
from mesh_app.orders.validators import (
    CutLine,
    HealAllLines,
    KillValidator,
    LiftQuarantine,
    MarkLog,
    PauseValidator,
    RestartAll,
    ResumeValidator,
    StartValidator,
    WatchValidators,
    WipeValidator,
)
from mesh_app.services.workbench import LocalWorkbench
from mesh_app.state import FLAG_QUARANTINE
from mesh_core.errors import ErrorCode, LocalFault
from mesh_core.types.confirmation import lifting_sentence
from testnet.control_client import connected
from testnet.layout import NetworkFolder
from tests.e2e.local_network import SETTLED_S
from tests.e2e.processes import until_ended

LOST = 2


class Watched:
    """A workbench, and the state that its events make."""

    def __init__(self, workbench: LocalWorkbench) -> None:
        self.workbench = workbench
        self.state = State()

    async def until(self, condition: Callable[[State], object]) -> None:
        async with asyncio.timeout(SETTLED_S):
            while True:
                while not self.workbench.events.empty():
                    apply(self.state, self.workbench.events.get_nowait())
                if condition(self.state):
                    return
                await asyncio.sleep(0.01)

    def log(self, index: int) -> list[str]:
        return [line.text for line in self.state.logs.of(index).lines]


@pytest.mark.slow
async def test_orders_for_validators_are_done_and_their_effects_are_seen(tmp_path: Path) -> None:
    folder = NetworkFolder(tmp_path / "home")
    async with LocalWorkbench(folder) as workbench:
        workbench.open()
        await workbench.start()
        one = Watched(workbench)
        await one.until(lambda state: state.validators_up == 4)
        pids = [validator.pid or 0 for validator in one.state.validators]

        await workbench.do(WatchValidators(True))
        await one.until(lambda state: len(state.operation.reports) == len(state.operation.configs) == 4)
        assert one.state.operation.reports[0].memory_bytes
        assert one.state.operation.configs[3].path == str(folder.validator(3).config)
        await one.until(lambda state: any("── start pid" in line for line in one.log(0)))

        await workbench.do(MarkLog(0))
        await one.until(lambda state: any(line.startswith("── mark · ") for line in one.log(0)))

        await workbench.do(PauseValidator(1))
        await one.until(lambda state: state.validators[1].condition[1] == "paused")
        await workbench.do(ResumeValidator(1))
        await one.until(lambda state: state.validators[1].is_up)

        await workbench.do(CutLine(0, 3))
        await one.until(lambda state: (line := state.operation.condition(0, 3)) is not None and line.is_cut)
        await one.until(lambda state: not state.operation.reports[0].peers[3].is_up and not state.operation.reports[3].peers[0].is_up)
        await workbench.do(HealAllLines())
        await one.until(lambda state: state.operation.reports[0].peers[3].is_up and state.operation.lines == {})

        with pytest.raises(LocalFault) as refusal:
            await workbench.do(WipeValidator(LOST))
        assert refusal.value.code is ErrorCode.VALIDATOR_STATE
        await workbench.do(KillValidator(LOST))
        await one.until(lambda state: state.validators[LOST].reason == "killed as asked (SIGKILL)")
        await workbench.do(WipeValidator(LOST))
        await workbench.do(StartValidator(LOST))
        await one.until(lambda state: state.validators[LOST].is_up and state.validators[LOST].flags & FLAG_QUARANTINE)
        await one.until(lambda state: LOST in state.operation.reports and state.operation.reports[LOST].quarantine)
        await workbench.do(LiftQuarantine(LOST, "something else"))
        await one.until(lambda state: any("not lifted" in fault.text for fault in state.new_faults))
        await one.until(lambda state: state.validators[LOST].is_up)
        await workbench.do(LiftQuarantine(LOST, lifting_sentence(bytes.fromhex(one.state.validators[LOST].public_key))))
        await one.until(lambda state: any(entry.kind == "lifted" for entry in state.entries))
        await one.until(lambda state: state.validators[LOST].is_up and not state.validators[LOST].flags)

        async with connected(folder) as client:
            assert (await client.order("status"))["status"]["program"] == "mesh-app"
            await client.order("kill", validator="V4")
        await one.until(lambda state: state.validators[3].condition[1] == "killed")
        assert any(entry.text == "mesh-testnet: kill V4" for entry in one.state.entries)
        await workbench.do(RestartAll())
        await one.until(lambda state: state.validators_up == 4 and all(v.pid != pid for v, pid in zip(state.validators, pids, strict=True)))
        await workbench.do(WatchValidators(False))
        assert one.state.unreadable_count == 0
        pids = [validator.pid or 0 for validator in one.state.validators]
    await until_ended(*pids)
    assert not folder.control_socket.exists()
    await one.until(lambda state: all(one.log(index)[-1].startswith("── exit 0 ") for index in range(4)))
