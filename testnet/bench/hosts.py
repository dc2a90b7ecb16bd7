"""`mesh-testnet bench hosts`: payments from this machine to validators that run on other ones (docs/four-cities.md)."""

import argparse

from testnet.bench.telling import add_output_arguments
from testnet.commands.home_option import add_home

NAME = "hosts"
HELP = "a payment's time to validators that run already, here or on other machines"
DESCRIPTION = """Nothing is started but a wallet: the network of this folder is taken as it is. The folder holds network.toml, genesis.bin and the validators'
certificates ('public' of mesh-testnet init --hosts), and in 'wallets' one that has money and one that is paid and stays closed. First the round trips are
measured, then payments of one unit, one after the other."""
PAYMENTS_MOST = 100_000
PINGS_MOST = 1_000
WARM_UP = 10


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.description = DESCRIPTION
    add_home(parser)
    parser.add_argument("--wallet", default="payer", metavar="NAME", help="who pays (default payer)")
    parser.add_argument("--to", default="payee", metavar="NAME", help="who is paid (default payee)")
    parser.add_argument("--payments", type=int, default=200, metavar="N", help="how many are measured (default 200)")
    parser.add_argument("--pings", type=int, default=50, metavar="N", help="how many to each validator beforehand (default 50)")
    add_output_arguments(parser)


def check(options: argparse.Namespace, parser: argparse.ArgumentParser) -> None:
    """Ends with status 2 for numbers that cannot be."""
    if not 1 <= options.payments <= PAYMENTS_MOST:
        parser.error(f"1 to {PAYMENTS_MOST:,} payments are measured")
    if not 1 <= options.pings <= PINGS_MOST:
        parser.error(f"1 to {PINGS_MOST:,} PINGs are sent")
    if options.wallet == options.to:
        parser.error("a wallet cannot pay itself: --wallet and --to are the same")


def run(options: argparse.Namespace) -> int:
    """Measure and tell. LocalFault."""
    import asyncio

    from mesh_core.wallet.network import load_network
    from testnet.bench.hosts_payments import address_in, figures_of, measure_payments, measure_round_trips
    from testnet.bench.plots import Curve, Figure
    from testnet.bench.results import describe_surroundings, make_result
    from testnet.bench.telling import deliver, require_output, say
    from testnet.commands.home_option import find_network

    require_output(options)
    folder = find_network(options.home)
    network = load_network(folder.network_file)
    payee = address_in(folder, options.to)
    machine = describe_surroundings()
    say(options, f"round trips to {len(network.validators)} validators of {network.genesis.doc.name}, {options.pings} PINGs each")
    round_trips_ms = asyncio.run(measure_round_trips(network, options.pings))

    def tell(number: int) -> None:
        if number % 25 == 0:
            say(options, f"{number} payments")

    measured = measure_payments(folder, options.wallet, payee, payments=options.payments, warm_up=min(WARM_UP, options.payments), tell=tell)
    samples, quorum = asyncio.run(measured)
    told = {
        "network": network.genesis.doc.name,
        "validators": [f"V{index + 1}, {peer.host}" for index, peer in enumerate(network.validators)],
        "payments": options.payments,
        "pings": options.pings,
    }
    result = make_result(NAME, seed=0, machine=machine, options=told, figures=figures_of(samples, round_trips_ms, quorum))
    marks = (("certificates_ms", "certificate"), ("acks_ms", "applied by a quorum"))
    curves = tuple(Curve(words, _cumulative(result.figures[name])) for name, words in marks)
    deliver(
        options,
        result,
        [Figure(options.name or NAME, f"Payments between hosts, {network.genesis.doc.name}", "ms", "share of payments", curves, has_dots=False)],
    )
    return 0


def _cumulative(ordered: list[float]) -> tuple[tuple[float, float], ...]:
    return tuple((value, (place + 1) / len(ordered)) for place, value in enumerate(ordered))
