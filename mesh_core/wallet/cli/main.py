"""The `mesh-wallet` command: its name, its commands, and how errors leave it.

A command's module is imported when the command is called, so that none pays for what another needs.
"""

import contextlib
import errno
import importlib
import importlib.metadata
import io
import os
import sys
from collections.abc import Sequence
from typing import Any

import click
from typing_extensions import override

from mesh_core.crypto import ristretto
from mesh_core.errors import ErrorCode, LocalFault, MeshError
from mesh_core.wallet.cli.exit_status import EXPLAINED, ExitStatus, status_of
from mesh_core.wallet.cli.settings import Settings, WalletGroup, pass_settings
from mesh_core.wallet.secrecy import refuse_core_dumps

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

HINTS = {
    ErrorCode.ACCOUNT_LOCKED: "'mesh-wallet doctor' shows why, and what remains possible",
    ErrorCode.ACCOUNT_STUCK: "'mesh-wallet doctor' shows what to do",
}
"""Where an error that no repetition cures is explained."""
PATH_SHOWN = 200
_OUTPUT_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)

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
    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        words = tuple(args)
        try:
            return super().parse_args(ctx, args)
        except click.UsageError as error:
            _tell_usage(ctx.ensure_object(Settings), words, error)
            raise

    @override
    def invoke(self, ctx: click.Context) -> Any:
        settings = ctx.ensure_object(Settings)
        words = tuple(ctx.args)
        try:
            return super().invoke(ctx)
        except MeshError as error:
            settings.output.fail_with(_with_hint(error))
            ctx.exit(status_of(error))
        except click.UsageError as error:
            _tell_usage(settings, words, error)
            raise
        except (click.Abort, KeyboardInterrupt, EOFError):
            settings.output.fail(None, "interrupted")
            raise
        except OSError as error:
            if error.filename is None:
                raise  # not about a file that somebody named: standard output, see `main`
            fault = LocalFault(ErrorCode.STORE_UNAVAILABLE, f"cannot use {str(error.filename)[:PATH_SHOWN]}: {error.strerror or error}")
            settings.output.fail_with(fault)
            ctx.exit(status_of(fault))


def _with_hint(error: MeshError) -> MeshError:
    hint = HINTS.get(error.code)
    return error if hint is None else LocalFault(error.code, f"{error.text}. {hint}")


def _tell_usage(settings: Settings, words: Sequence[str], error: click.UsageError) -> None:
    """A command whose words do not go together has not come to its own --json."""
    settings.as_json = settings.as_json or "--json" in words
    settings.output.fail(None, error.format_message())


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
    refuse_core_dumps()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A terminal that cannot show a character is shown its code: a payment must not fail after the fact over its memo.
            stream.reconfigure(errors="backslashreplace")
    try:
        cli.main(prog_name=PROGRAM)
    except OSError as error:
        if error.errno not in _OUTPUT_FULL:
            raise
        _forget_output()
        with contextlib.suppress(OSError):
            click.echo(f"{PROGRAM}: what this command has to say cannot be written ({error.strerror}): ask again, with room for the answer", err=True)
        sys.exit(ExitStatus.FAILED)


def _forget_output() -> None:
    """What could not be written stays in the stream, and would fail once more at the end of the process."""
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, sys.stdout.fileno())
    os.close(nothing)


if __name__ == "__main__":
    main()
