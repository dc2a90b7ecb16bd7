"""`mesh-testnet init DIR`: a new network's keys, genesis document and configurations, without starting anything."""

import argparse
import json
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mesh_core.storage.named_path import named_path
from testnet.commands.numbers import read_units, validators_count
from testnet.commands.profile_option import PROFILES

if TYPE_CHECKING:
    from testnet.layout import NetworkFolder
    from testnet.recipe import Recipe

NAME = "init"
HELP = "make keys, genesis and configurations of a new network, and start nothing"
DESCRIPTION = """Makes a network: one folder a validator with its keys and its validator.toml, the genesis document, network.toml for wallets, and wallets with
money. Nothing that exists is overwritten. With addresses of other machines each validator's folder is complete in itself, to be carried to its machine, and
DIR/public holds what everybody else needs. So that no secret key travels, let each owner make them (mesh-app --validator --init) and name the public parts
in a recipe."""
STATUSES = "Exit status: 0 made, 1 refused (the folder holds a network, cannot be written, or the recipe is wrong), 2 wrong usage."
MAKING = ("validators", "hosts", "name", "faucet", "wallet", "profile")
"""What a recipe says itself."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.description, parser.epilog = DESCRIPTION, STATUSES
    parser.add_argument("home", type=named_path, metavar="DIR", help="where the network is made; it must hold none")
    parser.add_argument("--recipe", metavar="FILE", help="all of it from a file, or 'example' (docs/operations.md, Recipes)")
    parser.add_argument("--validators", type=validators_count, metavar="N", help="how many (default 4, or one for each of --hosts)")
    parser.add_argument("--hosts", type=_hosts, metavar="A,B,…", help="IP addresses of the machines, one for each validator (default: this machine's loopback)")
    parser.add_argument("--port", type=_port, metavar="P", help="UDP port; machines that share an address get P, P+1 … (default: 47001, on loopback free ones)")
    parser.add_argument("--listen", type=_host, metavar="ADDRESS", help="listen there instead of at the address of --hosts, as 0.0.0.0 behind a NAT")
    parser.add_argument("--name", help="the network's name (default local-N, with --hosts net-N)")
    parser.add_argument("--faucet", type=read_units, metavar="UNITS", help="money of the wallet 'faucet' (default 1,000,000,000; 0: no faucet)")
    parser.add_argument("--wallet", type=_wallet, action="append", metavar="NAME=UNITS", help="a wallet more, with so much money; may be given again")
    parser.add_argument("--profile", metavar="PROFILE", help=f"where validators and wallets are taken to be whenever it runs: {PROFILES}")
    parser.add_argument("--json", action="store_true", help="one JSON object")


def check(options: argparse.Namespace, parser: argparse.ArgumentParser) -> None:
    """Ends with status 2 where options contradict each other."""
    if options.recipe is not None and any(getattr(options, name) is not None for name in (*MAKING, "port", "listen")):
        parser.error("--recipe says all of it: it goes with DIR and --json alone")
    if options.hosts is not None and options.validators is not None and options.validators != len(options.hosts):
        parser.error(f"--validators {options.validators}, but --hosts names {len(options.hosts)}")
    if options.listen is not None and options.hosts is None:
        parser.error("--listen goes with --hosts")
    names = [name for name, _ in options.wallet or ()]
    if len(set(names)) < len(names) or (options.faucet is not None and "faucet" in names):
        parser.error("--wallet names a wallet twice")


def run(options: argparse.Namespace) -> int:
    """Make the network. LocalFault."""
    from mesh_core.types.visible_text import visible_text
    from mesh_core.wallet.home_folder import find_home
    from testnet.genesis import make_network
    from testnet.layout import NetworkFolder
    from testnet.ownership import own_or_withdraw
    from testnet.profiles import load_profile
    from testnet.progress import Progress
    from testnet.recipe import find_recipe, read_recipe

    recipe = read_recipe(find_recipe(options.recipe)) if options.recipe is not None else _make_recipe(options)
    if recipe.profile is not None:
        load_profile(recipe.profile)  # before anything is written
    folder = NetworkFolder(find_home(options.home))
    with own_or_withdraw(folder) as lock, Progress(is_wanted=not options.json) as progress:
        make_network(folder, recipe, tell=progress.tell)
    lock.release()
    made = _describe(folder, recipe)
    # A folder's name need not be text, and a recipe is somebody else's.
    sys.stdout.write(json.dumps(made) + "\n" if options.json else "".join(f"{visible_text(line)}\n" for line in _lines(made)))
    return 0


def _make_recipe(options: argparse.Namespace) -> "Recipe":
    from mesh_core.errors import ErrorCode, LocalFault
    from testnet.faucet import FAUCET_WALLET
    from testnet.genesis import FAUCET_ALLOCATION
    from testnet.recipe import ANY_PORT, LOOPBACK, VALIDATORS_COUNT, Recipe, name_problem, spread_seats

    hosts = options.hosts or (LOOPBACK,) * (options.validators or VALIDATORS_COUNT)
    name = options.name if options.name is not None else f"{'net' if options.hosts else 'local'}-{len(hosts)}"
    if problem := name_problem(name):
        raise LocalFault(ErrorCode.CONFIG_INVALID, f"--name: {problem}")
    wallets = dict(options.wallet or ())
    faucet = FAUCET_ALLOCATION if options.faucet is None else options.faucet
    if faucet and FAUCET_WALLET not in wallets:
        wallets = {FAUCET_WALLET: faucet, **wallets}
    return Recipe(name, spread_seats(hosts, port=options.port or ANY_PORT, listen_host=options.listen or ""), wallets, profile=options.profile)


def _describe(folder: "NetworkFolder", recipe: "Recipe") -> dict[str, Any]:
    """What was made, read back from the files: who reads this may rely on it."""
    from mesh_core.storage.wallet_store import find_wallet_address
    from mesh_core.wallet.network import load_network

    network = load_network(folder.network_file)
    addresses = {name: find_wallet_address(folder.wallets, name) for name in recipe.wallets}
    return {
        "event": "network_made",
        "home": str(folder.home),
        "name": network.name,
        "network_id": network.genesis.network_id.hex(),
        "supply": network.genesis.doc.supply,
        "is_spread": recipe.is_spread,
        "public": str(folder.public) if recipe.is_spread else None,
        "validators": [
            {
                "name": peer.name,
                "public_key": peer.identity_pk.hex(),
                "host": peer.host,
                "port": peer.port,
                "config": str(folder.validator(index).config),
                "has_keys": folder.validator(index).identity_key.exists(),
            }
            for index, peer in enumerate(network.validators)
        ],
        "wallets": [{"name": name, "units": recipe.wallets[name], "address": str(address) if address else None} for name, address in addresses.items()],
    }


def _lines(made: dict[str, Any]) -> list[str]:
    home = shlex.quote(made["home"])
    lines = [
        f"made in {made['home']}",
        "",
        f"  network    {made['name']}, id {made['network_id']}",
        *(f"  {one['name']:<9}  {_place(one['host'], one['port'])}, key {one['public_key']}" for one in made["validators"]),
        *(f"  wallet     {one['name']}, {one['units']:,} units" for one in made["wallets"]),
    ]
    if not made["is_spread"] and all(one["has_keys"] for one in made["validators"]):
        return [*lines, f"  start      mesh-testnet up {home}"]
    for one in made["validators"]:
        folder = shlex.quote(str(Path(one["config"]).parent))
        secret = "" if one["has_keys"] else ", into the folder with the owner's keys"
        lines.append(f"  carry      {folder} to {one['host']}{secret}")
    return [
        *lines,
        "  start      there, in it: mesh-app --validator --config validator.toml",
        *([f"  wallets    {made['public']}: for everybody"] if made["public"] else []),
    ]


def _place(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _host(text: str) -> str:
    from mesh_core.network.toml_table import read_host

    try:
        return read_host(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text[:60]!r} is no IP address: names would need a resolver, which could lie") from None


def _hosts(text: str) -> tuple[str, ...]:
    return tuple(_host(part.strip()) for part in text.split(","))


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 5 and 1 <= int(text) <= 65535):
        raise argparse.ArgumentTypeError(f"{text[:20]!r} is no UDP port from 1 to 65535")
    return int(text)


def _wallet(text: str) -> tuple[str, int]:
    name, separator, units = text.partition("=")
    if not separator:
        raise argparse.ArgumentTypeError(f"{text[:60]!r}: expected NAME=UNITS")
    return name, read_units(units)
