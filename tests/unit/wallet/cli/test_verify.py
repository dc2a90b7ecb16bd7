"""`mesh-wallet verify`: documents that hold and documents that do not, with the genesis document and nothing else."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mesh_core.crypto import domains
from mesh_core.crypto.memo import MemoContext, derive_eph_secret
from mesh_core.network.client import PeerAddress
from mesh_core.protocol.certificates import read_certificate
from mesh_core.protocol.construction import OpenedOutput, Payment, draft_receive, draft_send
from mesh_core.protocol.equivocation import build_client_equivocation, build_validator_equivocation
from mesh_core.protocol.identifiers import identify
from mesh_core.protocol.receipts import build_receipt
from mesh_core.types.address import format_address
from mesh_core.types.basic import Hash32, Signature
from mesh_core.types.certificate import CERTIFICATE
from mesh_core.types.evidence import EQUIVOCATION_PROOF
from mesh_core.types.genesis import GENESIS_DOC
from mesh_core.types.receipt import PAYMENT_RECEIPT
from mesh_core.types.transition import STATEMENT, Kind, OutputKey
from mesh_core.wallet.cli import verify as verify_module
from mesh_core.wallet.network import write_network
from tests.cluster import Cluster, certify_by_hand, make_genesis, seeded_entropy, sign_core, validator_keys, vote_by_hand, wallet_keys
from tests.unit.wallet.cli.conftest import Run, failed, told

GENESIS = make_genesis()
ALICE, BOB = wallet_keys("alice"), wallet_keys("bob")
BOBS = format_address(BOB.address)
CONTEXT = b"invoice 17\x1b[2J"


def make_documents() -> dict[str, bytes]:
    """Alice pays Bob 500: the certificate, her receipt of it with the text, his without, and Bob's claim; two proofs of equivocation."""
    cluster = Cluster(GENESIS, entropy_seed="verify")
    alice = cluster.account("alice")
    draft = draft_send(ALICE, GENESIS, alice.state, alice.opening, [Payment(BOB.address, 500, "for the bicycle")], seeded_entropy("verify"))
    transition = sign_core(draft.core, ALICE)
    certificate = certify_by_hand(transition, signers=(0, 1, 3))
    checked = read_certificate(CERTIFICATE.encode(certificate), GENESIS)
    core, output = checked.core, checked.core.outputs[0]
    memo = MemoContext(core.network_id, core.sender, core.sequence, 0, output.owner, output.view_pk, output.commitment)
    eph_secret = derive_eph_secret(ALICE.view_key, memo)
    opening = draft.output_openings[0]
    bob = cluster.account("bob")
    claimed = [OpenedOutput(OutputKey(checked.cert_id, 0), output.commitment, opening)]
    claim = draft_receive(BOB, GENESIS, bob.state, bob.opening, claimed)
    statement = identify(transition).statement
    other_id = Hash32(b"\x07" * 32)
    other = STATEMENT.encode(replace(statement, transition_id=other_id))
    vote = vote_by_hand(2, transition)
    validator = validator_keys()[2]
    return {
        "receipt": PAYMENT_RECEIPT.encode(build_receipt(checked, 0, opening, eph_secret, CONTEXT, ALICE.signing_key)),
        "receipt by bob": PAYMENT_RECEIPT.encode(build_receipt(checked, 0, opening, None, b"\xff\x00", BOB.signing_key)),
        "certificate": checked.data,
        "claim": CERTIFICATE.encode(certify_by_hand(sign_core(claim.core, BOB), signers=(1, 2, 3))),
        "client": EQUIVOCATION_PROOF.encode(
            build_client_equivocation(statement, transition.owner_signature, other_id, Signature(ALICE.signing_key.sign(domains.SIG_OWNER, other)))
        ),
        "validator": EQUIVOCATION_PROOF.encode(build_validator_equivocation(vote, other_id, Signature(validator.sign(domains.SIG_VOTE, other)))),
    }


