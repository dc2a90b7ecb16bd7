"""Recomputes the answers of the vector files with second_protocol.py, without code of `mesh_core`: `python -m tests.vectors.second_opinion`.

Each section of a file has a function from the file and a case's `input` to the `expected` that must stand there, field by field. It never looks at
`expected`, with one exception: the range proofs of `transitions.json`, which a verifier cannot make, are taken from there and verified.
"""

import hashlib
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tests.vectors import second_protocol as protocol
from tests.vectors import second_wire as wire
from tests.vectors.second_crypto import (
    H,
    L,
    Wallet,
    add_up,
    commit,
    draw_blinding,
    eph_secret,
    open_memo,
    public_key,
    range_proof_holds,
    seal_memo,
    seal_self_memo,
    u64,
    x25519,
    x25519_public,
)
from tests.vectors.second_protocol import Genesis, Invalid, Refused, Transition, Validator

FOLDER = Path(__file__).parent
Json = Any
Case = dict[str, Any]


def genesis_of(document: Case) -> Genesis:
    return protocol.read_genesis(bytes.fromhex(document["genesis"]))


def reason_of(check: Callable[[], object]) -> Json:
    """Why a check refuses."""
    try:
        check()
    except Invalid as error:
        return {"reason": error.reason}
    return {"reason": None}


def opening_form(value: int, blinding: int) -> Json:
    return {"value": wire.to_number(value), "blinding": blinding.to_bytes(32, "little").hex()}


def opening_of(form: Json) -> tuple[int, int]:
    return int(form["value"]), int.from_bytes(bytes.fromhex(form["blinding"]), "little")


# --- genesis.json


def validator(document: Case, case: Case) -> Json:
    return {"public_key": public_key(bytes.fromhex(case["input"]["seed"])).hex()}


def person(document: Case, case: Case) -> Json:
    wallet = Wallet(bytes.fromhex(case["input"]["seed"]))
    return {"owner": wallet.owner.hex(), "view_pk": wallet.view_pk.hex(), "address": wallet.address}


def valid_genesis(document: Case, case: Case) -> Json:
    data = wire.encode(wire.GENESIS, case["input"])
    genesis = protocol.read_genesis(data)
    assert genesis.doc == case["input"]
    return {
        "document": data.hex(),
        "network_id": genesis.network_id.hex(),
        "supply": wire.to_number(genesis.supply),
        "max_faulty": genesis.faults,
        "quorum": genesis.quorum,
        "fees": [wire.to_number(genesis.fee(count)) for count in range(1, 8)],
    }


def refused_genesis(document: Case, case: Case) -> Json:
    return reason_of(lambda: protocol.read_genesis(bytes.fromhex(case["input"]["document"])))


# --- transitions.json


def transition(document: Case, case: Case) -> Json:
    """Everything but the range proof is made anew; the proof is verified."""
    genesis, given = genesis_of(document), case["input"]
    wallet, account = Wallet(bytes.fromhex(given["seed"])), wire.decode(wire.ACCOUNT, bytes.fromhex(given["account"]))
    value, blinding = opening_of(given["opening"])
    assert commit(value, blinding).hex() == account["balance"]
    slot = wallet.owner + u64(account["sequence"])
    if "payments" in given:
        parts, openings = make_outputs(wallet, genesis.network_id + slot, given, document["recipients"])
        fee = genesis.fee(len(parts))
        new_value, new_blinding = value - fee - sum(one for one, _ in openings), (blinding - sum(one for _, one in openings)) % L
        items = {"kind": wire.SEND, "fee": fee, "outputs": parts}
    else:
        claims = sorted(given["outputs"], key=lambda one: (one["key"]["cert_id"], one["key"]["index"]))
        taken = [opening_of(one["opening"]) for one in claims]
        assert all(commit(*opening).hex() == one["commitment"] for opening, one in zip(taken, claims, strict=True))
        new_value, new_blinding, openings = value + sum(one for one, _ in taken), (blinding + sum(one for _, one in taken)) % L, []
        items = {"kind": wire.RECEIVE, "fee": 0, "claims": [one["key"] | {"commitment": one["commitment"]} for one in claims]}
    new_balance = commit(new_value, new_blinding)
    core = items | {
        "network_id": genesis.network_id.hex(),
        "epoch": 0,
        "asset_id": genesis.doc["asset_id"],
        "sender": wallet.owner.hex(),
        "sequence": account["sequence"],
        "prev": account["head"],
        "new_balance": new_balance.hex(),
        "self_memo": seal_self_memo(wallet, genesis.network_id, slot, new_balance, new_value, new_blinding).hex(),
    }
    return describe_transition(wallet, core, openings, (new_value, new_blinding), bytes.fromhex(account["balance"]), case["expected"]["transition"])


