"""MESH's protocol a second time, for the vectors: identifiers, the nine rules, certificates, the ledger, its digest and log, evidence, receipts, handshake.

Written from docs/protocol.md and for obviousness, without code of `mesh_core`: one validator, one pass over its input, everything computed anew whenever
it is asked for.
"""

import hashlib
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

from tests.vectors import second_wire as wire
from tests.vectors.second_crypto import (
    ZEROS,
    H,
    L,
    Unopenable,
    Wallet,
    add_up,
    commit,
    is_acceptable,
    is_canonical_point,
    open_memo,
    public_key,
    range_proof_holds,
    sign,
    u64,
    verify,
    x25519,
    x25519_public,
)
from tests.vectors.second_wire import RECEIVE, SEND, Malformed, decode, encode

Json = Any
PROOF_SIZES = {2: 641, 4: 705, 8: 769}
SUPPLY_LIMIT = 2**63


class Invalid(Exception):
    """Something is not valid; `reason` is the word that the vectors have for why."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Refused(Exception):
    """A rule refuses. `other`: id and signature of the transition that conflicts. `missing`: certificates that are absent."""

    def __init__(self, code: int, *, other: tuple[bytes, bytes] | None = None, missing: tuple[bytes, ...] = ()) -> None:
        super().__init__(f"{code:04x}")
        self.code = code
        self.other = other
        self.missing = missing

    @property
    def rule(self) -> int:
        return self.code >> 8


# --- Genesis


@dataclass(frozen=True)
class Genesis:
    doc: Json
    network_id: bytes

    @property
    def validators(self) -> list[bytes]:
        return [bytes.fromhex(key) for key in self.doc["validators"]]

    @property
    def faults(self) -> int:
        return (len(self.validators) - 1) // 3

    @property
    def quorum(self) -> int:
        return 2 * len(self.validators) // 3 + 1

    @property
    def supply(self) -> int:
        return sum(int(one["amount"]) for one in self.doc["allocations"])

    def fee(self, outputs: int) -> int:
        return int(self.doc["fee_base"]) + outputs * int(self.doc["fee_per_output"])


def read_genesis(data: bytes) -> Genesis:
    """Invalid: ENCODING, SUPPLY, FEES, AMOUNT, KEY."""
    try:
        doc = decode(wire.GENESIS, data)
    except Malformed as error:
        raise Invalid("ENCODING") from error
    genesis = Genesis(doc, H("genesis", data))
    if genesis.supply >= SUPPLY_LIMIT:
        raise Invalid("SUPPLY")
    if genesis.fee(7) >= SUPPLY_LIMIT:
        raise Invalid("FEES")
    if any(int(one["amount"]) == 0 for one in doc["allocations"]):
        raise Invalid("AMOUNT")
    if not all(is_acceptable(key) for key in [*genesis.validators, *(bytes.fromhex(one["owner"]) for one in doc["allocations"])]):
        raise Invalid("KEY")
    return genesis


# --- Transitions


@dataclass(frozen=True)
class Transition:
    """A decoded transition; everything in `core` is in the JSON form."""

    data: bytes
    core: Json
    core_bytes: bytes
    range_proof: bytes
    signature: bytes

    @classmethod
    def read(cls, data: bytes) -> "Transition":
        """Rule 1 as far as it needs no genesis. Malformed, with the rule's code."""
        fields = decode(wire.TRANSITION, data)
        core_bytes = encode(wire.CORE, fields["core"])
        return cls(data, fields["core"], core_bytes, bytes.fromhex(fields["range_proof"]), bytes.fromhex(fields["owner_signature"]))

    def field(self, name: str) -> bytes:
        return bytes.fromhex(self.core[name])

    @property
    def kind(self) -> int:
        return int(self.core["kind"])

    @property
    def sender(self) -> bytes:
        return self.field("sender")

    @property
    def sequence(self) -> int:
        return int(self.core["sequence"])

    @property
    def outputs(self) -> list[dict[str, bytes]]:
        return [{name: bytes.fromhex(value) for name, value in one.items()} for one in self.core.get("outputs", [])]

    @property
    def claims(self) -> list[tuple[bytes, bytes, bytes]]:
        """cert_id, key, commitment."""
        return [
            (bytes.fromhex(one["cert_id"]), bytes.fromhex(one["cert_id"]) + bytes([one["index"]]), bytes.fromhex(one["commitment"]))
            for one in self.core.get("claims", [])
        ]

    @property
    def core_hash(self) -> bytes:
        return H("transition-core", self.core_bytes)

    @property
    def proof_hash(self) -> bytes:
        return H("proof-hash", self.range_proof)

    @property
    def id(self) -> bytes:
        return H("transition-id", self.core_hash + self.proof_hash)

    @property
    def statement(self) -> bytes:
        return make_statement(self.core, self.id)

    @property
    def cert_id(self) -> bytes:
        return H("cert-id", self.statement)

    def position(self, index: int) -> bytes:
        """What the keys of an output's memo are bound to."""
        return self.field("network_id") + self.sender + u64(self.sequence) + bytes([index])


