"""`mesh-wallet restore` and `emergency`: a lost disk, and an account that cannot go on."""

import contextlib

import click

from mesh_core.crypto.keys import WalletKeys
from mesh_core.crypto.phrase import phrase_to_seed
from mesh_core.errors import ErrorCode, LocalFault
from mesh_core.protocol.construction import Payment
from mesh_core.storage.key_file import KeyKind
from mesh_core.storage.wallet_store import WalletStore, find_key_kind, find_wallet_address, list_wallets
from mesh_core.types.address import format_address
from mesh_core.wallet.cli.keys import refuse_taken
from mesh_core.wallet.cli.output import field_lines
from mesh_core.wallet.cli.parties import find_recipient, parse_amount
from mesh_core.wallet.cli.progress import Progress
from mesh_core.wallet.cli.prompts import ask_new_sealing, ask_sentence, read_phrase
from mesh_core.wallet.cli.session import GOES_ON, load_settings_network, open_wallet, patience_option, run
from mesh_core.wallet.cli.settings import Settings, WalletCommand, pass_settings
from mesh_core.wallet.emergency import CONFIRMATION
from mesh_core.wallet.records import Condition

RESTORE_PATIENCE_S = 120.0
RESTORE_EPILOG = """\b
In a script:
  MESH_PASSPHRASE=... mesh-wallet restore alice < phrase.txt"""


@click.command(cls=WalletCommand, epilog=RESTORE_EPILOG)
@click.argument("name")
@click.option("--no-passphrase", is_flag=True, help="Leave the seed unsealed.")
@click.option("--offline", is_flag=True, help="Make the wallet only; the first command that uses it asks the validators.")
@patience_option(RESTORE_PATIENCE_S)
@pass_settings
def restore(settings: Settings, name: str, *, no_passphrase: bool, offline: bool, timeout_s: float) -> None:
    """Make the wallet NAME from its recovery phrase, and get everything back from the validators.

    The phrase is typed without being shown, or read from standard input where that is no terminal; never give it on a command line. Balance, openings and
    history come back; nothing of them needs to be believed, since certificates and memos prove themselves. What this seed has signed and nobody has
    certified yet is completed, and no other transition is signed in its place. One seed belongs to one wallet in use: two machines that pay at the same time
    may lock the account.
    """
    refuse_taken(settings, name)
    if not offline:
        load_settings_network(settings)  # before anybody has typed 24 words
    seed = phrase_to_seed(read_phrase())
    twins = _find_twins(settings, seed)
    WalletStore.restore(settings.home.wallets, name, seed, sealing=ask_new_sealing(name, no_passphrase=no_passphrase))
    if twins:
        text = f"{', '.join(twins)} and {name} have one seed: use one of them, and delete the other. If both pay at once, the account may lock"
        click.echo(f"note: {text}", err=True)
    settings.wallet_option = name
    if offline:
        settings.output.tell({"wallet": name, "restored": False}, [f"'{name}' is made; the first command that uses it asks the validators for the rest"])
        return
    run(_restore(settings, timeout_s))


async def _restore(settings: Settings, timeout_s: float) -> None:
    progress = Progress(settings.output, load_settings_network(settings).genesis.committee)
    async with open_wallet(settings, timeout_s, progress) as session:
        wallet = session.wallet
        try:
            await session.get_up_to_date()
        except LocalFault as fault:
            if fault.code is not ErrorCode.NO_QUORUM:
                raise
            text = f"'{wallet.name}' is made from its phrase, and everything else is still to come, with the next command that uses it: {fault.text}"
            raise LocalFault(ErrorCode.NO_QUORUM, text) from fault
        if wallet.fault is not None:
            raise wallet.fault
        amounts, payments = wallet.account.balance, wallet.history()
        form = {
            "wallet": wallet.name,
            "address": format_address(wallet.address),
            "restored": True,
            "spendable": amounts.spendable,
            "incoming": amounts.incoming,
            "payments": len(payments),
        }
        fields = [
            ("restored", wallet.name),
            ("address", format_address(wallet.address)),
            ("spendable", f"{amounts.spendable:,} units"),
            ("incoming", f"{amounts.incoming:,} units"),
            ("history", f"{len(payments)} payments"),
        ]
        progress.result(form, field_lines(fields))


def _find_twins(settings: Settings, seed: bytes) -> list[str]:
    """Wallets of this home that pay from the same account, as far as their key files tell."""
    address = WalletKeys.from_seed(seed).address
    found = []
    for name in list_wallets(settings.home.wallets):
        with contextlib.suppress(LocalFault):
            is_same = find_wallet_address(settings.home.wallets, name) == address
            if is_same and find_key_kind(settings.home.wallets, name) is not KeyKind.VIEW_ONLY:
                found.append(name)
    return found


@click.command(cls=WalletCommand)
@click.option("--to", metavar="ADDRESS|CONTACT|WALLET", help="Whom to pay instead. Without it, what is incoming is claimed instead.")
@click.option("--amount", metavar="N", help="With --to: how many units.")
@click.option("--memo", default="", metavar="TEXT", help="With --to: a text that only the recipient can read.")
@click.option("--confirm", metavar="SENTENCE", help="The confirmation, for scripts; otherwise it is asked for.")
@patience_option()
@pass_settings
def emergency(settings: Settings, *, to: str | None, amount: str | None, memo: str, confirm: str | None, timeout_s: float) -> None:
    """Free an account whose signed transition a quorum of validators refuses for ever.

    A slot is never signed twice; this is the one exception. It is safe for the money, since so many validators have refused the first transition that it can
    never become final, and it has a price: both transitions stay signed, and whoever holds both can prove for ever that this key signed twice. This never
    happens to a wallet without a fault in its program. A locked account is another thing, and cannot be freed.
    """
    if (to is None) != (amount is None):
        raise click.UsageError("--to and --amount go together")
    payments = [] if to is None or amount is None else [Payment(find_recipient(settings, to).address, parse_amount(amount), memo)]
    run(_emergency(settings, payments, confirm, timeout_s))


async def _emergency(settings: Settings, payments: list[Payment], confirm: str | None, timeout_s: float) -> None:
    progress = Progress(settings.output, load_settings_network(settings).genesis.committee)
    async with open_wallet(settings, timeout_s, progress) as session:
        wallet = session.wallet
        wallet.require_signing_keys()
        await session.get_up_to_date()
        standing = wallet.standing
        if standing.condition is Condition.LOCKED and wallet.fault is not None:
            raise wallet.fault
        if standing.condition is not Condition.STUCK:
            # The library says why, in the words for this account.
            await wallet.replace_stuck(payments, CONFIRMATION)
        progress.note(standing.text)
        progress.note("two transitions signed for one slot can be proven against this account, by anybody who has both, for ever")
        sentence = ask_sentence(CONFIRMATION, confirm)

        def describe() -> str:
            return f"the transition is signed and stored, and not final yet; {session.describe_reach()}. {GOES_ON}"

        result = await session.within(wallet.replace_stuck(payments, sentence), describe)
        progress.result(
            {"wallet": wallet.name, "cert_id": result.cert_id},
            field_lines([("replaced", f"slot {standing.sequence}"), ("certificate", result.cert_id.hex())]),
        )
