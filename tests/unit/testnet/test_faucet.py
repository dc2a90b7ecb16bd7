"""The faucet and those who ask it: every wish is paid once or refused with its reason, and whatever else is written harms nobody."""

import asyncio
import json
import os
import socket
import stat
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from mesh_core.crypto.keys import WalletKeys
from mesh_core.errors import ErrorCode, LocalFault
from mesh_core.network import local_socket
from mesh_core.types.address import format_address
from mesh_core.wallet.faucet import ask_faucet
from testnet import faucet as faucet_module
from testnet.faucet import MAX_UNITS, REQUEST_LIMIT_BYTES, Faucet
from tests.unit.network.peers import eventually

ADDRESS = WalletKeys.from_seed(b"\x11" * 32).address
TEXT = format_address(ADDRESS)
CERT_ID = "5a" * 32
SHORT_S = 20.0


class Payer:
    """In place of the wallets' process: what was ordered, and what comes of it."""

    def __init__(self) -> None:
        self.orders: list[tuple[str, int]] = []
        self.fault: Exception | None = None
        self.gate = asyncio.Event()
        self.gate.set()

    async def pay(self, address: str, amount: int) -> str:
        self.orders.append((address, amount))
        await self.gate.wait()
        if self.fault is not None:
            raise self.fault
        return CERT_ID


@asynccontextmanager
async def serving(folder: Path, payer: Payer, told: list[dict[str, Any]] | None = None) -> AsyncIterator[Path]:
    path = folder / "faucet.sock"
    faucet = Faucet(path, payer.pay, None if told is None else told.append)
    await faucet.open()
    try:
        yield path
    finally:
        await faucet.close()
        assert not path.exists()
        await asyncio.sleep(0.01)  # closed connections let go of their sockets in a later turn of the loop


async def ask(path: Path, amount: int, timeout_s: float = SHORT_S) -> bytes:
    return await asyncio.to_thread(ask_faucet, path, ADDRESS, amount, timeout_s=timeout_s)


async def refuse(waiting: Awaitable[object]) -> LocalFault:
    with pytest.raises(LocalFault) as refusal:
        await waiting
    return refusal.value


def dial(path: Path) -> socket.socket:
    """As the product does: the folders of temporary files may have longer names than a socket address has room for."""
    dialled = local_socket.connect(path, SHORT_S)
    dialled.setblocking(False)
    return dialled


@asynccontextmanager
async def line_to(path: Path) -> AsyncIterator[Callable[[bytes], Awaitable[Any]]]:
    """A connection that says whatever one likes; each call gives the answer, or None at the end."""
    reader, writer = await asyncio.open_unix_connection(sock=dial(path))

    async def say(data: bytes) -> Any:
        writer.write(data)
        async with asyncio.timeout(SHORT_S):
            answer = await reader.readline()
        return json.loads(answer) if answer else None

    try:
        yield say
    finally:
        writer.close()
        await writer.wait_closed()


def request(amount: object = 5, address: object = TEXT, **more: object) -> bytes:
    return json.dumps({"address": address, "amount": amount, **more}).encode() + b"\n"


async def test_request_is_paid_once_and_answered_with_its_certificate(tmp_path: Path) -> None:
    payer, told = Payer(), list[dict[str, Any]]()
    async with serving(tmp_path, payer, told) as path:
        assert await ask(path, MAX_UNITS) == bytes.fromhex(CERT_ID)
    assert payer.orders == [(TEXT, MAX_UNITS)]
    (event,) = told
    assert (event["event"], event["address"], event["amount"], event["ok"], event["cert_id"]) == ("faucet", TEXT, MAX_UNITS, True, CERT_ID)


async def test_socket_is_its_users_alone(tmp_path: Path) -> None:
    umask = os.umask(0)
    try:
        async with serving(tmp_path, Payer()) as path:
            assert stat.S_ISSOCK(path.lstat().st_mode)
            assert stat.S_IMODE(path.lstat().st_mode) == 0o600
    finally:
        os.umask(umask)


async def test_address_without_checksum_is_paid_in_its_form_with_one(tmp_path: Path) -> None:
    payer = Payer()
    async with serving(tmp_path, payer) as path, line_to(path) as say:
        assert (await say(request(address=(ADDRESS.owner + ADDRESS.view_pk).hex())))["ok"] is True
    assert payer.orders == [(TEXT, 5)]


@pytest.mark.parametrize("amount", [0, -1, MAX_UNITS + 1, 2**64, int("9" * 3000)], ids=["0", "-1", "too much", "2^64", "3000 digits"])
async def test_amount_out_of_its_limits_is_not_paid(tmp_path: Path, amount: int) -> None:
    payer = Payer()
    async with serving(tmp_path, payer) as path, line_to(path) as say:
        answer = await say(request(amount))
    assert (answer["ok"], answer["code"]) == (False, f"{ErrorCode.AMOUNT_INVALID:04x}")
    assert "1 to 100,000 units" in answer["text"]
    assert payer.orders == []


