"""The owner's lock: one holder, gone with its process, not fooled by a deleted lock file."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from mesh_core.errors import ErrorCode, LocalFault
from mesh_core.storage.lock import OwnerLock, StoreLocked

REPOSITORY = Path(__file__).parents[3]
DEADLINE_SECONDS = 20.0

HOLDER = """
import sys
from pathlib import Path
from mesh_core.storage.lock import OwnerLock, StoreLocked
lock = OwnerLock.acquire(Path(sys.argv[1]))
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "file"


def test_second_holder_is_refused_until_release(path: Path) -> None:
    first = OwnerLock.acquire(path)
    with pytest.raises(LocalFault, match=f"{path} is in use by process {os.getpid()}") as caught:
        OwnerLock.acquire(path)
    assert caught.value.code == ErrorCode.STORE_LOCKED
    first.release()
    first.release()
    OwnerLock.acquire(path).release()


def test_refused_attempt_does_not_change_the_owner_written_in(path: Path) -> None:
    lock = OwnerLock.acquire(path)
    with pytest.raises(LocalFault):
        OwnerLock.acquire(path)
    assert (path.parent / "file.lock").read_text() == f"{os.getpid()}\n"
    lock.release()


def test_shorter_process_id_leaves_nothing_of_a_longer_one(path: Path) -> None:
    (path.parent / "file.lock").write_text("123456789012345\n")
    lock = OwnerLock.acquire(path)
    assert (path.parent / "file.lock").read_text() == f"{os.getpid()}\n"
    lock.release()


def test_owner_that_did_not_write_itself_in_is_another_process(path: Path) -> None:
    lock = OwnerLock.acquire(path)
    (path.parent / "file.lock").write_bytes(b"\xff garbage")
    with pytest.raises(LocalFault, match="another process"):
        OwnerLock.acquire(path)
    lock.release()


def test_killed_holder_leaves_no_lock(path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", HOLDER, str(path)], cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(LocalFault, match=f"process {holder.pid}"):
            OwnerLock.acquire(path)
        holder.kill()
        holder.wait(DEADLINE_SECONDS)
    OwnerLock.acquire(path).release()


def test_lock_file_deleted_between_open_and_lock_is_not_relied_on(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A lock on a file without a name keeps nobody away: the next process would make and lock a new one."""
    lock_path = path.parent / "file.lock"
    real_open = os.open
    deletions: list[Path] = []

    def open_and_lose(*arguments: object, **options: object) -> int:
        descriptor = real_open(*arguments, **options)  # type: ignore[arg-type]
        if not deletions:
            lock_path.unlink()
            deletions.append(lock_path)
        return descriptor

    with monkeypatch.context() as patch:
        patch.setattr(os, "open", open_and_lose)
        lock = OwnerLock.acquire(path)
    assert lock_path.exists()
    with pytest.raises(LocalFault):
        OwnerLock.acquire(path)
    lock.release()


def test_a_link_in_the_place_of_the_lock_file_leads_nowhere(path: Path, tmp_path: Path) -> None:
    """In a folder that somebody has packed: the file that it leads to would be emptied, and a process id written into it."""
    (tmp_path / "precious").write_text("kept")
    (tmp_path / "file.lock").symlink_to(tmp_path / "precious")
    for attempt in (OwnerLock.acquire, OwnerLock.keep_away):
        with pytest.raises(OSError, match="Too many levels"):
            attempt(path)
    assert (tmp_path / "precious").read_text() == "kept"


def test_whoever_may_only_read_finds_out_and_keeps_others_away(path: Path) -> None:
    assert OwnerLock.keep_away(path) is None
    owner = OwnerLock.acquire(path)
    with pytest.raises(StoreLocked, match=f"process {os.getpid()}"):
        OwnerLock.keep_away(path)
    owner.release()
    first, second = OwnerLock.keep_away(path), OwnerLock.keep_away(path)
    assert first is not None
    assert second is not None
    with pytest.raises(StoreLocked):
        OwnerLock.acquire(path)
    first.release()
    second.release()
    OwnerLock.acquire(path).release()
    assert (path.parent / "file.lock").read_text() == f"{os.getpid()}\n"


def test_lock_is_not_inherited_by_a_started_program(path: Path) -> None:
    lock = OwnerLock.acquire(path)
    program = "import sys; print('started', flush=True); sys.stdin.read()"
    with subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, close_fds=False) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "started\n"
        lock.release()
        OwnerLock.acquire(path).release()
        child.kill()


@pytest.mark.parametrize(
    ("typed", "named"),
    [(("send", "--memo", "secret"), "mesh-wallet send"), (("--wallet", "secret", "send"), "mesh-wallet"), (("--json", "send"), "mesh-wallet")],
)
def test_owner_is_named_by_its_program_and_nothing_else_that_was_typed(tmp_path: Path, typed: tuple[str, ...], named: str) -> None:
    """A memo on another program's command line is its user's affair."""
    script = tmp_path / "mesh-wallet"
    script.write_text(
        "import sys, time\n"
        "from pathlib import Path\n"
        "from mesh_core.storage.lock import OwnerLock\n"
        f"lock = OwnerLock.acquire(Path({str(tmp_path / 'file')!r}))\n"
        "print('held', flush=True)\n"
        "sys.stdin.read()\n"
    )
    command = [sys.executable, str(script), *typed]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[3]) as process:
        assert process.stdout is not None
        process.stdout.readline()
        with pytest.raises(StoreLocked) as caught:
            OwnerLock.acquire(tmp_path / "file")
        process.communicate()
    assert caught.value.owner in (f"process {process.pid} ({named})", f"process {process.pid}")
    if sys.platform == "linux":
        assert caught.value.owner.endswith(f"({named})")
