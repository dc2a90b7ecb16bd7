"""`mesh-wallet doctor`: what is in the way of a payment, and what to do about it."""

import asyncio
import stat
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import click

from mesh_core.crypto import ristretto
from mesh_core.errors import ErrorCode, LocalFault, MeshError, PeerFault
from mesh_core.network.client import Connection, LocalIdentity, PeerAddress, connect
from mesh_core.protocol.identifiers import compute_proof_id
from mesh_core.storage.key_file import KeyKind
from mesh_core.storage.wallet_store import find_key_kind, list_wallets
from mesh_core.types.evidence import EQUIVOCATION_PROOF, EquivocationProof
from mesh_core.types.messages import PROTOCOL_VERSION, Pong, PongFlag, Role
from mesh_core.wallet.choosing import choose_wallet
from mesh_core.wallet.cli.exit_status import ExitStatus, status_of
from mesh_core.wallet.cli.output import field_lines
from mesh_core.wallet.cli.session import load_settings_network, open_wallet, patience_option, run
from mesh_core.wallet.cli.settings import Settings, WalletCommand, pass_settings
from mesh_core.wallet.history import Direction
from mesh_core.wallet.network import Network
from mesh_core.wallet.records import Condition

PROBE_S: Final = 3.0
CLOSE_S: Final = 0.02
DOCTOR_PATIENCE_S: Final = 10.0
CLOCK_FLOOR_MS: Final = int(datetime(2025, 1, 1, tzinfo=UTC).timestamp() * 1000)
FLAG_ADVICE: Final = {
    PongFlag.SYNCING: "catches up with the others; nothing to do",
    PongFlag.QUARANTINE: "does not vote: it may have forgotten votes (its operator: docs/operations.md, quarantine)",
    PongFlag.HALTED: "says that it holds proof of two conflicting certificates, and has stopped: do not pay before its operator has looked at it",
}


@dataclass(frozen=True, slots=True)
class Probe:
    """What one validator says of itself, or why it says nothing."""

    peer: PeerAddress
    pong: Pong | None = None
    rtt_ms: float = 0.0
    error: str = ""

    @property
    def flags(self) -> list[PongFlag]:
        """Its conditions."""
        return [] if self.pong is None else [flag for flag in PongFlag if self.pong.flags & flag]


@dataclass(slots=True)
class Findings:
    """What was found: fields for people, a form for programs, what to do, and the exit status."""

    fields: list[tuple[str, str]] = field(default_factory=list)
    form: dict[str, Any] = field(default_factory=dict)
    advice: list[str] = field(default_factory=list)
    status: ExitStatus = ExitStatus.GOOD

    def advise(self, text: str, status: ExitStatus = ExitStatus.FAILED) -> None:
        """Something is to be done."""
        self.advice.append(text)
        self.status = self.status or status


@click.command(cls=WalletCommand)
@patience_option(DOCTOR_PATIENCE_S)
@pass_settings
@click.pass_context
def doctor(context: click.Context, settings: Settings, *, timeout_s: float) -> None:
    """Look at everything that a payment needs, and say what to do about what is wrong.

    That is the home and its network file, the connection to each validator and its condition, whether validators agree with each other, the wallet's key,
    lock and account (open, locked, stuck, or with a transition on its way), the faucet, and the clock. Nothing is changed, but what was signed before is sent
    again. The exit status is 0 where nothing is in the way of a payment.
    """
    findings = run(_examine(settings, timeout_s))
    findings.form |= {"advice": findings.advice, "ok": findings.status is ExitStatus.GOOD}
    todo = [f"  * {line}" for line in findings.advice] or ["  nothing: all is well"]
    settings.output.tell(findings.form, [*field_lines(findings.fields), "", "what to do", *todo])
    context.exit(findings.status)


async def _examine(settings: Settings, timeout_s: float) -> Findings:
    findings = Findings()
    ristretto.load_library()
    _examine_machine(settings, findings)
    try:
        network = load_settings_network(settings)
    except MeshError as error:
        findings.form["network"] = None
        findings.fields.append(("network", "none"))
        findings.advise(error.text)
        return findings
    probes = await asyncio.gather(*(_probe(peer, network) for peer in network.validators))
    examine_probes(network, list(probes), findings)
    await _examine_wallet(settings, timeout_s, findings)
    return findings


