"""Reducers of what the observer reads, checks and compares (`testnet.observer.forms`)."""

from collections import OrderedDict
from collections.abc import Mapping
from typing import Final, TypeVar

from mesh_app.event_fields import Fields, MalformedEventError, StaleEventError
from mesh_app.format import amount, milliseconds, short
from mesh_app.reducers.note import Note, Notes, Reducer, validator_note
from mesh_app.spans import validator_name
from mesh_app.state import State
from mesh_app.state.ledger import (
    MAX_DETAILS,
    AccountView,
    AccountWord,
    ByteField,
    CertificateDetail,
    ChainLink,
    CheckOutcome,
    ComparisonView,
    LedgerOutput,
    LedgerRow,
    Lie,
    LogDifference,
    OutputsView,
    Sight,
    Standing,
    Verified,
)
from mesh_core.types.messages import MAX_FRAME_BYTES

VERDICTS: Final = frozenset({"same", "behind", "ahead", "other_order", "different", "lie", "silent"})
_OBSERVER: Final = "ledger"

Kept = TypeVar("Kept")


def log(state: State, fields: Fields, t_ns: int) -> Notes:
    """How far the reading of a log is, and what is seen of the validators."""
    ledger = state.ledger
    generation, source = fields.integer("generation"), fields.optional_integer("validator")
    length, target, rate = fields.integer("length"), fields.integer("target"), fields.ms("rate")
    is_reading, is_chosen, error = fields.truth("reading"), fields.truth("chosen"), fields.text("error")
    digest = fields.optional_hexadecimal("digest") or ""
    counts = tuple(fields.optional_integer(name) for name in ("accounts", "outputs", "fee_pool"))
    sights = tuple(_sight(sight) for sight in fields.objects("sights"))
    if generation < ledger.generation:
        raise StaleEventError
    if generation > ledger.generation:
        ledger.begin(generation)
    before = ledger.error
    ledger.source, ledger.is_source_chosen, ledger.length, ledger.target, ledger.rate = source, is_chosen, length, target, rate
    ledger.is_reading, ledger.error, ledger.digest = is_reading, error, digest
    ledger.accounts_count, ledger.outputs_count, ledger.fee_pool = counts
    ledger.sights, ledger.last_word_ns = sights, t_ns
    if error and error != before and source is not None:
        return (validator_note(source, "ledger", f"its log cannot be read: {error}", tone="wait"),)
    return ()


def rows(state: State, fields: Fields, t_ns: int) -> Notes:
    """Rows of the log."""
    generation, found = fields.integer("generation"), [_row(row) for row in fields.objects("rows")]
    if generation < state.ledger.generation:
        raise StaleEventError
    if generation > state.ledger.generation:
        state.ledger.begin(generation)
    for row in found:
        state.ledger.add(row)
    return ()


def certificate(state: State, fields: Fields, t_ns: int) -> Notes:
    """A certificate with every byte."""
    data = bytes.fromhex(fields.long_hexadecimal("data", most_bytes=MAX_FRAME_BYTES))
    detail = CertificateDetail(
        cert_id=fields.hexadecimal("cert_id"),
        transition_id=fields.hexadecimal("transition_id"),
        core_hash=fields.hexadecimal("core_hash"),
        index=fields.optional_integer("index"),
        kind=fields.text("kind"),
        sender=fields.hexadecimal("sender"),
        sequence=fields.integer("sequence"),
        prev=fields.hexadecimal("prev"),
        balance=fields.hexadecimal("balance"),
        fee=fields.integer("fee"),
        epoch=fields.integer("epoch"),
        asset=fields.hexadecimal("asset"),
        proof_bytes=fields.integer("proof_bytes"),
        owner_signature=fields.hexadecimal("owner_signature"),
        outputs=tuple(_output(output) for output in fields.objects("outputs")),
        claims=tuple((claim.text("output"), claim.hexadecimal("commitment")) for claim in fields.objects("claims")),
        votes=tuple((vote.validator(), vote.hexadecimal("signature")) for vote in fields.objects("votes")),
        data=data,
        fields=_byte_fields(fields, len(data)),
    )
    _keep(state.ledger.details, detail.cert_id, detail)
    return ()


