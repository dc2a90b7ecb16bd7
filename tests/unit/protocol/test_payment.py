"""One payment through four real machines: Alice sends 500 to Bob, Bob claims it."""

from mesh_core.types.messages import AckStatus
from tests.cluster import Cluster


def test_send_and_claim_move_the_money_and_keep_the_supply() -> None:
    cluster = Cluster()
    alice, bob = cluster.account("alice"), cluster.account("bob")
    sent = cluster.pay(alice, (bob, 500))
    for validator in cluster.validators:
        assert validator.settle(sent).status is AckStatus.ALREADY_APPLIED
        assert validator.machine.ledger.outputs_of(bob.keys.owner) != []
    cluster.claim(bob, sent)
    assert (alice.opening.value, bob.opening.value) == (9_499, 500)
    assert len(cluster.digests()) == 1
    for validator in cluster.validators:
        ledger = validator.machine.ledger
        assert ledger.globals.fee_pool == 1
        assert ledger.globals.log_length == 2
        assert ledger.outputs_count == 0
        assert ledger.audit_supply()
        assert validator.restart().machine.ledger.compute_digest() == ledger.compute_digest()