def _examine_machine(settings: Settings, findings: Findings) -> None:
    now_ms = time.time_ns() // 1_000_000
    shown = datetime.fromtimestamp(now_ms / 1000).astimezone().isoformat(timespec="seconds")
    has_faucet = settings.faucet_socket.exists()
    findings.form |= {
        "home": str(settings.home.home),
        "protocol_version": PROTOCOL_VERSION,
        "group_library": ristretto.BACKEND,
        "clock_ms": now_ms,
        "clock_compared_with": None,
        "faucet": has_faucet,
        "wallets": list(list_wallets(settings.home.wallets)),
    }
    findings.fields += [
        ("home", str(settings.home.home)),
        ("versions", f"protocol {PROTOCOL_VERSION}, group library {ristretto.BACKEND}"),
        ("clock", f"{shown} (this machine's, compared with nobody's: validators tell no time. It only stamps the history)"),
        ("faucet", "listens on this machine" if has_faucet else "none on this machine"),
        ("wallets", ", ".join(list_wallets(settings.home.wallets)) or "none"),
    ]
    for path in (settings.home.home, settings.home.wallets, settings.network_file, settings.home.genesis_file):
        if _can_be_changed_by_others(path):
            findings.advise(f"other users of this machine may change {path}, and with it what this wallet trusts: chmod go-w '{path}'")
    if now_ms < CLOCK_FLOOR_MS:
        findings.advise("set this machine's clock: the times in the history are wrong. Payments do not depend on it")


def _can_be_changed_by_others(path: Path) -> bool:
    try:
        return bool(stat.S_IMODE(path.stat().st_mode) & (stat.S_IWGRP | stat.S_IWOTH))
    except OSError:
        return False


async def _probe(peer: PeerAddress, network: Network) -> Probe:
    connection: Connection | None = None
    try:
        async with asyncio.timeout(PROBE_S):
            connection = await connect(peer, LocalIdentity(Role.WALLET), network.genesis.network_id)
            began = time.monotonic()
            pong = await connection.ping()
            return Probe(peer, pong, (time.monotonic() - began) * 1000)
    except PeerFault as fault:
        return Probe(peer, error=fault.text)
    except TimeoutError:
        return Probe(peer, error=f"{peer.display_name}: no answer within {PROBE_S:g} s")
    finally:
        if connection is not None:
            connection.close()
            await asyncio.sleep(CLOSE_S)


def examine_probes(network: Network, probes: list[Probe], findings: Findings) -> None:
    """What validators say of themselves: who is reached, who votes, whether they agree."""
    genesis = network.genesis
    quorum = genesis.committee.quorum_threshold
    findings.form["network"] = {"name": network.name, "network_id": genesis.network_id, "quorum": quorum}
    findings.form["validators"] = [_probe_form(probe) for probe in probes]
    findings.fields.append(("network", f"{network.name}, id {genesis.network_id.hex()}"))
    findings.fields += [(probe.peer.display_name, _describe_probe(probe)) for probe in probes]
    voting = [probe for probe in probes if probe.pong is not None and not {PongFlag.QUARANTINE, PongFlag.HALTED} & set(probe.flags)]
    for probe in probes:
        if probe.pong is None:
            findings.advice.append(f"{probe.peer.display_name} at {probe.peer.host}:{probe.peer.port} is not reached: see that it runs")
        findings.advice += [f"{probe.peer.display_name} {FLAG_ADVICE[flag]}" for flag in probe.flags]
    if len(voting) < quorum:
        findings.advise(f"{len(voting)} validators vote, and {quorum} are needed: no payment can become final now", ExitStatus.NO_QUORUM)
    _compare(voting, quorum, findings)


def _compare(voting: list[Probe], quorum: int, findings: Findings) -> None:
    """Validators that have applied equally many certificates are in one state. One that says otherwise is alone with it, or no quorum agrees."""
    states: dict[int, dict[bytes, list[str]]] = {}
    for probe in voting:
        if probe.pong is not None:
            states.setdefault(probe.pong.log_length, {}).setdefault(probe.pong.state_digest, []).append(probe.peer.display_name)
    for length, found in states.items():
        if len(found) == 1:
            continue
        findings.form["agree"] = False
        groups = sorted(found.values(), key=len, reverse=True)
        said = ", ".join(" and ".join(names) for names in groups[1:])
        text = f"{said}: in another state than {' and '.join(groups[0])} after equally many certificates ({length:,}); tell their operators"
        if len(groups[0]) >= quorum:
            # One validator's word stops nobody: a quorum agrees, and payments need no more.
            findings.advice.append(f"{text}. Payments do not need them")
        else:
            findings.advise(f"{text}, and if that stays so, do not pay")


def _probe_form(probe: Probe) -> dict[str, Any]:
    pong = probe.pong
    return {
        "name": probe.peer.display_name,
        "host": probe.peer.host,
        "port": probe.peer.port,
        "is_reached": pong is not None,
        "rtt_ms": round(probe.rtt_ms, 1),
        "log_length": None if pong is None else pong.log_length,
        "state_digest": None if pong is None else pong.state_digest,
        "flags": [flag.name.lower() for flag in probe.flags if flag.name],
        "error": probe.error or None,
    }


