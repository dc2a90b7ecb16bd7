"""The observer against real machines. Goal: it shows what is there, and no lie of a validator passes for truth."""

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any

import pytest

from mesh_core.errors import ErrorCode, LocalFault
from mesh_core.protocol.identifiers import identify
from mesh_core.types.account import AccountState
from mesh_core.types.basic import Hash32
from mesh_core.types.certificate import CERTIFICATE, Certificate
from mesh_core.types.messages import AccountStateMessage, SyncFromLog, SyncRequest, SyncResponse
from testnet.observer import log as log_module
from testnet.observer.observer import LISTED_MOST
from tests.cluster import Cluster
from tests.unit.network.peers import eventually
from tests.unit.testnet.observer.machines import Observed


class History:
    """Alice pays Bob five times, Bob claims the first two; proofs are none, and nobody here checks them."""

    def __init__(self) -> None:
        self.cluster = Cluster()
        self.alice, self.bob = self.cluster.account("alice"), self.cluster.account("bob")
        self.sends = [self.cluster.pay_unproven(self.alice, (self.bob, amount)) for amount in (500, 7, 3, 2, 1)]
        self.claim = self.cluster.claim_unproven(self.bob, *self.sends[:2])

    @property
    def in_order(self) -> list[Certificate]:
        return [*self.sends, self.claim]

    def apply(self, validator: int, certificates: list[Certificate]) -> None:
        for certificate in certificates:
            self.cluster.validators[validator].settle(certificate)


@pytest.fixture(scope="module")
def story() -> History:
    return History()


@pytest.fixture
def history(story: History) -> History:
    """The same certificates before validators that have none of them."""
    fresh = History.__new__(History)
    fresh.cluster, fresh.alice, fresh.bob, fresh.sends, fresh.claim = Cluster(), story.alice, story.bob, story.sends, story.claim
    return fresh


@pytest.fixture
async def observed(history: History) -> AsyncIterator[Observed]:
    found = Observed(history.cluster)
    yield found
    await found.observer.close()


async def watch(observed: Observed, validator: int | None = None) -> None:
    observed.observer.start()
    await observed.observer.perform({"command": "watch", "validator": validator})
    await eventually(observed.is_read)


def cert_id(certificate: Certificate) -> str:
    return identify(certificate.transition).cert_id.hex()


def everywhere(history: History) -> None:
    for index in range(4):
        history.apply(index, history.in_order)


# --- What is there ---------------------------------------------------------------------------------------------------------------------------------


async def test_the_log_is_read_and_followed(history: History, observed: Observed) -> None:
    for index in range(4):
        history.apply(index, history.sends[:3])
    await watch(observed)
    assert [row["cert_id"] for row in observed.rows()] == [cert_id(send) for send in history.sends[:3]]
    for index in range(4):
        history.apply(index, [*history.sends[3:], history.claim])
    observed.sights.look()
    await eventually(lambda: observed.is_read() and observed.last("ledger_log")["length"] == 6)
    assert [row["index"] for row in observed.rows()] == list(range(6)), "nothing is read twice"
    claim = observed.rows()[5]
    assert (claim["kind"], claim["recipients"], claim["claims"]) == ("receive", [], sorted(f"{cert_id(send)}.0" for send in history.sends[:2]))
    log = observed.last("ledger_log")
    assert log["digest"] == history.cluster.validators[0].machine.ledger.compute_digest().hex()
    assert (log["accounts"], log["outputs"], log["fee_pool"]) == (3, 3, 5)


async def test_old_rows_are_read_again_when_they_are_wanted(history: History, observed: Observed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_module, "INDEX_MOST", 2)
    monkeypatch.setattr(log_module, "PAGE", 2)
    monkeypatch.setattr("testnet.observer.observer.PAGE", 2)
    everywhere(history)
    await watch(observed)
    assert observed.last("ledger_log")["first"] == 4
    observed.events.clear()
    await observed.observer.perform({"command": "page", "first": 3})
    assert [row["index"] for row in observed.last("ledger_rows")["rows"]] == [2, 3]


