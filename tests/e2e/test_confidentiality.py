"""Goal: no validator's log, event, database or message contains a plaintext amount, a blinding factor, a memo's text or a wallet's seed.

Method: a network with its own genesis pays random amounts over 2^40 there and back, its validators logging as much as they can. Then everything that they
wrote or sent is searched for every secret, in decimal, in hexadecimal of both cases, as bytes of both orders, in full and minimal length. The same search is
shown to find each form of each kind of secret where it is planted, in each kind of place: a search that finds nothing anywhere proves nothing.
"""

import asyncio
import contextlib
import json
import secrets
import shutil
import sqlite3
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import pytest
import pytest_asyncio

from mesh_core.crypto.ristretto import decode_scalar
from mesh_core.errors import LocalFault
from mesh_core.network.framing import encode_frame
from mesh_core.storage.validator_store import DATABASE_NAME
from mesh_core.types.events import EventKind
from mesh_core.types.messages import MAX_FRAME_BYTES, Event, encode_message
from mesh_core.validator.config import load_config, write_config
from mesh_core.validator.status import ask_status
from mesh_core.wallet import events
from mesh_core.wallet.home import WalletHome
from mesh_core.wallet.network import load_network
from mesh_core.wallet.wallet import Wallet
from testnet.layout import NetworkFolder, ValidatorFolder
from tests.e2e.local_network import SETTLED_S
from tests.e2e.validator import ValidatorProcess, make_network
from tests.unit.network.peers import eventually

pytestmark = pytest.mark.asyncio(loop_scope="module")

ALICE_START = 2**61
TEXT = "Rent for the house by the lake"
TAP = "sent.bin"
AMOUNT_BYTES, BLINDING_BYTES = 8, 32


# --- What is searched for --------------------------------------------------------------------------------------------------------------------------


def forms_of_number(number: int, size: int) -> dict[str, bytes]:
    """Every way in which a number might have been written down."""
    forms = {"decimal": str(number).encode(), "hex digits": f"{number:x}".encode(), "HEX digits": f"{number:X}".encode()}
    for length in {size, (number.bit_length() + 7) // 8}:
        for order in ("big", "little"):
            raw = number.to_bytes(length, order)
            forms |= {f"{order} {length} bytes": raw, f"{order} {length} hex": raw.hex().encode(), f"{order} {length} HEX": raw.hex().upper().encode()}
    return forms


def forms_of_bytes(data: bytes) -> dict[str, bytes]:
    return {"bytes": data, "hex": data.hex().encode(), "HEX": data.hex().upper().encode()}


def search(needles: dict[str, bytes], places: dict[str, bytes]) -> list[tuple[str, str]]:
    """Where which secret is found."""
    return [(needle, place) for needle, data in needles.items() for place, haystack in places.items() if data in haystack]


def needles_of(numbers: dict[str, tuple[int, int]], texts: dict[str, bytes]) -> dict[str, bytes]:
    found = {f"{name} as {form}": data for name, (number, size) in numbers.items() for form, data in forms_of_number(number, size).items()}
    return found | {f"{name} as {form}": data for name, text in texts.items() for form, data in forms_of_bytes(text).items()}


# --- Where it is searched for ----------------------------------------------------------------------------------------------------------------------


def read_rows(database: Path) -> bytes:
    """Keys and values as SQLite gives them: in the file, a long value is cut into pieces."""
    with contextlib.closing(sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True)) as connection:
        return b"\n".join(str(key).encode() + b"=" + bytes(value) for key, value in connection.execute("SELECT key, value FROM kv"))


def places_of(folder: ValidatorFolder, lines: list[bytes]) -> dict[str, bytes]:
    """Everything that a validator has written or sent: each of its files, the rows of its database, its standard output."""
    name = folder.path.name
    files = {f"{name}/{path.relative_to(folder.path)}": path.read_bytes() for path in folder.path.rglob("*") if path.is_file()}
    return files | {f"{name} rows": read_rows(folder.data_dir / DATABASE_NAME), f"{name} events": b"".join(lines)}


