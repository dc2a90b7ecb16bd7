"""`mesh-wallet faucet`: test money from a local network."""

import asyncio

import click

from mesh_core.types.basic import Hash32
from mesh_core.wallet import events
from mesh_core.wallet.cli.output import field_lines
from mesh_core.wallet.cli.parties import parse_amount
from mesh_core.wallet.cli.progress import Progress
from mesh_core.wallet.cli.session import Session, load_settings_network, open_wallet, patience_option, run
from mesh_core.wallet.cli.settings import Settings, WalletCommand, pass_settings
from mesh_core.wallet.faucet import ask_faucet


@click.command(cls=WalletCommand)
@click.option("--amount", required=True, metavar="N", help="How many units.")
@click.option("--no-claim", is_flag=True, help="Leave the payment to be claimed by 'mesh-wallet receive'.")
@patience_option()
@pass_settings
def faucet(settings: Settings, *, amount: str, no_claim: bool, timeout_s: float) -> None:
    """Ask a local network's faucet for N units, and claim them.

    A network that runs on this machine ('mesh-testnet up', or the workstation) pays test money to whoever may enter its home. Other networks have no faucet.
    """
    run(_faucet(settings, parse_amount(amount), timeout_s, claims=not no_claim))


async def _faucet(settings: Settings, units: int, timeout_s: float, *, claims: bool) -> None:
    progress = Progress(settings.output, load_settings_network(settings).genesis.committee)
    came = asyncio.Event()

    def on_event(event: events.WalletEvent) -> None:
        progress(event)
        if isinstance(event, events.IncomingSeen):
            came.set()

    async with open_wallet(settings, timeout_s, on_event) as session:
        wallet = session.wallet
        if claims:
            wallet.require_signing_keys()
        cert_id = await asyncio.to_thread(ask_faucet, settings.faucet_socket, wallet.address, units, timeout_s=timeout_s)
        if claims:
            await session.get_up_to_date()
            await session.within(
                _claim(session, cert_id, came), lambda: f"the faucet has paid, and it is not claimed yet; {session.describe_reach()}: mesh-wallet receive"
            )
        balance = wallet.account.balance.spendable
        form = {"wallet": wallet.name, "amount": units, "cert_id": cert_id, "claimed": claims, "balance": balance}
        claimed = "claimed" if claims else "to be claimed: mesh-wallet receive"
        fields = [("from faucet", f"{units:,} units, {claimed}"), ("certificate", cert_id.hex()), ("balance", f"{balance:,} units")]
        progress.result(form, field_lines(fields))


async def _claim(session: Session, cert_id: Hash32, came: asyncio.Event) -> None:
    """Claim it as soon as a validator tells of it."""
    while not session.wallet.account.claimable(1, cert_id):
        await came.wait()
        came.clear()
    await session.wallet.receive(cert_id)
    await session.wallet.wait_settled()
