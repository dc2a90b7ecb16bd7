"""The demonstrations of a crash and of a double spend, as commands: what their summaries promise, checked against what the processes said."""

from pathlib import Path

from tests.e2e.test_demo import check_nothing_is_left, play


async def test_crash_recovery(tmp_path: Path) -> None:
    run = await play(tmp_path, "--json", name="crash-recovery")
    assert (run.status, run.errors) == (0, "")
    summary = run.summary
    expected = {
        "ok": True,
        "killed": "V4",
        "alice": 10_000 - 3 * 501,
        "bob": 1_500,
        "certificates": 6,
        "caught_up": 4,
        "digests_equal": True,
        "supply_audit": True,
    }
    assert {key: summary[key] for key in expected} == expected
    assert (len(summary["payment_ms_with_four"]), len(summary["payment_ms_with_three"])) == (1, 2)
    killed = [event for event in run.named("validator_state") if event["validator"] == 3 and event["state"] == "exited"]
    assert [event["exit"] for event in killed] == [-9]
    lives = [event for event in run.named("ready") if event["validator"] == 3]
    assert [event["log_length"] for event in lives] == [0, 2]
    assert lives[0]["pid"] != lives[1]["pid"]
    # While it was dead, it signed nothing; afterwards it applied what it had missed.
    applied = [event["log_index"] for event in run.named("certificate_applied") if event["validator"] == 3]
    assert applied == list(range(6))
    digests = {event["validator"]: event["state_digest"] for event in run.named("status") if event["log_length"] == 6}
    assert len(digests) == 4
    assert len(set(digests.values())) == 1
    await check_nothing_is_left(run)


async def test_double_spend(tmp_path: Path) -> None:
    run = await play(tmp_path, "--json", name="double-spend")
    assert (run.status, run.errors) == (0, "")
    summary = run.summary
    assert (summary["ok"], summary["proofs"], summary["proofs_valid"]) == (True, 2, 2)
    three_one, two_two = summary["splits"]
    assert (three_one["votes"], three_one["settled"]) == ([3, 1], "A")
    assert (two_two["votes"], two_two["settled"]) == ([2, 2], None)
    for split in (three_one, two_two):
        # Each validator votes for the one that it sees first, and refuses the other: rule 4, whichever of its two codes.
        for answers in split["answers"].values():
            assert answers[0].startswith("votes for ")
            assert answers[1].startswith(("refuses A: 04", "refuses B: 04"))
            assert answers[1].endswith("CONFLICT")
    answers = [answer for answer in run.named("attack_answer") if answer["item"] in {"A", "B"}]
    assert len(answers) == 16
    assert all(answer["proves"] for answer in answers if not answer["voted"])
    assert all(answer["as_expected"] for answer in run.named("attack_answer"))
    assert [over["as_specified"] for over in run.named("attack_over")] == [True, True]
    # No validator voted twice in a slot: the votes that the validators themselves tell of.
    votes = [(event["validator"], event["sender"], event["sequence"]) for event in run.named("vote_cast")]
    assert len(votes) == len(set(votes))
    proofs = {event["proof_id"] for event in run.named("equivocation")}
    assert sorted(proofs) == summary["proof_ids"]
    assert summary["bob"] == 1_300
    await check_nothing_is_left(run)


async def test_double_spend_for_people_says_what_each_validator_answered(tmp_path: Path) -> None:
    run = await play(tmp_path, name="double-spend")
    assert (run.status, run.errors) == (0, "")
    text = "\n".join(run.lines)
    assert "unknown event" not in text
    assert "Double spend, 3-1: votes A 3, B 1; A settles, B never can, as specified" in text
    assert "Double spend, 2-2: votes A 2, B 2; locked: neither settles, as specified" in text
    assert "with a proof that holds" in text
