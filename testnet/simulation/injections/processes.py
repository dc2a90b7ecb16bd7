"""Processes: killed at any step, started again, stopped for a while, clocks that jump."""

import asyncio

from typing_extensions import override

from mesh_core.wallet.records import OUTGOING_PREFIX, OUTGOING_RECORD
from testnet.simulation.disk import Image
from testnet.simulation.injections.injection import Injection
from testnet.simulation.validator_node import ValidatorNode
from testnet.simulation.wallet_node import WalletNode

STEPS_MOST = 40
"""A crash comes so many steps of its victim after it was decided, at most: so it falls between any two of them, also within one moment."""
CLOCK_ERROR_MS = 10**10


class _Crash(Injection):
    def kill(self, node: ValidatorNode | WalletNode) -> bool:
        """Arm a crash and a start after it."""
        if node.life is None:
            return False
        down = self.draw.between(0.0, self.most_seconds)

        def crash() -> None:
            node.crash("killed")
            self.told(node.name)
            asyncio.get_running_loop().call_later(down, node.start)

        self.world.crash_after(node.life, self.draw.whole(0, STEPS_MOST), crash)
        return True


class ValidatorCrash(_Crash):
    """A validator loses its power."""

    name = "validator-crash"

    @override
    def strike(self) -> bool:
        return self.kill(self.draw.choice(self.world.validators))


class WalletCrash(_Crash):
    """A wallet loses its power."""

    name = "wallet-crash"

    @override
    def strike(self) -> bool:
        return self.kill(self.draw.choice(self.world.wallets))


class _Pause(Injection):
    def stop(self, node: ValidatorNode | WalletNode) -> bool:
        """Stop a life for a while."""
        if node.life is None or node.life.paused_until is not None:
            return False
        self.world.loop.pause(node.life, self.seconds())
        return self.told(node.name)


class ValidatorPause(_Pause):
    """A validator stands still, as in a garbage collection or under SIGSTOP."""

    name = "validator-pause"

    @override
    def strike(self) -> bool:
        return self.stop(self.draw.choice(self.world.validators))


class WalletPause(_Pause):
    """A wallet stands still."""

    name = "wallet-pause"

    @override
    def strike(self) -> bool:
        return self.stop(self.draw.choice(self.world.wallets))


class WalletRestored(Injection):
    """A wallet loses its disk, and is made anew from its seed.

    Only where nothing is signed and not certified: a transition that no validator shows to a restored wallet is one that the seed alone cannot know of.
    """

    name = "wallet-restored"

    @override
    def strike(self) -> bool:
        node = self.draw.choice(self.world.wallets)
        if node.store is None or any(OUTGOING_RECORD.decode(value).certificate is None for _, value in node.store.records(OUTGOING_PREFIX)):
            return False
        node.crash("disk lost")
        node.disk.replace(Image())
        node.start()
        return self.told(node.name)


class ClockJump(Injection):
    """A node's calendar jumps, by up to months, forward or back."""

    name = "clock-jump"

    @override
    def strike(self) -> bool:
        node = self.draw.choice(self.world.nodes)
        node.clock.offset_ms = self.draw.whole(-CLOCK_ERROR_MS, CLOCK_ERROR_MS)
        return self.told(node.name)
