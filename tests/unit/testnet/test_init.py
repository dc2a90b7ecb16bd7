"""`mesh-testnet init`: what it makes, of one machine and of several, and that nothing is ever overwritten."""

import contextlib
import fcntl
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Generator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mesh_core.errors import ErrorCode, LocalFault
from mesh_core.network.tls import load_tls_identity
from mesh_core.protocol.genesis import Genesis
from mesh_core.validator.config import load_config
from mesh_core.validator.identity import init_identity, load_identity
from mesh_core.wallet.network import load_network
from testnet.cli import main
from testnet.genesis import open_network, seeded_keys
from testnet.layout import NetworkFolder
from testnet.ownership import own_home, own_or_withdraw
from testnet.profiles import kept_profile, load_profile
from testnet.recipe import RECIPES, find_recipe, read_recipe, spread_seats

ADDRESS = "mesh1qxgjxhtqwyvy3h67h4pjfvv6pv33fvtd2v3f0jnqw9zqp592qwfpfzv70rr33qsrgcqayxsxf6mmu34snm62xnkhehz8dtdtnec7wa6mtng9jw"
CITIES = ("203.0.113.1", "203.0.113.2", "203.0.113.3", "203.0.113.4")


def init(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> dict[str, Any]:
    assert main(["init", *(str(one) for one in arguments), "--json"]) == 0
    made: dict[str, Any] = json.loads(capsys.readouterr().out)
    return made


def test_network_of_one_machine_is_opened_as_it_was_made(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = init(capsys, tmp_path / "net", "--validators", "7", "--wallet", "alice=1,000", "--faucet", "5")
    genesis: Genesis = open_network(NetworkFolder(tmp_path / "net"))
    assert genesis.network_id.hex() == made["network_id"]
    assert (genesis.committee.size, genesis.doc.supply, made["is_spread"]) == (7, 1005, False)
    assert {one["name"]: one["units"] for one in made["wallets"]} == {"faucet": 5, "alice": 1000}
    assert [one["public_key"] for one in made["validators"]] == [key.hex() for key in genesis.committee.validators]


def test_nothing_is_overwritten(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    init(capsys, tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert main(["init", str(tmp_path)]) == 1
    assert "holds a network already" in capsys.readouterr().err
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_folder_of_each_machine_is_complete_in_itself(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    home = tmp_path / "net"
    made = init(capsys, home, "--hosts", ",".join(CITIES), "--listen", "0.0.0.0", "--port", "4000")
    everybody = load_network(Path(shutil.move(made["public"], tmp_path / "public")) / "network.toml")
    assert [(peer.host, peer.port) for peer in everybody.validators] == [(host, 4000) for host in CITIES]
    folders = [Path(shutil.move(home / f"v{number}", tmp_path / f"machine{number}")) for number in (1, 2, 3, 4)]
    shutil.rmtree(home)
    for index, folder in enumerate(folders):
        config = load_config(folder / "validator.toml")
        assert (config.listen_host, config.listen_port) == ("0.0.0.0", 4000)
        assert [peer.host for peer in config.peers] == [host for host in CITIES if host != CITIES[index]]
        assert config.genesis.read_bytes() == (tmp_path / "public" / "genesis.bin").read_bytes()
        identity = load_identity(config.identity_key, config.data_dir)
        assert identity.public_key == everybody.genesis.committee.validators[index]
        for file in (config.genesis, config.identity_key, config.tls_certificate, config.tls_key, config.data_dir, config.vote_journal):
            assert file.resolve().is_relative_to(folder)


def test_owners_make_their_keys_and_keep_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """No secret key is in what the coordinator makes, and each owner's folder runs when the bundle is put into it."""
    owners: dict[str, Path] = {}
    recipe = ['[network]\nname = "four"\n[wallets]\nfaucet = 9\n']
    for number, host in enumerate(CITIES):
        folder = tmp_path / f"owner{number}"
        key = init_identity(folder, seeded_keys(number)).public_key.hex()
        owners[key] = folder
        (tmp_path / f"{number}.crt").write_bytes((folder / "tls.crt").read_bytes())
        recipe.append(f'[[validators]]\nhost = "{host}"\npublic_key = "{key}"\ntls_certificate = "{number}.crt"\n')
    (tmp_path / "four.toml").write_text("".join(recipe))
    made = init(capsys, tmp_path / "net", "--recipe", tmp_path / "four.toml")
    assert not [path for path in (tmp_path / "net").rglob("*") if path.name in {"identity.key", "tls.key", "first-start"}]
    hosts = dict(zip(owners, CITIES, strict=True))
    assert [one["public_key"] for one in made["validators"]] == sorted(owners)
    for one in made["validators"]:
        assert one["host"] == hosts[one["public_key"]]
        owner = owners[one["public_key"]]
        shutil.copytree(Path(one["config"]).parent, owner, dirs_exist_ok=True)
        config = load_config(owner / "validator.toml")
        assert load_identity(config.identity_key, config.data_dir).public_key.hex() == one["public_key"]
        load_tls_identity(certificate_path=config.tls_certificate, key_path=config.tls_key)
    with pytest.raises(LocalFault, match="not one that runs here as a whole"):
        open_network(NetworkFolder(tmp_path / "net"))


def test_network_whose_keys_are_elsewhere_is_left_alone_on_loopback_too(tmp_path: Path) -> None:
    key = init_identity(tmp_path / "owner", seeded_keys(1)).public_key.hex()
    entry = f'[[validators]]\nport = 47001\npublic_key = "{key}"\ntls_certificate = "owner/tls.crt"\n'
    (tmp_path / "r.toml").write_text('[network]\nname = "one"\n[wallets]\na = 1\n' + entry)
    assert main(["init", str(tmp_path / "net"), "--recipe", str(tmp_path / "r.toml")]) == 0
    with pytest.raises(LocalFault, match="no key of V1"):
        open_network(NetworkFolder(tmp_path / "net"))


def test_recipes_that_come_with_the_program_are_good() -> None:
    assert {path.stem for path in RECIPES.glob("*.toml")} >= {"example"}
    for path in RECIPES.glob("*.toml"):
        assert read_recipe(find_recipe(path.stem)).wallets
    with pytest.raises(LocalFault, match=r"no recipe 'exmaple'.*example"):
        find_recipe("exmaple")


KEY = "00" * 32
HEAD = '[network]\nname = "n"\nvalidators = 4\n'


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[network]\nname = 'n'\n", "either a number of validators"),
        (HEAD + "[[validators]]\nhost = '10.0.0.1'\n", "either a number of validators"),
        (HEAD.replace("4", "0"), "0 is no whole number from 1 to 100"),
        (HEAD.replace("4", "true"), "True is no whole number"),
        (HEAD.replace('"n"', '"\\u202en"'), "cannot be seen"),
        (HEAD.replace('"n"', f'"{"n" * 65}"'), "65 characters, of 1 to 64"),
        (HEAD + "fee_base = -1\n", "fee_base: -1 is no whole number"),
        (HEAD + "fee = 1\n", "fee: is no key that exists here"),
        (HEAD + "[wallets]\na = 1.5\n", "wallets.a: 1.5 is no whole number"),
        (HEAD + f"[[allocations]]\naddress = '{ADDRESS}'\namount = 0\n", "0 is no whole number from 1"),
        (HEAD + f"[[allocations]]\naddress = '{ADDRESS[:-1]}q'\namount = 1\n", "checksum"),
        (HEAD + 2 * f"[[allocations]]\naddress = '{ADDRESS}'\namount = 1\n", "stands twice"),
        ("[network]\nname = 'n'\n[[validators]]\nhost = 'example.org'\n", "is no IP address"),
        (HEAD.replace("4", "0x" + "f" * 5000), "a number of thousands of digits is no whole number"),
        (HEAD.replace("4", "-" + "9" * 5000), "is not TOML"),
        (HEAD.replace("4", "9" * 4000), "is no whole number"),
        ("a = " + "[" * 5000, "is not TOML"),
        (f"[network]\nname = 'n'\n[[validators]]\npublic_key = '{KEY}'\n", "goes with tls_certificate"),
        (f"[network]\nname = 'n'\n[[validators]]\npublic_key = '{KEY}'\ntls_certificate = 'no.crt'\n", "cannot be read"),
    ],
)
def test_wrong_recipe_is_refused_with_its_key(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "r.toml").write_text(text)
    with pytest.raises(LocalFault) as refusal:
        read_recipe(tmp_path / "r.toml")
    assert refusal.value.code is ErrorCode.CONFIG_INVALID
    assert said in refusal.value.text


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--faucet", "0"], "1005", "nobody has any money"),
        (["--wallet", "../x=1"], "130b", "no name for a wallet"),
        (["--wallet", f"a={2**63 - 1}"], "1005", "supply"),
        (["--name", "a\x1b[2J"], "1001", "cannot be seen"),
        (["--hosts", "127.0.0.1,127.0.0.1", "--port", "65535"], "1001", "ports end at 65535"),
        (["--profile", "nowhere"], "1001", "there is no profile 'nowhere'"),
        (["--recipe", "nothing"], "1001", "recipes that come with this program: example"),
    ],
)
def test_refusal_leaves_no_network_and_no_key(tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], code: str, said: str) -> None:
    assert main(["init", str(tmp_path / "net"), *arguments]) == 1
    error = capsys.readouterr().err
    assert said in error
    assert f"[{code}]" in error
    assert not list(tmp_path.iterdir())


