"""The laboratory with real processes: every attack in one network, each ending as the protocol says, and deviations seen where they are planted."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mesh_app.model import State, apply
from mesh_app.orders.laboratory import Bystander, LaunchAttack, VerifyProof
from mesh_app.services.workbench import LocalWorkbench
from mesh_core.errors import ErrorCode, LocalFault
from mesh_core.types.evidence import EQUIVOCATION_PROOF, ValidatorEquivocation
from mesh_core.types.json_form import json_form
from mesh_core.wallet.documents import read_document
from mesh_core.wallet.network import load_network
from testnet.attacks import double_voter
from testnet.attacks.catalogue import ATTACKS, BY_ID, DOUBLE_VOTER, OVERSPEND, SPLIT_2_2, Ending, Kind, Sending
from testnet.attacks.events import AttackFailed, AttackSent
from testnet.attacks.judging import Bystander as Account
from testnet.attacks.laboratory import Laboratory
from testnet.attacks.service import LaboratoryService
from testnet.genesis import DEMO_WALLETS
from testnet.layout import NetworkFolder
from testnet.wallet_service import WalletService
from tests.e2e.local_network import Event, LocalNetwork
from tests.unit.network.peers import eventually

BYSTANDERS = ("alice", "bob")


class Playground:
    """A running network with wallets and a laboratory; `told` is everything that the laboratory says. While `may_pay` is not set, attackers are not paid."""

    def __init__(self, net: LocalNetwork, wallets: WalletService) -> None:
        self.net = net
        self.wallets = wallets
        self.told: list[Event] = []
        self.may_pay = asyncio.Event()
        self.may_pay.set()
        self.paid_count = 0
        self.laboratory = LaboratoryService(net.folder, net.genesis.committee.size, net.supervisor, self.pay, self.told.append)

    async def pay(self, address: str, amount: int) -> object:
        await self.may_pay.wait()
        paid = await self.wallets.pay("faucet", address, amount, "for the laboratory")
        self.paid_count += 1
        return paid

    def named(self, name: str) -> list[Event]:
        return [event for event in self.told if event["event"] == name]

    async def attack(self, attack_id: str) -> Event:
        """Make it; returns how it ended."""
        await self.laboratory.launch(attack_id, [{"name": name, "owner": self.net.owner(name)} for name in BYSTANDERS])
        return self.named("attack_over")[-1]

    async def attack_in_process(self, attack: Any, *, liar: int | None = None, meanwhile: Callable[[], Awaitable[None]] | None = None) -> Event:
        """Make an attack in this process: with another specification than the catalogue's, or with something to be awaited before it is concluded."""
        heard: list[Any] = []
        laboratory = Laboratory(self.net.folder, load_network(self.net.folder.network_file), heard.append, attacks={attack.id: attack})
        laboratory.start()
        try:
            prepared = await laboratory.prepare(attack.id)
            await self.pay(prepared.address, prepared.amount)
            await laboratory.run([Account("alice", bytes.fromhex(self.net.owner("alice")))], liar)  # type: ignore[arg-type]
            if meanwhile is not None:
                await meanwhile()
            over: Event = json_form(await laboratory.conclude())
            return over
        finally:
            await laboratory.close()
            await asyncio.sleep(0.01)


@asynccontextmanager
async def playground(home: Path) -> AsyncIterator[Playground]:
    net = LocalNetwork(home, dict(DEMO_WALLETS))
    heard: list[Event] = []
    async with net.supervisor, net.wallet_process(heard) as wallets:
        await net.supervisor.start_all()
        ground = Playground(net, wallets)
        try:
            yield ground
        finally:
            await ground.laboratory.stop()


def effects(over: Event, who: str, what: str) -> tuple[str, str]:
    [found] = [(effect["before"], effect["after"]) for effect in over["effects"] if (effect["who"], effect["what"]) == (who, what)]
    return found


def settled_count(over: Event) -> int:
    before, after = effects(over, "validators", "log")
    return int(after.split()[0]) - int(before.split()[0])


# --- All of them -----------------------------------------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_every_attack_ends_as_the_protocol_says(tmp_path: Path) -> None:
    async with playground(tmp_path / "home") as ground:
        for attack in ATTACKS:
            over = await ground.attack(attack.id)
            assert (over["attack"], over["deviations"], over["as_specified"], over["outcome"]) == (attack.id, [], True, attack.outcome)
            assert all(effect["good"] for effect in over["effects"])
            check_nobody_else_is_hurt(over)
            check_every_sending_was_answered(ground, over["run"])
            assert settled_count(over) == len(attack.ending.settled)
        assert [event["attack"] for event in ground.named("attack_started")] == [attack.id for attack in ATTACKS]
        assert ground.named("attack_failed") == []
        await check_proofs(ground)
        await check_network_is_whole(ground)


