"""Makes the project's virtual environment `.venv` from the locked versions, with whatever this machine has for it.

    python tools/environment.py run|dev            make or refresh it, and say nothing more than needed
    python tools/environment.py --check run|dev    exit 0 if it is up to date, 1 if not; changes nothing

Three ways are tried in turn: uv, the venv module, virtualenv. A way that fails, in making the environment or in filling it, gives
way to the next. pip's own settings (index, certificates, proxies) hold for each: uv does not read them, so they are handed to it.

An environment counts as made when its stamp is there; the stamp is written last, so one that was interrupted is made again.

Exit status: 0 made, 1 it cannot be made here or the packages could not be installed, 75 this Python cannot make an environment.
Needs nothing but the standard library, since it runs before anything is installed.
"""

import ast
import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

PROJECT: Final = Path(__file__).resolve().parent.parent
VENV: Final = PROJECT / ".venv"
VENV_PYTHON: Final = VENV / "bin" / "python"
STAMP: Final = VENV / "mesh-bootstrap.json"
LOG: Final = PROJECT / ".bootstrap.log"
LOCK: Final = PROJECT / ".bootstrap.lock"
LOCKED_VERSIONS: Final = PROJECT / "requirements"
# Where the C sources are: an environment holds what was compiled from them.
COMPILED_SOURCES: Final = PROJECT / "mesh_core" / "crypto"
LEVELS: Final = ("run", "dev")  # each holds what the one before it holds

INSTALL_FAILED: Final = 1
CANNOT_MAKE: Final = 75


class WayFailed(Exception):
    """One way to make or to fill the environment did not work. The log says why."""


def main(arguments: list[str]) -> int:
    """Runs the command line; returns the exit status."""
    check_only = arguments[:1] == ["--check"]
    wanted = arguments[1:] if check_only else arguments
    if len(wanted) != 1 or wanted[0] not in LEVELS:
        say(f"usage: environment.py [--check] {'|'.join(LEVELS)}")
        return 2
    (level,) = wanted
    os.chdir(PROJECT)
    if check_only:
        return 0 if is_current(level) and is_whole() else 1
    try:
        with only_one():
            if is_current(level) and venv_python_is_whole():
                return 0
            return make(level)
    except OSError as error:
        say(f".venv cannot be made here: {error}")
        return INSTALL_FAILED


# --- What is there -------------------------------------------------------------------------------------------------------


def fingerprint() -> str:
    """A digest of everything that an environment follows from, the project's place included: scripts hold it as an absolute path."""
    digest = hashlib.sha256(os.fsencode(PROJECT))
    sources = [*PROJECT.glob("setup.py"), *sorted(COMPILED_SOURCES.rglob("*.[ch]"))]
    for path in [PROJECT / "pyproject.toml", *sorted(LOCKED_VERSIONS.glob("*.lock")), *sources]:
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def read_stamp() -> Mapping[str, str]:
    """What the stamp says, or nothing where there is none that can be read."""
    try:
        stamp = json.loads(STAMP.read_text())
    except (OSError, ValueError):
        return {}
    return stamp if isinstance(stamp, dict) else {}


def is_current(level: str) -> bool:
    """Whether an environment was made in full, here, from these very files, holding at least `level`."""
    stamp = read_stamp()
    made = stamp.get("level")
    return stamp.get("fingerprint") == fingerprint() and made in LEVELS and LEVELS.index(made) >= LEVELS.index(level)


def is_whole() -> bool:
    """Whether this very interpreter is the environment's own and still finds its packages.

    It does not after the system's Python was replaced by another version: the link then leads to an interpreter that looks elsewhere.
    """
    return Path(sys.prefix).resolve() == VENV and Path(sysconfig.get_path("purelib")).is_dir()


def venv_python_is_whole() -> bool:
    """The same, asked of the environment's interpreter by one that may be another."""
    script = "import pathlib, sys, sysconfig; sys.exit(not pathlib.Path(sysconfig.get_path('purelib')).is_dir())"
    return VENV_PYTHON.exists() and succeeds([VENV_PYTHON, "-I", "-c", script])


# --- Making it -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Way:
    """One way to an environment: how it is made, and how it is filled."""

    name: str
    create: Callable[[], None]
    install: Callable[[str], None]