def test_refusal_leaves_what_was_there_as_it_was(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Of a first start that was interrupted, too: it is put aside for a network that is made, and for no other. And whoever owns the home keeps it."""
    (tmp_path / "v1").mkdir()
    (tmp_path / "v1" / "validator.log").write_text("begun")
    (tmp_path / "genesis.bin").write_bytes(b"begun")
    before = sorted(tmp_path.rglob("*"))
    for arguments in (["--faucet", "0"], ["--wallet", f"a={2**63 - 1}"], ["--hosts", "10.0.0.1,10.0.0.1", "--port", "5"]):
        is_good = arguments[0] == "--hosts"
        assert main(["init", str(tmp_path / "deep" / "er" if is_good else tmp_path), *arguments]) == (0 if is_good else 1)
    assert [path for path in sorted(tmp_path.rglob("*")) if "deep" not in path.parts] == before
    with own_or_withdraw(NetworkFolder(tmp_path)) as lock:
        assert main(["init", str(tmp_path), "--faucet", "0"]) == 1
        assert "is in use" in capsys.readouterr().err
        assert (tmp_path / "network.lock").exists()
    lock.release()


def test_a_start_interrupted_behind_its_profile_is_put_aside_with_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What stayed would refuse the next profile, after keys had been made, or be the profile of a network that was made without any."""

    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    home = tmp_path / "net"
    with monkeypatch.context() as patch:
        patch.setattr("testnet.genesis.write_network", interrupted)
        assert main(["init", str(home), "--profile", "global", "--hosts", "10.0.0.1,10.0.0.2"]) == 1
    assert (home / "profile.toml").exists()
    shutil.copytree(home, tmp_path / "other")
    assert main(["init", str(home), "--profile", "australia"]) == 0
    assert kept_profile(home / "profile.toml") == replace(load_profile("australia"), name="profile")
    assert main(["init", str(tmp_path / "other")]) == 0
    for folder in (home, tmp_path / "other"):
        assert {"profile.toml", "genesis.bin", "v1", "v2"} <= {path.name for path in (folder / "interrupted-1").iterdir()}
    assert not (tmp_path / "other" / "profile.toml").exists()


def test_a_full_disk_is_told_in_one_line(tmp_path: Path) -> None:
    """Where the database is made: the library beneath writes pages about itself, unless it is kept from it. And what is left is put aside by the next one."""
    code = "import resource, sys; from testnet.cli import main; resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000)); sys.exit(main(sys.argv[1:]))"
    done = subprocess.run([sys.executable, "-c", code, "init", str(tmp_path / "net")], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("mesh-testnet: cannot open ")
    assert done.stderr.count("\n") == 1
    assert main(["init", str(tmp_path / "net")]) == 0
    assert (tmp_path / "net" / "interrupted-1").is_dir()


def test_a_home_given_up_under_a_second_program_is_owned_by_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between the second one's opening of the lock file and its locking the first one takes the file away: what it holds then guards nothing."""
    folder = NetworkFolder(tmp_path / "net")
    real = fcntl.flock
    opened: list[int] = []

    def slow(descriptor: int, operation: int) -> None:
        if not opened and refusing:
            opened.append(descriptor)
            refusing.pop().throw(LocalFault(ErrorCode.CONFIG_INVALID, "no"))
        real(descriptor, operation)

    def making() -> Generator[None]:
        with contextlib.suppress(LocalFault), own_or_withdraw(folder):
            (folder.home / "other").touch()
            yield
        yield

    first = making()
    next(first)
    refusing = [first]
    monkeypatch.setattr(fcntl, "flock", slow)
    second = own_home(folder)
    assert opened
    with pytest.raises(LocalFault) as refusal:
        own_home(folder)
    assert refusal.value.code is ErrorCode.HOME_IN_USE
    second.release()


def test_nonsense_names_are_told_in_words(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    long = "a" * 300
    assert main(["init", str(tmp_path / "net"), "--recipe", long]) == 1
    assert "no recipe" in capsys.readouterr().err
    for command in (["audit", "--home", long], ["down", long], ["status", "--home", long], ["logs", "--home", long], ["init", str(tmp_path / long)]):
        assert main(command) == 1
        assert "mesh-testnet: " in capsys.readouterr().err


def test_names_and_addresses_that_a_terminal_would_obey(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A folder's name need not be text, and the zone of an IPv6 address may hold anything as far as Python's own check goes."""
    name = os.fsdecode(b"net\xff\x1b[2J")
    assert main(["init", str(tmp_path / name)]) == 0
    told = capsys.readouterr().out
    assert "\x1b" not in told
    told.encode("utf-8")
    text = '[network]\nname = "n"\n[wallets]\na = 1\n[[validators]]\nhost = "fe80::1%{}"\n'
    (tmp_path / "good.toml").write_text(text.format("eth0.7"))
    assert read_recipe(tmp_path / "good.toml").seats[0].host == "fe80::1%eth0.7"
    (tmp_path / "bad.toml").write_text(text.format("\\u001b[2J"))
    with pytest.raises(LocalFault, match="is no IP address"):
        read_recipe(tmp_path / "bad.toml")
    with pytest.raises(SystemExit):
        main(["init", str(tmp_path / "other"), "--hosts", "fe80::1%\x1b[2J"])
    assert "\x1b" not in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        ["--validators", "4", "--hosts", "10.0.0.1"],
        ["--recipe", "example", "--port", "5"],
        ["--listen", "0.0.0.0"],
        ["--hosts", "nowhere"],
        ["--port", "0"],
        ["--wallet", "alice"],
        ["--wallet", "alice=1", "--wallet", "alice=2"],
        ["--wallet", "faucet=1", "--faucet", "2"],
        ["--validators", "101"],
    ],
)
def test_wrong_usage(tmp_path: Path, arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["init", str(tmp_path / "net"), *arguments])
    assert ended.value.code == 2
    assert not (tmp_path / "net").exists()


def test_machines_that_share_an_address_get_ports_one_after_the_other() -> None:
    seats = spread_seats(("10.0.0.1", "10.0.0.2", "10.0.0.1"))
    assert [(seat.host, seat.port) for seat in seats] == [("10.0.0.1", 47001), ("10.0.0.2", 47001), ("10.0.0.1", 47002)]
