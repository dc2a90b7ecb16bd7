"""The filter language of the ledger. Goal: each word finds what it says, nothing else, and what means nothing is said in words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh_app.ledger_filter import ALIASES, HELP, KEYS, Filter, FilterError, parse
from mesh_app.state.ledger import LedgerRow

NAMES = {"alice": "aa" * 32, "bob": "bb" * 32, "two words": "cc" * 32}
OWN = frozenset((NAMES["alice"],))


def row(index: int = 7, **changes: object) -> LedgerRow:
    fields: dict[str, object] = {
        "index": index,
        "cert_id": "9e37" + "00" * 30,
        "kind": "send",
        "sender": NAMES["alice"],
        "sequence": 3,
        "fee": 1,
        "recipients": (NAMES["bob"],),
        "memo_bytes": (80,),
        "claims": (),
        "signers": (0, 1, 2),
        "size_bytes": 1361,
    } | changes
    return LedgerRow(**fields)  # type: ignore[arg-type]


CLAIM = row(
    8, cert_id="ab" * 32, kind="receive", sender=NAMES["bob"], recipients=(), memo_bytes=(), claims=("9e.0", "9e.1"), signers=(0, 1, 2, 3), size_bytes=700
)
SEND = row()


def finds(text: str, found: LedgerRow) -> bool:
    return parse(text, NAMES, OWN).matches(found)


@pytest.mark.parametrize(
    ("text", "send", "claim"),
    [
        ("", True, True),
        ("   ", True, True),
        ("from:alice", True, False),
        ("from:ALICE", True, False),
        ("from:alice,bob", True, True),
        ("from:bbbb", False, True),
        ('from:"two words"', False, False),
        ("to:bob", True, False),
        ("account:bob", True, True),
        ("bob", True, True),
        ("alice", True, False),
        ("kind:send", True, False),
        ("kind:claim", False, True),
        ("send", True, False),
        ("-kind:send", False, True),
        ("votes:3", True, False),
        ("votes:>3", False, True),
        ("votes:>=3", True, True),
        ("votes:<4", True, False),
        ("votes:<=4", True, True),
        ("by:V4", False, True),
        ("by:1,4", True, True),
        ("height:7..8", True, True),
        ("height:=8", False, True),
        ("index:7", True, False),
        ("seq:3", True, True),
        ("fee:0", False, False),
        ("memo:small", True, False),
        ("memo:80", True, False),
        ("memo:large", False, False),
        ("outputs:1", True, False),
        ("claims:2", False, True),
        ("size:>1,000", True, False),
        ("id:9e37", True, False),
        ("9e37", True, False),
        ("own:yes", True, False),
        ("own:no", False, True),
        ("from:alice to:bob votes:3 height:<100", True, False),
        ("from:alice -to:bob", False, False),
    ],
)
def test_words_find_what_they_say(text: str, send: bool, claim: bool) -> None:
    assert (finds(text, SEND), finds(text, CLAIM)) == (send, claim)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("from:", "from: a name or the beginning of a key, from:alice"),
        ("from:carol", "from: 'carol' is no name here and no beginning of a key (names: alice, bob, two words)"),
        ("votes:three", "votes: a number, votes:3, votes:>3, votes:1..3, not 'three'"),
        ("height:9..3", "height: 9..3 holds nothing, the smaller number stands first"),
        ("kind:mint", "kind: send or receive, not 'mint'"),
        ("by:V0", "by: a validator such as V2, not 'V0'"),
        ("own:perhaps", "own: yes or no, not 'perhaps'"),
        ("id:xyz", "id: 'xyz' are no hexadecimal digits"),
        ("colour:red", "colour: means nothing; there are id:, from:"),
        ("asset:gold", "asset: means nothing here"),
        ("lunch", "'lunch' is no name here, no beginning of an id and no word with a colon"),
        ('from:"alice', "a quotation mark that is never closed"),
        ("-", "is no name here"),
        ("id:9e " * 21, "more than 20 words"),
    ],
)
def test_what_means_nothing_is_told_in_words(text: str, told: str) -> None:
    with pytest.raises(FilterError) as refused:
        parse(text, NAMES, OWN)
    assert told in str(refused.value)


@pytest.mark.parametrize("example", [example for example, _ in HELP])
def test_every_example_of_the_help_means_something(example: str) -> None:
    assert isinstance(parse(example, NAMES, OWN), Filter)


def test_every_key_is_in_the_help() -> None:
    told = {example.lstrip("-").split(":")[0] for example, _ in HELP}
    assert told == set(KEYS)
    assert set(ALIASES.values()) <= set(KEYS)


@given(text=st.text(max_size=60))
def test_any_text_is_a_filter_or_is_refused_in_words(text: str) -> None:
    try:
        assert parse(text, NAMES, OWN).matches(SEND) in {True, False}
    except FilterError as error:
        assert_is_readable(str(error))


def assert_is_readable(told: str) -> None:
    assert len(told) > 10


terms = st.one_of(
    st.sampled_from(["from:alice", "to:bob", "kind:send", "kind:receive", "own:yes", "memo:small", "9e37", "by:V4"]),
    st.builds(
        lambda key, sign, number: f"{key}:{sign}{number}",
        st.sampled_from(["votes", "height", "seq", "size"]),
        st.sampled_from(["", "<", ">="]),
        st.integers(0, 2000),
    ),
)


@given(found=st.lists(terms, max_size=5), at=st.integers(0, 5), target=st.sampled_from([SEND, CLAIM]))
def test_all_words_must_hold_in_any_order_and_a_minus_turns_one_around(found: list[str], at: int, target: LedgerRow) -> None:
    each = [finds(term, target) for term in found]
    assert finds(" ".join(found), target) == all(each)
    assert finds("  ".join(reversed(found)), target) == all(each)
    if found:
        turned = [f"-{term}" if number == at % len(found) else term for number, term in enumerate(found)]
        assert finds(" ".join(turned), target) == all(value != (number == at % len(found)) for number, value in enumerate(each))