def make_outputs(wallet: Wallet, position: bytes, given: Json, recipients: Json) -> tuple[Json, list[tuple[int, int]]]:
    """Outputs and their openings. The recipient of each finds the opening again, with its own secret."""
    by_address = {known.address: known for known in (Wallet(bytes.fromhex(seed)) for seed in recipients.values())}
    stream = hashlib.shake_256(b"MESH/v1/test-rng" + given["rng_seed"].encode()).digest(32 * len(given["payments"]))
    outputs, openings = [], []
    for index, payment in enumerate(given["payments"]):
        recipient, value, text, place = by_address[payment["address"]], int(payment["amount"]), payment["text"], position + bytes([index])
        blinding = draw_blinding(wallet, stream[32 * index : 32 * index + 32], place, value, text)
        output = {"owner": recipient.owner, "view_pk": recipient.view_pk, "commitment": commit(value, blinding)}
        eph_sk = eph_secret(wallet, place, output["commitment"])
        output["eph_pk"] = x25519_public(eph_sk)
        memo = seal_memo(eph_sk, place, output, value, blinding, text)
        shared = x25519(recipient.view_sk, output["eph_pk"])
        assert open_memo(shared, place, output, memo) == (value, blinding.to_bytes(32, "little"), text)
        outputs.append({name: part.hex() for name, part in output.items()} | {"memo": memo.hex()})
        openings.append((value, blinding))
    return outputs, openings


def describe_transition(wallet: Wallet, core: Json, openings: list[tuple[int, int]], new_opening: tuple[int, int], balance: bytes, given: str) -> Json:
    """The hashes and the signature of a core, with the range proof that the file gives it."""
    range_proof = wire.decode(wire.TRANSITION, bytes.fromhex(given))["range_proof"]
    made = {"core": core, "range_proof": range_proof, "owner_signature": bytes(64).hex()}
    unsigned = Transition.read(wire.encode(wire.TRANSITION, made))
    signature = wallet.sign_statement(unsigned.statement)
    data = unsigned.data[:-64] + signature
    outputs = tuple(output["commitment"] for output in unsigned.outputs)
    new_balance = unsigned.field("new_balance")
    if unsigned.kind == wire.SEND:
        assert range_proof_holds(new_balance, outputs, unsigned.core_hash, unsigned.range_proof), "the range proof does not verify"
        assert add_up([new_balance, *outputs], core["fee"]) == balance, "unbalanced"
    else:
        assert add_up([balance, *(commitment for _, _, commitment in unsigned.claims)]) == new_balance, "unbalanced"
    padded = [] if not outputs else [new_balance, *outputs] + [bytes(32)] * (next(size for size in (2, 4, 8) if size > len(outputs)) - 1 - len(outputs))
    return {
        "transition": data.hex(),
        "core": core,
        "core_bytes": unsigned.core_bytes.hex(),
        "core_hash": unsigned.core_hash.hex(),
        "proof_hash": unsigned.proof_hash.hex(),
        "transition_id": unsigned.id.hex(),
        "statement": unsigned.statement.hex(),
        "owner_signature": signature.hex(),
        "cert_id": unsigned.cert_id.hex(),
        "range_commitments": [one.hex() for one in padded],
        "output_openings": [opening_form(*one) for one in openings],
        "new_opening": opening_form(*new_opening),
        "sizes": {"transition": len(data), "certificate_with_3_votes": 1 + 4 + len(data) + 1 + 3 * 65},
    }