def make_statement(core: Json, transition_id: bytes) -> bytes:
    return bytes.fromhex(core["network_id"]) + u64(int(core["epoch"])) + bytes.fromhex(core["sender"]) + u64(int(core["sequence"])) + transition_id


def make_vote(seed: bytes, statement: bytes) -> bytes:
    return statement + public_key(seed) + sign(seed, "sig/vote", statement)


# --- Certificates


@dataclass(frozen=True)
class Certificate:
    data: bytes
    transition: Transition
    votes: list[tuple[int, bytes]]


def check_fields(genesis: Genesis, transition: Transition) -> int | None:
    """Rule 1 behind the decoder: its code, or None."""
    core = transition.core
    keys = [key for _, key, _ in transition.claims]
    size = 0 if transition.kind == RECEIVE else next(size for m, size in PROOF_SIZES.items() if m > len(transition.outputs))
    for code, holds in (
        (0x0104, transition.field("network_id") == genesis.network_id),
        (0x0105, int(core["epoch"]) == 0),
        (0x0106, core["asset_id"] == genesis.doc["asset_id"]),
        (0x0107, wire.is_ascending(keys)),
        (0x0109, len(transition.range_proof) == size),
    ):
        if not holds:
            return code
    return None


def read_certificate(genesis: Genesis, data: bytes) -> Certificate:
    """Invalid: ENCODING, FIELDS, VOTES, OWNER, INDEX, VOTE."""
    try:
        fields = decode(wire.CERTIFICATE, data)
        transition = Transition.read(bytes.fromhex(fields["transition"]))
    except Malformed as error:
        raise Invalid("ENCODING") from error
    votes = [(int(one["validator_index"]), bytes.fromhex(one["signature"])) for one in fields["votes"]]
    if check_fields(genesis, transition) is not None:
        raise Invalid("FIELDS")
    if not genesis.quorum <= len(votes) <= len(genesis.validators):
        raise Invalid("VOTES")
    if not verify("sig/owner", transition.sender, transition.statement, transition.signature):
        raise Invalid("OWNER")
    for index, signature in votes:
        if index >= len(genesis.validators):
            raise Invalid("INDEX")
        if not verify("sig/vote", genesis.validators[index], transition.statement, signature):
            raise Invalid("VOTE")
    return Certificate(data, transition, votes)


# --- A validator


@dataclass
class Account:
    sequence: int
    balance: bytes
    head: bytes