async def test_a_certificate_is_shown_whole(history: History, observed: Observed) -> None:
    everywhere(history)
    await watch(observed)
    await observed.observer.perform({"command": "certificate", "cert_id": cert_id(history.sends[0])})
    shown = observed.last("ledger_certificate")
    assert shown["data"] == CERTIFICATE.encode(history.sends[0]).hex()
    offsets = [(offset, size) for _, offset, size, _ in shown["fields"]]
    assert [begin for begin, _ in offsets] == [0, *(begin + size for begin, size in offsets[:-1])]
    words = {path: text for path, _, _, text in shown["fields"]}
    assert words["transition.core.kind"] == "SEND (1)"
    assert words["transition.core.fee"] == "1 unit"
    assert words["votes[0].validator_index"] == "1: V2"
    assert "transition.range_proof.L[6]" in words
    assert shown["index"] == 0
    assert shown["outputs"][0]["claimed_by"] == cert_id(history.claim)
    await observed.observer.perform({"command": "certificate", "cert_id": cert_id(history.sends[4])})
    assert observed.last("ledger_certificate")["outputs"][0] | {"owner": "", "address": "", "commitment": ""} == {
        "output": f"{cert_id(history.sends[4])}.0",
        "owner": "",
        "address": "",
        "commitment": "",
        "claimed_by": None,
        "claimable": True,
    }


async def test_every_check_is_told_with_its_time(history: History, observed: Observed) -> None:
    everywhere(history)
    await watch(observed)
    await observed.observer.perform({"command": "verify", "cert_id": cert_id(history.claim)})
    verified = observed.last("ledger_verified")
    assert verified["ok"]
    assert [check["name"] for check in verified["checks"]][-3:] == ["claims", "amounts", "balance"]
    assert all(check["ms"] > 0 and check["found"] for check in verified["checks"])
    await observed.observer.perform({"command": "verify", "cert_id": cert_id(history.sends[1])})
    verified = observed.last("ledger_verified")
    failed = [check["name"] for check in verified["checks"] if check["ok"] is False]
    assert not verified["ok"]
    assert set(failed) <= {"proof-encoding", "range"}, "these payments have no proofs, and that is what fails"
    assert failed


async def test_what_waits_to_be_claimed_is_listed(history: History, observed: Observed) -> None:
    everywhere(history)
    await watch(observed)
    await observed.observer.perform({"command": "outputs"})
    assert [output["output"] for output in observed.last("ledger_outputs")["outputs"]] == [f"{cert_id(send)}.0" for send in reversed(history.sends[2:])]
    await observed.observer.perform({"command": "account", "owner": history.bob.keys.owner.hex(), "end": None})
    account = observed.last("ledger_account")
    assert sorted(output["output"] for output in account["claimable"]) == sorted(f"{cert_id(send)}.0" for send in history.sends[2:])
    assert all(output["listed_by"] == [0, 1, 2, 3] for output in account["claimable"])


async def test_an_account_is_a_chain(history: History, observed: Observed) -> None:
    everywhere(history)
    observed.observer.start()
    await observed.observer.perform({"command": "account", "owner": history.alice.keys.owner.hex(), "end": None})
    account = observed.last("ledger_account")
    assert [(link["sequence"], link["linked"]) for link in account["links"]] == [(sequence, True) for sequence in range(5)]
    assert account["balance"] == history.sends[4].transition.core.new_balance.hex()
    await observed.observer.perform({"command": "account", "owner": history.alice.keys.owner.hex(), "end": 2})
    assert [link["sequence"] for link in observed.last("ledger_account")["links"]] == [0, 1]


async def test_unknown_things_are_refused_in_words(history: History, observed: Observed) -> None:
    everywhere(history)
    await watch(observed)
    for command, code in (
        ({"command": "certificate", "cert_id": "ab" * 32}, ErrorCode.DOCUMENT_INVALID),
        ({"command": "certificate", "cert_id": "no digits"}, ErrorCode.CONFIG_INVALID),
        ({"command": "watch", "validator": 4}, ErrorCode.CONFIG_INVALID),
        ({"command": "account", "owner": "ab"}, ErrorCode.CONFIG_INVALID),
    ):
        with pytest.raises(LocalFault) as refused:
            await observed.observer.perform(command)
        assert refused.value.code is code


async def test_nobody_answers(history: History, observed: Observed) -> None:
    observed.sights.silent = {0, 1, 2, 3}
    observed.observer.start()
    for command in ({"command": "compare"}, {"command": "account", "owner": "ab" * 32, "end": None}, {"command": "certificate", "cert_id": "ab" * 32}):
        with pytest.raises(LocalFault) as refused:
            await observed.observer.perform(command)
        assert refused.value.code is ErrorCode.NO_QUORUM
        assert "V1 connection refused" in refused.value.text


# --- Validators beside each other ------------------------------------------------------------------------------------------------------------------


async def compared(observed: Observed) -> dict[int, tuple[str, str]]:
    await observed.observer.perform({"command": "compare"})
    return {standing["validator"]: (standing["verdict"], standing["text"]) for standing in observed.last("ledger_comparison")["standings"]}