DOCUMENTS = make_documents()
CERT_ID = read_certificate(DOCUMENTS["certificate"], GENESIS).cert_id.hex()


@pytest.fixture
def genesis(tmp_path: Path) -> Path:
    path = tmp_path / "genesis.bin"
    path.write_bytes(GENESIS_DOC.encode(GENESIS.doc))
    return path


@pytest.fixture
def verify(run: Run, genesis: Path, tmp_path: Path) -> Callable[..., Any]:
    """Types `verify` for a document's bytes."""

    def typed(data: bytes, *words: str) -> Any:
        path = tmp_path / "document"
        path.write_bytes(data)
        return run("verify", str(path), "--genesis", str(genesis), *words)

    return typed


def test_receipt_says_who_paid_whom_and_how_much(verify: Callable[..., Any]) -> None:
    shown = verify(DOCUMENTS["receipt"])
    assert (shown.exit_code, shown.stderr) == (0, "")
    assert shown.stdout.splitlines() == [
        "valid        payment receipt",
        "amount       500 units",
        f"payee        {BOBS}",
        f"sender       {ALICE.owner.hex()}, sequence 0",
        "memo         for the bicycle",
        "context      'invoice 17\\x1b[2J'",
        "made by      the sender",
        f"certificate  {CERT_ID}, signed by 3 of 4 validators",
        f"network      test, id {GENESIS.network_id.hex()}",
        "",
        "The payment is final. Whether the payee has claimed it, a receipt does not say.",
    ]
    assert told(verify(DOCUMENTS["receipt"], "--json")) == {
        "document": "receipt",
        "cert_id": CERT_ID,
        "sender": ALICE.owner.hex(),
        "sequence": 0,
        "payee": BOBS,
        "amount": 500,
        "text": "for the bicycle",
        "context": "invoice 17\x1b[2J",
        "context_hex": CONTEXT.hex(),
        "made_by": "sender",
        "votes": 3,
        "validators": 4,
        "valid": True,
        "network": "test",
        "network_id": GENESIS.network_id.hex(),
    }


def test_receipt_without_text_says_so(verify: Callable[..., Any]) -> None:
    shown = verify(DOCUMENTS["receipt by bob"]).stdout
    assert "memo         not disclosed\n" in shown
    assert "made by      the recipient\n" in shown
    assert "context      ff00 (hexadecimal digits)\n" in shown
    form = told(verify(DOCUMENTS["receipt by bob"], "--json"))
    assert (form["text"], form["context_hex"]) == (None, "ff00")


def test_certificate_says_what_is_final_and_no_amount(verify: Callable[..., Any]) -> None:
    shown = verify(DOCUMENTS["certificate"]).stdout
    assert shown.startswith(f"valid        certificate of a SEND\ncertificate  {CERT_ID}\n")
    assert f"output 0     {BOBS}, hidden amount\n" in shown
    assert "signed by    V1, V2, V4, of 4\n" in shown
    assert "500" not in shown
    form = told(verify(DOCUMENTS["certificate"], "--json"))
    assert (form["document"], form["kind"], form["cert_id"], form["voters"]) == ("certificate", Kind.SEND.name.lower(), CERT_ID, ["V1", "V2", "V4"])
    assert form["outputs"][0]["payee"] == BOBS


def test_certificate_of_a_claim_names_what_it_claims(verify: Callable[..., Any]) -> None:
    assert f"claim 0      output 0 of {CERT_ID}\n" in verify(DOCUMENTS["claim"]).stdout
    form = told(verify(DOCUMENTS["claim"], "--json"))
    assert (form["kind"], form["outputs"], form["claims"][0]["cert_id"]) == ("receive", [], CERT_ID)