@dataclass
class Validator:
    """One validator: its ledger, its votes, its log."""

    genesis: Genesis
    seed: bytes = ZEROS
    accounts: dict[bytes, Account] = field(default_factory=dict)
    outputs: dict[bytes, tuple[bytes, bytes]] = field(default_factory=dict)
    claimed: set[bytes] = field(default_factory=set)
    settled: dict[tuple[bytes, int], Transition] = field(default_factory=dict)
    votes: dict[tuple[bytes, int], Transition] = field(default_factory=dict)
    log: list[bytes] = field(default_factory=list)
    fee_pool: int = 0

    def __post_init__(self) -> None:
        for one in self.genesis.doc["allocations"]:
            self.accounts[bytes.fromhex(one["owner"])] = Account(0, add_up([], int(one["amount"])), ZEROS)

    def account(self, owner: bytes) -> Account:
        return self.accounts.get(owner, Account(0, ZEROS, ZEROS))

    # --- Voting

    def ask(self, data: bytes, *, without_rule: int = 0) -> bytes:
        """The vote on a transition. Refused. `without_rule` leaves a rule out (rule 1: all of it but the decoder)."""
        try:
            transition = Transition.read(data)
        except Malformed as error:
            raise Refused(error.code) from error
        slot = (transition.sender, transition.sequence)
        rules = (self._format, self._signature, self._account, self._conflict, self._sequence, self._dependency, self._amounts, self._balance, self._range)
        for number, rule in enumerate(rules, start=1):
            if number == 5 and slot in self.votes and self.votes[slot].id == transition.id:
                break
            if number != without_rule:
                rule(transition)
        self.votes[slot] = transition
        return make_vote(self.seed, transition.statement)

    def _format(self, transition: Transition) -> None:
        code = check_fields(self.genesis, transition)
        if code is not None:
            raise Refused(code)

    def _signature(self, transition: Transition) -> None:
        if not is_acceptable(transition.sender):
            raise Refused(0x0202)
        if not verify("sig/owner", transition.sender, transition.statement, transition.signature):
            raise Refused(0x0201)

    def _account(self, transition: Transition) -> None:
        if transition.kind == SEND and transition.sender not in self.accounts:
            raise Refused(0x0301)

    def _conflict(self, transition: Transition) -> None:
        slot = (transition.sender, transition.sequence)
        for code, known in ((0x0402, self.settled.get(slot)), (0x0401, self.votes.get(slot))):
            if known is not None and known.id != transition.id:
                raise Refused(code, other=(known.id, known.signature))

    def _sequence(self, transition: Transition) -> None:
        account = self.account(transition.sender)
        if transition.sequence != account.sequence:
            raise Refused(0x0501 if transition.sequence < account.sequence else 0x0502)
        if transition.field("prev") != account.head:
            raise Refused(0x0503)

    def _dependency(self, transition: Transition) -> None:
        for _, key, commitment in transition.claims:
            if key not in self.outputs:
                if key in self.claimed:
                    raise Refused(0x0602)
                raise Refused(0x0601, missing=self.missing(transition))
            owner, certified = self.outputs[key]
            if owner != transition.sender:
                raise Refused(0x0603)
            if certified != commitment:
                raise Refused(0x0604)

    def missing(self, transition: Transition) -> tuple[bytes, ...]:
        absent = (cert_id for cert_id, key, _ in transition.claims if key not in self.outputs and key not in self.claimed)
        return tuple(dict.fromkeys(absent))

    def _amounts(self, transition: Transition) -> None:
        if int(transition.core["fee"]) != (self.genesis.fee(len(transition.outputs)) if transition.kind == SEND else 0):
            raise Refused(0x0701)
        if not is_canonical_point(transition.field("new_balance")):
            raise Refused(0x0702)
        for output in transition.outputs:
            if not is_canonical_point(output["commitment"]):
                raise Refused(0x0702)
            if output["commitment"] == ZEROS:
                raise Refused(0x0703)
            if not is_acceptable(output["owner"]):
                raise Refused(0x0704)
        if not all(is_canonical_point(commitment) for _, _, commitment in transition.claims):
            raise Refused(0x0702)

    def _balance(self, transition: Transition) -> None:
        balance, new = self.account(transition.sender).balance, transition.field("new_balance")
        if transition.kind == SEND:
            left, right = balance, add_up([new, *(output["commitment"] for output in transition.outputs)], int(transition.core["fee"]))
        else:
            left, right = new, add_up([balance, *(commitment for _, _, commitment in transition.claims)])
        if left != right:
            raise Refused(0x0801)

    def _range(self, transition: Transition) -> None:
        outputs = tuple(output["commitment"] for output in transition.outputs)
        if transition.kind == SEND and not range_proof_holds(transition.field("new_balance"), outputs, transition.core_hash, transition.range_proof):
            raise Refused(0x0901)

    # --- Settling

    def settle(self, data: bytes) -> bool:
        """Apply a certificate; False where it must wait for others. Invalid. What was applied before is applied."""
        transition = read_certificate(self.genesis, data).transition
        slot = (transition.sender, transition.sequence)
        if slot in self.settled:
            assert self.settled[slot].id == transition.id, "the vectors hold no two certificates of one slot that settle"
            return True
        account = self.account(transition.sender)
        if transition.sequence > account.sequence or self.missing(transition):
            return False
        self._sequence(transition)
        self._dependency(transition)
        self._amounts(transition)
        self._balance(transition)
        self.accounts[transition.sender] = Account(transition.sequence + 1, transition.field("new_balance"), transition.id)
        for index, output in enumerate(transition.outputs):
            self.outputs[transition.cert_id + bytes([index])] = (output["owner"], output["commitment"])
        for _, key, _ in transition.claims:
            del self.outputs[key]
            self.claimed.add(key)
        self.fee_pool += int(transition.core["fee"])
        self.log.append(transition.cert_id)
        self.settled[slot] = transition
        self.votes.pop(slot, None)
        return True

    # --- Log and digest

    @property
    def chain(self) -> list[bytes]:
        """The log's chain hashes, the network id in front."""
        hashes = [self.genesis.network_id]
        for cert_id in self.log:
            hashes.append(H("log", hashes[-1] + cert_id))
        return hashes

    def account_state(self, owner: bytes) -> bytes:
        account = self.account(owner)
        return b"\1" + owner + u64(account.sequence) + account.balance + account.head

    def account_leaves(self) -> dict[bytes, bytes]:
        return {owner: H("leaf/account", self.account_state(owner)) for owner in sorted(self.accounts)}

    def output_leaves(self) -> dict[bytes, bytes]:
        return {key: H("leaf/output", key + b"".join(self.outputs[key])) for key in sorted(self.outputs)}

    def buckets(self) -> dict[bytes, bytes]:
        """The buckets that are not empty, by their two bytes."""
        contents: dict[bytes, bytes] = defaultdict(bytes)
        for leaves in (self.account_leaves(), self.output_leaves()):
            for key, leaf in leaves.items():
                contents[key[:2]] += leaf
        return {name: H("bucket", contents[name]) for name in sorted(contents)}

    def branches(self) -> dict[int, bytes]:
        """The branches with a bucket that is not empty."""
        buckets = self.buckets()
        return {
            first: H("branch", b"".join(buckets.get(bytes([first, second]), EMPTY_BUCKET) for second in range(256)))
            for first in sorted({name[0] for name in buckets})
        }

    def digest(self) -> bytes:
        branches = self.branches()
        counts = u64(0) + u64(self.genesis.supply) + u64(self.fee_pool) + u64(len(self.accounts)) + u64(len(self.outputs))
        return H("state", self.genesis.network_id + counts + b"".join(branches.get(first, EMPTY_BRANCH) for first in range(256)))

    def supply_holds(self) -> bool:
        """INV-1: balances and waiting outputs add up to (supply - fee_pool)*G."""
        held = [account.balance for account in self.accounts.values()] + [commitment for _, commitment in self.outputs.values()]
        return add_up(held) == add_up([], self.genesis.supply - self.fee_pool)