async def test_equal_logs_are_equal(history: History, observed: Observed) -> None:
    everywhere(history)
    await watch(observed)
    found = await compared(observed)
    assert found.pop(0) == ("same", "the log that was read")
    assert set(found.values()) == {("same", "the same certificates in the same order")}
    comparison = observed.last("ledger_comparison")
    assert comparison["supply_audit"] is True
    assert {standing["digest"] for standing in comparison["standings"]} == {comparison["digest"]}


async def test_another_order_with_an_equal_digest_is_no_lie(history: History, observed: Observed) -> None:
    one, two = history.sends[:2], history.sends[2:]
    history.apply(0, [*one, history.claim, *two])
    history.apply(1, [*one, *two, history.claim])
    await watch(observed, 0)
    found = await compared(observed)
    assert found[1] == ("other_order", "the same certificates, in another order from #2 on")
    difference = observed.last("ledger_comparison")["standings"][1]["difference"]
    assert (difference["here"]["cert_id"], difference["there"]["cert_id"]) == (cert_id(history.claim), cert_id(two[0]))
    assert found[2] == ("behind", "the same log, 6 behind")
    assert not observed.told("ledger_lie")


async def test_what_is_missing_is_named(history: History, observed: Observed) -> None:
    history.apply(0, history.in_order)
    history.apply(1, [*history.sends[:2], history.claim, *history.sends[2:4]])
    history.apply(2, history.sends[:3])
    await watch(observed, 0)
    found = await compared(observed)
    assert found[1] == ("different", "another order from #2 on; lacks 1")
    difference = observed.last("ledger_comparison")["standings"][1]["difference"]
    assert [row["cert_id"] for row in difference["only_here"]] == [cert_id(history.sends[4])]
    assert found[2] == ("behind", "the same log, 3 behind")


async def test_the_first_difference_of_long_logs_is_found_with_few_questions(history: History, observed: Observed, monkeypatch: pytest.MonkeyPatch) -> None:
    """Page boundaries are compared by their chain hash, and only the page in which the logs part is read."""
    monkeypatch.setattr(log_module, "PAGE", 1)
    monkeypatch.setattr("testnet.observer.comparison.PAGE", 1)
    one, two = history.sends[:2], history.sends[2:]
    history.apply(0, [*one, history.claim, *two])
    history.apply(1, [*one, *two, history.claim])
    await watch(observed, 0)
    observed.sights.questions.clear()
    assert (await compared(observed))[1][0] == "other_order"
    asked = [
        message.mode.from_index
        for index, message in observed.sights.questions
        if index == 1 and isinstance(message, SyncRequest) and isinstance(message.mode, SyncFromLog)
    ]
    assert asked[:3] == [3, 1, 2]


# --- Lies ------------------------------------------------------------------------------------------------------------------------------------------


def bend_log(change: Callable[[SyncResponse], SyncResponse]) -> Callable[[Any], Any]:
    """Change the answers about a log, and those alone."""
    return lambda answer: change(answer) if isinstance(answer, SyncResponse) and answer.items else answer


def flip(data: bytes, at: int) -> bytes:
    return data[:at] + bytes((data[at] ^ 1,)) + data[at + 1 :]


async def test_a_forged_entry_is_a_lie_and_another_validator_is_read(history: History, observed: Observed) -> None:
    everywhere(history)
    observed.sights.bends[0] = bend_log(
        lambda answer: replace(answer, items=(replace(answer.items[0], certificate=flip(answer.items[0].certificate, len(answer.items[0].certificate) - 1)),))
    )
    await watch(observed)
    lie = observed.last("ledger_lie")
    assert lie["validator"] == 0
    assert "is no certificate: the vote of validator 3 does not verify" in lie["text"]
    assert observed.last("ledger_log")["validator"] == 1
    assert len(observed.rows()) == 6


async def test_a_log_that_is_shorter_than_was_said_is_a_lie(history: History, observed: Observed) -> None:
    everywhere(history)
    observed.sights.bends[0] = bend_log(lambda answer: replace(answer, items=()))
    await watch(observed)
    assert observed.last("ledger_lie")["text"] == "says that its log has 6 entries, and gives none behind 0"


async def test_an_entry_that_cannot_stand_there_is_a_lie(history: History, observed: Observed) -> None:
    """All signatures are good: the second payment in front of the first one."""
    everywhere(history)
    observed.sights.bends[0] = bend_log(lambda answer: replace(answer, items=(replace(answer.items[1], index=0), *answer.items[1:])))
    await watch(observed)
    assert "cannot be applied there: sequence 1 is ahead" in observed.last("ledger_lie")["text"]


