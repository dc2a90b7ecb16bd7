"""Events about wallets as their process and the desk write them, for stories on the fake workbench."""

from typing import Any

from mesh_app.orders.wallets import FormOrder
from tests.tui.fake_workbench import FakeWorkbench, address, digest

Event = dict[str, Any]
NOTHING = "00" * 32


def details(bench: FakeWorkbench, name: str, *, key: str = "plain", incoming: int = 0, in_flight: int = 0, **changes: Any) -> Event:
    parts = [
        {"name": "spendable", "amount": bench.balances[name], "commitment": digest("spendable", name).hex()},
        {"name": "incoming", "amount": incoming, "commitment": digest("incoming", name).hex() if incoming else NOTHING},
        {"name": "in flight", "amount": in_flight, "commitment": digest("flight", name).hex() if in_flight else NOTHING},
    ]
    told = {"key": key, "parts": parts, "unopenable": 0, "restoring": False, "transitions": 1, "payments": 1, "standing": ""}
    return {"event": "wallet_details", "t_ns": bench.now_ns(), "wallet": name, **told, **changes}


def shut(bench: FakeWorkbench, name: str, state: str, text: str = "") -> Event:
    known = {"address": str(address(name)), "owner": digest("owner", name).hex(), "key": "sealed" if state == "sealed" else "plain"}
    return {"event": "wallet_shut", "t_ns": bench.now_ns(), "wallet": name, "state": state, "text": text, **known}


def entry(number: int, other: str, amount: int | None, *, is_sent: bool, text: str = "", status: str = "done", output: int = 0) -> Event:
    return {
        "at_ms": 1_790_000_000_000 + number * 1_000,
        "direction": "sent" if is_sent else "received",
        "counterparty": digest("owner", other).hex(),
        "amount": amount,
        "fee": 1 if is_sent else 0,
        "text": text,
        "cert_id": digest("certificate", number).hex(),
        "output": output,
        "status": status,
    }


def history(bench: FakeWorkbench, name: str, *entries: Event, has_older: bool = False) -> Event:
    return {"event": "wallet_history", "t_ns": bench.now_ns(), "wallet": name, "entries": [*entries], "has_older": has_older}


def contacts(bench: FakeWorkbench, *names: str) -> Event:
    known = [{"name": name, "address": str(address(name)), "owner": digest("owner", name).hex()} for name in names]
    return {"event": "contacts", "t_ns": bench.now_ns(), "first": 0, "total": len(known), "contacts": known}


def answered(bench: FakeWorkbench, order: FormOrder, state: str, text: str = "") -> Event:
    code = "1001" if state == "refused" else None
    told = {"ticket": order.ticket, "what": order.describe(), "state": state, "code": code, "text": text}
    return {"event": "wallet_order", "t_ns": bench.now_ns(), **told}


def qr(bench: FakeWorkbench, name: str, side: int = 45) -> Event:
    return {"event": "wallet_qr", "t_ns": bench.now_ns(), "wallet": name, "rows": ["█▀▄ "[row % 4] * side for row in range((side + 1) // 2)]}


def checked(bench: FakeWorkbench, file: str, *, valid: bool = True) -> Event:
    checks = [
        {"title": "canonical encoding", "holds": True, "found": "a payment receipt, and nothing else", "ms": 0.0},
        {"title": "prover's signature", "holds": valid, "found": "the sender signed" if valid else "the prover's signature does not hold", "ms": 1.3},
    ]
    fields = [["valid", "payment receipt"], ["amount", "500 units"], ["payee", str(address("bob"))]] if valid else []
    told = {"file": file, "kind": "payment receipt", "valid": valid, "checks": checks, "fields": fields}
    return {"event": "document_checked", "t_ns": bench.now_ns(), **told, "remark": "The payment is final.", "text": "" if valid else checks[-1]["found"]}
