"""What every command takes: --home, --network, --wallet and --json, before the command's name or behind it. What stands further behind counts."""

from pathlib import Path
from typing import Any

import click
from typing_extensions import override

from mesh_core.errors import ErrorCode, LocalFault
from mesh_core.network.genesis_file import load_genesis
from mesh_core.network.toml_table import TomlTable
from mesh_core.protocol.genesis import Genesis
from mesh_core.wallet.cli.output import Output
from mesh_core.wallet.home_folder import HOME_VARIABLE, HomeFolder, find_home


class Settings:
    """The common options of one invocation."""

    def __init__(self) -> None:
        self.home_option: Path | None = None
        self.network_option: Path | None = None
        self.wallet_option: str | None = None
        self.as_json = False

    @property
    def output(self) -> Output:
        """Where the command prints."""
        return Output(as_json=self.as_json)

    @property
    def home(self) -> HomeFolder:
        """The home's files. LocalFault (CONFIG_INVALID)."""
        return HomeFolder(find_home(self.home_option))

    @property
    def network_file(self) -> Path:
        """The network that is meant: --network, else the home's."""
        return self.network_option if self.network_option is not None else self.home.network_file

    @property
    def faucet_socket(self) -> Path:
        """Where a local network's faucet listens: beside the network file that is meant."""
        return HomeFolder(self.network_file.parent).faucet_socket

    def load_genesis(self, option: Path | None = None) -> Genesis:
        """The genesis document in a file, else that of the network that is meant; no validator need be known. LocalFault (CONFIG_INVALID, GENESIS_INVALID)."""
        if option is None:
            if self.network_option is None and not self.network_file.exists():
                raise LocalFault(
                    ErrorCode.CONFIG_INVALID, f"there is no network in {self.home.home}: name its genesis document, or another --home or --network"
                )
            option = TomlTable.load(self.network_file).table("network").path("genesis")
        try:
            return load_genesis(option)
        except LocalFault as fault:
            raise LocalFault(fault.code, f"{option}: {fault.text}" if str(option) not in fault.text else fault.text) from fault


pass_settings = click.make_pass_decorator(Settings, ensure=True)


class _NamedPath(click.Path):
    """A path that was named. Nothing is not the folder one happens to be in: it is a variable that is not set."""

    def __init__(self) -> None:
        super().__init__(path_type=Path)

    @override
    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if not str(value):
            self.fail("no path is given.", param, ctx)
        return super().convert(value, param, ctx)


def common_options() -> list[click.Parameter]:
    """New instances of the options that every command takes."""

    def keep(name: str) -> Any:
        def callback(context: click.Context, _: click.Parameter, value: Any) -> None:
            # An empty name is a mistake, such as a variable that is not set: another wallet must not pay in its place.
            if value is not None and value is not False:
                setattr(context.ensure_object(Settings), name, value)

        return callback

    kept: list[tuple[str, dict[str, Any]]] = [
        (
            "--home",
            {"type": _NamedPath(), "metavar": "DIR", "help": f"Where wallets, contacts and network are (default: ${HOME_VARIABLE})."},
        ),
        ("--network", {"type": _NamedPath(), "metavar": "FILE", "help": "Another network.toml than the home's."}),
        ("--wallet", {"metavar": "NAME", "help": "Another wallet than the one in use."}),
    ]
    options: list[click.Parameter] = [
        click.Option([name], callback=keep(f"{name.removeprefix('--')}_option"), expose_value=False, **attributes) for name, attributes in kept
    ]
    json_help = "Print JSON, one object a line."
    return [*options, click.Option(["--json", "as_json"], is_flag=True, callback=keep("as_json"), expose_value=False, help=json_help)]


class WalletCommand(click.Command):
    """A command that takes the common options behind its own."""

    def __init__(self, *arguments: Any, **attributes: Any) -> None:
        super().__init__(*arguments, **attributes)
        self.params += common_options()


class WalletGroup(click.Group):
    """A group of such commands, itself one."""

    command_class = WalletCommand

    def __init__(self, *arguments: Any, **attributes: Any) -> None:
        super().__init__(*arguments, **attributes)
        self.params += common_options()
