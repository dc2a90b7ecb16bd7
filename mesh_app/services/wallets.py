"""Orders for the wallets, given to the wallets' process. What comes of them arrives as that process's events.

An order that a form waits for is answered by `wallet_order` events:

    {"event": "wallet_order", "t_ns": …, "ticket": 3, "what": "import wallet carol", "state": "refused", "code": "1013", "text": "word 5 is not …"}

`state` is working, done or refused. Secrets go to the process and nowhere else.
"""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from mesh_app.orders.order import Order
from mesh_app.orders.wallets import (
    AddContact,
    AddViewWallet,
    AskFaucet,
    Claim,
    CreateWallet,
    DraftPhrase,
    ExportViewKey,
    FormOrder,
    HideAmounts,
    ImportWallet,
    LockWallet,
    MakeReceipt,
    Pay,
    ReadContacts,
    RemoveContact,
    RenameWallet,
    ShowHistory,
    StartWallets,
    UnlockWallet,
    VerifyFile,
)
from mesh_app.services.context import Handler, Revealer, WorkContext
from mesh_core.errors import MeshError


class WalletDesk:
    """The wallets of this home."""

    def __init__(self, context: WorkContext) -> None:
        self._context = context

    def handlers(self) -> Mapping[type[Order], Handler]:
        """Which orders it takes."""
        return {Pay: self._pay, HideAmounts: self._hide_amounts, StartWallets: self._start, **dict.fromkeys(COMMANDS, self._take)}

    def revealers(self) -> Mapping[type[Order], Revealer]:
        """A new wallet's phrase is the one secret that comes back."""
        return {DraftPhrase: self._draft_phrase}

    async def close(self) -> None:
        """Nothing of its own runs: the workbench stops the wallets' process."""

    async def _pay(self, order: Pay) -> None:
        """A fault of a payment arrives as the wallet's own event."""
        self._context.wallets.require_running()
        self._context.in_background(self._context.wallets.pay(order.wallet, order.to, order.amount, order.text), tells_itself=True)

    async def _start(self, order: StartWallets) -> None:
        """Without effect while the process runs. LocalFault."""
        await self._context.wallets.start()

    async def _hide_amounts(self, order: HideAmounts) -> None:
        """An event, as everything that the screens show: a recording hides what its person has hidden."""
        self._context.publish({"event": "amounts_hidden", "t_ns": self._context.now_ns(), "hidden": order.hides})

    async def _take(self, order: Order) -> None:
        """A fault arrives as an event, also that the wallets' process does not run: a form that waits must hear of it."""
        self._context.in_background(self._carry_out(order), tells_itself=True)

    async def _carry_out(self, order: Order) -> None:
        command = COMMANDS[type(order)]
        self._tell(order, "working")
        try:
            await self._context.wallets.order(command, **_fields(order))
        except MeshError as error:
            if isinstance(order, FormOrder) and order.ticket:
                self._tell(order, "refused", error)
            else:
                self._context.tell_fault(error, wallet=getattr(order, "wallet", None))
        else:
            self._tell(order, "done")

    async def _draft_phrase(self, order: DraftPhrase) -> str:
        return await self._context.wallets.draft_phrase()

    def _tell(self, order: Order, state: str, error: MeshError | None = None) -> None:
        if not isinstance(order, FormOrder) or not order.ticket:
            return
        code, text = (None, "") if error is None else (f"{error.code:04x}", error.text)
        self._context.publish(
            {
                "event": "wallet_order",
                "t_ns": self._context.now_ns(),
                "ticket": order.ticket,
                "what": order.describe(),
                "state": state,
                "code": code,
                "text": text,
            }
        )


COMMANDS: Mapping[type[Order], str] = {
    CreateWallet: "create",
    ImportWallet: "import",
    AddViewWallet: "import_view",
    ExportViewKey: "export_view",
    RenameWallet: "rename",
    UnlockWallet: "unlock",
    LockWallet: "lock",
    AskFaucet: "faucet",
    Claim: "claim",
    ShowHistory: "history",
    ReadContacts: "contacts",
    AddContact: "contact_add",
    RemoveContact: "contact_remove",
    MakeReceipt: "receipt",
    VerifyFile: "verify",
}
"""What the wallets' process calls them. A command's fields are those of its order, under the same names."""


def _fields(order: Order) -> dict[str, Any]:
    return {each.name: getattr(order, each.name) for each in fields(order) if each.name != "ticket"}