@dataclass
class Played:
    """What the wallets know, and what the validators have left, while they ran and after they had ended."""

    network: NetworkFolder
    numbers: dict[str, tuple[int, int]]
    texts: dict[str, bytes]
    places: dict[str, bytes]
    lines: list[list[bytes]]

    @property
    def needles(self) -> dict[str, bytes]:
        return needles_of(self.numbers, self.texts)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def played(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Played]:
    network, seeds = make_network(tmp_path_factory.mktemp("confidential") / "home", wallets={"alice": ALICE_START, "bob": 0})
    processes = [_make_process(network, index) for index in range(4)]
    try:
        await asyncio.gather(*(process.start() for process in processes))
        numbers = await _play(network, processes)
        while_running = {f"running {name}": data for process in processes for name, data in places_of(process.folder, process.lines).items()}
        for process in processes:
            process.release()
        assert [await process.wait() for process in processes] == [0] * 4
    finally:
        for process in processes:
            await process.end()
    places = while_running | {name: data for process in processes for name, data in places_of(process.folder, process.lines).items()}
    texts = {"the text": TEXT.encode()} | {f"{name}'s seed": seed for name, seed in seeds.items()}
    yield Played(network, numbers, texts, places, [process.lines for process in processes])


def _make_process(network: NetworkFolder, index: int) -> ValidatorProcess:
    """A validator that writes down what it sends, and logs as much as it can."""
    folder = network.validator(index)
    config = load_config(folder.config)
    certificates: dict[bytes, Path] = {
        peer.identity_pk: network.validator(number).tls_certificate for number, peer in enumerate(load_network(network.network_file).validators)
    }
    write_config(folder.config, replace(config, log_level="debug"), certificates)
    return ValidatorProcess(folder, module="tests.e2e.tapped_validator", environment={"MESH_TEST_TAP": str(folder.path / TAP)})


def _has_subscriber(folder: ValidatorFolder) -> bool:
    return bool(json.loads(ask_status(folder.data_dir))["subscriptions"])


async def _play(network: NetworkFolder, processes: list[ValidatorProcess]) -> dict[str, tuple[int, int]]:
    """Alice pays Bob, Bob pays a part back, both claim; returns every secret number."""
    amount = 2**48 + secrets.randbelow(2**60)
    back = 2**44 + secrets.randbelow(2**46)
    told: list[events.WalletEvent] = []
    home = WalletHome(network.wallets, load_network(network.network_file), told.append, _raise)
    home.start()
    try:
        # Each announces what it applies to whoever has subscribed by then: so each sends every certificate.
        for process in processes:
            await eventually(partial(_has_subscriber, process.folder), within_s=SETTLED_S)
        alice, bob = home.wallet("alice"), home.wallet("bob")
        numbers = {"the amount": (amount, AMOUNT_BYTES), "the amount back": (back, AMOUNT_BYTES)}
        await home.pay("alice", "bob", amount, TEXT)
        await eventually(lambda: bob.account.balance.spendable == amount, within_s=SETTLED_S)
        numbers |= _openings(alice, "after paying") | _openings(bob, "after claiming")
        await home.pay("bob", "alice", back, TEXT)
        await eventually(lambda: alice.account.balance.spendable == ALICE_START - amount - 1 + back, within_s=SETTLED_S)
        numbers |= _openings(alice, "at the end") | _openings(bob, "at the end")
        await eventually(lambda: all(process.named("status")[-1]["log_length"] == 4 for process in processes), within_s=SETTLED_S)
    finally:
        await home.close()
        await asyncio.sleep(0.01)
    return numbers


def _openings(wallet: Wallet, when: str) -> dict[str, tuple[int, int]]:
    """Balance and blinding factor of an account, and those of every output that it was paid with."""
    opening = wallet.account.opening
    found = {f"{wallet.name}'s balance {when}": (opening.value, AMOUNT_BYTES), f"{wallet.name}'s blinding {when}": (opening.blinding, BLINDING_BYTES)}
    for number, (_, record) in enumerate(wallet.account.incoming()):
        found[f"blinding of output {number} to {wallet.name} {when}"] = (decode_scalar(record.blinding), BLINDING_BYTES)
    return found


def _raise(fault: LocalFault) -> None:
    raise fault


# --- Nothing is found ------------------------------------------------------------------------------------------------------------------------------


async def test_no_secret_is_found_anywhere(played: Played) -> None:
    assert search(played.needles, played.places) == []