# --- ledger.json


def numbers(validator: Validator) -> Json:
    return {
        "log_length": len(validator.log),
        "chain": validator.chain[-1].hex(),
        "fee_pool": validator.fee_pool,
        "accounts": len(validator.accounts),
        "outputs": len(validator.outputs),
        "state_digest": validator.digest().hex(),
    }


def check_proof_of(genesis: Genesis, data: bytes) -> None:
    """The certificates of the history carry range proofs that hold, although their validity does not rest on them."""
    certified = protocol.read_certificate(genesis, data).transition
    if certified.kind == wire.SEND:
        outputs = tuple(output["commitment"] for output in certified.outputs)
        assert range_proof_holds(certified.field("new_balance"), outputs, certified.core_hash, certified.range_proof)


def ledger_order(document: Case, case: Case) -> Json:
    genesis = genesis_of(document)
    validator = Validator(genesis)
    states = [numbers(validator)]
    for name in case["input"]["certificates"]:
        data = bytes.fromhex(document["certificates"][name])
        check_proof_of(genesis, data)
        assert validator.settle(data), f"{name} must wait"
        states.append(numbers(validator))
    return {"states": states}


def deliver(document: Case, names: list[str]) -> Validator:
    """Certificates that wait are tried again until none is left."""
    validator = Validator(genesis_of(document))
    waiting = [bytes.fromhex(document["certificates"][name]) for name in names]
    while waiting:
        left = [data for data in waiting if not validator.settle(data)]
        assert len(left) < len(waiting), "certificates wait for ever"
        waiting = left
    return validator


def ledger_delivery(document: Case, case: Case) -> Json:
    return {key: value for key, value in numbers(deliver(document, case["input"]["certificates"])).items() if key != "chain"}


def ledger_state(document: Case, case: Case) -> Json:
    validator = deliver(document, case["input"]["certificates"])
    assert validator.supply_holds()
    return {
        "empty_bucket": protocol.EMPTY_BUCKET.hex(),
        "empty_branch": protocol.EMPTY_BRANCH.hex(),
        "account_leaves": [{"account": validator.account_state(owner).hex(), "leaf": leaf.hex()} for owner, leaf in validator.account_leaves().items()],
        "output_leaves": [
            {"key": key.hex(), "output": b"".join(validator.outputs[key]).hex(), "leaf": leaf.hex()} for key, leaf in validator.output_leaves().items()
        ],
        "buckets": [{"bucket": name.hex(), "hash": value.hex()} for name, value in validator.buckets().items()],
        "branches": [{"branch": f"{first:02x}", "hash": value.hex()} for first, value in validator.branches().items()],
        "supply": wire.to_number(validator.genesis.supply),
        "fee_pool": validator.fee_pool,
        "state_digest": validator.digest().hex(),
    }


def ledger_digest(document: Case, case: Case) -> Json:
    """Of accounts and outputs that no history leads to."""
    validator, given = Validator(genesis_of(document)), case["input"]
    validator.fee_pool = int(given["fee_pool"])
    validator.accounts = {}
    for data in given["accounts"]:
        state = wire.decode(wire.ACCOUNT, bytes.fromhex(data))
        account = protocol.Account(int(state["sequence"]), bytes.fromhex(state["balance"]), bytes.fromhex(state["head"]))
        validator.accounts[bytes.fromhex(state["owner"])] = account
    for one in given["outputs"]:
        value = bytes.fromhex(one["output"])
        validator.outputs[bytes.fromhex(one["key"])] = (value[:32], value[32:])
    return {"state_digest": validator.digest().hex()}


# --- certificates.json