def verified(state: State, fields: Fields, t_ns: int) -> Notes:
    """All checks of a certificate, made again."""
    checks = tuple(_check(check) for check in fields.objects("checks"))
    found = Verified(fields.hexadecimal("cert_id"), t_ns, fields.truth("ok"), fields.ms("ms"), fields.text("backend"), checks)
    _keep(state.ledger.verified, found.cert_id, found)
    failed = [check.title for check in checks if check.ok is False]
    made = sum(1 for check in checks if check.ok is not None)
    if failed:
        return (_note("verify", f"{short(found.cert_id)} does not hold: {', '.join(failed)}", bad=True),)
    return (_note("verify", f"{short(found.cert_id)}: {made} of {len(checks)} checks made, all hold, in {milliseconds(found.ms)}", bad=False),)


def account(state: State, fields: Fields, t_ns: int) -> Notes:
    """An account's chain and what validators say of it."""
    state.ledger.account = AccountView(
        owner=fields.hexadecimal("owner"),
        t_ns=t_ns,
        sequence=fields.integer("sequence"),
        balance=fields.hexadecimal("balance"),
        head=fields.hexadecimal("head"),
        allocation=fields.optional_integer("allocation"),
        end=fields.integer("end"),
        links=tuple(_link(link) for link in fields.objects("links")),
        words=tuple(_word(word) for word in fields.objects("words")),
        claimable=tuple(_output(output) for output in fields.objects("claimable")),
    )
    return ()


def outputs(state: State, fields: Fields, t_ns: int) -> Notes:
    """What waits to be claimed."""
    found = tuple(_output(output) for output in fields.objects("outputs"))
    state.ledger.outputs = OutputsView(t_ns, fields.optional_integer("count"), found)
    return ()


def comparison(state: State, fields: Fields, t_ns: int) -> Notes:
    """The validators beside each other."""
    standings = tuple(_standing(standing) for standing in fields.objects("standings"))
    compared = ComparisonView(
        t_ns=t_ns,
        reference=fields.validator("reference"),
        length=fields.integer("length"),
        digest=fields.optional_hexadecimal("digest") or "",
        supply_audit=fields.optional_truth("supply_audit"),
        standings=standings,
    )
    state.ledger.comparison = compared
    apart = [f"{validator_name(standing.sight.validator)} {standing.text}" for standing in standings if standing.verdict not in {"same", "other_order"}]
    told = "; ".join(apart) or f"all hold the same {amount(compared.length)} certificates"
    return (_note("compare", told, bad=any(standing.verdict == "lie" for standing in standings)),)


def lie(state: State, fields: Fields, t_ns: int) -> Notes:
    """A validator said something that cannot be true."""
    found = Lie(t_ns, fields.validator(), fields.text("text"))
    state.ledger.lies.append(found)
    return (validator_note(found.validator, "lie", found.text, tone="proof"),)


def _keep(kept: OrderedDict[str, Kept], key: str, value: Kept) -> None:
    kept[key] = value
    kept.move_to_end(key)
    while len(kept) > MAX_DETAILS:
        kept.popitem(last=False)


def _note(kind: str, text: str, *, bad: bool) -> Note:
    return Note(_OBSERVER, kind, text, tone="down" if bad else "up")


def _row(fields: Fields) -> LedgerRow:
    return LedgerRow(
        index=fields.integer("index"),
        cert_id=fields.hexadecimal("cert_id"),
        kind=fields.text("kind"),
        sender=fields.hexadecimal("sender"),
        sequence=fields.integer("sequence"),
        fee=fields.integer("fee"),
        recipients=fields.hexadecimals("recipients"),
        memo_bytes=fields.numbers("memo_bytes"),
        claims=fields.texts("claims"),
        signers=fields.integers("signers"),
        size_bytes=fields.integer("size_bytes"),
    )