def test_proof_names_the_offender_and_both_transitions(verify: Callable[..., Any]) -> None:
    client = told(verify(DOCUMENTS["client"], "--json"))
    assert (client["offender"], client["offender_key"], client["validator"], client["sequence"]) == ("client", ALICE.owner.hex(), None, 0)
    assert "07" * 32 in client["transition_ids"]
    validator = told(verify(DOCUMENTS["validator"], "--json"))
    assert (validator["offender"], validator["offender_key"], validator["validator"]) == ("validator", validator_keys()[2].public_key.hex(), "V3")
    assert "offender    the owner of the account, key" in verify(DOCUMENTS["client"]).stdout
    assert "offender    validator V3, key" in verify(DOCUMENTS["validator"]).stdout


@pytest.mark.parametrize("name", DOCUMENTS)
def test_hexadecimal_digits_do_as_well_and_standard_input_too(run: Run, verify: Callable[..., Any], genesis: Path, name: str) -> None:
    data = DOCUMENTS[name]
    expected = verify(data).stdout
    digits = data.hex()
    assert verify(digits.encode()).stdout == expected
    assert verify(f"  {digits[:70].upper()}\r\n{digits[70:]}\n\n".encode()).stdout == expected
    assert run("verify", "-", "--genesis", str(genesis), stdin=data).stdout == expected


@pytest.mark.parametrize("name", DOCUMENTS)
def test_document_with_one_changed_byte_proves_nothing(verify: Callable[..., Any], name: str) -> None:
    """Every 13th byte, and the last: each stands under a signature."""
    data = DOCUMENTS[name]
    for position in (*range(0, len(data), 13), len(data) - 1):
        changed = data[:position] + bytes([data[position] ^ 0x40]) + data[position + 1 :]
        assert failed(verify(changed))[0] == 5, position