def _describe_probe(probe: Probe) -> str:
    if probe.pong is None:
        return f"not reached: {probe.error}"
    flags = f", {', '.join(flag.name.lower() for flag in probe.flags if flag.name)}" if probe.flags else ""
    return f"up ({probe.rtt_ms:.1f} ms), {probe.pong.log_length:,} certificates, state {probe.pong.state_digest.hex()[:16]}{flags}"


async def _examine_wallet(settings: Settings, timeout_s: float, findings: Findings) -> None:
    try:
        name = choose_wallet(settings.home, settings.wallet_option)
        kind = find_key_kind(settings.home.wallets, name)
        async with open_wallet(settings, timeout_s) as session:
            try:
                await session.get_up_to_date()
            except LocalFault as fault:
                if fault.code is not ErrorCode.NO_QUORUM:
                    raise
                findings.advise(fault.text, ExitStatus.NO_QUORUM)
            wallet = session.wallet
            standing, pending = wallet.standing, wallet.account.unsettled()
            # By the clock of now, and not of the beginning: what has come in since is in the history, too.
            later = [entry for entry in wallet.history() if entry.at_ms > time.time_ns() // 1_000_000]
            sent = sum(entry.direction is Direction.SENT for entry in wallet.history())
            fault_text = None if wallet.fault is None else wallet.fault.text
            findings.form["wallet"] = {
                "name": name,
                "key": kind.value,
                "condition": standing.condition,
                "fault": fault_text,
                "sequence": wallet.account.state.sequence,
                "has_unfinished": pending is not None,
                "spendable": wallet.account.balance.spendable,
                "incoming": wallet.account.balance.incoming,
                "evidence": [_evidence_form(proof) for proof in standing.evidence],
                "refusals": list(standing.refusals),
            }
            state = "open" if wallet.fault is None else "unreadable" if standing.condition is Condition.OPEN else standing.condition.name.lower()
            findings.fields += [
                ("wallet", f"{name}, {_KEY_WORDS[kind]}; slot {wallet.account.state.sequence}, {sent} payments sent"),
                ("account", state if fault_text is None else f"{state}: {fault_text}"),
                *(("evidence", _describe_evidence(proof)) for proof in standing.evidence),
            ]
            if later:
                findings.advise("the history has payments from the future: this machine's clock was, or is, wrong")
            if wallet.fault is not None:
                findings.advise(_advise_fault(standing.condition), status_of(wallet.fault))
            elif pending is not None:
                findings.advice.append(
                    "a transition is signed and not settled: leave the wallet open (mesh-wallet watch), or call history again; never pay again by hand"
                )
            if wallet.account.balance.incoming and not wallet.is_view_only:
                findings.advice.append(f"{wallet.account.balance.incoming:,} units wait to be claimed: mesh-wallet receive")
    except LocalFault as fault:
        findings.form["wallet"] = {"fault": fault.text, "code": f"{fault.code:04x}"}
        findings.fields.append(("wallet", "none, or none is chosen" if fault.code is ErrorCode.WALLET_UNKNOWN else "cannot be opened"))
        findings.advise(fault.text)


def _advise_fault(condition: Condition) -> str:
    if condition is Condition.OPEN:
        return (
            "this wallet's view key does not open what the account holds, so amounts and history stop there, and nothing can be paid: a view key may be"
            " damaged (import it once more, under another name); a wallet with a seed may be a copy of another one's folder (restore it from its phrase)"
        )
    if condition is Condition.STUCK:
        return "the account is stuck: a program has signed what validators refuse for ever. mesh-wallet emergency frees it; read its --help before"
    return (
        "the account is locked: two transitions are signed for one slot, some validators have voted for the one and some for the other, and none may vote"
        " twice. Nothing can be paid or claimed from it in this version of the protocol, and nobody can take what is in it. What remains possible: balance,"
        " history, show, the receipts of its payments, and export-view-key. Be paid to another wallet (mesh-wallet keygen NAME), and never use one seed on"
        " two machines"
    )


def _describe_evidence(proof: EquivocationProof) -> str:
    return f"proof {compute_proof_id(proof).hex()}: one key signed {proof.id_a.hex()} and {proof.id_b.hex()}; --json has its digits for 'mesh-wallet verify'"


def _evidence_form(proof: EquivocationProof) -> dict[str, Any]:
    return {"proof_id": compute_proof_id(proof), "transition_ids": [proof.id_a, proof.id_b], "proof": EQUIVOCATION_PROOF.encode(proof)}


_KEY_WORDS: Final = {KeyKind.PLAIN: "seed not sealed", KeyKind.SEALED: "seed sealed", KeyKind.VIEW_ONLY: "view-only"}