def make(level: str) -> int:
    """Refreshes the environment if there is a whole one, else makes it anew. Returns the exit status."""
    ways = (
        Way("uv", create_with_uv, install_with_uv),
        Way("venv", create_with_venv, install_with_pip),
        Way("virtualenv", create_with_virtualenv, install_with_pip),
    )
    may_refresh = bool(read_stamp()) and Path(read_stamp().get("project", "")) == PROJECT and venv_python_is_whole()
    STAMP.unlink(missing_ok=True)
    if may_refresh:
        for way in ways[:2]:
            with contextlib.suppress(WayFailed):
                way.install(level)
                return finish(level)
    was_created = False
    for way in ways:
        try:
            remove_venv()
            way.create()
            was_created = True
            way.install(level)
        except WayFailed as failure:
            log(f"{way.name}: {failure}")
            continue
        return finish(level)
    if not was_created:
        remove_venv()
        return CANNOT_MAKE
    say(f"the packages could not be installed; what pip said is above, and all of it is in {LOG.name}")
    return INSTALL_FAILED


def finish(level: str) -> int:
    """Marks the environment as made."""
    stamp = {"level": level, "fingerprint": fingerprint(), "project": str(PROJECT)}
    STAMP.write_text(json.dumps(stamp) + "\n")
    return 0


def remove_venv() -> None:
    """Takes away what is there, whatever it is."""
    if VENV.is_symlink() or VENV.is_file():
        VENV.unlink()
    elif VENV.exists():
        shutil.rmtree(VENV)


def create_with_uv() -> None:
    """Makes it with uv, for this very interpreter: uv would fetch one of its own otherwise."""
    run([uv_command(), "venv", "--quiet", "--no-project", "--python", sys.executable, VENV], environment=uv_environment())


def create_with_venv() -> None:
    """Makes it with the standard library. Some systems keep the part that it needs in a package of its own."""
    run([sys.executable, "-m", "venv", VENV])
    run([VENV_PYTHON, "-m", "pip", "--version"])


def create_with_virtualenv() -> None:
    """Makes it with virtualenv, as a module of this interpreter or as a command."""
    if succeeds([sys.executable, "-m", "virtualenv", "--version"]):
        run([sys.executable, "-m", "virtualenv", "--quiet", VENV])
    else:
        command = shutil.which("virtualenv")
        if command is None:
            raise WayFailed("not on this machine")
        run([command, "--quiet", "--python", sys.executable, VENV])
    run([VENV_PYTHON, "-m", "pip", "--version"])


def steps_to_install(level: str) -> list[list[str]]:
    """Arguments of `pip install`, step by step.

    The build tool comes first and from the lock too: builds are not isolated, since an isolated one would fetch a build tool of its
    own choice, unlocked, for each source distribution and for the project itself.
    """
    return [
        ["--require-hashes", "-r", "requirements/build.lock"],
        ["--require-hashes", "--no-build-isolation", "-r", f"requirements/{level}.lock"],
        ["--no-deps", "--no-build-isolation", "--editable", "."],
    ]


def install_with_uv(level: str) -> None:
    """Fills it with uv."""
    command = [uv_command(), "pip", "install", "--quiet", "--python", str(VENV_PYTHON), *uv_switches()]
    announce(level, "uv")
    for step in steps_to_install(level):
        run([*command, *step], environment=uv_environment())


