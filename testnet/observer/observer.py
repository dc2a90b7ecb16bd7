"""The observer: reads the validators' logs as anybody can who has the network file, checks all of it, and tells what it finds as `ledger_*` events.

It trusts nobody. What a validator says is compared with what proves it, and a word that cannot be true is told as a lie, with the name of who said it.

    {"command": "watch", "validator": null}          follow the log of a validator, or of whichever answers
    {"command": "page", "first": 400}                rows that are no longer kept
    {"command": "certificate", "cert_id": "..."}     every field of a certificate, with its bytes
    {"command": "verify", "cert_id": "..."}          every check of it, timed
    {"command": "account", "owner": "...", "end": null}
    {"command": "outputs"}                           what waits to be claimed
    {"command": "compare"}                           the validators beside each other
"""

import asyncio
import contextlib
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Final

from mesh_core.errors import ErrorCode, LocalFault, PeerFault
from mesh_core.protocol.certificates import CheckedCertificate
from mesh_core.protocol.genesis import Genesis
from mesh_core.protocol.inspection import History
from mesh_core.types.address import Address
from mesh_core.types.basic import Hash32, PublicKey
from mesh_core.types.transition import OutputKey
from mesh_core.wallet.fetching import fetch_chain, fetch_from_any
from testnet.command_process import Command, unknown_command
from testnet.observer.accounts import AccountChain, read_account
from testnet.observer.client import OnSight, Sights, ValidatorSight, indices_up
from testnet.observer.comparison import compare
from testnet.observer.forms import Form, account_event, certificate_event, comparison_event, event, output_form, rows_event, sight_form, verification_event
from testnet.observer.log import INDEX_MOST, PAGE, ChainDiffersError, LieError, LogView, ask_log, read_rows
from testnet.observer.rows import Row
from testnet.observer.verification import verify

KNOWN_MOST: Final = 256
"""Certificates that were looked at and are kept."""
LISTED_MOST: Final = 200
PROGRESS_INTERVAL_S: Final = 0.25
RETRY_S: Final = 0.5
COMPARE_PATIENCE_S: Final = 3.0
DISTRUST_S: Final = 60.0
"""A validator that has lied is not read again so soon, unless somebody asks for it."""

Publish = Callable[[Form], None]