EMPTY_BUCKET = H("bucket", b"")
EMPTY_BRANCH = H("branch", EMPTY_BUCKET * 256)


# --- Evidence


def make_proof(tag: int, statement: bytes, signature: bytes, other_id: bytes, other_signature: bytes, validator: bytes = b"") -> bytes:
    """The proof that one key signed this statement and one with another id."""
    network_and_epoch, sender, sequence, own_id = statement[:40], statement[40:72], statement[72:80], statement[80:]
    pairs = sorted(((own_id, signature), (other_id, other_signature)))
    return bytes([tag]) + network_and_epoch + validator + sender + sequence + b"".join(one + two for one, two in pairs)


def check_proof(genesis: Genesis, data: bytes) -> bytes:
    """Who is convicted. Invalid: ENCODING, NETWORK, EPOCH, ORDER, COMMITTEE, SIGNATURE."""
    try:
        proof = decode(wire.PROOF, data)
    except Malformed as error:
        raise Invalid("ENCODING") from error
    is_client = proof["tag"] == 1
    offender, sender = bytes.fromhex(proof["owner" if is_client else "validator"]), bytes.fromhex(proof["owner" if is_client else "sender"])
    if bytes.fromhex(proof["network_id"]) != genesis.network_id:
        raise Invalid("NETWORK")
    if int(proof["epoch"]) != 0:
        raise Invalid("EPOCH")
    if proof["id_a"] >= proof["id_b"]:
        raise Invalid("ORDER")
    if not is_client and offender not in genesis.validators:
        raise Invalid("COMMITTEE")
    for which in "ab":
        statement = genesis.network_id + u64(0) + sender + u64(int(proof["sequence"])) + bytes.fromhex(proof[f"id_{which}"])
        if not verify("sig/owner" if is_client else "sig/vote", offender, statement, bytes.fromhex(proof[f"signature_{which}"])):
            raise Invalid("SIGNATURE")
    return offender


