"""Lines of a running network: slowed, cut and healed without a restart of anybody; payments go on as long as a quorum is reached."""

import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from mesh_core.validator.status import ask_status
from testnet.child import Event
from testnet.conditions import GOOD, Conditions
from testnet.lines import WALLETS, Line
from testnet.link_service import LinkService
from testnet.supervisor import ValidatorState
from testnet.wallet_service import WalletService
from tests.e2e.local_network import LocalNetwork
from tests.e2e.processes import until_ended


class Lines:
    """A network whose wallets run in their own process, and the service of its lines."""

    def __init__(self, home: Path) -> None:
        self.network = LocalNetwork(home, {"alice": 10_000, "bob": 0})
        self.heard: list[Event] = []
        self.wallets = WalletService(self.network.folder, self.heard.append)
        self.links = LinkService(self.network.folder, self.network.supervisor, self.wallets, self.heard.append)

    def reaches(self, one: int, other: int) -> float | None:
        """The round trip in ms that a validator measures to another one; None where it does not reach it."""
        report: dict[str, Any] = json.loads(ask_status(self.network.folder.validator(one).data_dir))
        return next(peer["rtt_ms"] if peer["up"] else None for peer in report["peers"] if peer["index"] == other)

    def runs_relays(self) -> bool:
        return self.links.pid is not None

    def pids(self) -> list[int | None]:
        return [self.network.supervisor.pid(index) for index in range(4)]

    def lines(self, name: str) -> list[Event]:
        return [event for event in self.heard if event["event"] == name]


@pytest.mark.slow
async def test_lines_between_validators_and_from_the_wallets(tmp_path: Path) -> None:
    one = Lines(tmp_path / "home")
    async with one.network.supervisor:
        try:
            await one.network.supervisor.start_all()
            await one.wallets.start()
            pids = one.pids()
            assert not one.runs_relays(), "nobody has cut anything: no process, no relay"

            # Slow: both ends measure it; the others' lines are as they were, though a busy machine may have delayed the last of their pings.
            await one.links.set(Line.between(0, 2), Conditions(delay_ms=100))
            await one.network.until(lambda: (one.reaches(0, 2) or 0) >= 200 and (one.reaches(2, 0) or 0) >= 200)
            await one.network.until(lambda: (one.reaches(0, 1) or 999) < 200)
            # A validator that is started again finds its lines as they are.
            await one.network.supervisor.restart(2)
            await one.network.until(lambda: (one.reaches(2, 0) or 0) >= 200)
            pids[2] = one.pids()[2]

            # Cut: both say that the other is not reached, and payments go on.
            await one.links.set(Line.between(0, 2), Conditions(is_cut=True))
            await one.network.until(lambda: one.reaches(0, 2) is None and one.reaches(2, 0) is None)
            await one.wallets.pay("alice", "bob", 10, "past the cut")

            # The wallets lose V4 as well, and still have a quorum.
            await one.links.set(Line.between(WALLETS, 3), Conditions(is_cut=True))
            await one.network.until(lambda: any(event["validator"] == 3 and not event["up"] for event in one.lines("link")))
            await one.wallets.pay("alice", "bob", 10, "by three")
            assert {line.name for line in one.links.conditions} == {"V1-V3", "wallets-V4"}
            await one.network.until(lambda: any(count["dropped"] > 0 for event in one.lines("line_counts") for count in event["lines"]))

            await one.links.heal_all()
            await one.network.until(lambda: one.reaches(0, 2) is not None and one.reaches(2, 0) is not None)
            await one.network.until(lambda: [event["up"] for event in one.lines("link") if event["validator"] == 3][-1])
            await one.wallets.pay("alice", "bob", 10, "healed")
            assert one.pids() == pids, "nobody was restarted for it"
            assert one.network.supervisor.states == (ValidatorState.UP,) * 4
            assert [event["relayed"] for event in one.lines("line_state")][-2:] == [False, False]

            # The relays die: what was cut is direct again, and said so.
            await one.links.set(Line.between(0, 1), Conditions(is_cut=True))
            await one.network.until(lambda: one.reaches(0, 1) is None)
            os.kill(one.links.pid or 0, signal.SIGKILL)
            await one.network.until(lambda: one.reaches(0, 1) is not None and one.reaches(1, 0) is not None)
            assert one.links.conditions == {}
            assert (one.lines("line_state")[-1]["line"], one.lines("line_state")[-1]["relayed"]) == ("V1-V2", False)
            assert any("every line is direct again" in event["text"] for event in one.lines("fault"))

            # And can be had again.
            await one.links.set(Line.between(0, 1), Conditions(delay_ms=50))
            await one.network.until(lambda: (one.reaches(0, 1) or 0) >= 100)
            await one.links.set(Line.between(0, 1), GOOD)
            relays = one.links.pid
            assert relays is not None
        finally:
            await one.links.close()
            await one.wallets.stop()
    await until_ended(relays)
