"""Checks of one certificate. Goal: a good one passes every check, and whatever is wrong with a bad one fails the check that is about it."""

from dataclasses import replace

import pytest

from mesh_core.errors import ErrorCode, MeshError
from mesh_core.protocol.certificates import CheckedCertificate, read_certificate
from mesh_core.protocol.genesis import Genesis
from mesh_core.protocol.identifiers import identify
from mesh_core.protocol.inspection import Check, History, balance_before, list_checks
from mesh_core.types.anatomy import dissect, leaves
from mesh_core.types.basic import Hash32
from mesh_core.types.certificate import CERTIFICATE, Certificate
from tests.cluster import Account, Cluster, alter, certify_by_hand


class Story:
    """Alice pays Bob twice, Bob claims both."""

    def __init__(self) -> None:
        self.cluster = Cluster()
        self.alice, self.bob = self.cluster.account("alice"), self.cluster.account("bob")
        self.first = self.cluster.pay(self.alice, (self.bob, 500))
        self.second = self.cluster.pay(self.alice, (self.bob, 7))
        self.claim = self.cluster.claim(self.bob, self.first, self.second)

    @property
    def genesis(self) -> Genesis:
        return self.cluster.genesis

    def checked(self, certificate: Certificate) -> CheckedCertificate:
        return read_certificate(CERTIFICATE.encode(certificate), self.genesis)

    def history_of_claim(self) -> History:
        sources = [self.checked(self.first), self.checked(self.second)]
        return History(None, {source.cert_id: source for source in sources})


@pytest.fixture(scope="module")
def story() -> Story:
    return Story()


def failing(checks: tuple[Check, ...]) -> dict[str, ErrorCode]:
    """Names of the checks that fail, with the code; the validator's index behind a vote."""
    failed: dict[str, ErrorCode] = {}
    for check in checks:
        if check.lacks:
            continue
        try:
            check.run()
        except MeshError as error:
            failed[check.name if check.validator is None else f"{check.name} {check.validator}"] = error.code
    return failed


def inspect(story: Story, certificate: Certificate | bytes, history: History, cert_id: Hash32 | None = None) -> dict[str, ErrorCode]:
    data = certificate if isinstance(certificate, bytes) else CERTIFICATE.encode(certificate)
    name = identify(certificate.transition).cert_id if isinstance(certificate, Certificate) else Hash32(bytes(32))
    return failing(list_checks(data, name if cert_id is None else cert_id, story.genesis, history))


def resigned(story: Story, account: Account, certificate: Certificate, **changes: object) -> Certificate:
    """A certificate of another transition of the slot, with every signature that it needs, as no honest committee would make it."""
    return certify_by_hand(alter(certificate.transition, account.keys, **changes), (0, 1, 2))


def test_a_good_payment_passes_every_check(story: Story) -> None:
    history = History(story.checked(story.first))
    data = CERTIFICATE.encode(story.second)
    checks = list_checks(data, identify(story.second.transition).cert_id, story.genesis, history)
    assert failing(checks) == {}
    assert [check.name for check in checks] == [
        "encoding",
        "network",
        "identifier",
        "owner",
        "quorum",
        "vote",
        "vote",
        "vote",
        "chain",
        "amounts",
        "balance",
        "proof-encoding",
        "range",
    ]
    assert not any(check.lacks for check in checks)
    assert all(check.proves and check.run() for check in checks)


def test_a_good_claim_passes_every_check_and_has_no_proof(story: Story) -> None:
    checks = list_checks(CERTIFICATE.encode(story.claim), identify(story.claim.transition).cert_id, story.genesis, story.history_of_claim())
    assert failing(checks) == {}
    assert not {"range", "proof-encoding"} & {check.name for check in checks}


def test_the_first_of_an_account_needs_no_predecessor(story: Story) -> None:
    assert inspect(story, story.first, History()) == {}
    assert not any(check.lacks for check in list_checks(CERTIFICATE.encode(story.first), Hash32(bytes(32)), story.genesis, History()))


def test_what_is_not_at_hand_is_no_failure(story: Story) -> None:
    checks = list_checks(CERTIFICATE.encode(story.second), identify(story.second.transition).cert_id, story.genesis, History())
    assert {check.name for check in checks if check.lacks} == {"chain", "balance"}
    checks = list_checks(CERTIFICATE.encode(story.claim), identify(story.claim.transition).cert_id, story.genesis, History())
    assert {check.name for check in checks if check.lacks} == {"claims"}


def test_a_certificate_under_another_name_is_told(story: Story) -> None:
    assert inspect(story, story.first, History(), Hash32(b"x" * 32)) == {"identifier": ErrorCode.MALFORMED}


@pytest.mark.parametrize("position", [0, 1, 2])
def test_one_bad_vote_is_named(story: Story, position: int) -> None:
    votes = [*story.first.votes]
    votes[position] = replace(votes[position], signature=votes[(position + 1) % 3].signature)
    bad = replace(story.first, votes=tuple(votes))
    assert inspect(story, bad, History()) == {f"vote {votes[position].validator_index}": ErrorCode.BAD_SIGNATURE}


