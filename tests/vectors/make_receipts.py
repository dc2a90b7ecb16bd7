"""Makes `receipts.json`: payment receipts of certified outputs, and receipts that a verifier refuses.

`python -m tests.vectors.make_all` writes the files anew.
"""

from dataclasses import replace
from typing import Any

from mesh_core.crypto import domains
from mesh_core.crypto.memo import MemoContext, derive_eph_secret
from mesh_core.crypto.pedersen import Opening
from mesh_core.crypto.ristretto import GROUP_ORDER
from mesh_core.crypto.signatures import SigningKey
from mesh_core.protocol.identifiers import compute_proof_hash, identify
from mesh_core.types.basic import Hash32, PublicKey, Scalar32, Signature, ViewPublicKey
from mesh_core.types.receipt import PAYMENT_RECEIPT, PaymentReceipt
from tests.vectors.story import Person, Step, certificate_hex, certify, genesis_hex, tell
from tests.vectors.vector_file import json_of

NAME = "receipts.json"

CONTEXT = b"invoice 2024/17"
SIGNATURE_BYTES = 64


def scalar(number: int) -> Scalar32:
    return Scalar32(number.to_bytes(32, "little"))


def eph_secret(step: Step, index: int) -> bytes:
    """The secret that the sender made the memo of an output with."""
    core = step.transition.core
    output = core.outputs[index]
    context = MemoContext(core.network_id, core.sender, core.sequence, index, output.owner, output.view_pk, output.commitment)
    return derive_eph_secret(step.sender.keys.view_key, context)


def signed(receipt: PaymentReceipt, key: SigningKey) -> bytes:
    """The receipt's bytes, signed by its prover."""
    body = PAYMENT_RECEIPT.encode(receipt)[:-SIGNATURE_BYTES]
    return body + key.sign(domains.SIG_RECEIPT, body)


def unsigned(step: Step, index: int, prover: Person, *, show_memo: bool, context: bytes = CONTEXT) -> PaymentReceipt:
    opening: Opening = step.draft.output_openings[index]
    return PaymentReceipt(
        core=step.transition.core,
        proof_hash=compute_proof_hash(step.transition.range_proof),
        owner_signature=step.transition.owner_signature,
        votes=step.certificate.votes,
        output_index=index,
        value=opening.value,
        blinding=scalar(opening.blinding),
        eph_sk=eph_secret(step, index) if show_memo else None,
        context=context,
        prover=prover.keys.owner,
        prover_signature=Signature(bytes(SIGNATURE_BYTES)),
    )


def receipt_case(name: str, step_name: str, index: int, prover: str, payee: str, *, show_memo: bool, context: bytes = CONTEXT) -> dict[str, Any]:
    story = tell()
    step, person = story.steps[step_name], story.people[prover]
    receipt = unsigned(step, index, person, show_memo=show_memo, context=context)
    text = step.request["payments"][index]["text"] if show_memo else None
    shows = {"value": receipt.value, "text": text, "sender": receipt.core.sender.hex(), "cert_id": identify(step.transition).cert_id.hex()}
    given = {
        "certificate": certificate_hex(step.certificate),
        "output_index": index,
        "opening": json_of(step.draft.output_openings[index]),
        "eph_sk": json_of(receipt.eph_sk),
        "context": context.hex(),
        "prover_seed": person.seed.hex(),
        "payee": str(story.people[payee].keys.address),
    }
    return {"name": name, "input": given, "expected": {"receipt": signed(receipt, person.keys.signing_key).hex(), "shows": shows}}


