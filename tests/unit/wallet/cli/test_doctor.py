"""What `doctor` makes of what validators say of themselves: one of them is believed nothing that others contradict."""

import pytest

from mesh_core.network.client import PeerAddress
from mesh_core.types.basic import Hash32, PublicKey
from mesh_core.types.messages import Pong, PongFlag
from mesh_core.wallet.cli.doctor import Findings, Probe, examine_probes
from mesh_core.wallet.cli.exit_status import ExitStatus
from mesh_core.wallet.network import Network
from tests.cluster import Cluster


def examine(*said: tuple[int, int, int]) -> Findings:
    """`said`: number of certificates, state and flags of each of four validators."""
    genesis = Cluster().genesis
    peers = tuple(PeerAddress("127.0.0.1", 1, PublicKey(key), b"", f"V{index + 1}") for index, key in enumerate(genesis.committee.validators))
    probes = [Probe(peer, make_pong(*what), 1.0) for peer, what in zip(peers, said, strict=True)]
    findings = Findings()
    examine_probes(Network("test", genesis, peers), probes, findings)
    return findings


def make_pong(length: int, state: int, flags: int) -> Pong:
    return Pong(0, length, Hash32(bytes([state]) * 32), flags)


def test_validators_that_agree_need_no_words() -> None:
    findings = examine(*[(7, 1, 0)] * 4)
    assert (findings.status, findings.advice) == (ExitStatus.GOOD, [])


def test_validators_that_are_behind_do_not_disagree() -> None:
    assert examine((7, 1, 0), (6, 2, 0), (5, 3, 0), (7, 1, 0)).advice == []


def test_one_that_says_otherwise_stops_nobody() -> None:
    findings = examine((7, 1, 0), (7, 1, 0), (7, 1, 0), (7, 2, 0))
    (advice,) = findings.advice
    assert advice.startswith("V4: in another state than V1 and V2 and V3 after equally many certificates (7)")
    assert (findings.status, "Payments do not need" in advice) == (ExitStatus.GOOD, True)


def test_no_quorum_in_one_state_is_in_the_way_of_a_payment() -> None:
    findings = examine((7, 1, 0), (7, 1, 0), (7, 2, 0), (7, 2, 0))
    assert (findings.status, "do not pay" in findings.advice[0]) == (ExitStatus.FAILED, True)


@pytest.mark.parametrize("flag", [PongFlag.HALTED, PongFlag.QUARANTINE])
def test_one_that_does_not_vote_stops_nobody_and_two_do(flag: PongFlag) -> None:
    one, two = examine((7, 1, flag), *[(7, 1, 0)] * 3), examine((7, 1, flag), (7, 1, flag), *[(7, 1, 0)] * 2)
    assert (one.status, len(one.advice)) == (ExitStatus.GOOD, 1)
    assert two.status == ExitStatus.NO_QUORUM