def test_too_few_votes_fail_the_quorum_alone(story: Story) -> None:
    assert inspect(story, replace(story.first, votes=story.first.votes[:2]), History()) == {"quorum": ErrorCode.BAD_SIGNATURE}


def test_a_validator_that_does_not_exist_fails_quorum_and_vote(story: Story) -> None:
    votes = (*story.first.votes[:2], replace(story.first.votes[2], validator_index=4))
    assert inspect(story, replace(story.first, votes=votes), History()) == {"quorum": ErrorCode.BAD_SIGNATURE, "vote 4": ErrorCode.BAD_SIGNATURE}


def test_a_stolen_signature_fails_the_owner_alone(story: Story) -> None:
    transition = replace(story.first.transition, owner_signature=story.second.transition.owner_signature)
    assert inspect(story, replace(story.first, transition=transition), History()) == {"owner": ErrorCode.BAD_SIGNATURE}


def test_bytes_that_are_no_certificate_fail_their_encoding(story: Story) -> None:
    data = CERTIFICATE.encode(story.first)
    assert inspect(story, data + b"\0", History()) == {"encoding": ErrorCode.MALFORMED}
    assert inspect(story, data[:-1], History()) == {"encoding": ErrorCode.MALFORMED}


def test_money_from_nowhere_fails_the_equation(story: Story) -> None:
    """All signatures are good here: a dishonest quorum could make this, and whoever looks sees it."""
    minted = resigned(story, story.alice, story.first, new_balance=story.second.transition.core.outputs[0].commitment)
    assert inspect(story, minted, History()).keys() == {"balance", "range"}


def test_a_gap_in_the_chain_fails_the_link(story: Story) -> None:
    moved = resigned(story, story.alice, story.second, prev=Hash32(b"p" * 32))
    found = inspect(story, moved, History(story.checked(story.first)))
    assert found.pop("range") == ErrorCode.RANGE_PROOF, "the proof is bound to the transition"
    assert found == {"chain": ErrorCode.PREV_MISMATCH}
    named = resigned(story, story.alice, story.first, prev=Hash32(b"p" * 32))
    assert inspect(story, named, History())["chain"] == ErrorCode.PREV_MISMATCH
    assert inspect(story, story.second, History(story.checked(story.claim)))["chain"] == ErrorCode.PREV_MISMATCH


def test_a_claim_of_another_commitment_is_named(story: Story) -> None:
    claims = story.claim.transition.core.claims
    larger = (replace(claims[0], commitment=story.first.transition.core.new_balance), *claims[1:])
    assert inspect(story, resigned(story, story.bob, story.claim, claims=larger), story.history_of_claim()) == {
        "claims": ErrorCode.CLAIM_COMMITMENT,
        "balance": ErrorCode.UNBALANCED,
    }
    absent = (replace(claims[0], index=1), *claims[1:])
    assert inspect(story, resigned(story, story.bob, story.claim, claims=absent), story.history_of_claim()) == {"claims": ErrorCode.UNKNOWN_OUTPUT}


def test_a_claim_of_somebody_elses_output_is_named(story: Story) -> None:
    taken = resigned(story, story.alice, story.claim, sender=story.alice.keys.owner)
    assert inspect(story, taken, story.history_of_claim())["claims"] == ErrorCode.NOT_OWNER


def test_a_wrong_fee_is_named(story: Story) -> None:
    assert inspect(story, resigned(story, story.alice, story.first, fee=0), History())["amounts"] == ErrorCode.FEE


def test_a_changed_proof_is_found_even_by_a_dishonest_quorum(story: Story) -> None:
    proof = story.first.transition.range_proof
    changed = certify_by_hand(replace(story.first.transition, range_proof=proof[:40] + bytes((proof[40] ^ 1,)) + proof[41:]), (0, 1, 2))
    found = inspect(story, changed, History())
    assert "range" in found or "proof-encoding" in found
    assert found.keys() <= {"range", "proof-encoding", "owner"}


def test_no_field_can_be_changed_unseen(story: Story) -> None:
    """One bit of each field of a payment and of a claim: some check fails. Proof and signatures are fields, too."""
    for certificate, history in ((story.second, History(story.checked(story.first))), (story.claim, story.history_of_claim())):
        data, name = CERTIFICATE.encode(certificate), identify(certificate.transition).cert_id
        for part in leaves(dissect(CERTIFICATE, data)):
            changed = bytearray(data)
            changed[part.end - 1] ^= 1
            checks = [check for check in list_checks(bytes(changed), name, story.genesis, history) if check.name not in {"range", "proof-encoding"}]
            assert failing(tuple(checks)), f"a change of {part.path} is not seen"


def test_balance_before_is_the_genesis_or_the_one_before(story: Story) -> None:
    assert balance_before(story.second.transition.core, story.genesis, story.checked(story.first)) == story.first.transition.core.new_balance
    assert balance_before(story.second.transition.core, story.genesis, None) is None
    assert balance_before(story.claim.transition.core, story.genesis, None) == bytes(32)
