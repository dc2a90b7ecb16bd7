"""Learning what comes in: from announcements as it happens, from every validator's list whenever a connection was down (docs/protocol.md, "Receiving").

What is claimable is the union of what any validator proves: one that hides an output cannot keep it from its owner, and one that invents an output has no
certificate for it.
"""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Final

from mesh_core.errors import PeerFault
from mesh_core.protocol.certificates import CheckedCertificate, InvalidCertificate, read_certificate
from mesh_core.types.basic import Hash32
from mesh_core.types.certificate import CERTIFICATE
from mesh_core.types.events import CertificateApplied
from mesh_core.wallet import events
from mesh_core.wallet.account import NewOutput
from mesh_core.wallet.asking import Report, ask_for_everything
from mesh_core.wallet.context import WalletContext
from mesh_core.wallet.fetching import RETRY_INTERVAL_S, fetch_certificates, fetch_from_any
from mesh_core.wallet.following import order_of_payment
from mesh_core.wallet.records import IncomingStatus

ASK_AGAIN_MOST_S: Final = 30.0
SEEN_MOST: Final = 1_024

logger = logging.getLogger(__name__)


class Receiver:
    """Takes in what is for this account. `on_own(certificate)` is told certificates of the account itself, `on_report(validator, report)` what one says."""

    def __init__(
        self,
        context: WalletContext,
        *,
        on_outputs: Callable[[], None],
        on_own: Callable[[CheckedCertificate], None],
        on_report: Callable[[int, Report], None],
    ) -> None:
        self._context = context
        self._on_outputs = on_outputs
        self._on_own = on_own
        self._on_report = on_report
        self._seen: OrderedDict[Hash32, None] = OrderedDict()
        """Certificates that were taken in last. Whatever is older is known to the disk, and costs one verification when it is announced again."""
        self._accepting = asyncio.Lock()
        self._askings: dict[int, int] = {}
        """For each validator the number of its newest connection."""

    def on_announcement(self, validator: int, announced: CertificateApplied) -> None:
        """A validator applied a certificate that concerns this account. Four of them say so; the first is enough."""
        if announced.cert_id not in self._seen:
            self._context.tasks.spawn(self._take_in(CERTIFICATE.encode(announced.certificate)))

    def on_connected(self, validator: int) -> None:
        """Certificates may have been missed while there was no connection."""
        self._askings[validator] = self._askings.get(validator, 0) + 1
        self._context.tasks.spawn(self._ask_until_answered(validator, self._askings[validator]))

    async def _ask_until_answered(self, validator: int, asking: int) -> None:
        """A busy validator answers late, on a connection that stays up: nobody else would ask again. A newer connection asks for itself."""
        attempts_count = 0
        while self._askings[validator] == asking and not await self._take_in_missed(validator):
            attempts_count += 1
            await asyncio.sleep(min(ASK_AGAIN_MOST_S, RETRY_INTERVAL_S * 2.0 ** min(attempts_count, 16)))

    async def _take_in(self, data: bytes) -> None:
        try:
            checked = read_certificate(data, self._context.genesis)
        except InvalidCertificate as error:
            logger.warning("a validator announced a false certificate: %s", error.text)
            return
        await self._accept(checked)

    async def _accept(self, *certificates: CheckedCertificate) -> None:
        """Open what verified certificates bring. One after another: whoever brings what another is just recording waits until it is recorded."""
        async with self._accepting:
            await self._record(certificates)

    async def _record(self, certificates: Sequence[CheckedCertificate]) -> None:
        fresh = [checked for checked in certificates if checked.cert_id not in self._seen]
        self._seen.update(dict.fromkeys(checked.cert_id for checked in fresh))
        while len(self._seen) > SEEN_MOST:
            self._seen.popitem(last=False)
        for checked in fresh:
            if checked.core.sender == self._context.owner:
                self._on_own(checked)
        found = await self._context.account.record_incoming(*fresh)
        for new in found:
            self._context.publish(_incoming_event(self._context.surroundings.now_ns(), self._context.name, new))
        if found:
            self._context.announce()
            self._on_outputs()

    async def _take_in_missed(self, validator: int) -> bool:
        """Whether the validator has answered, be it with nonsense."""
        context = self._context
        try:
            report = await ask_for_everything(context.client, validator, context.owner)
            if report is None:
                return True
            unknown = list(dict.fromkeys(entry.key.cert_id for entry in report.claimable if not context.account.knows(entry.key)))
            given = await fetch_certificates(context.client, validator, unknown) if unknown else []
        except PeerFault as fault:
            logger.info("cannot ask %s for what came in: %s", fault.peer, fault.text)
            return False
        lacking = [cert_id for cert_id in unknown if cert_id not in {checked.cert_id for checked in given}]
        others = await fetch_from_any(context.client, lacking)
        if not context.account.has_all_history:
            # What was claimed came before what waits: the history is to be in that order.
            await context.in_step.wait()
        await self._accept(*sorted((*given, *others.values()), key=order_of_payment))
        self._on_report(validator, report)
        return True


def _incoming_event(t_ns: int, wallet: str, new: NewOutput) -> events.IncomingSeen:
    record = new.record
    amount = None if record.status is IncomingStatus.UNOPENABLE else record.value
    return events.IncomingSeen(t_ns, wallet, new.key.cert_id, new.key.index, record.sender, amount, record.text, record.status.name.lower())
