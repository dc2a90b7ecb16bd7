"""What a wallet makes of what it knows: receipts, and the commitments of its balance; and what it remembers of a payment that was interrupted."""

import asyncio

import pytest

from mesh_core.crypto.keys import WalletKeys
from mesh_core.crypto.pedersen import Opening, add_commitments, commit, commit_public
from mesh_core.errors import ErrorCode, LocalFault
from mesh_core.protocol.certificates import CheckedCertificate, read_certificate
from mesh_core.protocol.receipts import read_receipt
from mesh_core.types.receipt import PAYMENT_RECEIPT
from mesh_core.wallet.commitments import commit_balance
from mesh_core.wallet.proving import make_receipt
from mesh_core.wallet.wallet import Wallet
from tests.cluster import wallet_keys
from tests.unit.network.peers import eventually
from tests.unit.wallet.bench import Bench, pay, silent


@pytest.fixture(autouse=True)
def unproven(bench: Bench) -> None:
    bench.without_proofs()


async def send(wallet: Wallet, *payments: tuple[str, int, str]) -> CheckedCertificate:
    result = await wallet.send([pay(name, amount, text) for name, amount, text in payments])
    data = wallet.account.certificate(result.cert_id)
    assert data is not None
    return read_certificate(data, wallet._genesis)


def keys_of(wallet: Wallet) -> WalletKeys:
    assert isinstance(wallet.keys, WalletKeys)
    return wallet.keys


def refuse(wallet: Wallet, checked: CheckedCertificate, words: str, output: int | None = None, context: str = "") -> None:
    with pytest.raises(LocalFault, match=words) as caught:
        make_receipt(keys_of(wallet), checked, output, context, discloses_memo=True)
    assert caught.value.code is ErrorCode.RECEIPT_INVALID


async def test_both_sides_prove_a_payment_and_the_sender_alone_its_memo(bench: Bench) -> None:
    alice, bob = bench.open("alice"), bench.open("bob")
    checked = await send(alice, ("bob", 500, "rent"))
    for wallet, discloses, text in ((alice, True, "rent"), (alice, False, None), (bob, True, None)):
        receipt = make_receipt(keys_of(wallet), checked, None, "invoice 7", discloses_memo=discloses)
        proven = read_receipt(PAYMENT_RECEIPT.encode(receipt), alice._genesis)
        assert (proven.value, proven.text, proven.context, proven.prover) == (500, text, b"invoice 7", wallet.address.owner)
        assert (proven.payee, proven.cert_id) == (bob.address, checked.cert_id)


async def test_receipt_is_refused_where_it_would_prove_nothing_or_another_payment(bench: Bench) -> None:
    alice, bob, carol = bench.open("alice"), bench.open("bob"), bench.open("carol")
    checked = await send(alice, ("bob", 500, ""), ("carol", 7, ""))
    refuse(alice, checked, "several outputs \\(0, 1\\): name one with --output")
    refuse(alice, checked, "output 2 is not this wallet's to prove: it can prove 0, 1", output=2)
    refuse(bob, checked, "output 1 is not this wallet's to prove: it can prove 0", output=1)
    refuse(bob, checked, "the context has 1025 bytes", context="x" * 1025)
    assert make_receipt(keys_of(carol), checked, None, "", discloses_memo=False).value == 7
    await eventually(lambda: bob.account.balance.incoming == 500)
    alone = await send(alice, ("bob", 1, ""))
    refuse(carol, alone, "neither from this wallet nor to it")
    claim = bob.account.certificate((await bob.receive()).cert_id)
    assert claim is not None
    refuse(bob, read_certificate(claim, alice._genesis), "a claim, which pays nobody")


async def test_commitments_of_the_balance_add_up_and_open(bench: Bench) -> None:
    alice, bob = bench.open("alice"), bench.open("bob")
    await send(alice, ("bob", 500, ""))
    await eventually(lambda: bob.account.balance.incoming == 500)
    at_rest = commit_balance(alice.account)
    assert at_rest.spendable == commit(alice.account.opening) == alice.account.state.balance
    assert {at_rest.incoming, at_rest.in_flight} == {commit(Opening(0, 0))}
    waiting = bob.account.claimable(9)[0]
    assert commit_balance(bob.account).incoming == waiting.commitment == commit(waiting.opening)
    before = alice.account.state.balance
    for index in range(4):
        bench.client.behaviours[index] = silent
    paying = asyncio.get_running_loop().create_task(alice.send([pay("bob", 20)]))
    await eventually(lambda: alice.account.pending is not None)
    on_its_way = commit_balance(alice.account)
    assert alice.account.balance.in_flight == 21
    assert add_commitments((on_its_way.spendable, on_its_way.in_flight)) == before
    bench.client.behaviours.clear()
    await paying
    checked = read_certificate(alice.account.newest_certificate() or b"", alice._genesis)
    assert add_commitments((checked.core.outputs[0].commitment, commit_public(checked.core.fee))) == on_its_way.in_flight


async def test_interrupted_payment_is_known_again_and_no_other_is_taken_for_it(bench: Bench) -> None:
    alice = bench.open("alice")
    await alice.wait_in_step()
    rent = [pay("bob", 500, "rent")]
    await alice.send(rent)
    await alice.wait_settled()
    assert alice.intentions.find(rent) is None
    await alice.intentions.begin(rent)
    assert alice.intentions.find(rent) is None, "the payment before it was another one"
    result = await alice.send(rent)
    await bench.close(alice)
    again = bench.open("alice")
    found = again.intentions.find(rent)
    assert found is not None
    assert found.certificate == again.account.certificate(result.cert_id)
    for other in ([pay("bob", 501, "rent")], [pay("bob", 500, "other")], [pay("carol", 500, "rent")], [*rent, *rent]):
        assert again.intentions.find(other) is None
    await again.intentions.end()
    assert again.intentions.find(rent) is None
    assert wallet_keys("alice").owner == again.address.owner
