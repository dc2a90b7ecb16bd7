"""What the wallets of this process tell of each payment, put together: one sample a payment, with the parts that its time consists of."""

import asyncio
from dataclasses import dataclass, field
from typing import Final

from mesh_core.wallet import events

STEPS: Final = {"waited": "wait", "built": "build", "proved": "prove", "checked": "check", "signed": "sign", "stored": "store"}
PARTS: Final = ("wait", "build", "prove", "check", "sign", "store", "votes", "certificate")
"""The parts of a payment's time, in order. They add up to it. `votes`: from the signed bytes on disk to the last vote of the quorum; `certificate`: its votes
checked and put together, and durable at the wallet."""
SETTLED: Final = frozenset(("settled", "done"))


@dataclass(slots=True)
class Sample:
    """One payment. Milliseconds; `acks_ms` from the call to the acknowledgement of the 2f+1st validator, None where it has not come."""

    wallet: str
    called_ns: int
    parts: dict[str, float] = field(default_factory=dict)
    payment_ms: float | None = None
    acks_ms: float | None = None
    stored_ns: int | None = None
    quorum_ns: int | None = None
    over: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when a quorum has applied it, or when it failed: its wallet is free for the next."""


class SampleBook:
    """Samples of payments under way, by the number that their process gave them. Claims are counted, nothing more."""

    def __init__(self, quorum: int) -> None:
        self._quorum = quorum
        self._samples: dict[int, Sample] = {}
        self.claims_count = 0

    def take(self, event: events.WalletEvent) -> None:
        """Bring one event of a wallet into the book."""
        match event:
            case events.PaymentStarted(t_ns=called_ns, payment=number, wallet=wallet, kind="send"):
                self._samples[number] = Sample(wallet, called_ns)
            case events.CertificateMade(payment=number) if number not in self._samples:
                self.claims_count += 1
            case (
                events.PaymentStep(payment=number)
                | events.VoteReceived(payment=number)
                | events.CertificateMade(payment=number)
                | events.CertificateDelivered(payment=number)
                | events.PaymentState(payment=number)
            ) if number in self._samples:
                _take_into(self._samples[number], event, self._quorum)
            case _:
                pass

    def find(self, number: int) -> Sample | None:
        """The sample of a payment that has begun and was not forgotten."""
        return self._samples.get(number)

    def forget(self, number: int) -> None:
        """It is counted, and nothing more is wanted of it."""
        self._samples.pop(number, None)


def _take_into(sample: Sample, event: events.WalletEvent, quorum: int) -> None:
    match event:
        case events.PaymentStep(step=step, ms=ms, t_ns=t_ns) if step in STEPS:
            sample.parts[STEPS[step]] = ms
            if step == "stored":
                sample.stored_ns = t_ns
        case events.VoteReceived(votes_count=count, t_ns=t_ns) if count >= quorum and sample.quorum_ns is None:
            sample.quorum_ns = t_ns
        case events.CertificateMade(t_ns=t_ns, payment_ms=payment_ms) if sample.payment_ms is None:
            sample.payment_ms = payment_ms
            stored_ns = t_ns if sample.stored_ns is None else sample.stored_ns
            # A certificate that somebody else formed comes without a quorum of votes here: all its time is votes then.
            voted_ns = t_ns if sample.quorum_ns is None else sample.quorum_ns
            sample.parts["votes"] = _ms(stored_ns, voted_ns)
            sample.parts["certificate"] = _ms(voted_ns, t_ns)
        case events.CertificateDelivered(acks_count=count, t_ns=t_ns) if count >= quorum and sample.acks_ms is None:
            sample.acks_ms = _ms(sample.called_ns, t_ns)
        case events.PaymentState(state=state) if state in SETTLED or state == "failed":
            sample.over.set()
        case _:
            pass


def _ms(start_ns: int, end_ns: int) -> float:
    return round(max(0, end_ns - start_ns) / 1e6, 3)
