"""Everything that a wallet takes from its machine comes from outside: with the same answers, two runs are the same to the byte."""

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from mesh_core.errors import ErrorCode, LocalFault, Rejected
from mesh_core.protocol.construction import Draft, prove_draft
from mesh_core.protocol.genesis import Genesis
from mesh_core.protocol.validation import LedgerView
from mesh_core.types.transition import Transition
from mesh_core.wallet import events
from mesh_core.wallet.records import OutgoingState
from mesh_core.wallet.surroundings import Surroundings
from tests.cluster import seeded_entropy
from tests.unit.network.peers import eventually
from tests.unit.wallet.bench import Bench, pay

LOADED = "import json, sys, mesh_core.wallet.wallet; print(json.dumps(sorted(sys.modules)))"


def test_module_of_the_wallet_brings_neither_quic_nor_a_database() -> None:
    """A simulator starts a process for each seed: what it does not use must not cost it half a second."""
    run = subprocess.run([sys.executable, "-c", LOADED], cwd=Path(__file__).parents[3], capture_output=True, text=True, check=True)
    loaded = set(json.loads(run.stdout))
    assert "mesh_core.wallet.wallet" in loaded
    assert not loaded & {"aioquic", "OpenSSL", "sqlitedict", "sqlite3", "tomlkit", "mesh_core.network.quic", "mesh_core.storage.database"}


@dataclass
class Decided:
    """Surroundings of which nothing is left to chance. `proved` are the drafts that were proven."""

    proved: list[Draft] = field(default_factory=list)
    checked: list[Transition] = field(default_factory=list)
    refusal: Rejected | None = None
    ticks: int = 0

    def surroundings(self) -> Surroundings:
        entropy = seeded_entropy("decided")

        async def prove(draft: Draft) -> bytes:
            self.proved.append(draft)
            return prove_draft(draft, entropy)

        async def check(transition: Transition, genesis: Genesis, ledger: LedgerView) -> None:
            self.checked.append(transition)
            if self.refusal is not None:
                raise self.refusal

        return Surroundings(entropy, prove, check, lambda: 1_234_567, self._tick)

    def _tick(self) -> int:
        self.ticks += 1
        return self.ticks


async def _pay_once(home: Path) -> tuple[Bench, Decided]:
    bench, decided = Bench(home), Decided()
    alice = bench.open("alice", surroundings=decided.surroundings())
    await alice.send([pay("bob", 500, "lunch")])
    await eventually(lambda: [record.state for record in alice.account.outgoing()] == [OutgoingState.DONE])
    assert [record.created_ms for record in alice.account.outgoing()] == [1_234_567]
    await bench.close()
    return bench, decided


async def test_same_entropy_gives_the_same_bytes_and_no_clock_is_read_beside_the_given_one(tmp_path: Path) -> None:
    first, decided = await _pay_once(tmp_path / "one")
    second, _ = await _pay_once(tmp_path / "two")
    assert first.signed_transitions() == second.signed_transitions() != set()
    assert max(event.t_ns for event in first.told(events.PaymentStep)) <= decided.ticks
    assert (len(decided.proved), len(decided.checked)) == (1, 1)


async def test_draft_that_the_check_refuses_is_not_signed(bench: Bench) -> None:
    decided = Decided(refusal=Rejected(ErrorCode.UNBALANCED, "does not add up"))
    alice = bench.open("alice", surroundings=decided.surroundings())
    with pytest.raises(LocalFault) as refusal:
        await alice.send([pay("bob", 500)])
    assert refusal.value.code is ErrorCode.UNBALANCED
    assert alice.account.outgoing() == []
    assert bench.signed_transitions() == set()


async def test_history_keeps_its_order_when_the_clock_was_set_back(bench: Bench) -> None:
    """A machine whose clock was an hour ahead yesterday: what is paid today comes behind what was paid then."""
    bench.without_proofs()

    def clock_at(now_ms: int) -> Callable[[], int]:
        return lambda: now_ms

    for run, now_ms in enumerate((3_600_000, 1_000)):
        alice = bench.open("alice", surroundings=replace(bench.surroundings, now_ms=clock_at(now_ms)))
        await alice.send([pay("bob", 5, f"payment {run}")])
        await alice.wait_settled()
        assert [entry.text for entry in alice.history()] == [f"payment {one}" for one in range(run + 1)]
        await bench.close(alice)