async def test_another_digest_than_the_log_amounts_to_is_a_lie(history: History, observed: Observed) -> None:
    everywhere(history)
    await watch(observed, 0)
    observed.sights.sights[2] = replace(observed.sights.sights[2], digest=Hash32(b"d" * 32))
    verdict, text = (await compared(observed))[2]
    assert verdict == "lie"
    assert "and it says 6464646464646464" in text
    assert observed.last("ledger_lie")["validator"] == 2


async def test_a_balance_that_its_own_certificate_contradicts_is_a_lie(history: History, observed: Observed) -> None:
    everywhere(history)

    def richer(answer: AccountStateMessage) -> AccountStateMessage:
        return replace(answer, account=replace(answer.account, balance=history.sends[0].transition.core.new_balance))

    observed.sights.bends[3] = lambda answer: richer(answer) if isinstance(answer, AccountStateMessage) else answer
    observed.observer.start()
    await observed.observer.perform({"command": "account", "owner": history.alice.keys.owner.hex(), "end": None})
    account = observed.last("ledger_account")
    assert [word["agrees"] for word in account["words"]] == [True, True, True, False]
    assert "certificate #4 proves 5" in account["words"][3]["lie"]
    assert account["balance"] == history.sends[4].transition.core.new_balance.hex(), "the account is what its certificate proves"
    assert observed.last("ledger_lie")["validator"] == 3


async def test_an_account_without_a_certificate_is_what_the_genesis_says(history: History, observed: Observed) -> None:
    everywhere(history)

    def invented(answer: AccountStateMessage) -> AccountStateMessage:
        return replace(answer, head_certificate=None, account=AccountState(answer.account.owner, 1, answer.account.balance, answer.account.head))

    observed.sights.bends[1] = lambda answer: invented(answer) if isinstance(answer, AccountStateMessage) else answer
    observed.observer.start()
    await observed.observer.perform({"command": "account", "owner": history.alice.keys.owner.hex(), "end": None})
    assert "nothing proves 0" in observed.last("ledger_account")["words"][1]["lie"]


async def test_an_output_with_another_commitment_is_a_lie(history: History, observed: Observed) -> None:
    everywhere(history)

    def larger(answer: AccountStateMessage) -> AccountStateMessage:
        first = replace(answer.claimable[0], commitment=history.sends[0].transition.core.new_balance)
        return replace(answer, claimable=(first, *answer.claimable[1:]))

    observed.sights.bends[2] = lambda answer: larger(answer) if isinstance(answer, AccountStateMessage) and answer.claimable else answer
    observed.observer.start()
    await observed.observer.perform({"command": "account", "owner": history.bob.keys.owner.hex(), "end": None})
    assert "with another commitment than was certified" in observed.last("ledger_lie")["text"]
    certified = {cert_id(send): send.transition.core.outputs[0].commitment.hex() for send in history.sends}
    assert all(output["commitment"] == certified[output["output"].split(".")[0]] for output in observed.last("ledger_account")["claimable"])


async def test_a_silent_validator_convicts_nobody(history: History, observed: Observed) -> None:
    everywhere(history)
    await watch(observed, 0)
    observed.sights.silent = {1}
    observed.sights.look()
    assert (await compared(observed))[1] == ("silent", "connection refused")
    assert not observed.told("ledger_lie")


async def test_what_one_validator_invents_hides_nothing_that_the_others_list(history: History, observed: Observed) -> None:
    """It lists as many outputs as are shown, none of which anybody has, and all before the real ones."""
    for validator in range(4):
        history.apply(validator, history.in_order)

    def invented(answer: AccountStateMessage) -> AccountStateMessage:
        one = answer.claimable[0]
        return replace(
            answer, claimable=tuple(replace(one, key=replace(one.key, cert_id=Hash32(bytes(31) + bytes([number])))) for number in range(LISTED_MOST))
        )

    observed.sights.bends[1] = lambda answer: invented(answer) if isinstance(answer, AccountStateMessage) and answer.claimable else answer
    await watch(observed)
    await observed.observer.perform({"command": "account", "owner": history.bob.keys.owner.hex(), "end": None})
    listed = observed.last("ledger_account")["claimable"]
    assert len(listed) == LISTED_MOST
    assert [output["listed_by"] for output in listed[:3]] == [[0, 2, 3]] * 3