def check_nobody_else_is_hurt(over: Event) -> None:
    for name in BYSTANDERS:
        before, after = effects(over, name, "commitment")
        assert before == after
    assert effects(over, "validators", "supply") == ("adds up", "adds up")
    assert "V1" not in effects(over, "validators", "state digest")[1]  # one word for all


def check_every_sending_was_answered(ground: Playground, run: int) -> None:
    sent = {event["sending"]: event for event in ground.named("attack_sent") if event["run"] == run}
    answers = [event for event in ground.named("attack_answer") if event["run"] == run]
    for number, sending in sent.items():
        answered = sorted(answer["validator"] for answer in answers if answer["sending"] == number)
        assert answered == (sending["to"] if sending["expected"] else [])
    assert all(answer["as_expected"] and answer["verdict"] in sent[answer["sending"]]["expected"] for answer in answers)


async def check_proofs(ground: Playground) -> None:
    """Each conviction of the catalogue left one proof that anybody can check, and nothing else did."""
    evidence = ground.named("attack_evidence")
    assert len(evidence) == sum(len(attack.ending.convicted) for attack in ATTACKS)
    [against_validator] = [event for event in evidence if event["kind"] == "validator"]
    proof = EQUIVOCATION_PROOF.decode(bytes.fromhex(against_validator["proof"]))
    assert isinstance(proof, ValidatorEquivocation)
    assert proof.validator == ground.net.genesis.committee.validators[3]
    assert against_validator["convicted"] == "V4"
    for event in evidence:
        assert await ground.laboratory.check(event["proof"])
        assert read_document(event["proof"].encode(), ground.net.genesis) == EQUIVOCATION_PROOF.decode(bytes.fromhex(event["proof"]))
        first, second = event["statements"]
        assert {key for key in first if first[key] != second[key]} == {"transition_id"}
    checked = ground.named("attack_proof_checked")
    assert len(checked) == len(evidence)
    assert all(check["holds"] for event in checked for check in event["checks"])
    # A changed signature is none, and the checks say which one.
    broken = bytearray.fromhex(evidence[0]["proof"])
    broken[-1] ^= 1
    assert not await ground.laboratory.check(broken.hex())
    assert [check["title"] for check in ground.named("attack_proof_checked")[-1]["checks"] if not check["holds"]] == ["second signature"]


async def check_network_is_whole(ground: Playground) -> None:
    """After all of it every validator runs as itself, nobody is in quarantine, all are in one state, and payments go on."""
    net = ground.net
    assert [net.supervisor.module(index) for index in range(4)] == [None] * 4
    await ground.wallets.pay("alice", "bob", 500, "")
    await net.until(lambda: len({(status["log_length"], status["state_digest"]) for status in net.statuses().values()}) == 1 and len(net.statuses()) == 4)
    assert {status["supply_audit"] for status in net.statuses().values()} == {True}
    # One that has just been started again may not know yet that it lacks nothing.
    await net.until(lambda: {(status["flags"], status["quarantine"]) for status in net.statuses().values()} == {(0, None)})
    double = [event for event in net.named("validator_state") if event["validator"] == 3 and event["state"] == "up"]
    assert len(double) == 3  # as itself, with the fault, as itself


# --- Deviations ------------------------------------------------------------------------------------------------------------------------------------


@pytest.mark.slow
async def test_what_is_otherwise_than_specified_is_seen(tmp_path: Path) -> None:
    async with playground(tmp_path / "home") as ground:
        # A specification that the network does not keep: an answer, and an end.
        [sending] = OVERSPEND.phases[0]
        wrong = replace(OVERSPEND, phases=((Sending(sending.item, sending.to, ("0801",)),), *OVERSPEND.phases[1:]), ending=Ending(is_locked=True))
        over = await ground.attack_in_process(wrong)
        assert (over["as_specified"], over["outcome"]) == (False, "NOT as specified")
        assert sorted(over["deviations"][:4]) == [f"V{number} answered A with: 0901 the range proof does not verify" for number in range(1, 5)]
        assert over["deviations"][4:] == ["the account is not locked, and should be locked"]
        # A validator that votes twice where nobody expects it: the split is not a split any more, and the evidence is there all the same.
        ground.net.supervisor.run_as(3, double_voter.MODULE)
        await ground.net.supervisor.restart(3)
        over = await ground.attack_in_process(SPLIT_2_2)
        assert not over["as_specified"]
        assert [text for text in over["deviations"] if text.startswith("V4 answered A with")]
        assert "convicted is owner, validator, and should be owner" in over["deviations"]
        assert "the account is not locked, and should be locked" in over["deviations"]
        assert dict(over["votes"]) == {"A": 3, "B": 2}
        # Silence is no deviation: nothing can be concluded from it, and that is said.
        await ground.net.supervisor.restart(3)
        pid = ground.net.supervisor.pid(3)
        assert pid is not None
        heard: list[Any] = []

        def hold_up(event: Any) -> None:
            heard.append(event)
            if isinstance(event, AttackSent):
                os.kill(pid, signal.SIGSTOP)

        laboratory = Laboratory(ground.net.folder, load_network(ground.net.folder.network_file), hold_up, timeout_s=1.0)
        laboratory.start()
        try:
            prepared = await laboratory.prepare("overspend")
            await ground.pay(prepared.address, prepared.amount)
            with pytest.raises(LocalFault, match="V4 did not answer: gone, or held up, while the attack ran"):
                await laboratory.run()
            assert isinstance(heard[-1], AttackFailed)
            with pytest.raises(LocalFault, match="no attack is under way"):
                await laboratory.conclude()
        finally:
            os.kill(pid, signal.SIGCONT)
            await laboratory.close()
            await asyncio.sleep(0.01)