GARBAGE = [
    b"\n",
    b"hello\n",
    b"\xff\xfe\x00\n",
    b"[]\n",
    b"{}\n",
    b"[" * 3000 + b"\n",
    b"9" * 4090 + b"\n",
    request(True),
    request(5.0),
    request("5"),
    request(None),
    request(address=7),
    request(more="fields"),
    b'{"address": "' + TEXT.encode() + b'"}\n',
]


async def test_garbage_is_answered_and_the_next_request_is_served(tmp_path: Path) -> None:
    payer, told = Payer(), list[dict[str, Any]]()
    async with serving(tmp_path, payer, told) as path, line_to(path) as say:
        for garbage in GARBAGE:
            answer = await say(garbage)
            assert (answer["ok"], answer["code"], "this is no request" in answer["text"]) == (False, f"{ErrorCode.CONFIG_INVALID:04x}", True), garbage
        assert payer.orders == []
        assert told == []
        assert (await say(request()))["ok"] is True
    assert payer.orders == [(TEXT, 5)]


@pytest.mark.parametrize("address", ["", "bob", TEXT[:-1] + ("q" if TEXT[-1] != "q" else "p"), "x" + TEXT, TEXT[:-3], "\ud800"])
async def test_address_that_is_none_is_refused_with_words_that_help(tmp_path: Path, address: str) -> None:
    payer = Payer()
    async with serving(tmp_path, payer) as path, line_to(path) as say:
        answer = await say(request(address=address))
    assert (answer["ok"], answer["code"]) == (False, f"{ErrorCode.ADDRESS_INVALID:04x}")
    assert answer["text"].startswith("not an address: ")
    assert payer.orders == []


async def test_line_that_is_too_long_ends_the_connection_and_no_other(tmp_path: Path) -> None:
    payer = Payer()
    async with serving(tmp_path, payer) as path, line_to(path) as other:
        async with line_to(path) as say:
            answer = await say(b" " * (REQUEST_LIMIT_BYTES + 1) + request())
            assert (answer["ok"], "at most" in answer["text"]) == (False, True)
            assert await say(b"") is None
        async with line_to(path) as say:  # without an end
            assert (await say(b"x" * 100_000))["ok"] is False
        assert (await other(request()))["ok"] is True
    assert payer.orders == [(TEXT, 5)]


async def test_request_that_was_not_finished_is_nobodys_wish(tmp_path: Path) -> None:
    payer = Payer()
    async with serving(tmp_path, payer) as path:
        reader, writer = await asyncio.open_unix_connection(sock=dial(path))
        writer.write(request().strip())
        writer.write_eof()
        assert await reader.read() == b""
        writer.close()
    assert payer.orders == []


async def test_whoever_goes_away_while_the_payment_is_made_harms_nobody(tmp_path: Path) -> None:
    payer, told = Payer(), list[dict[str, Any]]()
    payer.gate.clear()
    async with serving(tmp_path, payer, told) as path:
        _, writer = await asyncio.open_unix_connection(sock=dial(path))
        writer.write(request(7))
        await eventually(lambda: len(payer.orders) == 1)
        writer.transport.abort()
        payer.gate.set()
        await eventually(lambda: len(told) == 1)
        assert await ask(path, 8) == bytes.fromhex(CERT_ID)
    assert payer.orders == [(TEXT, 7), (TEXT, 8)]


async def test_one_request_at_a_time_on_a_connection(tmp_path: Path) -> None:
    payer = Payer()
    payer.gate.clear()
    async with serving(tmp_path, payer) as path:
        reader, writer = await asyncio.open_unix_connection(sock=dial(path))
        writer.write(request(1) + request(2))
        await eventually(lambda: len(payer.orders) == 1)
        await asyncio.sleep(0.02)
        assert payer.orders == [(TEXT, 1)]
        payer.gate.set()
        assert [json.loads(await reader.readline())["ok"] for _ in range(2)] == [True, True]
        writer.close()
    assert payer.orders == [(TEXT, 1), (TEXT, 2)]


async def test_too_many_at_once_are_told_to_come_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(faucet_module, "MAX_CONNECTIONS", 2)
    payer = Payer()
    async with serving(tmp_path, payer) as path:
        async with line_to(path) as first, line_to(path) as second:
            assert (await first(request()))["ok"] is (await second(request()))["ok"] is True
            async with line_to(path) as third:
                assert (await third(b""))["code"] == f"{ErrorCode.BUSY:04x}"
        await eventually(lambda: len(payer.orders) == 2)
        assert await ask(path, 5) == bytes.fromhex(CERT_ID)