def vote(document: Case, case: Case) -> Json:
    wanted = Transition.read(bytes.fromhex(document["transitions"][case["input"]["transition"]]))
    return {"vote": protocol.make_vote(bytes.fromhex(document["validator_seeds"][case["input"]["validator"]]), wanted.statement).hex()}


def certificate(document: Case, case: Case) -> Json:
    data = bytes.fromhex(document["transitions"][case["input"]["transition"]])
    wanted, signers = Transition.read(data), case["input"]["signers"]
    votes = b"".join(bytes([one]) + protocol.make_vote(bytes.fromhex(document["validator_seeds"][one]), wanted.statement)[-64:] for one in signers)
    made = b"\1" + len(data).to_bytes(4, "big") + data + bytes([len(signers)]) + votes
    assert protocol.read_certificate(genesis_of(document), made).transition.id == wanted.id
    return {"certificate": made.hex(), "cert_id": wanted.cert_id.hex()}


def refused_certificate(document: Case, case: Case) -> Json:
    return reason_of(lambda: protocol.read_certificate(genesis_of(document), bytes.fromhex(case["input"]["certificate"])))


# --- evidence.json


def evidence(document: Case, case: Case) -> Json:
    genesis = genesis_of(document)
    if "transitions" in case["input"]:
        one, other = (Transition.read(bytes.fromhex(data)) for data in case["input"]["transitions"])
        proof = protocol.make_proof(1, one.statement, one.signature, other.id, other.signature)
    else:
        first, second = (bytes.fromhex(data) for data in case["input"]["votes"])
        assert first[112:144] == second[112:144]
        proof = protocol.make_proof(2, first[:112], first[144:], second[80:112], second[144:], first[112:144])
    return {"proof": proof.hex(), "proof_id": H("equivocation", proof).hex(), "offender": protocol.check_proof(genesis, proof).hex()}


def report(document: Case, case: Case) -> Json:
    genesis = genesis_of(document)
    one, other = (protocol.read_certificate(genesis, bytes.fromhex(data)) for data in case["input"]["certificates"])
    made = protocol.make_report(genesis, one, other)
    proofs = wire.decode(wire.REPORT, made)["proofs"]
    guilty = [protocol.check_proof(genesis, wire.encode(wire.PROOF, proof)).hex() for proof in proofs]
    return {"report": made.hex(), "guilty": guilty}


def refused_proof(document: Case, case: Case) -> Json:
    return reason_of(lambda: protocol.check_proof(genesis_of(document), bytes.fromhex(case["input"]["proof"])))


# --- handshake.json


def handshake(document: Case, case: Case) -> Json:
    given, genesis = case["input"], genesis_of(document)
    nonce, answer_nonce = bytes.fromhex(given["initiator_nonce"]), bytes.fromhex(given["responder_nonce"])
    fingerprint = protocol.fingerprint_of(bytes.fromhex(given["tls_certificate"]))
    responder, initiator = bytes.fromhex(given["responder_seed"]), bytes.fromhex(given["initiator_seed"])
    hello = b"\1\1" + genesis.network_id + nonce
    answer = protocol.make_handshake(responder, "sig/handshake-responder", 2, genesis.network_id, answer_nonce, nonce, fingerprint)
    final = protocol.make_handshake(initiator, "sig/handshake-initiator", given["role"], genesis.network_id, nonce, answer_nonce, fingerprint)
    for receiver, message, data in (("responder", "hello", hello), ("initiator", "handshake", answer), ("responder", "handshake", final)):
        assert check_handshake_message(genesis, given, receiver, message, data) is None
    return {"tls_fingerprint": fingerprint.hex(), "hello": hello.hex(), "responder_handshake": answer.hex(), "initiator_handshake": final.hex()}