def install_with_pip(level: str) -> None:
    """Fills it with its own pip, whose errors are shown: they name the host, the certificate or the package that is wrong."""
    command = [str(VENV_PYTHON), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-user"]
    announce(level, "pip")
    for step in steps_to_install(level):
        run([*command, *step], show_errors=True)


# --- uv, with the settings of pip ----------------------------------------------------------------------------------------


def uv_command() -> str:
    """Where uv is."""
    command = shutil.which("uv")
    if command is None:
        raise WayFailed("not on this machine")
    return command


def pip_settings() -> dict[str, str]:
    """pip's settings for `pip install`, by name, as pip itself reports them; without a pip, those in the environment variables."""
    for pip in ([sys.executable, "-m", "pip"], ["pip3"], ["pip"]):
        with contextlib.suppress(OSError):
            listing = subprocess.run([*pip, "config", "list"], capture_output=True, text=True, check=False)
            if listing.returncode == 0:
                return parse_pip_settings(listing.stdout)
    return {name[4:].lower().replace("_", "-"): value for name, value in os.environ.items() if name.startswith("PIP_")}


def parse_pip_settings(listing: str) -> dict[str, str]:
    """Settings from `pip config list`: lines such as `global.index-url='...'`; a section overrides those before it here."""
    sections: dict[str, dict[str, str]] = {"global": {}, "install": {}, ":env:": {}}
    for line in listing.splitlines():
        key, equals, quoted = line.partition("=")
        section, dot, name = key.rpartition(".")
        if not (equals and dot) or section not in sections:
            continue
        with contextlib.suppress(ValueError, SyntaxError):
            sections[section][name] = str(ast.literal_eval(quoted))
    return {name: value for section in sections.values() for name, value in section.items()}


def uv_environment() -> dict[str, str]:
    """The environment for uv: pip's settings in uv's words, behind whatever was set for uv itself."""
    settings = pip_settings()
    proxy = settings.get("proxy", "")
    translated = {
        "UV_INDEX_URL": settings.get("index-url", ""),
        "UV_EXTRA_INDEX_URL": " ".join(settings.get("extra-index-url", "").split()),
        "UV_FIND_LINKS": ",".join(settings.get("find-links", "").split()),
        "UV_INSECURE_HOST": " ".join(settings.get("trusted-host", "").split()),
        "UV_HTTP_TIMEOUT": settings.get("timeout", settings.get("default-timeout", "")),
        "SSL_CERT_FILE": settings.get("cert", ""),
        "SSL_CLIENT_CERT": settings.get("client-cert", ""),
        "HTTP_PROXY": proxy,
        "HTTPS_PROXY": proxy,
        # As pip does it: all indexes are equal. What may be installed is settled by the hashes of the lock, not by the index.
        "UV_INDEX_STRATEGY": "unsafe-best-match",
        # An interpreter is never fetched: the one that runs this is the one to use.
        "UV_PYTHON_DOWNLOADS": "never",
    }
    environment = {name: value for name, value in translated.items() if value} | dict(os.environ)
    if not has_writable_cache(environment):
        environment["UV_NO_CACHE"] = "1"
    return environment


def has_writable_cache(environment: Mapping[str, str]) -> bool:
    """Whether uv has a place for its cache; it fails without one where HOME is missing or read-only."""
    try:
        answer = subprocess.run([uv_command(), "cache", "dir"], capture_output=True, text=True, check=True, env=environment)
        place = Path(answer.stdout.strip())
        place.mkdir(parents=True, exist_ok=True)
    except (OSError, subprocess.CalledProcessError):
        return False
    return os.access(place, os.W_OK)


def uv_switches() -> list[str]:
    """What uv takes as an option only."""
    return ["--no-index"] if pip_settings().get("no-index", "").lower() in {"1", "true", "yes", "on"} else []


# --- Running things ------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def only_one() -> Iterator[None]:
    """Waits until no other run is making the environment. The system lets go of the lock when its holder ends, however it ends."""
    with LOCK.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("waiting for another run that is making .venv")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def run(command: Sequence[str | Path], *, environment: Mapping[str, str] | None = None, show_errors: bool = False) -> None:
    """Runs a command, its output into the log. Raises WayFailed if it cannot be run or does not succeed."""
    log("$ " + " ".join(str(part) for part in command))
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", check=False, env=environment)
    except OSError as error:
        raise WayFailed(str(error)) from error
    log(done.stdout + done.stderr)
    if done.returncode != 0:
        if show_errors:
            sys.stderr.write(done.stderr)
        raise WayFailed(f"{Path(command[0]).name} ended with status {done.returncode}")


def succeeds(command: Sequence[str | Path]) -> bool:
    """Whether a command can be run and succeeds."""
    try:
        return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def announce(level: str, tool: str) -> None:
    """Says why the terminal is quiet for a while."""
    what = {"run": "the programs need", "dev": "programs, tests and linters need"}[level]
    say(f"installing what {what} into .venv, with {tool} (Python {sys.version_info.major}.{sys.version_info.minor})")


def log(text: str) -> None:
    """Keeps what was tried, for the one who has to find out why it failed."""
    with LOG.open("a") as file:
        file.write(text.rstrip("\n") + "\n")


def say(text: str) -> None:
    """One line for the person at the terminal."""
    print(f"mesh: {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
