"""The `mesh-wallet` command: its name, its commands, and how errors leave it.

A command's module is imported when the command is called, so that none pays for what another needs.
"""

import importlib
import importlib.metadata
import io
import sys
from typing import Any

import click
from typing_extensions import override

from mesh_core.crypto import ristretto
from mesh_core.errors import MeshError
from mesh_core.wallet.cli.exit_status import EXPLAINED, status_of
from mesh_core.wallet.cli.settings import Settings, WalletGroup, pass_settings

PROGRAM = "mesh-wallet"
COMMANDS = {
    "balance": "mesh_core.wallet.cli.reading:balance",
    "contacts": "mesh_core.wallet.cli.contacts:contacts",
    "doctor": "mesh_core.wallet.cli.doctor:doctor",
    "emergency": "mesh_core.wallet.cli.restoring:emergency",
    "export-view-key": "mesh_core.wallet.cli.keys:export_view_key",
    "faucet": "mesh_core.wallet.cli.faucet:faucet",
    "history": "mesh_core.wallet.cli.reading:history",
    "import-view-key": "mesh_core.wallet.cli.keys:import_view_key",
    "keygen": "mesh_core.wallet.cli.keys:keygen",
    "list": "mesh_core.wallet.cli.keys:list_",
    "receipt": "mesh_core.wallet.cli.proving:receipt",
    "receive": "mesh_core.wallet.cli.paying:receive",
    "restore": "mesh_core.wallet.cli.restoring:restore",
    "send": "mesh_core.wallet.cli.paying:send",
    "show": "mesh_core.wallet.cli.reading:show",
    "show-address": "mesh_core.wallet.cli.keys:show_address",
    "use": "mesh_core.wallet.cli.keys:use",
    "verify": "mesh_core.wallet.cli.verify:verify",
    "watch": "mesh_core.wallet.cli.paying:watch",
}
"""Module and attribute of each command."""

EPILOG = f"""{EXPLAINED}

\b
Completion of commands and options, for this shell only (also for zsh and fish):
  eval "$(_MESH_WALLET_COMPLETE=bash_source mesh-wallet)"
"""


class MainGroup(WalletGroup):
    """Finds commands when they are called, and turns errors into words and statuses."""

    @override
    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(COMMANDS)

    @override
    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name].partition(":")
        command = getattr(importlib.import_module(module), attribute)
        assert isinstance(command, click.Command)
        return command

    @override
    def invoke(self, ctx: click.Context) -> Any:
        settings = ctx.ensure_object(Settings)
        words = tuple(ctx.args)
        try:
            return super().invoke(ctx)
        except MeshError as error:
            settings.output.fail_with(error)
            ctx.exit(status_of(error))
        except click.UsageError as error:
            # A command whose words do not go together has not come to its own --json.
            settings.as_json = settings.as_json or "--json" in words
            settings.output.fail(None, error.format_message())
            raise


@click.group(cls=MainGroup, invoke_without_command=True, epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.option("--version", is_flag=True, help="Print the version and the group library in use.")
@pass_settings
@click.pass_context
def cli(context: click.Context, settings: Settings, *, version: bool) -> None:
    """Pay and be paid with amounts that validators never see, from the command line.

    Wallets, contacts and network lie in a home, which the workstation (mesh-app) and a local network (mesh-testnet up) share; one program at a time
    uses a wallet. Options that every command takes may stand before its name or behind it.
    """
    if version:
        ristretto.load_library()
        number = importlib.metadata.version("mesh-protocol")
        settings.output.tell({"version": number, "group_library": ristretto.BACKEND}, [f"{PROGRAM} {number} (group library: {ristretto.BACKEND})"])
    elif context.invoked_subcommand is None:
        click.echo(context.get_help())


def main() -> None:
    """Run the command; ends the process with its exit status."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A terminal that cannot show a character is shown its code: a payment must not fail after the fact over its memo.
            stream.reconfigure(errors="backslashreplace")
    cli.main(prog_name=PROGRAM)


if __name__ == "__main__":
    main()