def check_handshake_message(genesis: Genesis, given: Json, receiver: str, message: str, data: bytes) -> int | None:
    if message == "hello":
        return protocol.check_hello(genesis, data)
    nonce, answer_nonce = bytes.fromhex(given["initiator_nonce"]), bytes.fromhex(given["responder_nonce"])
    to_responder = receiver == "responder"
    return protocol.check_handshake(
        genesis,
        data,
        from_responder=not to_responder,
        own_nonce=answer_nonce if to_responder else nonce,
        hello_nonce=nonce if to_responder else None,
        fingerprint=protocol.fingerprint_of(bytes.fromhex(given["tls_certificate"])),
        expected=None if to_responder else public_key(bytes.fromhex(given["responder_seed"])),
    )


def refused_handshake(document: Case, case: Case) -> Json:
    given = document["handshakes"][0]["input"]
    receiver, message, data = case["input"]["receiver"], case["input"]["message"], bytes.fromhex(case["input"]["data"])
    return {"error": check_handshake_message(genesis_of(document), given, receiver, message, data)}


# --- messages.json, frames.json


def message(document: Case, case: Case) -> Json:
    type_byte, fields = int(case["input"]["type"], 16), case["input"]["fields"]
    _, layout = wire.MESSAGES[type_byte]
    payload = wire.encode(layout, fields)
    assert wire.decode(layout, payload) == fields
    return {"frame": ((1 + len(payload)).to_bytes(4, "big") + bytes([type_byte]) + payload).hex()}


def event(document: Case, case: Case) -> Json:
    _, layout = wire.EVENTS[case["input"]["kind"]]
    body = wire.encode(layout, case["input"]["fields"])
    assert wire.decode(layout, body) == case["input"]["fields"]
    return {"body": body.hex()}


def stream(document: Case, case: Case) -> Json:
    given = case["input"]
    taken, error = protocol.read_stream(bytes.fromhex(given["data"]), given["stream"], is_open=given["handshake_complete"])
    return {"messages": taken, "error": error}


# --- rules.json


def prepared(document: Case, case: Case) -> Validator:
    """A validator in the state that the case asks for."""
    validator = Validator(genesis_of(document), bytes.fromhex(document["validator_seed"]))
    for step in case["input"]["before"]:
        if "settle" in step:
            assert validator.settle(bytes.fromhex(document["certificates"][step["settle"]]))
        else:
            validator.ask(bytes.fromhex(document["transitions"][step["vote"]]))
    return validator


def accepted(document: Case, case: Case) -> Json:
    return {"vote": prepared(document, case).ask(bytes.fromhex(case["input"]["transition"])).hex()}


def refused_transition(document: Case, case: Case) -> Json:
    return judge(document, case)[0]


def refused_by_one_rule(document: Case, case: Case) -> Json:
    """The same, and whether a validator that leaves the rule out votes for the transition."""
    refusal, alone = judge(document, case)
    return refusal | {"alone": alone}


def judge(document: Case, case: Case) -> tuple[Json, bool]:
    validator, data = prepared(document, case), bytes.fromhex(case["input"]["transition"])
    try:
        validator.ask(data)
    except Refused as refusal:
        return describe_refusal(validator, data, refusal), votes_without(validator, data, refusal.rule)
    return {"code": None}, False


def describe_refusal(validator: Validator, data: bytes, refusal: Refused) -> Json:
    transition_id, next_sequence, proof = bytes(32), 0, None
    if refusal.rule > 1:
        asked = Transition.read(data)
        transition_id, next_sequence = asked.id, validator.account(asked.sender).sequence
        if refusal.other is not None:
            made = protocol.make_proof(1, asked.statement, asked.signature, *refusal.other)
            assert protocol.check_proof(validator.genesis, made) == asked.sender
            proof = made.hex()
    return {
        "code": f"{refusal.code:04x}",
        "rule": refusal.rule,
        "transition_id": transition_id.hex(),
        "next_sequence": next_sequence,
        "proof": proof,
        "missing": [cert_id.hex() for cert_id in refusal.missing],
    }


