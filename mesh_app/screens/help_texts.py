"""The words of the help: what is what, and what each part of a screen is for. Keys are not here; they come from the registry of actions."""

from collections.abc import Mapping
from typing import Final

CONCEPTS: Final = (
    (
        "Validator",
        "One of four processes on this machine. Each checks every payment by nine rules and signs a vote for it, once per account and sequence number.",
    ),
    (
        "Quorum",
        "Three of four votes, 2f + 1 of 3f + 1. One validator may be down, or lie, and payments still settle and stay safe: any two quorums share an honest "
        "validator, and that one never signs twice for one slot.",
    ),
    ("Certificate", "A payment with a quorum of votes. It is final at once: nothing undoes it, and anyone can check it with the genesis document alone."),
    ("No chain, no order", "There are no blocks, no leader and no total order. Payments of different accounts never wait for each other."),
    (
        "300 ms",
        "The aim for one payment, from enter to the durable certificate. Proving and voting are shown apart: what four validators and a prover take on one "
        "machine says nothing about the network between cities, and nothing was measured there.",
    ),
    ("Commitment", "32 bytes that fix an amount without showing it: value·G + blinding·H. Validators add and compare commitments, never amounts."),
    ("Range proof", "Shows that no hidden amount is negative. It takes most of a payment's time; that time is shown apart from the network's."),
    ("Claim", "What was paid waits as an output. The recipient's wallet opens it with its memo and brings it home, by itself, with votes of its own."),
    (
        "Evidence",
        "Two statements signed by one key for one slot. Whoever sees both has a proof that convinces anybody; it is shown, kept and can be exported.",
    ),
    ("Supply audit", "All commitments added up equal the public supply less fees. That nothing was created is seen without opening a single amount."),
    ("What is public", "Sender, recipient, fee and the time are public. Amounts, balances and memos are not."),
    ("Not here", "No sharding, no other consensus tiers, no change of the committee: one committee, one epoch, one asset."),
)

SCOPE_TEXTS: Final[Mapping[str, str]] = {
    "everywhere": "These work on every screen, but not while a field takes what you type.",
    "network": "The four validators, what they have certified, and everything that happens.",
    "validator": "One validator. The keys act on its process: killed means SIGKILL, as a crash would. A killed one comes back and catches up.",
    "wallets": "What each wallet can open, beside what everybody else sees of it.",
    "pay": "A payment as it happens: a lane for each validator, the quorum, the certificate, the recipient's claim.",
    "form": "Name a recipient and an amount; enter pays, or goes to what is missing.",
    "ledger": "Certificates of all accounts, taken apart and checked again. What a validator says is held against what proves it; a lie is told as one.",
    "ledger_list": "Newest first. The filter has a language: from:alice to:bob kind:send votes:>3 height:100..200 id:9e37 by:V2 own:yes; a minus in front turns"
    " a word around. A question mark alone in the filter shows all of it.",
    "facts": "Each line can be copied; what it means stands at the bottom. Enter goes to the certificate or the account that it names, escape comes back.",
    "hex": "Every byte belongs to a field, which is named below with its value and what it means. The mouse points, too.",
    "laboratory": "Attacks against the real network, and what stops them.",
    "validators": "Processes, logs, links and data of the validators. Keys act on the one chosen in the list; beside it stands the command that does the same.",
    "log": "A log as its file has it, with a line for each launch and each end. Scrolling up pauses, end goes on; a mark is a line in the file itself.",
    "lines": "Who reaches whom. What is done to a line is done both ways, by a relay that stands in it only that long; wallets are those of this program.",
    "performance": "Traffic while you look elsewhere, and measured runs of payments.",
    "events": "One line for each thing that happens. Scrolling up pauses, follow goes on.",
    "lists": "Every list: arrows or j and k, the wheel, a click.",
    "filter": "Words that must all be in a row; each key counts at once.",
}

IN_DIALOGS: Final = (
    ("y n", "Yes, no"),
    ("esc q", "Back; nothing happens"),
    ("← → h l", "The other button"),
    ("enter", "The button in focus, or what was typed"),
)

WITHOUT_SIGHT: Final = (
    "A full-screen program reads badly aloud. mesh-app --demo first-payment --headless --json says the same as lines, and mesh-wallet pays without any screen."
)
PICTURES: Final = "ctrl+s saves the screen as a picture (SVG) in the home; o writes what is in focus as a file; y and Y copy it."