class Observer:
    """Follows one validator's log at a time. `start`, then `perform` commands; `close` at the end."""

    def __init__(self, genesis: Genesis, connect: Callable[[OnSight], Sights], publish: Publish, *, on_sight: OnSight | None = None) -> None:
        """`connect(on_sight)` makes the connections. `on_sight` is called, too, for whoever shows the validators themselves."""
        self._genesis = genesis
        self._publish = publish
        self._on_sight = on_sight
        self.client = connect(self._saw)
        self._news = asyncio.Event()
        self._chosen: int | None = None
        self._view: LogView | None = None
        self._generation = 0
        self._at_rest = asyncio.Event()
        self._error = ""
        self._read_at_start: tuple[float, int] = (0.0, 0)
        self._told_at = 0.0
        self._distrusted: dict[int, float] = {}
        self._known: OrderedDict[Hash32, CheckedCertificate] = OrderedDict()
        self._following: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to connect to the validators."""
        self.client.start()

    async def close(self) -> None:
        """Stop following, close all connections."""
        if self._following is not None:
            self._following.cancel()
            await asyncio.gather(self._following, return_exceptions=True)
        await self.client.close()

    @property
    def view(self) -> LogView | None:
        """The log that is followed, as far as it was read."""
        return self._view

    async def perform(self, command: Command) -> dict[str, Any]:
        """Carry out a command; what it finds is published. LocalFault where nobody has what was asked for, PeerFault where nobody answers."""
        match command:
            case {"command": "watch", "validator": int() | None as validator}:
                self._watch(validator)
            case {"command": "page", "first": int(first)}:
                await self._tell_page(first)
            case {"command": "certificate", "cert_id": str(digits)}:
                await self._tell_certificate(_hash(digits))
            case {"command": "verify", "cert_id": str(digits)}:
                await self._verify(_hash(digits))
            case {"command": "account", "owner": str(digits), "end": int() | None as end}:
                await self._tell_account(PublicKey(_hash(digits)), end)
            case {"command": "outputs"}:
                self._tell_outputs()
            case {"command": "compare"}:
                await self._compare()
            case _:
                raise unknown_command()
        return {}

    # --- Following a log

    def _watch(self, validator: int | None) -> None:
        if validator is not None and not 0 <= validator < self._genesis.committee.size:
            raise LocalFault(ErrorCode.CONFIG_INVALID, f"there is no validator with the index {validator}")
        if validator is not None:
            self._distrusted.pop(validator, None)
        self._chosen = validator
        self._news.set()
        if self._following is None:
            self._following = asyncio.get_running_loop().create_task(self._follow(), name="follow a log")
        self._tell_log()

    def _saw(self, sight: ValidatorSight) -> None:
        if self._on_sight is not None:
            self._on_sight(sight)
        if self._following is not None:
            self._news.set()

    async def _follow(self) -> None:
        while True:
            self._news.clear()
            source = self._choose()
            if source is not None:
                await self._read_on(source)
            self._tell_log()
            try:
                # Also without news: what failed is tried again.
                async with asyncio.timeout(RETRY_S if self._error else None):
                    await self._news.wait()
            except TimeoutError:
                continue

    def _choose(self) -> int | None:
        """The validator to read: the one that was asked for, else the present one while it answers, else the one with the longest log."""
        if self._chosen is not None:
            return self._chosen
        now = time.monotonic()
        trusted = [index for index in indices_up(self.client) if self._distrusted.get(index, 0.0) <= now]
        if self._view is not None and self._view.validator in trusted:
            return self._view.validator
        sights = self.client.sights
        return max(trusted, key=lambda index: (sights[index].log_length or 0, -index), default=None)

    async def _read_on(self, source: int) -> None:
        view = self._view
        if view is None or view.validator != source:
            view = self._begin(source)
        if self._distrusted.get(source, 0.0) > time.monotonic():
            return
        self._read_at_start = time.monotonic(), view.length
        self._at_rest.clear()
        self._error = ""
        try:
            while view.length < (self.client.sights[source].log_length or 0) and self._chosen in {None, source}:
                await self._read_page(view)
        except PeerFault as fault:
            self._error = fault.text
        except ChainDiffersError:
            self._error = f"V{source + 1} has another log than before: reading it anew"
            self._begin(source)
        except LieError as lie:
            self._error = f"V{source + 1} lies: {lie}"
            self._distrusted[source] = time.monotonic() + DISTRUST_S
            self._tell_lie(source, str(lie))
        else:
            self._at_rest.set()

    def _begin(self, source: int) -> LogView:
        # Higher than those of a process that was here before: its rows are void, too.
        self._generation = max(self._generation + 1, time.monotonic_ns())
        self._view = LogView(source, self._genesis)
        return self._view

    async def _read_page(self, view: LogView) -> None:
        items = await ask_log(self.client, view.validator, view.length, view.chain)
        if not items:
            raise LieError(f"says that its log has {self.client.sights[view.validator].log_length} entries, and gives none behind {view.length}")
        rows: list[Row] = []
        try:
            for item in items:
                rows.append(view.take(item))
                # Signatures take a millisecond a certificate: pings and commands go in between.
                await asyncio.sleep(0)
        finally:
            self._tell_rows(view, rows)
            self._tell_log(often=False)

    def _tell_rows(self, view: LogView, rows: list[Row]) -> None:
        """Publish rows, but not those that nobody could keep: of a log of a million, the screen need not read a million rows."""
        target = self.client.sights[view.validator].log_length or 0
        kept = [row for row in rows if row.index >= target - INDEX_MOST]
        if kept:
            self._publish(rows_event(view.validator, self._generation, kept))

    def _tell_log(self, *, often: bool = True) -> None:
        """Publish how far the reading is; with `often` false not more often than somebody can look."""
        now = time.monotonic()
        if not often and now - self._told_at < PROGRESS_INTERVAL_S:
            return
        self._told_at = now
        view = self._view
        since, before = self._read_at_start
        is_reading = not self._at_rest.is_set() and not self._error
        replay = None if view is None or is_reading else view.replay
        self._publish(
            event(
                "ledger_log",
                validator=None if view is None else view.validator,
                chosen=self._chosen is not None,
                generation=self._generation,
                length=0 if view is None else view.length,
                first=0 if view is None else view.first,
                target=0 if view is None else max(view.length, self.client.sights[view.validator].log_length or 0),
                reading=is_reading,
                rate=(view.length - before) / (now - since) if view is not None and is_reading and now > since else 0.0,
                error=self._error,
                digest=None if replay is None else replay.compute_digest().hex(),
                accounts=None if replay is None else replay.accounts_count,
                outputs=None if replay is None else replay.outputs_count,
                fee_pool=None if replay is None else replay.fee_pool,
                sights=[sight_form(sight) for sight in self.client.sights],
            )
        )

    def _tell_lie(self, validator: int, text: str) -> None:
        self._publish(event("ledger_lie", validator=validator, text=text))

    def _read_view(self) -> LogView:
        """The log that was read. LocalFault where none was: then nobody answers."""
        if self._view is None:
            raise LocalFault(ErrorCode.NO_QUORUM, f"no validator's log was read so far: {self._describe_silence()}")
        return self._view

    # --- Rows and certificates

    async def _tell_page(self, first: int) -> None:
        view = self._read_view()
        generation = self._generation
        begin = max(0, first) // PAGE * PAGE
        try:
            rows = await read_rows(self.client, view, begin, begin + PAGE)
        except LieError as lie:
            self._tell_lie(view.validator, str(lie))
            raise LocalFault(ErrorCode.PEER_INVALID, f"V{view.validator + 1} lies about its log: {lie}") from lie
        except ChainDiffersError as error:
            raise LocalFault(ErrorCode.PEER_INVALID, f"V{view.validator + 1} has another log than before") from error
        self._publish(rows_event(view.validator, generation, rows))

    async def _tell_certificate(self, cert_id: Hash32) -> None:
        checked = await self._certificate(cert_id)
        row = next((row for row in self._view.newest() if row.cert_id == cert_id), None) if self._view is not None else None
        self._publish(certificate_event(checked, row, self._outputs_of(checked)))

    async def _certificate(self, cert_id: Hash32) -> CheckedCertificate:
        """A verified certificate, from whichever validator has it. LocalFault (DOCUMENT_INVALID, NO_QUORUM)."""
        known = self._known.get(cert_id)
        if known is None:
            found = await fetch_from_any(self.client, [cert_id])
            if cert_id not in found:
                if not indices_up(self.client):
                    raise LocalFault(ErrorCode.NO_QUORUM, f"nobody can be asked for the certificate: {self._describe_silence()}")
                raise LocalFault(ErrorCode.DOCUMENT_INVALID, f"no validator that answers has a certificate {cert_id.hex()[:16]}… that holds")
            known = found[cert_id]
        self._keep(known)
        return known

    def _keep(self, checked: CheckedCertificate) -> None:
        self._known[checked.cert_id] = checked
        self._known.move_to_end(checked.cert_id)
        while len(self._known) > KNOWN_MOST:
            self._known.popitem(last=False)

    def _outputs_of(self, checked: CheckedCertificate) -> list[Form]:
        replay = None if self._view is None else self._view.replay
        forms: list[Form] = []
        for index, output in enumerate(checked.core.outputs):
            key = OutputKey(checked.cert_id, index)
            taker = None if replay is None else replay.claimed_by(key)
            claimable = True if replay is not None and replay.is_claimable(key) else None if taker is None else False
            address = Address(output.owner, output.view_pk)
            forms.append(output_form(key, output.owner, output.commitment, address=address, claimed_by=taker, claimable=claimable))
        return forms

    async def _verify(self, cert_id: Hash32) -> None:
        checked = await self._certificate(cert_id)
        core = checked.core
        previous = await fetch_chain(self.client, core.sender, core.sequence - 1, core.sequence - 1) if core.sequence else []
        sources = await fetch_from_any(self.client, sorted({claim.cert_id for claim in core.claims}))
        history = History(previous[0] if previous else None, sources)
        # In a thread: the group library lets go of the interpreter, and connections stay alive.
        self._publish(verification_event(await asyncio.to_thread(verify, checked.data, cert_id, self._genesis, history)))

    # --- Accounts and outputs

    async def _tell_account(self, owner: PublicKey, end: int | None) -> None:
        chain = await read_account(self.client, owner, self._genesis, end)
        if all(word.error for word in chain.words):
            raise LocalFault(ErrorCode.NO_QUORUM, f"nobody can be asked for the account: {self._describe_silence()}")
        for word in chain.words:
            if word.lie:
                self._tell_lie(word.validator, word.lie)
        self._publish(account_event(chain, await self._claimable_of(chain)))

    async def _claimable_of(self, chain: AccountChain) -> list[Form]:
        """What validators list as claimable by an account, each held against the certificate that made it."""
        listed: dict[OutputKey, dict[int, bytes]] = {}
        for word in chain.words:
            for key, commitment in word.claimable:
                listed.setdefault(key, {})[word.validator] = commitment
        # What most of them list comes first: one alone could otherwise put so many inventions before it that nothing else is shown.
        keys = sorted(listed, key=lambda key: (-len(listed[key]), key))[:LISTED_MOST]
        sources = await fetch_from_any(self.client, sorted({key.cert_id for key in keys}))
        forms: list[Form] = []
        for key in keys:
            source = sources.get(key.cert_id)
            if source is None:
                # Nobody has answered with it in time, which convicts nobody.
                forms.append(output_form(key, chain.owner, next(iter(listed[key].values()))) | {"listed_by": sorted(listed[key])})
                continue
            outputs = source.core.outputs
            if key.index >= len(outputs) or outputs[key.index].owner != chain.owner:
                for validator in listed[key]:
                    self._tell_lie(validator, f"it lists output {key.index} of {key.cert_id.hex()[:16]}, which no certificate gives to this account")
                continue
            commitment = outputs[key.index].commitment
            for validator, said in listed[key].items():
                if said != commitment:
                    self._tell_lie(validator, f"it lists output {key.index} of {key.cert_id.hex()[:16]} with another commitment than was certified")
            forms.append(output_form(key, chain.owner, commitment, claimable=True) | {"listed_by": sorted(listed[key])})
        return forms

    def _tell_outputs(self) -> None:
        view = self._read_view()
        replay = view.replay
        waiting = [] if replay is None else replay.newest_claimable(LISTED_MOST)
        outputs = [output_form(key, output.owner, output.commitment, claimable=True) for key, output in waiting]
        count = None if replay is None else replay.outputs_count
        self._publish(event("ledger_outputs", count=count, outputs=outputs))

    async def _compare(self) -> None:
        view = self._read_view()
        # A short log is read to its end in no time; a long one is compared as far as it was read.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(COMPARE_PATIENCE_S):
                await self._at_rest.wait()
        comparison = await compare(self.client, self._view or view)
        for standing in comparison.standings:
            if standing.verdict == "lie":
                self._tell_lie(standing.sight.index, standing.text)
        self._publish(comparison_event(comparison))

    def _describe_silence(self) -> str:
        silent = [f"V{sight.index + 1} {sight.error or 'does not answer'}" for sight in self.client.sights if not sight.is_up]
        return "; ".join(silent) or "all validators are reached, and have not said yet how long their logs are"


def _hash(digits: str) -> Hash32:
    """32 bytes from hexadecimal digits. LocalFault (CONFIG_INVALID)."""
    try:
        data = bytes.fromhex(digits)
    except ValueError:
        data = b""
    if len(data) != 32:
        raise LocalFault(ErrorCode.CONFIG_INVALID, f"{digits[:20]!r} are not the 64 digits of an id or a key")
    return Hash32(data)
