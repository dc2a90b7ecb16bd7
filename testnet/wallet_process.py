"""The wallets' own process: the wallets of a home, away from the screen, so that repainting cannot spoil a measured time nor proving freeze a screen.

Commands come as JSON lines on standard input (`command_process.py`); events (mesh_core/wallet/events.py, `wallet_keeping.py`, `wallet_telling.py`) and
answers leave as JSON lines on standard output:

    {"id": 1, "command": "pay", "wallet": "alice", "to": "bob", "amount": 500, "text": ""}
    {"id": 2, "command": "create", "name": "carol"}
    {"event": "answer", "id": 1, "ok": true, "code": null, "text": "", "cert_id": "…64 digits…"}

`pay`, `claim` and `faucet` are answered when they are final, with their certificate, or with the reason why nothing was paid. The end of standard input ends
the process; a payment that is signed by then is finished at the next start.

A recovery phrase leaves in the answer to `phrase` alone, and comes in with `create` or `import`; a passphrase comes in with these and `unlock`. Neither is ever
in an event, in the log or in a fault.
"""

import argparse
import asyncio
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from mesh_core.crypto.startup import prepare
from mesh_core.errors import ErrorCode, LocalFault
from mesh_core.types.address import format_address
from mesh_core.types.basic import Hash32
from mesh_core.validator.output import LineWriter
from mesh_core.wallet import events
from mesh_core.wallet.contacts import ContactBook
from mesh_core.wallet.faucet import ask_faucet
from mesh_core.wallet.home import WalletHome
from mesh_core.wallet.home_folder import HomeFolder
from mesh_core.wallet.network import load_network
from mesh_core.wallet.secrecy import refuse_core_dumps
from testnet.command_process import Command, CommandProcess, run_process, unknown_command
from testnet.faucet import FAUCET_TEXT, FAUCET_WALLET, MAX_UNITS
from testnet.wallet_documents import build_receipt, check_file, find_certificate, path_of
from testnet.wallet_keeping import WalletKeeper, write_new
from testnet.wallet_telling import WalletTeller

Answer = dict[str, Any]
CONTACTS_PAGE: Final = 200
_KINDS: Final[dict[str, tuple[type, ...]]] = {"str": (str,), "int": (int,), "bool": (bool,), "int or null": (int, type(None)), "str or null": (str, type(None))}


@dataclass(frozen=True, slots=True)
class _Task:
    """One command: what does it, and the kind of each of its fields, in the order of its parameters. Those in `defaults` may be absent."""

    do: Callable[..., Awaitable[Answer]]
    kinds: dict[str, str]
    defaults: dict[str, Any] = field(default_factory=dict)

    def read(self, command: Command) -> dict[str, Any]:
        """The fields of a command, none missing, none more, each of its kind. LocalFault: nothing is guessed where money moves."""
        given = {name: value for name, value in command.items() if name not in {"id", "command"}}
        fields = {**self.defaults, **given}
        if fields.keys() != self.kinds.keys() or not all(_fits(fields[name], kind) for name, kind in self.kinds.items()):
            raise unknown_command()
        return fields


