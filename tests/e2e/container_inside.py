"""The last step before a service's command: from a process in new namespaces to one that sees what a container would. Standard library alone.

Run as `python -I container_inside.py SPECIFICATION` (JSON). Waits for its standard input to end, which says that the network is there.

The root is a tmpfs with this machine's folders in it, read-only; over it lie the service's volumes and tmpfs mounts. Nothing else can be written to.
"""

import contextlib
import ctypes
import json
import os
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_BIND, MS_REC = 2, 4, 8, 4096, 16384
MOUNT_FLAGS = {"noexec": MS_NOEXEC, "nosuid": MS_NOSUID, "nodev": MS_NODEV}
SYS_MOUNT_SETATTR = 442
AT_RECURSIVE, AT_FDCWD, MOUNT_ATTR_RDONLY = 0x8000, -100, 1
PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS, PR_SET_PDEATHSIG = 24, 38, 1
SIGKILL = 9
ABSENT = {"boot", "lost+found", "media", "mnt", "run", "srv", "sys", "tmp", "var"}
"""Folders of this machine that an image has nothing in, or its own."""

libc = ctypes.CDLL(None, use_errno=True)


def check(result: int, what: str) -> None:
    if result != 0:
        raise OSError(ctypes.get_errno(), f"{what}: {os.strerror(ctypes.get_errno())}")


def mount(source: str, target: Path, kind: str = "", flags: int = 0, data: str = "") -> None:
    target_bytes = os.fsencode(target)
    check(libc.mount(source.encode(), target_bytes, kind.encode() or None, ctypes.c_ulong(flags), data.encode() or None), f"mount {source} at {target}")


def make_read_only(path: Path, *, recursive: bool) -> None:
    attributes = (ctypes.c_uint64 * 4)(MOUNT_ATTR_RDONLY, 0, 0, 0)
    flags = AT_RECURSIVE if recursive else 0
    check(libc.syscall(SYS_MOUNT_SETATTR, AT_FDCWD, os.fsencode(path), flags, attributes, ctypes.sizeof(attributes)), f"make {path} read-only")


def show_machine(root: Path, targets: list[str]) -> None:
    """This machine's folders."""
    own = {Path(target).parts[1] for target in targets}
    for source in Path("/").iterdir():
        target = root / source.name
        if source.name in ABSENT or source.name in own:
            continue
        if source.is_symlink():
            target.symlink_to(source.readlink())
        elif source.is_dir():
            target.mkdir()
            mount(str(source), target, flags=MS_BIND | MS_REC)


def show_paths(root: Path, shown: list[str]) -> None:
    """The program under test, wherever it lies: where its folders are not to be seen yet, or not any more."""
    for path in shown:
        target = root / path.lstrip("/")
        if not target.exists():
            target.mkdir(parents=True)
            mount(path, target, flags=MS_BIND | MS_REC)
            make_read_only(target, recursive=True)


def mount_tmpfs(root: Path, entry: str) -> None:
    """As Docker writes it: PATH:OPTION,OPTION."""
    path, _, options = entry.partition(":")
    words = options.split(",")
    flags = sum(MOUNT_FLAGS[word] for word in words if word in MOUNT_FLAGS)
    mount("tmpfs", root / path.lstrip("/"), "tmpfs", flags, ",".join(word for word in words if word and word not in MOUNT_FLAGS))


def make_root(root: Path, specification: dict[str, Any]) -> None:
    mount("tmpfs", root, "tmpfs", 0, "mode=755")
    volumes: list[dict[str, Any]] = sorted(specification["volumes"], key=lambda volume: volume["target"])
    targets = [*(volume["target"] for volume in volumes), *(entry.partition(":")[0] for entry in specification["tmpfs"])]
    show_machine(root, targets)
    show_paths(root, specification["shown"])
    for target in targets:
        (root / target.lstrip("/")).mkdir(parents=True, exist_ok=True)
    if specification["read_only"]:
        make_read_only(root, recursive=True)
    for entry in specification["tmpfs"]:
        mount_tmpfs(root, entry)
    show_paths(root, specification["shown"])
    for volume in volumes:
        target = root / volume["target"].lstrip("/")
        with contextlib.suppress(FileExistsError):
            target.mkdir()  # inside the volume around it, as an engine does
        mount(volume["source"], target, flags=MS_BIND)
        if volume["read_only"]:
            make_read_only(target, recursive=False)


def take_address(address: str) -> None:
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    if address:
        subprocess.run(["ip", "address", "add", address, "dev", "eth0"], check=True)
        subprocess.run(["ip", "link", "set", "eth0", "up"], check=True)


def drop_capabilities() -> None:
    """Out of the bounding set: the program that is executed next has none, although it is called root here."""
    last = int(Path("/proc/sys/kernel/cap_last_cap").read_text())
    for number in range(last + 1):
        check(libc.prctl(PR_CAPBSET_DROP, number, 0, 0, 0), "drop a capability")


def main() -> None:
    specification = json.loads(sys.argv[1])
    check(libc.prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0), "end with the test")
    sys.stdin.buffer.read()
    take_address(specification["address"])
    root = Path(specification["root"])
    make_root(root, specification)
    os.chroot(root)
    os.chdir(specification["working_dir"])
    nofile = specification["nofile"]
    if nofile:
        resource.setrlimit(resource.RLIMIT_NOFILE, (nofile, nofile))
    if specification["drops_capabilities"]:
        drop_capabilities()
    if specification["no_new_privileges"]:
        check(libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no new privileges")
    command = specification["command"]
    os.execvpe(command[0], command, specification["environment"])


if __name__ == "__main__":
    main()