def make_report(genesis: Genesis, one: Certificate, other: Certificate) -> bytes:
    """A proof for each validator that signed both certificates of one slot."""
    others = dict(other.votes)
    proofs = [
        make_proof(2, one.transition.statement, signature, other.transition.id, others[index], genesis.validators[index])
        for index, signature in one.votes
        if index in others
    ]
    return bytes([len(proofs)]) + b"".join(proofs)


# --- Receipts


def make_receipt(certificate: Certificate, index: int, opening: tuple[int, bytes], eph_sk: bytes | None, context: bytes, prover: Wallet) -> bytes:
    transition = certificate.transition
    votes = b"".join(bytes([which]) + signature for which, signature in certificate.votes)
    body = b"\1" + transition.core_bytes + transition.proof_hash + transition.signature + bytes([len(certificate.votes)]) + votes
    body += bytes([index]) + u64(opening[0]) + opening[1] + (b"\0" if eph_sk is None else b"\1" + eph_sk)
    body += len(context).to_bytes(2, "big") + context + prover.owner
    return body + sign(prover.sign_seed, "sig/receipt", body)


def check_receipt(genesis: Genesis, data: bytes, context: bytes, payee: tuple[bytes, bytes]) -> dict[str, Json]:
    """What the receipt shows to somebody who has asked with this context about this payee (owner, view_pk).

    Invalid: ENCODING, KIND, NETWORK, INDEX, OWNER, VOTES, VOTE, COMMITMENT, EPHEMERAL_KEY, MEMO, PAYEE, CONTEXT, PROVER.
    """
    try:
        receipt = decode(wire.RECEIPT, data)
        core_bytes = bytes.fromhex(receipt["core"])
        core = decode(wire.CORE, core_bytes)
    except Malformed as error:
        raise Invalid("ENCODING") from error
    if core["kind"] != SEND:
        raise Invalid("KIND")
    if bytes.fromhex(core["network_id"]) != genesis.network_id or int(core["epoch"]) != 0:
        raise Invalid("NETWORK")
    index = receipt["output_index"]
    if index >= len(core["outputs"]):
        raise Invalid("INDEX")
    transition_id = H("transition-id", H("transition-core", core_bytes) + bytes.fromhex(receipt["proof_hash"]))
    statement = make_statement(core, transition_id)
    if not verify("sig/owner", bytes.fromhex(core["sender"]), statement, bytes.fromhex(receipt["owner_signature"])):
        raise Invalid("OWNER")
    votes = [(one["validator_index"], bytes.fromhex(one["signature"])) for one in receipt["votes"]]
    if not genesis.quorum <= len(votes) <= len(genesis.validators):
        raise Invalid("VOTES")
    for which, signature in votes:
        if which >= len(genesis.validators) or not verify("sig/vote", genesis.validators[which], statement, signature):
            raise Invalid("VOTE")
    output = {name: bytes.fromhex(value) for name, value in core["outputs"][index].items()}
    value, blinding = int(receipt["value"]), bytes.fromhex(receipt["blinding"])
    scalar = int.from_bytes(blinding, "little")
    if scalar >= L or commit(value, scalar) != output["commitment"]:
        raise Invalid("COMMITMENT")
    text = None
    if receipt["eph_sk"] is not None:
        text = _read_receipt_memo(core, index, output, bytes.fromhex(receipt["eph_sk"]), value, blinding)
    if (output["owner"], output["view_pk"]) != payee:
        raise Invalid("PAYEE")
    if bytes.fromhex(receipt["context"]) != context:
        raise Invalid("CONTEXT")
    prover = bytes.fromhex(receipt["prover"])
    if prover not in (bytes.fromhex(core["sender"]), output["owner"]) or not verify("sig/receipt", prover, data[:-64], data[-64:]):
        raise Invalid("PROVER")
    return {"value": wire.to_number(value), "text": text, "sender": core["sender"], "cert_id": H("cert-id", statement).hex()}


def _read_receipt_memo(core: Json, index: int, output: dict[str, bytes], eph_sk: bytes, value: int, blinding: bytes) -> str:
    if x25519_public(eph_sk) != output["eph_pk"]:
        raise Invalid("EPHEMERAL_KEY")
    position = bytes.fromhex(core["network_id"]) + bytes.fromhex(core["sender"]) + u64(int(core["sequence"])) + bytes([index])
    try:
        shown_value, shown_blinding, text = open_memo(x25519(eph_sk, output["view_pk"]), position, output, output["memo"])
    except Unopenable as error:
        raise Invalid("MEMO") from error
    if (shown_value, shown_blinding) != (value, blinding):
        raise Invalid("MEMO")
    return text