# --- One at a time, and what can go wrong ----------------------------------------------------------------------------------------------------------


@pytest.mark.slow
async def test_attacks_come_one_at_a_time_need_validators_and_outlive_their_process(tmp_path: Path) -> None:
    async with playground(tmp_path / "home") as ground:
        ground.may_pay.clear()
        first = asyncio.create_task(ground.attack("overspend"))
        await ground.net.until(lambda: bool(ground.named("attack_started")))
        with pytest.raises(LocalFault, match="“Overspend” is under way: one attack at a time"):
            await ground.attack("replay")
        # A process that is killed in the middle, before it has answered, is told, and started again for the next attack.
        pid = ground.laboratory.pid
        assert pid is not None
        os.kill(pid, signal.SIGSTOP)
        ground.may_pay.set()
        await ground.net.until(lambda: ground.paid_count == 1)
        await ground.laboratory.kill(signal.SIGKILL)
        with pytest.raises(LocalFault) as killed:
            await first
        assert killed.value.code is ErrorCode.STORE_UNAVAILABLE
        [failed] = ground.named("attack_failed")
        assert (failed["run"], failed["attack"]) == (1, "overspend")
        assert (await ground.attack("overspend"))["as_specified"]
        assert ground.laboratory.pid not in {None, pid}
        with pytest.raises(LocalFault, match="no attack 'nonsense'"):
            await ground.attack("nonsense")
        # With one validator away, some attacks would have an open end; the others are as good as ever.
        await ground.net.supervisor.stop(3)
        with pytest.raises(LocalFault, match="needs all 4 validators that vote, and 3 do"):
            await ground.attack(DOUBLE_VOTER.id)
        over = await ground.attack("sequence")
        assert (over["as_specified"], dict(over["votes"])) == (True, {"A": 3, "B": 0})
        await ground.net.supervisor.stop(2)
        with pytest.raises(LocalFault, match="needs a quorum of 3 validators that vote, and 2 do"):
            await ground.attack("sequence")
        assert len(ground.named("attack_started")) == 3


async def test_other_payments_meanwhile_are_nobodys_fault(tmp_path: Path) -> None:
    async with playground(tmp_path / "home") as ground:
        is_over = asyncio.Event()
        paid: list[object] = []

        async def pay_and_pay() -> None:
            while not is_over.is_set():
                paid.append(await ground.wallets.pay("alice", "bob", 1, ""))

        async def until_paid_once_more() -> None:
            """The next payment is signed when a quorum has applied the one before it."""
            count = len(paid)
            await ground.net.until(lambda: len(paid) >= count + 2 or paying.done())

        paying = asyncio.create_task(pay_and_pay())
        try:
            over = await ground.attack_in_process(OVERSPEND, meanwhile=until_paid_once_more)
        finally:
            is_over.set()
            await paying
        assert (over["deviations"], over["as_specified"]) == ([], True)
        assert effects(over, "alice", "commitment")[1].endswith(", by its own payments")


# --- The workstation's desk ------------------------------------------------------------------------------------------------------------------------