@pytest.mark.parametrize("name", DOCUMENTS)
def test_document_that_was_cut_or_lengthened_proves_nothing(verify: Callable[..., Any], name: str) -> None:
    for data in (DOCUMENTS[name][:-1], DOCUMENTS[name] + b"\x00", DOCUMENTS[name][: len(DOCUMENTS[name]) // 2]):
        status, text = failed(verify(data))
        assert status == 5
        assert "no payment receipt" in text


@pytest.mark.parametrize("name", DOCUMENTS)
def test_document_of_another_network_proves_nothing_here(run: Run, tmp_path: Path, name: str) -> None:
    (tmp_path / "document").write_bytes(DOCUMENTS[name])
    (tmp_path / "other.bin").write_bytes(GENESIS_DOC.encode(make_genesis(fee_base=2).doc))
    status, text = failed(run("verify", str(tmp_path / "document"), "--genesis", str(tmp_path / "other.bin")))
    assert status == 5
    assert "network" in text


@pytest.mark.parametrize("data", [b"", b"\n", b"hello", b"0", b"\x00" * 100, b"\xff" * 100, b"01", b"\x01" * 5000, b"\x02" * 304, b'{"json": true}'])
def test_bytes_that_are_no_document_are_told(verify: Callable[..., Any], data: bytes) -> None:
    status, text = failed(verify(data))
    assert status == 5
    assert text.startswith("mesh-wallet: these")
    assert "[1602]" in text
    shown = verify(data, "--json")
    assert (shown.exit_code, json.loads(shown.stdout)["error"]["code"]) == (5, "1602")


def test_quorum_that_is_too_small_is_named(verify: Callable[..., Any]) -> None:
    certificate = CERTIFICATE.decode(DOCUMENTS["certificate"])
    few = CERTIFICATE.encode(replace(certificate, votes=certificate.votes[:2]))
    assert failed(verify(few)) == (5, "mesh-wallet: this certificate does not hold: 2 votes, 3 to 4 needed [1602]\n")


def test_receipt_that_does_not_hold_has_its_own_code(verify: Callable[..., Any]) -> None:
    receipt = PAYMENT_RECEIPT.decode(DOCUMENTS["receipt"])
    more = PAYMENT_RECEIPT.encode(replace(receipt, value=501))
    assert failed(verify(more)) == (5, "mesh-wallet: this receipt does not hold: value and blinding factor do not open the output's commitment [1601]\n")


# --- What the verifier expects ---------------------------------------------------------------------------------------------------------------------


def test_receipt_is_held_against_what_is_expected(run: Run, verify: Callable[..., Any]) -> None:
    context = CONTEXT.decode()
    run("contacts", "add", "Bob", BOBS)
    for words in (
        ["--amount", "500"],
        ["--payee", BOBS],
        ["--payee", "bob"],
        ["--context", context],
        ["--amount", "500", "--payee", "bob", "--context", context],
    ):
        assert verify(DOCUMENTS["receipt"], *words).exit_code == 0
    alice = format_address(ALICE.address)
    for words, reason in (
        (["--amount", "499"], "it is for 500 units and not for 499"),
        (["--payee", alice], f"it is for a payment to {BOBS}"),
        (["--context", "invoice 18"], "it was made for another context: 'invoice 17\\x1b[2J'"),
        (["--context", ""], "it was made for another context"),
    ):
        status, text = failed(verify(DOCUMENTS["receipt"], *words))
        assert (status, reason in text, "[1602]" in text) == (5, True, True), text


def test_payee_whose_view_key_is_another_is_another(verify: Callable[..., Any]) -> None:
    """A receipt for a view key that is not the payee's would show a payment that the payee can never read."""
    other = format_address(replace(BOB.address, view_pk=ALICE.address.view_pk))
    assert failed(verify(DOCUMENTS["receipt"], "--payee", other))[0] == 5


@pytest.mark.parametrize("name", ["certificate", "client"])
def test_expectations_are_of_a_receipt(verify: Callable[..., Any], name: str) -> None:
    assert "ask for a receipt" in failed(verify(DOCUMENTS[name], "--amount", "500"))[1]


# --- Files -----------------------------------------------------------------------------------------------------------------------------------------


def test_genesis_is_the_homes_unless_another_is_named(run: Run, home: Path, genesis: Path, tmp_path: Path) -> None:
    """Only the genesis document is needed: the validators that network.toml names need not be there, nor their certificates."""
    document = tmp_path / "document"
    document.write_bytes(DOCUMENTS["receipt"])
    status, text = failed(run("verify", str(document)))
    assert (status, f"there is no network in {home}" in text) == (1, True)
    home.mkdir()
    peer = PeerAddress("127.0.0.1", 5, GENESIS.committee.validators[0], b"", "V1")
    write_network(home / "network.toml", "test", genesis, [(peer, tmp_path / "gone.crt")])
    assert run("verify", str(document)).exit_code == 0
    (home / "network.toml").rename(tmp_path / "elsewhere.toml")
    (tmp_path / "elsewhere.toml").write_text(f'[network]\nname = "test"\ngenesis = "{genesis}"\n')
    assert run("verify", str(document), "--network", str(tmp_path / "elsewhere.toml")).exit_code == 0


def test_files_that_cannot_be_read_are_named(run: Run, genesis: Path, tmp_path: Path) -> None:
    missing = str(tmp_path / "missing")
    assert failed(run("verify", missing, "--genesis", str(genesis))) == (1, f"mesh-wallet: {missing} cannot be read: No such file or directory [1001]\n")
    assert "Is a directory" in failed(run("verify", str(tmp_path), "--genesis", str(genesis)))[1]
    status, text = failed(run("verify", str(genesis), "--genesis", missing))
    assert (status, missing in text) == (1, True)
    (tmp_path / "damaged.bin").write_bytes(b"damaged")
    status, text = failed(run("verify", str(genesis), "--genesis", str(tmp_path / "damaged.bin")))
    assert (status, "damaged.bin" in text, "[1005]" in text) == (1, True, True)


def test_file_without_an_end_is_not_read_to_its_end(verify: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verify_module, "FILE_LIMIT_BYTES", 1000)
    status, text = failed(verify(b"\x01" * 1001))
    assert (status, "is longer than 1,000 bytes" in text) == (5, True)
