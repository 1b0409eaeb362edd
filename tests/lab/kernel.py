"""The few system calls that Python 3.11 has no name for; each raises OSError."""

from __future__ import annotations

import ctypes
import os
from pathlib import Path

NEW_MOUNTS = 0x0002_0000
NEW_CONTROL_GROUPS = 0x0200_0000
NEW_HOST_NAME = 0x0400_0000
NEW_IPC = 0x0800_0000
NEW_USERS = 0x1000_0000
NEW_PROCESSES = 0x2000_0000
NEW_NETWORK = 0x4000_0000

READ_ONLY, NO_SETUID, NO_DEVICES, NO_PROGRAMS = 0x1, 0x2, 0x4, 0x8
BIND, RECURSIVE, PRIVATE = 0x1000, 0x4000, 0x4_0000
DETACH = 2
OPEN_FILE_SYSTEM, CONFIGURE_FILE_SYSTEM, MOUNT_FILE_SYSTEM = 430, 431, 432  # on all processors but alpha
CLOSE_ON_EXECUTION, CREATE = 1, 6
SET_PARENT_DEATH_SIGNAL, SET_NAME = 1, 15

_library = ctypes.CDLL(None, use_errno=True)


def _checked(result: int, what: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def unshare(namespaces: int) -> None:
    _checked(_library.unshare(namespaces), f"unshare {namespaces:#x}")


def children_born_in(process_namespace: int) -> None:
    """Undo `unshare(NEW_PROCESSES)` for the next child."""
    _checked(_library.setns(process_namespace, NEW_PROCESSES), "setns")


def mount(source: str, target: str, kind: str = "", flags: int = 0, options: str = "") -> None:
    words = [text.encode() if text else None for text in (source, target, kind)]
    result = _library.mount(*words, ctypes.c_ulong(flags), options.encode() if options else None)
    _checked(result, f"mount {kind or 'bind'} {source} on {target}")


def mount_nowhere(kind: str) -> int:
    """A descriptor of the top folder of such a file system, which has no path and goes with its last descriptor."""
    context = _numbered(OPEN_FILE_SYSTEM, kind.encode(), CLOSE_ON_EXECUTION)
    try:
        _numbered(CONFIGURE_FILE_SYSTEM, context, CREATE, None, None, 0)
        top = _numbered(MOUNT_FILE_SYSTEM, context, CLOSE_ON_EXECUTION, 0)
        try:
            return os.open(".", os.O_DIRECTORY, dir_fd=top)  # the first one is of the kind that only leads elsewhere
        finally:
            os.close(top)
    finally:
        os.close(context)


def _numbered(number: int, *arguments: bytes | int | None) -> int:
    result: int = _library.syscall(ctypes.c_long(number), *arguments)
    _checked(min(result, 0), f"system call {number}")
    return result


def make_root(folder: str) -> None:
    """`folder` becomes the root of this mount namespace and nothing of the old root stays mounted."""
    os.chdir(folder)
    _checked(_library.pivot_root(b".", b"."), f"pivot_root {folder}")
    _checked(_library.umount2(b".", DETACH), "umount of the old root")
    os.chdir("/")


def die_with_parent(signal_number: int, parent: int) -> None:
    """A change of user id clears this: ask again after one. `parent` closes the race with its end."""
    _checked(_library.prctl(SET_PARENT_DEATH_SIGNAL, signal_number, 0, 0, 0), "prctl")
    if os.getppid() != parent:
        os._exit(1)


def call_myself(name: str) -> None:
    _checked(_library.prctl(SET_NAME, name.encode(), 0, 0, 0), "prctl")


def user_map(process: int | str = "self") -> str:
    """`inner outer count`, one line per range, single spaces."""
    text = Path(f"/proc/{process}/uid_map").read_text(encoding="utf-8")
    return "\n".join(" ".join(line.split()) for line in text.splitlines())