async def test_what_was_searched_is_what_the_validators_wrote_and_sent(played: Played) -> None:
    """Public parts of the payments are found in every place, so none of them is empty, and the secrets are those of these very payments."""
    amounts = [number for number, size in played.numbers.values() if size == AMOUNT_BYTES]
    blindings = [number for number, size in played.numbers.values() if size == BLINDING_BYTES]
    # Bob's balance after claiming is the amount; all others differ.
    assert len(amounts) - 1 == len(set(amounts)) == 5
    assert min(amounts) > 2**40
    # Bob's first blinding factor is that of the output that he claimed, and that output is listed twice.
    assert len(set(blindings)) == 5
    assert min(blindings) > 2**200
    for index in range(4):
        name = f"v{index + 1}"
        with contextlib.closing(sqlite3.connect(played.network.validator(index).data_dir / DATABASE_NAME)) as connection:
            certificates = [bytes(value) for (value,) in connection.execute("SELECT value FROM kv WHERE key LIKE 'c/%'")]
        assert len(certificates) == 4
        assert all(certificate in played.places[f"{name} rows"] for certificate in certificates)
        assert any(certificate in played.places[f"{name}/{TAP}"] for certificate in certificates)
        assert b'"certificate_applied"' in played.places[f"{name} events"]
        assert b"HANDSHAKE" in played.places[f"{name}/validator.log"]
        assert b" DEBUG " in played.places[f"{name}/validator.log"]
        assert any(place.startswith(f"running {name}/data/") and place.endswith("-wal") and len(data) > 4096 for place, data in played.places.items())
    # A quorum votes; who gets each certificate before it has checked the request has no vote.
    assert sum(b'"vote_cast"' in played.places[f"v{index + 1} events"] for index in range(4)) >= 3


# --- A planted one is ------------------------------------------------------------------------------------------------------------------------------


@pytest.fixture
def folder(played: Played, tmp_path: Path) -> ValidatorFolder:
    """A copy of what one validator has left, to plant secrets in."""
    return ValidatorFolder(Path(shutil.copytree(played.network.validator(0).path, tmp_path / "v1")))


@contextlib.contextmanager
def planted_in_database(folder: ValidatorFolder, data: bytes) -> Iterator[None]:
    """A row with this value; as long as the connection is open it stands in the write-ahead log only."""
    with contextlib.closing(sqlite3.connect(folder.data_dir / DATABASE_NAME)) as connection:
        with connection:
            connection.execute("REPLACE INTO kv (key, value) VALUES ('planted', ?)", (b"before" + data + b"after",))
        yield


def kinds(played: Played) -> dict[str, tuple[int, int]]:
    """One of each kind: an amount, a balance, and a blinding factor."""
    chosen = ("the amount", "alice's balance at the end", "bob's blinding at the end")
    return {name: played.numbers[name] for name in chosen}


async def test_each_form_is_found_in_a_log_an_event_and_a_message(played: Played, folder: ValidatorFolder) -> None:
    needles = needles_of(kinds(played), played.texts)
    assert len(needles) >= 3 * 9
    lines = list(played.lines[0])
    log, tap = folder.log.read_bytes(), (folder.path / TAP).read_bytes()
    for name, data in needles.items():
        folder.log.write_bytes(log + b"2026-01-01 INFO paid " + data + b"\n")
        event = Event(1, 0, EventKind.VOTE_CAST, b"before" + data + b"after")
        (folder.path / TAP).write_bytes(tap + encode_frame(*encode_message(event), limit=MAX_FRAME_BYTES))
        places = {place: found for place, found in places_of(folder, [*lines, b'{"event":"paid","amount":"' + data + b'"}\n']).items() if "data/" not in place}
        found = {place for needle, place in search({name: data}, places) if needle == name}
        assert found == {"v1/validator.log", f"v1/{TAP}", "v1 events"}, name


async def test_each_form_is_found_in_a_database_its_log_and_its_rows(played: Played, folder: ValidatorFolder) -> None:
    needles = needles_of(kinds(played), played.texts)
    for name, data in needles.items():
        with planted_in_database(folder, data):
            found = {place for _, place in search({name: data}, places_of(folder, []))}
        assert found == {f"v1/data/{DATABASE_NAME}-wal", "v1 rows"}, name
        found = {place for _, place in search({name: data}, places_of(folder, []))}
        assert found == {f"v1/data/{DATABASE_NAME}", "v1 rows"}, name


async def test_forms_cover_both_orders_both_cases_and_both_lengths() -> None:
    number = 0x0102030405F6
    forms = set(forms_of_number(number, 8).values())
    assert forms >= {
        str(number).encode(),
        b"0102030405f6",
        b"0102030405F6",
        b"f60504030201",
        b"F60504030201",
        b"00000102030405f6",
        b"f605040302010000",
        b"\x01\x02\x03\x04\x05\xf6",
        b"\xf6\x05\x04\x03\x02\x01",
        b"\0\0\x01\x02\x03\x04\x05\xf6",
        b"\xf6\x05\x04\x03\x02\x01\0\0",
    }