def refused_receipts() -> dict[str, tuple[bytes, str]]:
    """Receipts of the first case with one thing changed, signed as they then stand by their prover, and the first check that fails."""
    story = tell()
    step, bob, eve = story.steps["alice 0"], story.people["Bob"], story.people["Eve"]
    alice = story.people["Alice"].keys.signing_key
    good = unsigned(step, 0, story.people["Alice"], show_memo=True)
    claim = story.steps["bob 1"]
    of_claim = replace(good, core=claim.transition.core, proof_hash=compute_proof_hash(b""), owner_signature=claim.transition.owner_signature)
    wrong_network = Hash32(good.core.network_id[:-1] + bytes([good.core.network_id[-1] ^ 1]))
    output = good.core.outputs[0]
    substituted = replace(good.core, outputs=(replace(output, view_pk=ViewPublicKey(eve.keys.view_key.public_key)),))
    opening = step.draft.output_openings[0]
    data = signed(good, alice)

    def changed(**changes: Any) -> bytes:
        return signed(replace(good, **changes), alice)

    return {
        "last byte missing": (data[:-1], "ENCODING"),
        "a byte too many": (data + b"\0", "ENCODING"),
        "a presence byte of 2": (data.replace(b"\1" + (good.eph_sk or b""), b"\2" + (good.eph_sk or b"")), "ENCODING"),
        "a RECEIVE": (signed(of_claim, alice), "KIND"),
        "another network": (changed(core=replace(good.core, network_id=wrong_network)), "NETWORK"),
        "an output that does not exist": (changed(output_index=1), "INDEX"),
        "another fee in the core": (changed(core=replace(good.core, fee=0)), "OWNER"),
        "another proof hash": (changed(proof_hash=compute_proof_hash(b"")), "OWNER"),
        "the view key of an output exchanged": (changed(core=substituted), "OWNER"),
        "two votes": (changed(votes=good.votes[:2]), "VOTES"),
        "votes for another transition": (changed(votes=certify(claim.transition).votes), "VOTE"),
        "one unit more": (changed(value=opening.value + 1), "COMMITMENT"),
        "blinding factor plus l": (changed(blinding=scalar(opening.blinding + GROUP_ORDER)), "COMMITMENT"),
        "another ephemeral secret": (changed(eph_sk=bytes(31) + b"\1"), "EPHEMERAL_KEY"),
        "a prover who is neither side": (signed(replace(good, prover=PublicKey(eve.keys.owner)), eve.keys.signing_key), "PROVER"),
        "signed by somebody else": (signed(good, bob.keys.signing_key), "PROVER"),
        "the context changed after it was signed": (data[: -SIGNATURE_BYTES - 33] + b"8" + data[-SIGNATURE_BYTES - 32 :], "CONTEXT"),
    }


def build() -> dict[str, Any]:
    first = receipt_case("by the sender, with the memo", "alice 0", 0, "Alice", "Bob", show_memo=True)
    receipts = [
        first,
        receipt_case("by the recipient, without the memo", "alice 0", 0, "Bob", "Bob", show_memo=False),
        receipt_case("the last of three outputs, with the longest text", "faucet 2", 2, "Faucet", "Carol", show_memo=True, context=b""),
    ]
    payee, context = first["input"]["payee"], first["input"]["context"]
    refused = [
        {"name": name, "input": {"receipt": data.hex(), "payee": payee, "context": context}, "expected": {"reason": reason}}
        for name, (data, reason) in refused_receipts().items()
    ]
    good = first["expected"]["receipt"]
    eve = str(tell().people["Eve"].keys.address)
    others = {"asked about another payee": {"payee": eve, "context": context}, "asked with another context": {"payee": payee, "context": b"invoice 18".hex()}}
    for (name, given), reason in zip(others.items(), ("PAYEE", "CONTEXT"), strict=True):
        refused.append({"name": name, "input": {"receipt": good} | given, "expected": {"reason": reason}})
    return {
        "description": [
            "receipts: made of a certificate and the opening of one of its outputs; eph_sk: disclosed or null; payee: whom the verifier asks about.",
            "shows: what a verifier learns; text is null where the memo is not disclosed. refused: receipts that show nothing, and the first check that fails.",
        ],
        "source": "tests/vectors/make_receipts.py with the encoding of mesh_core; checked by tests/vectors/second_opinion.py",
        "genesis": genesis_hex(),
        "recipients": {name: person.seed.hex() for name, person in tell().people.items()},
        "receipts": receipts,
        "refused": refused,
    }