@pytest.mark.parametrize(
    ("fault", "code", "words"),
    [
        (LocalFault(ErrorCode.INSUFFICIENT_FUNDS, "the balance is 3"), ErrorCode.INSUFFICIENT_FUNDS, "the faucet: the balance is 3"),
        (ZeroDivisionError("secret detail"), ErrorCode.INTERNAL, "the faucet: internal error (ZeroDivisionError)"),
    ],
)
async def test_payment_that_fails_reaches_whoever_asked_with_its_code(tmp_path: Path, fault: Exception, code: ErrorCode, words: str) -> None:
    payer, told = Payer(), list[dict[str, Any]]()
    payer.fault = fault
    async with serving(tmp_path, payer, told) as path:
        refusal = await refuse(ask(path, 5))
        assert (refusal.code, refusal.text) == (code, words)
        payer.fault = None
        assert await ask(path, 5) == bytes.fromhex(CERT_ID)
    assert [event["ok"] for event in told] == [False, True]


async def test_closing_ends_those_who_wait(tmp_path: Path) -> None:
    payer = Payer()
    payer.gate.clear()
    async with serving(tmp_path, payer) as path:
        waiting = asyncio.create_task(ask(path, 5))
        await eventually(lambda: len(payer.orders) == 1)
    refusal = await refuse(waiting)
    assert refusal.code is ErrorCode.NO_FAUCET
    assert "look at the balance before asking again" in refusal.text


@pytest.mark.skipif(not local_socket.DESCRIPTORS.exists(), reason="only Linux has short names for open folders")
async def test_long_path_is_no_obstacle(tmp_path: Path) -> None:
    folder = tmp_path / ("a folder with a long name, " * 6)
    folder.mkdir()
    async with serving(folder, Payer()) as path:
        assert await ask(path, 5) == bytes.fromhex(CERT_ID)


async def test_socket_of_a_killed_process_is_replaced_and_a_file_is_not(tmp_path: Path) -> None:
    local_socket.bind_private(tmp_path / "faucet.sock").close()
    async with serving(tmp_path, Payer()) as path:
        assert await ask(path, 5) == bytes.fromhex(CERT_ID)
    path.write_text("precious")
    refusal = await refuse(Faucet(path, Payer().pay).open())
    assert refusal.code is ErrorCode.STORE_UNAVAILABLE
    assert path.read_text() == "precious"


# --- Who asks --------------------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["faucet.sock", "no folder/faucet.sock", "file/faucet.sock"])
async def test_where_no_faucet_listens_it_is_said(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_text("")
    refusal = await refuse(ask(tmp_path / name, 5))
    assert refusal.code is ErrorCode.NO_FAUCET
    assert "mesh-testnet up" in refusal.text


async def test_socket_whose_process_was_killed_is_no_faucet(tmp_path: Path) -> None:
    path = tmp_path / "faucet.sock"
    local_socket.bind_private(path).close()
    assert "no faucet listens" in (await refuse(ask(path, 5))).text


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (b"", "ended without an answer"),
        (b'{"ok": true, "cert_id": "' + CERT_ID.encode() + b'"}', "ended without an answer"),
        (b"\n", "is no faucet's answer"),
        (b"[]\n", "is no faucet's answer"),
        (b'{"ok": true}\n', "is no faucet's answer"),
        (b'{"ok": true, "cert_id": "5a"}\n', "is no faucet's answer"),
        (b'{"ok": 1, "cert_id": 5}\n', "is no faucet's answer"),
        (b"x" * 100_000, "ended without an answer"),
        (b"[" * 60_000 + b"\n", "is no faucet's answer"),
    ],
)
async def test_answer_that_is_none_is_told(tmp_path: Path, answer: bytes, words: str) -> None:
    path = tmp_path / "faucet.sock"

    async def lie(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(answer)
        writer.close()

    server = await asyncio.start_unix_server(lie, sock=local_socket.bind_private(path))
    async with server:
        refusal = await refuse(ask(path, 5))
        assert refusal.code is ErrorCode.NO_FAUCET
        assert words in refusal.text
        await asyncio.sleep(0.01)


async def test_faucet_that_does_not_answer_is_given_up_with_a_warning(tmp_path: Path) -> None:
    payer = Payer()
    payer.gate.clear()
    async with serving(tmp_path, payer) as path:
        refusal = await refuse(ask(path, 5, timeout_s=0.05))
    assert refusal.code is ErrorCode.NO_FAUCET
    assert "look at the balance before asking again" in refusal.text


async def test_code_of_another_version_is_an_internal_error(tmp_path: Path) -> None:
    payer = Payer()
    payer.fault = LocalFault(0x7777, "of tomorrow")  # type: ignore[arg-type]
    async with serving(tmp_path, payer) as path:
        refusal = await refuse(ask(path, 5))
    assert (refusal.code, refusal.text) == (ErrorCode.INTERNAL, "the faucet: of tomorrow")