async def test_workstation_takes_an_attack_and_tells_everything_as_events(tmp_path: Path) -> None:
    heard: list[Event] = []

    def drain() -> list[Event]:
        while not workbench.events.empty():
            heard.append(workbench.events.get_nowait())
        return heard

    def has(name: str) -> bool:
        return any(event["event"] == name for event in drain())

    async with LocalWorkbench(NetworkFolder(tmp_path / "home")) as workbench:
        workbench.open()
        workbench.watch_screen()
        assert has("attack_catalogue")
        await workbench.start()
        await eventually(lambda: {event["wallet"] for event in drain() if event["event"] == "wallet"} >= {"alice", "bob", "faucet"}, within_s=60)
        owners = {event["wallet"]: event["owner"] for event in heard if event["event"] == "wallet"}
        order = LaunchAttack("split-2-2", "Double spend, 2-2", "faucet", tuple(Bystander(name, owners[name]) for name in BYSTANDERS))
        await workbench.do(order)
        with pytest.raises(LocalFault, match="one attack at a time"):
            await workbench.do(order)
        await eventually(lambda: has("attack_over"), within_s=60)
        [over] = [event for event in heard if event["event"] == "attack_over"]
        assert over["as_specified"]
        [proof] = [event for event in heard if event["event"] == "attack_evidence"]
        await workbench.do(VerifyProof(proof["proof_id"], proof["proof"]))
        await eventually(lambda: has("attack_proof_checked"), within_s=60)
        state = State()
        for event in json.loads(json.dumps(heard)):
            apply(state, event)
        assert state.unreadable_count == 0
        [view] = state.laboratory.proofs.values()
        assert view.verification is not None
        assert view.verification.holds
        run = state.laboratory.run_of("split-2-2")
        assert run is not None
        assert (run.account, run.voters("A"), run.voters("B")) == ("mallory-1", (0, 1), (2, 3))
        # An attack under way does not outlive the workstation.
        await workbench.do(order)
        await eventually(lambda: sum(event["event"] == "attack_started" for event in drain()) == 2, within_s=60)


# --- The double voter ------------------------------------------------------------------------------------------------------------------------------


async def start_double_voter(config: Path, *options: str) -> tuple[int | None, list[Event], str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        double_voter.MODULE,
        "--config",
        str(config),
        *options,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(30):
        output, errors = await process.communicate()
    return process.returncode, [json.loads(line) for line in output.splitlines()], errors.decode()


async def test_double_voter_starts_in_a_local_testnet_and_nowhere_else(tmp_path: Path) -> None:
    net = LocalNetwork(tmp_path / "home", {"alice": 1_000})
    validator = net.folder.validator(0)
    refused = "faults are for a local testnet alone"

    async def check_refused(config: Path, why: str, *options: str) -> None:
        status, told, errors = await start_double_voter(config, *options)
        assert status == 1
        assert [(event["event"], event["code"]) for event in told] == [("fatal", f"{ErrorCode.LABORATORY:04x}")]
        assert f"{refused}: " in told[0]["text"]
        assert why in told[0]["text"]
        assert refused in errors

    await check_refused(validator.config, "nobody supervises this process")
    # Another place than the one where the testnet made it.
    moved = tmp_path / "elsewhere" / "v1"
    moved.mkdir(parents=True)
    text = validator.config.read_text().replace('"../', f'"{net.folder.home}/')
    for name in (validator.identity_key.name, validator.tls_key.name, validator.tls_certificate.name):
        (moved / name).write_bytes((validator.path / name).read_bytes())
        (moved / name).chmod(0o600)
    (moved / "validator.toml").write_text(text)
    await check_refused(moved / "validator.toml", "belongs to no network that a testnet has made", "--supervised")
    # An address that others reach.
    whole = validator.config.read_text()
    validator.config.write_text(whole.replace('listen_host = "127.0.0.1"', 'listen_host = "0.0.0.0"'))
    await check_refused(validator.config, "0.0.0.0 is not this machine", "--supervised")
    validator.config.write_text(whole)
    # A committee in which others sit: their keys are not here.
    key = net.folder.validator(2).identity_key
    content = key.read_bytes()
    key.unlink()
    await check_refused(validator.config, "the key of V3 is not here", "--supervised")
    key.write_bytes(bytes(reversed(content.strip())) + b"\n")
    key.chmod(0o600)
    await check_refused(validator.config, "is not that of V3", "--supervised")
    key.write_bytes(content)
    # With everything in place it starts, and ends with its supervisor.
    status, told, _ = await start_double_voter(validator.config, "--supervised")
    assert (status, told[-1]["event"]) == (0, "stopping")


# --- The catalogue ---------------------------------------------------------------------------------------------------------------------------------


def test_catalogue_is_complete_and_cites_the_protocol() -> None:
    headings = {line.lstrip("#").strip() for line in (Path(__file__).parents[2] / "docs/protocol.md").read_text().splitlines() if line.startswith("##")}
    assert len(BY_ID) == len(ATTACKS) == 12
    for attack in ATTACKS:
        assert attack.sections
        assert set(attack.sections) <= headings
        assert attack.promise.endswith(".")
        assert isinstance(attack.kind, Kind)