def _byte_fields(fields: Fields, size: int) -> tuple[ByteField, ...]:
    """Fields that cover `size` bytes without a gap: whoever looks up a byte relies on it."""
    found: list[ByteField] = []
    for path, offset, length, words in fields.byte_fields("fields"):
        if offset != (found[-1].end if found else 0) or not length:
            raise MalformedEventError(f"{path} begins at {offset}, where no field can begin")
        found.append(ByteField(path, offset, length, words))
    if not found or found[-1].end != size:
        raise MalformedEventError("fields do not cover the bytes")
    return tuple(found)


def _output(fields: Fields) -> LedgerOutput:
    return LedgerOutput(
        output=fields.text("output"),
        owner=fields.hexadecimal("owner"),
        address=fields.text("address", default=""),
        commitment=fields.hexadecimal("commitment"),
        claimed_by=fields.optional_hexadecimal("claimed_by") or "",
        claimable=fields.optional_truth("claimable"),
        listed_by=fields.integers("listed_by") if fields.has("listed_by") else (),
    )


def _check(fields: Fields) -> CheckOutcome:
    return CheckOutcome(
        name=fields.text("name"),
        title=fields.text("title"),
        proves=fields.text("proves"),
        validator=fields.optional_integer("validator"),
        ok=fields.optional_truth("ok"),
        found=fields.text("found"),
        ms=fields.ms("ms"),
    )


def _link(fields: Fields) -> ChainLink:
    return ChainLink(
        cert_id=fields.hexadecimal("cert_id"),
        kind=fields.text("kind"),
        sequence=fields.integer("sequence"),
        prev=fields.hexadecimal("prev"),
        transition_id=fields.hexadecimal("transition_id"),
        balance=fields.hexadecimal("balance"),
        fee=fields.integer("fee"),
        outputs_count=fields.integer("outputs"),
        claims_count=fields.integer("claims"),
        linked=fields.optional_truth("linked"),
    )


def _word(fields: Fields) -> AccountWord:
    return AccountWord(
        validator=fields.validator(),
        exists=fields.truth("exists"),
        sequence=fields.integer("sequence"),
        balance=fields.optional_hexadecimal("balance") or "",
        head=fields.hexadecimal("head"),
        claimable_count=fields.integer("claimable"),
        agrees=fields.truth("agrees"),
        lie=fields.text("lie"),
        error=fields.text("error"),
    )


def _sight(fields: Fields) -> Sight:
    return Sight(
        validator=fields.validator(),
        is_up=fields.truth("up"),
        rtt_ms=fields.optional_ms("rtt_ms"),
        log_length=fields.optional_integer("log_length"),
        digest=fields.optional_hexadecimal("digest") or "",
        flags=fields.integer("flags"),
        error=fields.text("error"),
    )


def _standing(fields: Fields) -> Standing:
    verdict = fields.text("verdict")
    if verdict not in VERDICTS:
        raise MalformedEventError(f"{verdict[:20]} is no verdict")
    return Standing(_sight(fields), verdict, fields.text("text"), _difference(fields.one_object("difference")) if fields.has("difference") else None)


def _difference(fields: Fields) -> LogDifference:
    return LogDifference(
        index=fields.integer("index"),
        here=_row(fields.one_object("here")) if fields.has("here") else None,
        there=_row(fields.one_object("there")) if fields.has("there") else None,
        only_here=tuple(_row(row) for row in fields.objects("only_here")),
        only_there=tuple(_row(row) for row in fields.objects("only_there")),
        only_here_count=fields.integer("only_here_count"),
        only_there_count=fields.integer("only_there_count"),
        is_complete=fields.truth("complete"),
    )


REDUCERS: Final[Mapping[str, Reducer]] = {
    "ledger_log": log,
    "ledger_rows": rows,
    "ledger_certificate": certificate,
    "ledger_verified": verified,
    "ledger_account": account,
    "ledger_outputs": outputs,
    "ledger_comparison": comparison,
    "ledger_lie": lie,
}
