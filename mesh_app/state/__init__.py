"""What the screens show: plain data, filled by the reducers of `model.py` from events, read by everybody else.

All times are `t_ns` of the machine's monotonic clock as the events report them; nothing here looks at a clock.
Amounts stand in it, so it stays on this machine.
Everything that grows is bounded, so that a workstation may run for days.
"""

from mesh_app.state.certificates import MAX_CERTIFICATES, CertificateView
from mesh_app.state.entries import MAX_ENTRIES, Entry, Fault
from mesh_app.state.laboratory import LaboratoryView
from mesh_app.state.ledger import LedgerView
from mesh_app.state.logs import LogsView
from mesh_app.state.network import Audit, Link, Network
from mesh_app.state.payments import MAX_PAYMENTS, MAX_WORKS, FormedCertificate, Lane, Payment, Recipient, Refusal, Step, Work
from mesh_app.state.performance import PerformanceView
from mesh_app.state.validators import AWAITED, DEFAULT_VALIDATORS_COUNT, FLAG_HALTED, FLAG_QUARANTINE, FLAG_SYNCING, KILLED, VOTE_RATE_SECONDS, ValidatorView
from mesh_app.state.wallets import (
    MAX_CONTACTS,
    MAX_HISTORY,
    MAX_INCOMING,
    MAX_VERDICTS,
    CheckLine,
    ContactView,
    DocumentView,
    HistoryLine,
    Output,
    Part,
    Verdict,
    WalletDeskView,
    WalletView,
)
from mesh_app.state.whole import State

__all__ = [
    "AWAITED",
    "DEFAULT_VALIDATORS_COUNT",
    "FLAG_HALTED",
    "FLAG_QUARANTINE",
    "FLAG_SYNCING",
    "KILLED",
    "MAX_CERTIFICATES",
    "MAX_CONTACTS",
    "MAX_ENTRIES",
    "MAX_HISTORY",
    "MAX_INCOMING",
    "MAX_PAYMENTS",
    "MAX_VERDICTS",
    "MAX_WORKS",
    "VOTE_RATE_SECONDS",
    "Audit",
    "CertificateView",
    "CheckLine",
    "ContactView",
    "DocumentView",
    "Entry",
    "Fault",
    "FormedCertificate",
    "HistoryLine",
    "LaboratoryView",
    "Lane",
    "LedgerView",
    "Link",
    "LogsView",
    "Network",
    "Output",
    "Part",
    "Payment",
    "PerformanceView",
    "Recipient",
    "Refusal",
    "State",
    "Step",
    "ValidatorView",
    "Verdict",
    "WalletDeskView",
    "WalletView",
    "Work",
]
