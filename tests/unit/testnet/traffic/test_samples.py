"""What wallets tell becomes samples whose parts add up."""

import pytest

from mesh_core.wallet import events
from testnet.traffic.samples import PARTS, SampleBook

MS = 1_000_000
CERTIFICATE, SIGNATURE = b"\x01" * 32, b"\x02" * 64


def told(book: SampleBook, number: int = 7) -> None:
    """A payment of 40 ms, its quorum's third vote after 36, acknowledged by the third validator after 52."""
    book.take(events.PaymentQueued(0, number, "a", "send", "its turn"))
    book.take(events.PaymentStarted(10 * MS, number, "a", "send", 1, 1, (), 0))
    clock = 10.0
    for step, ms in (("waited", 2.0), ("built", 1.0), ("proved", 7.0), ("checked", 3.0), ("signed", 1.0), ("stored", 4.0)):
        clock += ms
        book.take(events.PaymentStep(int(clock * MS), number, step, ms, None))
    for index, at in enumerate((35, 40, 46, 47)):
        book.take(events.VoteReceived(at * MS, number, index, SIGNATURE, index + 1, 1.0))
    book.take(events.CertificateMade(50 * MS, number, CERTIFICATE, (0, 1, 2), 1800, 22.0, 40.0))
    for index, at in enumerate((55, 58, 62)):
        book.take(events.CertificateDelivered(at * MS, number, index, "applied", 0, index + 1, 1.0))


def test_the_parts_add_up_to_the_whole() -> None:
    book = SampleBook(quorum=3)
    told(book)
    sample = book.find(7)
    assert sample is not None
    assert sample.payment_ms == 40.0
    assert tuple(sample.parts) == PARTS
    assert sum(sample.parts.values()) == pytest.approx(sample.payment_ms)
    assert (sample.parts["votes"], sample.parts["certificate"]) == (18.0, 4.0)
    assert sample.acks_ms == 52.0
    assert not sample.over.is_set()
    book.take(events.PaymentState(63 * MS, 7, "a", "settled", None))
    assert sample.over.is_set()
    book.forget(7)
    assert book.find(7) is None


def test_a_failed_payment_is_over() -> None:
    book = SampleBook(quorum=3)
    book.take(events.PaymentStarted(0, 1, "a", "send", 1, 1, (), 0))
    book.take(events.PaymentState(1, 1, "a", "voting", None))
    sample = book.find(1)
    assert sample is not None
    assert not sample.over.is_set()
    book.take(events.PaymentState(2, 1, "a", "failed", "locked"))
    assert sample.over.is_set()


def test_claims_are_counted_and_make_no_sample() -> None:
    book = SampleBook(quorum=3)
    book.take(events.PaymentStarted(0, 1, "b", "receive", 1, 0, (), 0))
    book.take(events.CertificateMade(9, 1, CERTIFICATE, (0, 1, 2), 900, 5.0, 9.0))
    assert book.find(1) is None
    assert book.claims_count == 1


def test_a_certificate_of_somebody_else_leaves_no_part_out() -> None:
    book = SampleBook(quorum=3)
    book.take(events.PaymentStarted(0, 1, "a", "send", 1, 1, (), 0))
    book.take(events.PaymentStep(5 * MS, 1, "stored", 5.0, None))
    book.take(events.CertificateMade(30 * MS, 1, CERTIFICATE, (0, 1, 2), 1800, 22.0, 30.0))
    sample = book.find(1)
    assert sample is not None
    assert (sample.parts["votes"], sample.parts["certificate"]) == (25.0, 0.0)
