"""Disks: a failed fsync, no room left, an old backup in the place of the database, and what befalls a disk for good."""

import asyncio

from typing_extensions import override

from testnet.simulation.disk import Disk, Failing, Image
from testnet.simulation.injections.injection import Injection
from testnet.simulation.validator_node import ValidatorNode


class SyncError(Injection):
    """The next fsync of a node fails. It must stop, and must not believe anything that was not acknowledged."""

    name = "sync-error"

    @override
    def strike(self) -> bool:
        node = self.draw.choice(self.world.nodes)
        if node.disk.failing is not Failing.NOTHING:
            return False
        node.disk.failing = Failing.SYNC
        return self.told(node.name)


class DiskFull(Injection):
    """Nothing more fits on a node's disk, for a while."""

    name = "disk-full"

    @override
    def strike(self) -> bool:
        node = self.draw.choice(self.world.nodes)
        if node.disk.failing is not Failing.NOTHING:
            return False
        node.disk.failing = Failing.FULL
        asyncio.get_running_loop().call_later(self.seconds(), _make_room, node.disk)
        return self.told(node.name)


def _make_room(disk: Disk) -> None:
    if disk.failing is Failing.FULL:
        disk.failing = Failing.NOTHING


class DatabaseRestored(Injection):
    """A validator's database is replaced by an older backup, its vote journal is not: the votes in between must not be forgotten."""

    name = "database-restored"

    @override
    def strike(self) -> bool:
        node = self.draw.choice(self.world.validators)
        if node.life is None:
            return False
        backup = dict(node.disk.content.records)
        asyncio.get_running_loop().call_later(self.seconds(), self._restore, node, backup)
        return True

    def _restore(self, node: ValidatorNode, backup: dict[str, bytes]) -> None:
        if self.world.is_healing or node.life is None or not backup:
            return
        node.crash("restored")
        content = node.disk.content
        node.disk.replace(Image(dict(backup), content.journal, content.is_first_start))
        self.told(node.name)
        node.start()


class LastingFault:
    """What befalls one validator's disk once, as the settings say. `strike` may be called at any time before the healing."""

    def __init__(self, node: ValidatorNode, kind: str) -> None:
        self._node = node
        self._kind = kind
        self._backup: Image | None = None

    def take_backup(self) -> None:
        """The state that a whole folder may be restored to."""
        self._backup = self._node.disk.content.copy()

    def strike(self) -> None:
        """Let it happen, with a restart."""
        node, content = self._node, self._node.disk.content
        node.crash(self._kind)
        match self._kind:
            case "folder-restored":
                # Beyond detection: votes and their journal are both rolled back, so this validator counts among the f.
                assert self._backup is not None
                node.is_faulty = True
                node.disk.replace(self._backup)
            case "disk-lost":
                node.has_lost_votes = True
                node.disk.replace(Image(is_first_start=False))
            case "journal-lost":
                node.has_lost_votes = True
                node.disk.replace(Image(content.records, None, content.is_first_start))
            case "database-lost":
                # A journal without a vote beside no database is taken for a lost disk, to be on the safe side.
                node.has_lost_votes = not content.journal
                node.disk.replace(Image({}, content.journal, content.is_first_start))
            case _:
                raise AssertionError(self._kind)
        node.start()
