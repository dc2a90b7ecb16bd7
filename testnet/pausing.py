"""A validator that is paused (SIGSTOP) cannot notice that its supervisor has ended: somebody must wake it then, or it would stay for ever.

Its guard is a shell that waits for a line on its standard input. The line comes when the validator is resumed or gone; the end of the input, which comes
however the supervisor ends, means that nobody will resume it any more, and the guard does (SIGCONT). The validator then finds its own input ended, and stops.
"""

import asyncio
import contextlib

_GUARD = 'read -r done || kill -CONT "$1" 2>/dev/null'


class PauseGuard:
    """Watches over one paused process."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    @classmethod
    async def watch(cls, pid: int) -> "PauseGuard":
        """Begin to watch; to be done before the process is paused. OSError."""
        return cls(
            await asyncio.create_subprocess_exec(
                "/bin/sh",
                "-c",
                _GUARD,
                "mesh-pause-guard",
                str(pid),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.DEVNULL,
                # Neither the terminal's keys nor its signals are for it.
                start_new_session=True,
            )
        )

    @property
    def pid(self) -> int:
        """The guard's own process id."""
        return self._process.pid

    async def dismiss(self) -> None:
        """The process was resumed, or is gone and its number may be another's: the guard ends without doing anything."""
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):
            self._process.stdin.write(b"done\n")
            await self._process.stdin.drain()
        self._process.stdin.close()
        await self._process.wait()