class WalletProcess:
    """Carries out commands on one home's wallets."""

    def __init__(self, network_file: Path, wallets: Path, output: LineWriter, *, only: Sequence[str] | None = None) -> None:
        """`only` names the wallets to open; the others stay free for other programs. LocalFault if the network's files are wrong."""
        self._only = only
        self._output = output
        self._folder = HomeFolder(wallets.parent)
        self._faucet_socket = HomeFolder(network_file.parent).faucet_socket
        self._contacts = ContactBook(self._folder.contacts_file)
        self._process = CommandProcess(output, self._perform)
        network = load_network(network_file)
        self._genesis = network.genesis
        self._validators_count = len(network.validators)
        self._home = WalletHome(wallets, network, self._publish, self._process.fail)
        self._keeper = WalletKeeper(self._folder, self._home, output.write, self._on_open, self._on_close)
        self._teller = WalletTeller(self._home, output.write, self._keeper.key_kind, self._process.fail)
        self._tasks = self._list_tasks()

    async def run(self) -> None:
        """Open the wallets and carry out commands until standard input ends. LocalFault if a wallet of `only` cannot be opened, or a disk fails."""
        beside: list[asyncio.Task[None]] = []
        try:
            self._home.start(self._only or ())
            if self._only is None:
                self._keeper.open_all()
                beside = [asyncio.create_task(self._keeper.take_when_free()), asyncio.create_task(self._teller.run())]
                self._tell_contacts_if_readable()
            await self._process.run()
        finally:
            for task in beside:
                task.cancel()
            await asyncio.gather(*beside, return_exceptions=True)
            await self._home.close()

    def _publish(self, event: events.WalletEvent) -> None:
        self._output.write(event)
        self._teller.on_event(event)

    def _on_open(self, name: str) -> None:
        self._teller.opened(name)

    def _on_close(self, name: str) -> None:
        self._teller.closed(name)

    def _tell(self, event: str, **fields: Any) -> None:
        self._output.write({"event": event, "t_ns": time.monotonic_ns(), **fields})

    # --- Commands

    async def _perform(self, command: Command) -> Answer:
        name = command.get("command")
        task = self._tasks.get(name) if isinstance(name, str) else None
        if task is None:
            raise unknown_command()
        return await task.do(**task.read(command))

    def _list_tasks(self) -> dict[str, _Task]:
        return {
            "pay": _Task(self._pay, {"wallet": "str", "to": "str", "amount": "int", "text": "str"}),
            "claim": _Task(self._claim, {"wallet": "str", "cert_id": "str or null"}),
            "faucet": _Task(self._ask_faucet, {"wallet": "str", "amount": "int"}),
            "phrase": _Task(self._draft_phrase, {}),
            "create": _Task(self._create, {"name": "str", "phrase": "str", "passphrase": "str"}, {"phrase": "", "passphrase": ""}),
            "import": _Task(self._import, {"name": "str", "phrase": "str", "passphrase": "str"}),
            "import_view": _Task(self._import_view, {"name": "str", "file": "str"}),
            "export_view": _Task(self._export_view, {"wallet": "str", "file": "str"}),
            "rename": _Task(self._rename, {"wallet": "str", "name": "str"}),
            "unlock": _Task(self._unlock, {"wallet": "str", "passphrase": "str"}),
            "lock": _Task(self._lock, {"wallet": "str"}),
            "history": _Task(self._show_history, {"wallet": "str", "entries": "int"}),
            "contacts": _Task(self._list_contacts, {}),
            "contact_add": _Task(self._add_contact, {"name": "str", "address": "str"}),
            "contact_remove": _Task(self._remove_contact, {"name": "str"}),
            "receipt": _Task(self._make_receipt, {"wallet": "str", "cert_id": "str", "output": "int or null", "context": "str", "memo": "bool", "file": "str"}),
            "verify": _Task(self._verify, {"file": "str"}),
            "route": _Task(self._route, {"validator": "int", "host": "str or null", "port": "int or null"}),
        }

    async def _pay(self, wallet: str, to: str, amount: int, text: str) -> Answer:
        with self._keeper.ordered(wallet):
            return {"cert_id": (await self._home.pay(wallet, to, amount, text)).cert_id.hex()}

    async def _claim(self, wallet: str, cert_id: str | None) -> Answer:
        """What came in is claimed by itself; this is for one who does not want to wait, or for what failed."""
        if cert_id is not None and (len(cert_id) != 64 or not cert_id.isascii() or not cert_id.isalnum()):
            raise unknown_command()
        wanted = None if cert_id is None else Hash32(bytes.fromhex(cert_id))
        with self._keeper.ordered(wallet):
            return {"cert_id": (await self._home.wallet(wallet).receive(wanted)).cert_id.hex()}

    async def _ask_faucet(self, wallet: str, amount: int) -> Answer:
        """From this home's faucet wallet; where it is another program's, from the faucet that listens in the home."""
        address = self._home.wallet(wallet).address
        if wallet == FAUCET_WALLET:
            raise LocalFault(ErrorCode.ADDRESS_INVALID, "the faucet pays the others: choose another wallet")
        if not 1 <= amount <= MAX_UNITS:
            raise LocalFault(ErrorCode.AMOUNT_INVALID, f"a request is for 1 to {MAX_UNITS:,} units")
        if FAUCET_WALLET in self._home.names:
            with self._keeper.ordered(FAUCET_WALLET):
                result = await self._home.pay(FAUCET_WALLET, format_address(address), amount, FAUCET_TEXT)
            return {"cert_id": result.cert_id.hex()}
        return {"cert_id": (await asyncio.to_thread(ask_faucet, self._faucet_socket, address, amount)).hex()}

    # --- Wallets

    async def _draft_phrase(self) -> Answer:
        return {"phrase": self._keeper.draft_phrase()}

    async def _create(self, name: str, phrase: str, passphrase: str) -> Answer:
        await self._keeper.create(name, phrase, passphrase)
        return {}

    async def _import(self, name: str, phrase: str, passphrase: str) -> Answer:
        await self._keeper.restore(name, phrase, passphrase)
        return {}

    async def _import_view(self, name: str, file: str) -> Answer:
        await self._keeper.add_view(name, file)
        return {}

    async def _export_view(self, wallet: str, file: str) -> Answer:
        path = self._keeper.export_view(wallet, file)
        self._tell("wallet_file", wallet=wallet, what="view key", file=str(path))
        return {"file": str(path)}

    async def _rename(self, wallet: str, name: str) -> Answer:
        await self._keeper.rename(wallet, name)
        return {}

    async def _unlock(self, wallet: str, passphrase: str) -> Answer:
        await self._keeper.unlock(wallet, passphrase)
        return {}

    async def _lock(self, wallet: str) -> Answer:
        await self._keeper.lock(wallet)
        return {}

    async def _show_history(self, wallet: str, entries: int) -> Answer:
        self._teller.show(wallet, entries)
        return {}

    # --- Contacts

    async def _list_contacts(self) -> Answer:
        self._tell_contacts()
        return {}

    async def _add_contact(self, name: str, address: str) -> Answer:
        self._contacts.add(name, address)
        self._tell_contacts()
        return {}

    async def _remove_contact(self, name: str) -> Answer:
        self._contacts.remove(name)
        self._tell_contacts()
        return {}

    def _tell_contacts(self) -> None:
        contacts = self._contacts.contacts()
        for first in range(0, max(1, len(contacts)), CONTACTS_PAGE):
            page = [
                {"name": contact.name, "address": format_address(contact.address), "owner": contact.address.owner.hex()}
                for contact in contacts[first : first + CONTACTS_PAGE]
            ]
            self._tell("contacts", first=first, total=len(contacts), contacts=page)

    def _tell_contacts_if_readable(self) -> None:
        """A hand may have slipped in the file: everything else works without it."""
        try:
            self._tell_contacts()
        except LocalFault as fault:
            self._output.write(events.WalletFault(time.monotonic_ns(), None, None, f"{fault.code:04x}", fault.text))

    # --- Documents

    async def _make_receipt(self, wallet: str, cert_id: str, output: int | None, context: str, *, memo: bool, file: str) -> Answer:
        path, opened = path_of(file), self._home.wallet(wallet)
        keys, certificate = opened.require_signing_keys(), find_certificate(opened, cert_id)
        data, told = await asyncio.to_thread(build_receipt, keys, self._genesis, certificate, output, context, discloses_memo=memo)
        write_new(path, data)
        self._tell("wallet_file", wallet=wallet, what="receipt", file=str(path), **told)
        return {"file": str(path)}

    async def _verify(self, file: str) -> Answer:
        checked = await asyncio.to_thread(check_file, path_of(file), self._genesis)
        self._tell("document_checked", **checked)
        return {"valid": checked["valid"]}

    # --- Connections

    async def _route(self, validator: int, host: str | None, port: int | None) -> Answer:
        """Reach a validator through a relay, or directly again where host and port are null."""
        if not 0 <= validator < self._validators_count or (host is None) is not (port is None):
            raise unknown_command()
        self._home.route(validator, None if host is None or port is None else (host, port))
        return {}


def _fits(value: object, kind: str) -> bool:
    """A truth value is no number here, although Python thinks so."""
    return isinstance(value, _KINDS[kind]) and (kind == "bool" or not isinstance(value, bool))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the process. Exit status 1 after a fault, which was told as a `fault` event."""
    parser = argparse.ArgumentParser(prog="mesh-testnet wallets")
    parser.add_argument("--network", type=Path, required=True)
    parser.add_argument("--wallets", type=Path, required=True)
    parser.add_argument("--only", action="append", metavar="NAME", help="open this wallet, and none that is not named (default: all)")
    options = parser.parse_args(arguments)
    refuse_core_dumps()

    async def work(output: LineWriter) -> None:
        prepare()
        await WalletProcess(options.network, options.wallets, output, only=options.only).run()

    return run_process(work)


if __name__ == "__main__":
    sys.exit(main())
