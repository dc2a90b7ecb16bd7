"""Signatures in a thread: each certificate gets its own verdict, nobody is told after the end, and a failure is a fault."""

import asyncio
from dataclasses import replace

import pytest

from mesh_core.errors import ErrorCode, LocalFault
from mesh_core.protocol.certificates import CheckedCertificate, decode_certificate
from mesh_core.protocol.effects import VerifySignatures
from mesh_core.types.certificate import CERTIFICATE
from mesh_core.validator.signatures import SignatureVerifier
from tests.cluster import Cluster
from tests.unit.network.peers import eventually

Told = list[tuple[int, list[bool], float]]


def lot(cluster: Cluster, number: int = 1) -> VerifySignatures:
    """Three certificates; the second has another signer's vote in the place of a third one."""
    alice, bob = cluster.account("alice"), cluster.account("bob")
    certificates = [cluster.pay_unproven(alice, (bob, 1)) for _ in range(3)]
    votes = certificates[1].votes
    certificates[1] = replace(certificates[1], votes=(*votes[:-1], replace(votes[-1], signature=votes[0].signature)))
    return VerifySignatures(number, tuple(decode_certificate(CERTIFICATE.encode(one), cluster.genesis) for one in certificates))


async def test_each_certificate_has_its_verdict_and_the_loop_goes_on_meanwhile() -> None:
    cluster, told = Cluster(), Told()
    verifier = SignatureVerifier(cluster.genesis, lambda fault: pytest.fail(str(fault)))
    job = lot(cluster)
    verifier.submit(job, lambda done, valid, seconds: told.append((done.number, list(valid), seconds)))
    assert told == []
    await eventually(lambda: bool(told))
    [(number, valid, seconds)] = told
    assert (number, valid) == (1, [True, False, True])
    assert seconds > 0.0
    verifier.close()


async def test_closed_verifier_tells_nobody() -> None:
    cluster, told = Cluster(), Told()
    verifier = SignatureVerifier(cluster.genesis, lambda fault: pytest.fail(str(fault)))
    for number in range(5):
        verifier.submit(lot(cluster, number), lambda done, valid, seconds: told.append((done.number, list(valid), seconds)))
    verifier.close()
    await asyncio.get_running_loop().run_in_executor(None, verifier._pool.shutdown)
    await asyncio.sleep(0)
    assert told == []


async def test_check_that_ends_neither_way_is_a_fault_of_the_validator(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(checked: CheckedCertificate, genesis: object) -> bool:
        raise RuntimeError("a bug")

    monkeypatch.setattr("mesh_core.validator.signatures.is_signed", fail)
    cluster, told, faults = Cluster(), Told(), list[LocalFault]()
    verifier = SignatureVerifier(cluster.genesis, faults.append)
    verifier.submit(lot(cluster), lambda done, valid, seconds: told.append((done.number, list(valid), seconds)))
    await eventually(lambda: bool(faults))
    assert [fault.code for fault in faults] == [ErrorCode.INTERNAL]
    assert told == []
    verifier.close()
