"""All wallets of one home, open at once in one process, over shared connections."""

import itertools
from collections.abc import Callable, Sequence
from pathlib import Path

from mesh_core.crypto.keys import ViewOnlyKeys, WalletKeys
from mesh_core.crypto.phrase import phrase_to_seed
from mesh_core.errors import ErrorCode, LocalFault
from mesh_core.protocol.construction import Payment
from mesh_core.storage.key_file import AskPassphrase, KeyKind, Sealing
from mesh_core.storage.wallet_store import SEED_SIZE_BYTES, WalletStore, find_key_kind, list_wallets
from mesh_core.types.address import Address, parse_address
from mesh_core.wallet import events
from mesh_core.wallet.client import ValidatorClient
from mesh_core.wallet.network import Network
from mesh_core.wallet.paying import PaymentResult
from mesh_core.wallet.ports import Validators
from mesh_core.wallet.surroundings import REAL
from mesh_core.wallet.wallet import Wallet

Publish = Callable[[events.WalletEvent], None]


class WalletHome:
    """The wallets in HOME/wallets, by name. `start`, then use; `close` at the end."""

    def __init__(
        self,
        home: Path,
        network: Network,
        publish: Publish,
        on_fault: Callable[[LocalFault], None],
        *,
        ask_passphrase: AskPassphrase | None = None,
        claim_automatically: bool = True,
        wrap: Callable[[Validators], Validators] = lambda validators: validators,
    ) -> None:
        """`on_fault` is called when a wallet's disk fails: the process must then stop. Without `ask_passphrase` sealed wallets stay closed.

        `wrap` stands between wallets and validators, for tests.
        """
        self._home = home
        self._ask_passphrase = ask_passphrase
        self._claim_automatically = claim_automatically
        self._publish = publish
        self._on_fault = on_fault
        self._client = ValidatorClient(network, publish)
        self._validators = wrap(self._client)
        self._numbers = itertools.count(1)
        self._wallets: dict[str, Wallet] = {}

    @property
    def validators(self) -> Validators:
        """The validators, as the wallets reach them."""
        return self._validators

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the open wallets."""
        return tuple(self._wallets)

    def start(self, only: Sequence[str] | None = None) -> None:
        """Open every wallet that is there, or those named, and connect: one subscription a connection then covers them all. LocalFault.

        Of all wallets, the sealed ones are left closed where nobody can be asked for a passphrase; a notice says so. One that is named is not left out.
        """
        for name in self._find_openable() if only is None else only:
            self._open(WalletStore.open(self._home, name, self._on_fault, ask_passphrase=self._ask_passphrase))
        self._client.start()

    async def close(self) -> None:
        """Close all wallets and connections."""
        for wallet in self._wallets.values():
            await wallet.close()
        self._client.close()

    def open(self, name: str, keys: WalletKeys | ViewOnlyKeys | None = None) -> Wallet:
        """Open one wallet more; without effect if it is open. `keys` (secret) as `WalletStore.open`. LocalFault as that, WALLET_SEALED for a sealed one."""
        if name in self._wallets:
            return self._wallets[name]
        return self._open(WalletStore.open(self._home, name, self._on_fault, ask_passphrase=self._ask_passphrase, keys=keys))

    async def release(self, name: str) -> None:
        """Close one wallet: other programs may use it, and its keys are forgotten here. What is signed goes on when it is opened again. LocalFault."""
        wallet = self.wallet(name)
        del self._wallets[name]
        await wallet.close()

    def _find_openable(self) -> list[str]:
        names = list_wallets(self._home)
        closed = [name for name in names if self._ask_passphrase is None and find_key_kind(self._home, name) is KeyKind.SEALED]
        for name in closed:
            text = f"the wallet '{name}' is sealed with a passphrase and stays closed here: use mesh-wallet --wallet {name}, which asks for it"
            self._publish(events.WalletNotice(REAL.now_ns(), name, events.NoticeKind.SEALED.value, text, ()))
        return [name for name in names if name not in closed]

    def create(self, name: str, sealing: Sealing | None = None) -> Wallet:
        """Make a wallet with fresh keys. LocalFault (WALLET_EXISTS, WALLET_NAME_INVALID)."""
        return self._open(WalletStore.create(self._home, name, REAL.entropy(SEED_SIZE_BYTES), self._on_fault, sealing=sealing))

    def restore(self, name: str, seed: bytes) -> Wallet:
        """Make a wallet with a seed that was used before (32 bytes, secret); everything else comes back from the validators. LocalFault as `create`.

        `wallet.wait_in_step` returns with the balance; a notice tells when the history is complete.
        """
        WalletStore.restore(self._home, name, seed)
        return self._open(WalletStore.open(self._home, name, self._on_fault))

    def restore_from_phrase(self, name: str, phrase: str) -> Wallet:
        """`restore` from 24 words (secret). LocalFault (PHRASE_INVALID), too."""
        return self.restore(name, phrase_to_seed(phrase))

    def route(self, validator: int, address: tuple[str, int] | None) -> None:
        """Reach a validator at another address (a relay) from now on; None: where the network's file says."""
        self._client.route(validator, address)

    def wallet(self, name: str) -> Wallet:
        """An open wallet. LocalFault (WALLET_UNKNOWN)."""
        wallet = self._wallets.get(name)
        if wallet is None:
            raise LocalFault(ErrorCode.WALLET_UNKNOWN, f"there is no wallet '{name}' (wallets here: {', '.join(self._wallets) or 'none'})")
        return wallet

    async def pay(self, sender: str, recipient: str, amount: int, text: str = "") -> PaymentResult:
        """Pay from a wallet to a wallet of this home, or to an address. LocalFault, as `Wallet.send`; to oneself is refused. Every fault is published, too."""
        try:
            wallet = self.wallet(sender)
            address = self.resolve(recipient)
            if address.owner == wallet.address.owner:
                raise LocalFault(ErrorCode.ADDRESS_INVALID, f"'{sender}' would pay itself: choose another recipient")
        except LocalFault as fault:
            name = sender if sender in self._wallets else None
            self._publish(events.WalletFault(REAL.now_ns(), name, None, f"{fault.code:04x}", fault.text))
            raise
        return await wallet.send([Payment(address, amount, text)])

    def resolve(self, recipient: str) -> Address:
        """The address that a name or an address in text form stands for; one without a checksum is used with a warning. LocalFault (ADDRESS_INVALID)."""
        if recipient in self._wallets:
            return self._wallets[recipient].address
        try:
            parsed = parse_address(recipient.strip())
            if not parsed.has_checksum:
                text = f"the address {recipient.strip()[:16]}… has no checksum: a wrong digit would not be noticed, and the money would be nobody's"
                self._publish(events.WalletNotice(REAL.now_ns(), None, events.NoticeKind.UNCHECKED_ADDRESS.value, text, ()))
            return parsed.address
        except LocalFault as fault:
            raise LocalFault(fault.code, f"{recipient[:24]!r} is no wallet here and no address: {fault.text}") from fault

    def _open(self, store: WalletStore) -> Wallet:
        wallet = Wallet(store, self._validators, self._publish, lambda: next(self._numbers), claim_automatically=self._claim_automatically)
        self._wallets[store.name] = wallet
        wallet.start()
        return wallet