def votes_without(validator: Validator, data: bytes, rule: int) -> bool:
    try:
        validator.ask(data, without_rule=rule)
    except (Refused, ValueError):
        return False
    return True


# --- receipts.json


def payee_of(document: Case, address: str) -> tuple[bytes, bytes]:
    """Owner and view key behind an address of somebody in the file."""
    wallets = (Wallet(bytes.fromhex(seed)) for seed in document["recipients"].values())
    return next((wallet.owner, wallet.view_pk) for wallet in wallets if wallet.address == address)


def receipt(document: Case, case: Case) -> Json:
    given, genesis = case["input"], genesis_of(document)
    value, blinding = opening_of(given["opening"])
    context, eph_sk = bytes.fromhex(given["context"]), None if given["eph_sk"] is None else bytes.fromhex(given["eph_sk"])
    settled = protocol.read_certificate(genesis, bytes.fromhex(given["certificate"]))
    prover = Wallet(bytes.fromhex(given["prover_seed"]))
    made = protocol.make_receipt(settled, given["output_index"], (value, blinding.to_bytes(32, "little")), eph_sk, context, prover)
    return {"receipt": made.hex(), "shows": protocol.check_receipt(genesis, made, context, payee_of(document, given["payee"]))}


def refused_receipt(document: Case, case: Case) -> Json:
    given, genesis = case["input"], genesis_of(document)
    context, payee = bytes.fromhex(given["context"]), payee_of(document, given["payee"])
    return reason_of(lambda: protocol.check_receipt(genesis, bytes.fromhex(given["receipt"]), context, payee))


# --- All

SECTIONS: dict[tuple[str, str], Callable[[Case, Case], Json]] = {
    ("genesis.json", "validators"): validator,
    ("genesis.json", "people"): person,
    ("genesis.json", "valid"): valid_genesis,
    ("genesis.json", "refused"): refused_genesis,
    ("transitions.json", "transitions"): transition,
    ("ledger.json", "orders"): ledger_order,
    ("ledger.json", "deliveries"): ledger_delivery,
    ("ledger.json", "states"): ledger_state,
    ("ledger.json", "digests"): ledger_digest,
    ("certificates.json", "votes"): vote,
    ("certificates.json", "certificates"): certificate,
    ("certificates.json", "refused"): refused_certificate,
    ("evidence.json", "proofs"): evidence,
    ("evidence.json", "reports"): report,
    ("evidence.json", "refused"): refused_proof,
    ("handshake.json", "handshakes"): handshake,
    ("handshake.json", "refused"): refused_handshake,
    ("rules.json", "refused"): refused_by_one_rule,
    ("rules.json", "precedence"): refused_transition,
    ("rules.json", "accepted"): accepted,
    ("receipts.json", "receipts"): receipt,
    ("receipts.json", "refused"): refused_receipt,
    ("messages.json", "messages"): message,
    ("messages.json", "events"): event,
    ("frames.json", "streams"): stream,
}
FILES = tuple(dict.fromkeys(name for name, _ in SECTIONS))


def read_document(name: str) -> Case:
    document: Case = json.loads((FOLDER / name).read_text(encoding="utf-8"))
    return document


def cases() -> Iterator[tuple[str, str, Case, Case]]:
    """Every case of every file: file, section, document, case."""
    documents = {name: read_document(name) for name in FILES}
    for name, section in SECTIONS:
        for case in documents[name][section]:
            yield name, section, documents[name], case


def recompute(name: str, section: str, document: Case, case: Case) -> Json:
    """What must stand in the case as `expected`."""
    return SECTIONS[name, section](document, case)


def main() -> int:
    failed = passed = 0
    for name, section, document, case in cases():
        try:
            difference = "" if recompute(name, section, document, case) == case["expected"] else "differs"
        except Exception as error:  # noqa: BLE001 - whatever is wrong with a file, the other cases are checked
            difference = repr(error)
        if difference:
            failed += 1
            print(f"{name}: {section}: {case['name']}: {difference}")
        else:
            passed += 1
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
