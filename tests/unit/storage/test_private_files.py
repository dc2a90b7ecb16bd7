"""Private files: whole or absent, durable, never replaced by accident, never read when others could have read them."""

import errno
import os
import threading
from pathlib import Path

import pytest

from mesh_core.errors import ErrorCode, LocalFault
from mesh_core.storage.files import READ_LIMIT_BYTES, make_private_directory, read_at_most, read_private, write_atomically


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "key"


def test_file_is_written_with_its_mode_and_read_back(path: Path) -> None:
    write_atomically(path, b"secret")
    assert path.stat().st_mode & 0o7777 == 0o600
    assert read_private(path) == b"secret"
    assert list(path.parent.iterdir()) == [path]


def test_mode_does_not_depend_on_the_umask(path: Path) -> None:
    before = os.umask(0o777)
    try:
        write_atomically(path, b"public", 0o644)
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o7777 == 0o644


def test_existing_file_is_not_replaced(path: Path) -> None:
    write_atomically(path, b"first")
    with pytest.raises(FileExistsError):
        write_atomically(path, b"second")
    assert path.read_bytes() == b"first"
    assert list(path.parent.iterdir()) == [path]


def test_dangling_link_counts_as_existing(path: Path) -> None:
    path.symlink_to(path.parent / "elsewhere")
    with pytest.raises(FileExistsError):
        write_atomically(path, b"secret")
    assert not (path.parent / "elsewhere").exists()


def test_existing_file_is_replaced_when_told_so(path: Path) -> None:
    write_atomically(path, b"first", 0o644)
    write_atomically(path, b"second", overwrite=True)
    assert path.read_bytes() == b"second"
    assert path.stat().st_mode & 0o7777 == 0o600
    assert list(path.parent.iterdir()) == [path]


def test_of_many_writers_exactly_one_wins_and_its_content_is_whole(path: Path) -> None:
    winners: list[bytes] = []
    barrier = threading.Barrier(8)

    def write(data: bytes) -> None:
        barrier.wait()
        try:
            write_atomically(path, data)
        except FileExistsError:
            return
        winners.append(data)

    threads = [threading.Thread(target=write, args=(bytes([number]) * 10_000,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [path.read_bytes()] == winners


def test_content_and_folder_are_flushed_before_and_after_the_name_is_given(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The order is what survives a power cut: content on the disk, then the name, then the folder on the disk."""
    steps: list[str] = []
    fsync, link = os.fsync, os.link

    def recorded_fsync(descriptor: int) -> None:
        steps.append("folder flushed" if Path(f"/proc/self/fd/{descriptor}").is_dir() else "content flushed")
        fsync(descriptor)

    def recorded_link(source: str, target: str, *, follow_symlinks: bool = True) -> None:
        steps.append("name given")
        link(source, target, follow_symlinks=follow_symlinks)

    monkeypatch.setattr(os, "fsync", recorded_fsync)
    monkeypatch.setattr(os, "link", recorded_link)
    if not Path("/proc/self/fd").is_dir():
        pytest.skip("needs /proc to tell a folder from a file")
    write_atomically(path, b"secret")
    assert steps == ["content flushed", "name given", "folder flushed"]


@pytest.mark.parametrize("overwrite", [False, True])
def test_failure_before_the_name_is_given_leaves_everything_as_it_was(path: Path, monkeypatch: pytest.MonkeyPatch, *, overwrite: bool) -> None:
    if overwrite:
        write_atomically(path, b"first")
    before = sorted(path.parent.iterdir())

    def failing_fsync(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", failing_fsync)
        with pytest.raises(LocalFault, match="No space left") as caught:
            write_atomically(path, b"second", overwrite=overwrite)
    assert caught.value.code == ErrorCode.KEY_FILE
    assert sorted(path.parent.iterdir()) == before
    assert all(file.read_bytes() == b"first" for file in before)


def test_missing_folder_is_reported(tmp_path: Path) -> None:
    with pytest.raises(LocalFault, match="nowhere") as caught:
        write_atomically(tmp_path / "nowhere" / "key", b"secret")
    assert caught.value.code == ErrorCode.KEY_FILE


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o610, 0o601, 0o666])
def test_file_that_others_can_use_is_refused_with_the_remedy(path: Path, mode: int) -> None:
    write_atomically(path, b"secret", mode)
    with pytest.raises(LocalFault) as caught:
        read_private(path)
    assert caught.value.code == ErrorCode.KEY_FILE
    assert f"mode {mode:04o}" in caught.value.text
    assert f"chmod 600 '{path}'" in caught.value.text
    assert "secret" not in caught.value.text.replace("holds a secret", "")


@pytest.mark.parametrize("mode", [0o600, 0o400, 0o700])
def test_file_that_only_its_owner_can_use_is_read(path: Path, mode: int) -> None:
    write_atomically(path, b"secret", mode)
    assert read_private(path) == b"secret"


def test_length_is_limited(path: Path) -> None:
    write_atomically(path, bytes(READ_LIMIT_BYTES))
    assert len(read_private(path)) == READ_LIMIT_BYTES
    write_atomically(path, bytes(READ_LIMIT_BYTES + 1), overwrite=True)
    with pytest.raises(LocalFault, match="longer than") as caught:
        read_private(path)
    assert caught.value.code == ErrorCode.KEY_FILE


def test_missing_file_folder_and_pipe_are_refused_without_waiting(path: Path) -> None:
    pipe = path.parent / "pipe"
    os.mkfifo(pipe, 0o600)
    folder = path.parent / "folder"
    folder.mkdir(mode=0o700)
    for bad in (path, folder, pipe):
        with pytest.raises(LocalFault, match=str(bad)) as caught:
            read_private(bad)
        assert caught.value.code == ErrorCode.KEY_FILE


def test_private_directories_are_made_with_their_parents_and_existing_ones_stay(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    make_private_directory(tmp_path / "a" / "b")
    make_private_directory(tmp_path / "a" / "b")
    assert [folder.stat().st_mode & 0o777 for folder in (tmp_path, tmp_path / "a", tmp_path / "a" / "b")] == [0o755, 0o700, 0o700]


def test_file_system_without_hard_links_holds_the_file_and_overwrites_none(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a stick with FAT, which carries a receipt to somebody."""

    def refuse(source: str, target: str, *, follow_symlinks: bool = True) -> None:
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(os, "link", refuse)
    write_atomically(path, b"receipt")
    assert read_private(path) == b"receipt"
    with pytest.raises(FileExistsError):
        write_atomically(path, b"another")
    assert (path.read_bytes(), list(path.parent.iterdir())) == (b"receipt", [path])


def test_named_file_is_read_up_to_a_limit_and_a_pipe_without_a_writer_is_empty(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x" * 10)
    os.mkfifo(tmp_path / "pipe")
    assert [read_at_most(tmp_path / name, 4) for name in ("file", "pipe")] == [b"xxxx", b""]
    reading, writing = os.pipe()
    os.write(writing, b"said")
    os.close(writing)
    assert read_at_most(Path(f"/dev/fd/{reading}"), 9) == b"said"
    os.close(reading)
    with pytest.raises(IsADirectoryError):
        read_at_most(tmp_path, 9)
