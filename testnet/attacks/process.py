"""The laboratory's own process, so that nothing of it can spoil a measured time or freeze a screen.

Commands come in the form of `testnet/command_process.py`:

    {"id": 1, "command": "prepare", "attack": "split-2-2"}      answered with run, account, address and amount: what is to be paid
    {"id": 2, "command": "run", "bystanders": [{"name": "alice", "owner": "…64 digits…"}], "liar": null}
    {"id": 3, "command": "conclude"}                            answered with the outcome
    {"id": 4, "command": "abandon", "text": "…"}
    {"id": 5, "command": "check", "proof": "…"}                 answered with whether it holds

What happens is told as events (`events.py`). The end of standard input ends the process, and with it the attack that is under way.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mesh_core.crypto.startup import prepare
from mesh_core.errors import ErrorCode, LocalFault
from mesh_core.types.basic import PublicKey
from mesh_core.validator.output import LineWriter
from mesh_core.wallet.network import load_network
from mesh_core.wallet.secrecy import refuse_core_dumps
from testnet.attacks.judging import Bystander
from testnet.attacks.laboratory import Laboratory
from testnet.attacks.modules import LABORATORY
from testnet.command_process import CommandProcess, run_process, unknown_command
from testnet.layout import NetworkFolder

MODULE = LABORATORY
MAX_BYSTANDERS = 20
_KEY_BYTES = 32


class LaboratoryProcess:
    """Carries out commands in one home's laboratory."""

    def __init__(self, folder: NetworkFolder, output: LineWriter) -> None:
        """LocalFault if the network's files are wrong."""
        self._laboratory = Laboratory(folder, load_network(folder.network_file), output.write)
        self._process = CommandProcess(output, self._perform)

    async def run(self) -> None:
        """Carry out commands until standard input ends."""
        self._laboratory.start()
        try:
            await self._process.run()
        finally:
            await self._laboratory.close()

    async def _perform(self, command: dict[str, Any]) -> dict[str, Any]:
        match command:
            case {"command": "prepare", "attack": str(attack)}:
                prepared = await self._laboratory.prepare(attack)
                return {"run": prepared.run, "account": prepared.account, "address": prepared.address, "amount": prepared.amount}
            case {"command": "run", "bystanders": list(bystanders), "liar": None | int() as liar}:
                await self._laboratory.run([_read_bystander(one) for one in bystanders[:MAX_BYSTANDERS]], liar)
                return {}
            case {"command": "conclude"}:
                over = await self._laboratory.conclude()
                return {"outcome": over.outcome, "as_specified": over.as_specified}
            case {"command": "abandon", "text": str(text)}:
                await self._laboratory.abandon(text)
                return {}
            case {"command": "check", "proof": str(digits)}:
                return {"holds": (await self._laboratory.check(digits)).holds}
            case _:
                raise unknown_command()


def _read_bystander(form: object) -> Bystander:
    match form:
        case {"name": str(name), "owner": str(digits)}:
            try:
                owner = bytes.fromhex(digits)
            except ValueError:
                owner = b""
            if len(owner) == _KEY_BYTES:
                return Bystander(name, PublicKey(owner))
    raise LocalFault(ErrorCode.CONFIG_INVALID, "a bystander has a name and an owner's key of 64 hexadecimal digits")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the process. Exit status 1 after a fault, which was told as a `fault` event."""
    parser = argparse.ArgumentParser(prog=f"python -m {MODULE}")
    parser.add_argument("--home", type=Path, required=True)
    options = parser.parse_args(arguments)
    refuse_core_dumps()

    async def work(output: LineWriter) -> None:
        prepare()
        await LaboratoryProcess(NetworkFolder(options.home), output).run()

    return run_process(work)


if __name__ == "__main__":
    sys.exit(main())
