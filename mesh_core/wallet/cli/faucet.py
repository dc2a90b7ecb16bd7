"""`mesh-wallet faucet`: test money from a local network."""

import asyncio
from typing import Final

import click

from mesh_core.types.basic import Hash32
from mesh_core.types.transition import MAX_CLAIMS
from mesh_core.wallet import events
from mesh_core.wallet.cli.output import field_lines
from mesh_core.wallet.cli.parties import parse_amount
from mesh_core.wallet.cli.paying import refuse_unopenable
from mesh_core.wallet.cli.progress import Progress
from mesh_core.wallet.cli.session import Session, load_settings_network, open_wallet, patience_option, run
from mesh_core.wallet.cli.settings import Settings, WalletCommand, pass_settings
from mesh_core.wallet.faucet import ask_faucet

HOW_TO_CLAIM: Final = "mesh-wallet receive"


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
            if wallet.fault is not None:
                raise wallet.fault  # it could not be claimed
        cert_id = await asyncio.to_thread(ask_faucet, settings.faucet_socket, wallet.address, units, timeout_s=timeout_s)
        # The faucet's word is one thing, what the validators prove is another: the amount is that of the payment.
        await session.get_up_to_date()
        paid = await session.within(
            _find(session, cert_id, came), lambda: f"the faucet says that it has paid, and no validator has told of it yet; {session.describe_reach()}"
        )
        if claims:
            unclaimed = "the faucet has paid, and its payment is not claimed yet"
            await session.within(_claim(session, cert_id), lambda: f"{unclaimed}; {session.describe_reach()}: {HOW_TO_CLAIM}")
        balance = wallet.account.balance.spendable
        form = {"wallet": wallet.name, "amount": paid, "cert_id": cert_id, "claimed": claims, "balance": balance}
        claimed = "claimed" if claims else f"to be claimed: {HOW_TO_CLAIM}"
        fields = [("from faucet", f"{paid:,} units, {claimed}"), ("certificate", cert_id.hex()), ("balance", f"{balance:,} units")]
        progress.result(form, field_lines(fields))


async def _find(session: Session, cert_id: Hash32, came: asyncio.Event) -> int:
    """What the payment brings, as soon as a validator tells of it. LocalFault (OUTPUT_UNOPENABLE)."""
    while True:
        refuse_unopenable(session, cert_id)
        found = session.wallet.account.claimable(MAX_CLAIMS, cert_id)
        if found:
            return sum(output.opening.value for output in found)
        await came.wait()
        came.clear()


async def _claim(session: Session, cert_id: Hash32) -> None:
    await session.wallet.receive(cert_id)
    await session.wallet.wait_settled()
