"""The laboratory's own connections to the validators: it asks what wallets ask, says what wallets never say, and looks without trusting."""

import asyncio
from collections.abc import Sequence

from mesh_core.errors import PeerFault
from mesh_core.network.client import LocalIdentity
from mesh_core.network.connection import Answer, Answered
from mesh_core.network.link import LinkState, LinkStatus, ValidatorLink
from mesh_core.protocol.genesis import Genesis
from mesh_core.types.basic import PublicKey
from mesh_core.types.evidence import EquivocationProof
from mesh_core.types.messages import AccountStateMessage, Evidence, QueryAccount, Role, SyncRequest, Want
from mesh_core.wallet.network import Network

REQUEST_TIMEOUT_S = 5.0
POLL_INTERVAL_S = 0.05
FIRST_KEY = bytes(33)
CLAIMABLE_MOST = 100


class Wire:
    """One link to each validator, and a second one for certificates that are fetched: a connection is for the one or the other."""

    def __init__(self, network: Network, timeout_s: float = REQUEST_TIMEOUT_S) -> None:
        """`timeout_s` is how long an answer is waited for."""
        self.network = network
        self._timeout_s = timeout_s
        local = LocalIdentity(Role.WALLET)
        network_id = network.genesis.network_id
        self._changed = asyncio.Event()
        self._links = [ValidatorLink(peer, local, network_id, on_status=self._on_status) for peer in network.validators]
        self._bulk_links = [ValidatorLink(peer, local, network_id) for peer in network.validators]

    @property
    def genesis(self) -> Genesis:
        """The checked genesis document."""
        return self.network.genesis

    def start(self) -> None:
        """Begin to connect to all."""
        for link in (*self._links, *self._bulk_links):
            link.start()

    def close(self) -> None:
        """Close all connections at once."""
        for link in (*self._links, *self._bulk_links):
            link.close()

    def is_up(self, validator: int) -> bool:
        """Whether a validator is reached now."""
        return self._links[validator].status.state is LinkState.UP

    async def wait_up(self, validators: Sequence[int], timeout_s: float) -> bool:
        """Wait until these are reached; False if they are not in time."""
        try:
            async with asyncio.timeout(timeout_s):
                while not all(self.is_up(validator) for validator in validators):
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            return False
        return True

    async def request(self, validator: int, message: Answered) -> Answer:
        """Ask one validator. PeerFault when no answer comes."""
        links = self._bulk_links if isinstance(message, SyncRequest) else self._links
        return await links[validator].request(message, self._timeout_s)

    def tell(self, validator: int, proof: EquivocationProof) -> bool:
        """Hand over a proof, which nobody answers. False where there is no connection."""
        return self._links[validator].send(Evidence(proof))

    async def query(self, validator: int, owner: PublicKey) -> AccountStateMessage | None:
        """What one validator says of an account, and the first of its claimable outputs; None without an answer."""
        try:
            answer = await self.request(validator, QueryAccount(0, owner, Want.CLAIMABLE, FIRST_KEY, CLAIMABLE_MOST))
        except PeerFault:
            return None
        return answer if isinstance(answer, AccountStateMessage) else None

    async def wait_applied(self, validators: Sequence[int], owner: PublicKey, sequence: int, timeout_s: float) -> bool:
        """Wait until these validators have an account at this sequence, or beyond; False if they do not in time."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout_s
        for validator in validators:
            while True:
                answer = await self.query(validator, owner)
                if answer is not None and answer.account.sequence >= sequence:
                    break
                if loop.time() >= deadline:
                    return False
                await asyncio.sleep(POLL_INTERVAL_S)
        return True

    def _on_status(self, _: LinkStatus) -> None:
        self._changed.set()