# --- Handshake

WIRE_VERSION, WIRE_NETWORK, WIRE_IDENTITY, WIRE_ROLE = 5, 6, 7, 8


def make_handshake(seed: bytes, tag: str, role: int, network_id: bytes, own_nonce: bytes, peer_nonce: bytes, fingerprint: bytes) -> bytes:
    body = bytes([1, role, 0]) + network_id + u64(0) + public_key(seed) + own_nonce + peer_nonce + fingerprint + u64(0)
    return body + sign(seed, tag, body)


def fingerprint_of(certificate: bytes) -> bytes:
    return hashlib.sha3_256(certificate).digest()


def check_hello(genesis: Genesis, data: bytes) -> int | None:
    """The code of the ERROR that a responder answers with, or None."""
    hello = decode(wire.MESSAGES[0x00][1], data)
    if not hello["version_min"] <= 1 <= hello["version_max"]:
        return WIRE_VERSION
    if bytes.fromhex(hello["network_id"]) != genesis.network_id:
        return WIRE_NETWORK
    return WIRE_IDENTITY if hello["nonce"] == ZEROS.hex() else None


def check_handshake(
    genesis: Genesis, data: bytes, *, from_responder: bool, own_nonce: bytes, hello_nonce: bytes | None, fingerprint: bytes, expected: bytes | None
) -> int | None:
    """The code of the ERROR that a HANDSHAKE is answered with, or None.

    `hello_nonce`: what the initiator's HELLO held, for the responder. `expected`: the validator that the initiator means to reach.
    """
    fields = decode(wire.MESSAGES[0x01][1], data)
    identity, role = bytes.fromhex(fields["identity"]), fields["role"]
    if role not in (1, 2, 3):
        return WIRE_ROLE
    if fields["version"] != 1:
        return WIRE_VERSION
    if bytes.fromhex(fields["network_id"]) != genesis.network_id or int(fields["epoch"]) != 0:
        return WIRE_NETWORK
    if fields["own_nonce"] == ZEROS.hex() or bytes.fromhex(fields["peer_nonce"]) != own_nonce:
        return WIRE_IDENTITY
    if hello_nonce is not None and bytes.fromhex(fields["own_nonce"]) != hello_nonce:
        return WIRE_IDENTITY
    if bytes.fromhex(fields["tls_fingerprint"]) != fingerprint or (from_responder and identity != expected):
        return WIRE_IDENTITY
    if (from_responder and role != 2) or (not from_responder and role == 2 and identity not in genesis.validators):
        return WIRE_ROLE
    tag = "sig/handshake-responder" if from_responder else "sig/handshake-initiator"
    return None if verify(tag, identity, data[:-64], data[-64:]) else WIRE_IDENTITY


# --- Frames

FRAME_LIMITS = {"control": 1024, "messages": 262_144}
BEFORE_HANDSHAKE = (0x00, 0x01, 0x04)
FIRST_MESSAGES = (0x00, 0x04)
CONTROL_REQUESTS = (0x02, 0x04)
REQUESTS = (0x10, 0x13, 0x15, 0x20, 0x30, 0x40)


def read_stream(data: bytes, stream: str, *, is_open: bool) -> tuple[list[str], int | None]:
    """Names of the messages that a validator takes from a stream, and the code of the ERROR that ends it, or None.

    A complete handshake opens the connection; before it this reads the control stream as far as a first HELLO.
    """
    names: list[str] = []
    if stream == "messages" and not is_open:
        return names, 4
    at = 0
    while len(data) - at >= 4:
        length = int.from_bytes(data[at : at + 4], "big")
        if length == 0:
            return names, 1
        if length > FRAME_LIMITS[stream]:
            return names, 3
        if len(data) - at - 4 < length:
            break
        kind, payload = data[at + 4], data[at + 5 : at + 4 + length]
        at += 4 + length
        if not is_open and kind not in BEFORE_HANDSHAKE:
            return names, 4
        if kind not in wire.MESSAGES:
            return names, 2
        name, layout = wire.MESSAGES[kind]
        try:
            decode(layout, payload)
        except Malformed:
            return names, 1
        if kind not in ((CONTROL_REQUESTS if stream == "control" else REQUESTS) if is_open else FIRST_MESSAGES):
            return names, 1
        names.append(name)
    return names, None
