"""The wallets' own process: the wallets of a home, away from the screen, so that repainting cannot spoil a measured time nor proving freeze a screen.

Commands come as JSON lines on standard input; events (mesh_core/wallet/events.py) and answers leave as JSON lines on standard output:

    {"id": 1, "command": "pay", "wallet": "alice", "to": "bob", "amount": 500, "text": ""}
    {"id": 2, "command": "create", "name": "carol"}
    {"event": "answer", "id": 1, "ok": true, "code": null, "text": "", "cert_id": "…64 digits…"}

`pay` is answered when the payment is final, with its certificate, or with the reason why nothing was paid. The end of standard input ends the process; a
payment that is signed by then is finished at the next start.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mesh_core.crypto.startup import prepare
from mesh_core.validator.output import LineWriter
from mesh_core.wallet.home import WalletHome
from mesh_core.wallet.network import load_network
from testnet.command_process import Command, CommandProcess, run_process, unknown_command


class WalletProcess:
    """Carries out commands on one home's wallets."""

    def __init__(self, network_file: Path, wallets: Path, output: LineWriter, *, only: Sequence[str] | None = None) -> None:
        """`only` names the wallets to open; the others stay free for other programs. LocalFault if the network's files are wrong."""
        self._only = only
        self._process = CommandProcess(output, self._perform)
        network = load_network(network_file)
        self._validators_count = len(network.validators)
        self._home = WalletHome(wallets, network, output.write, self._process.fail)

    async def run(self) -> None:
        """Open the wallets and carry out commands until standard input ends. LocalFault if a wallet cannot be opened or its disk fails."""
        try:
            self._home.start(self._only)
            await self._process.run()
        finally:
            await self._home.close()

    async def _perform(self, command: Command) -> dict[str, Any]:
        match command:
            case {"command": "pay", "wallet": str(wallet), "to": str(to), "amount": int(amount), "text": str(text)} if not isinstance(amount, bool):
                return {"cert_id": (await self._home.pay(wallet, to, amount, text)).cert_id.hex()}
            case {"command": "create", "name": str(name)}:
                self._home.create(name)
                return {}
            case {"command": "route", "validator": int(validator), "host": host, "port": port}:
                return self._route(validator, host, port)
            case _:
                raise unknown_command()

    def _route(self, validator: int, host: object, port: object) -> dict[str, Any]:
        """Reach a validator through a relay, or directly again where host and port are null."""
        if isinstance(validator, bool) or not 0 <= validator < self._validators_count:
            raise unknown_command()
        if isinstance(host, str) and isinstance(port, int) and not isinstance(port, bool):
            self._home.route(validator, (host, port))
        elif host is None and port is None:
            self._home.route(validator, None)
        else:
            raise unknown_command()
        return {}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the process. Exit status 1 after a fault, which was told as a `fault` event."""
    parser = argparse.ArgumentParser(prog="mesh-testnet wallets")
    parser.add_argument("--network", type=Path, required=True)
    parser.add_argument("--wallets", type=Path, required=True)
    parser.add_argument("--only", action="append", metavar="NAME", help="open this wallet, and none that is not named (default: all)")
    options = parser.parse_args(arguments)

    async def work(output: LineWriter) -> None:
        prepare()
        await WalletProcess(options.network, options.wallets, output, only=options.only).run()

    return run_process(work)


if __name__ == "__main__":
    sys.exit(main())
