"""Actions of the wallets screen."""

from typing import Final

from mesh_app.actions.action import Action

ACTIONS: Final[tuple[Action, ...]] = (
    Action("wallets", "app.new_wallet", "n", "New", "Create a wallet: name, passphrase, recovery phrase", in_palette=True),
    Action("wallets", "import_wallet", "i", "Import", "Import a wallet from its phrase, or a view key", in_palette=True),
    Action("wallets", "ask_faucet", "f", "Faucet", "Get 10,000 test units from the faucet", in_palette=True),
    Action("wallets", "unlock", "u", "Unlock", "Open a sealed wallet with its passphrase", in_palette=True),
    Action("wallets", "make_receipt", "R", "Receipt", "Receipt of the payment under the cursor", in_palette=True),
    Action("wallets", "verify_file", "V", "Verify", "Verify a receipt, certificate or equivocation proof", in_palette=True),
    Action("wallets", "contacts", "c", "Contacts", "Names for other people's addresses", in_palette=True),
    Action("wallets", "hide_amounts", "v", "Hide", "Hide the amounts on this screen, or show them", in_palette=True),
    Action("wallets", "show_code", "Q", "QR", "The address as a QR code over the whole screen", in_palette=True),
    Action("wallets", "show_address", "a", "Address", "The address and its QR code", in_palette=True),
    Action("wallets", "rename_wallet", "e", "Rename", "Give the wallet another name", in_palette=True),
    Action("wallets", "export_view_key", "x", "View key", "Export the view key: sees everything, spends nothing", in_palette=True),
    Action("wallets", "lock", "L", "Lock", "Close a sealed wallet again", in_bar=False, in_palette=True),
    Action("wallets", "claim", "C", "Claim", "Claim what came in now; it is claimed by itself, too", in_bar=False, in_palette=True),
    Action("wallets", "start_wallets", "W", "Start wallets", "Start the wallets' process again, after it has ended", in_bar=False, in_palette=True),
    Action("wallets", "older", "m", "Older", "Older payments of the history", in_bar=False, in_palette=True),
    Action("wallets", "next_tab", "right_square_bracket", "Next tab", "History, incoming, address: next", in_bar=False),
    Action("wallets", "previous_tab", "left_square_bracket", "Previous tab", "History, incoming, address: previous", in_bar=False),
    Action("wallet_lines", "open_certificate", "enter", "Certificate", "The payment's certificate, in the ledger"),
)
