"""A switch for tests: MESH_WALLET_STOP_AT=STEP ends this process with SIGKILL right after a step of a payment, as a power cut would.

It listens at the seam where a wallet tells what it does, and stands between wallet and validators; the protocol knows nothing of it.
"""

import asyncio
import os
import signal
from collections.abc import Callable
from typing import Final

from mesh_core.errors import ErrorCode, LocalFault
from mesh_core.types.basic import PublicKey
from mesh_core.types.messages import VoteRequest
from mesh_core.wallet import events
from mesh_core.wallet.ports import REQUEST_TIMEOUT_S, KnownNetwork, OnCertificate, OnConnected, Question, Reply, Unwatch, Validators

STOP_VARIABLE: Final = "MESH_WALLET_STOP_AT"
STEPS: Final = ("drafted", "proved", "signed", "stored", "first-request", "first-vote", "quorum", "certified", "first-ack", "settled", "reported")
"""`reported`: the result is printed, and that this was done is not recorded yet. The command itself ends there."""
_LOCAL_STEPS: Final = {"built": "drafted", "proved": "proved", "signed": "signed", "stored": "stored"}
FIRST_REQUEST_S: Final = 0.25
"""For the first request to leave and to be voted on: the validator then knows what nobody else does."""


def read_switch() -> str | None:
    """The step to stop at, if the environment names one. LocalFault (CONFIG_INVALID) for a step that does not exist: the test would test nothing."""
    step = os.environ.get(STOP_VARIABLE) or None
    if step is not None and step not in STEPS:
        raise LocalFault(ErrorCode.CONFIG_INVALID, f"{STOP_VARIABLE}={step}: the steps are {', '.join(STEPS)}")
    return step


def end_at_once() -> None:
    """What a power cut does."""
    os.kill(os.getpid(), signal.SIGKILL)


def stop_at(step: str, quorum: int) -> Callable[[events.WalletEvent], None]:
    """A listener that ends the process when a payment has come to `step`."""

    def on_event(event: events.WalletEvent) -> None:
        reached: tuple[str, ...] = ()
        match event:
            case events.PaymentStep():
                reached = (_LOCAL_STEPS.get(event.step, ""),)
            case events.VoteReceived():
                reached = ("first-vote", "quorum") if event.votes_count >= quorum else ("first-vote",)
            case events.CertificateMade():
                reached = ("certified",)
            case events.CertificateDelivered() if event.acks_count:
                reached = ("first-ack",)
            case events.PaymentState(state="settled"):
                reached = ("settled",)
            case _:
                pass
        if step in reached:
            end_at_once()

    return on_event


class FirstRequestOnly:
    """Lets the first vote request out to one validator, holds back all others, and then ends the process."""

    def __init__(self, inner: Validators) -> None:
        self._inner = inner
        self._has_asked = False

    @property
    def network(self) -> KnownNetwork:
        """The network that they belong to."""
        return self._inner.network

    async def request(self, validator: int, message: Question, timeout_s: float = REQUEST_TIMEOUT_S) -> Reply:
        """Ask one validator; a second vote request never leaves."""
        if not isinstance(message, VoteRequest):
            return await self._inner.request(validator, message, timeout_s)
        if not self._has_asked:
            self._has_asked = True
            asyncio.get_running_loop().call_later(FIRST_REQUEST_S, end_at_once)
            await self._inner.request(validator, message, timeout_s)
        held_back: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        return await held_back

    def is_up(self, validator: int) -> bool:
        """Whether a validator is reached now."""
        return self._inner.is_up(validator)

    def watch(self, owner: PublicKey, on_certificate: OnCertificate, on_connected: OnConnected) -> Unwatch:
        """As the validators themselves."""
        return self._inner.watch(owner, on_certificate, on_connected)
