"""The system calls that change a file system: their numbers, a seccomp filter that stops at them, and what they touch.

A write through a shared mapping is none, and no program of the agent makes one. Calls of another architecture than the
machine's own (32-bit programs) pass unseen.
"""

from __future__ import annotations

import ctypes
import os
import platform
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

Place = tuple[int | None, int | None]
"""Which argument holds the folder a path starts from (None: the working directory), and which the path (None: there is
none, the first is the file itself)."""

_HERE: Final[Place] = (None, 0)
_OPEN_TO_WRITE: Final = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
_CLONES: Final = (0x40049409, 0x4020940D)
"""FICLONE and FICLONERANGE: `cp` shares a file's blocks with them where the file system can."""


@dataclass(frozen=True, slots=True)
class SystemCall:
    name: str
    x86_64: int | None
    aarch64: int | None
    places: tuple[Place, ...]
    flags: int | None = None
    """Which argument says how a file is opened: it counts only when to write."""
    requests: int | None = None
    """Which argument says what is asked of a device: it counts only when that is a clone."""

    @property
    def number(self) -> int | None:
        return self.x86_64 if MACHINE == "x86_64" else self.aarch64


MACHINE: Final = platform.machine()
_FD: Final[Place] = (0, None)
_AT: Final[Place] = (0, 1)
_ALL: Final = (
    SystemCall("open", 2, None, (_HERE,), flags=1),
    SystemCall("openat", 257, 56, (_AT,), flags=2),
    SystemCall("openat2", 437, 437, (_AT,)),
    SystemCall("creat", 85, None, (_HERE,)),
    SystemCall("write", 1, 64, (_FD,)),
    SystemCall("pwrite64", 18, 68, (_FD,)),
    SystemCall("writev", 20, 66, (_FD,)),
    SystemCall("pwritev", 296, 70, (_FD,)),
    SystemCall("pwritev2", 328, 287, (_FD,)),
    SystemCall("sendfile", 40, 71, (_FD,)),
    SystemCall("copy_file_range", 326, 285, ((2, None),)),
    SystemCall("splice", 275, 76, ((2, None),)),
    SystemCall("ioctl", 16, 29, (_FD,), requests=1),
    SystemCall("fallocate", 285, 47, (_FD,)),
    SystemCall("truncate", 76, 45, (_HERE,)),
    SystemCall("ftruncate", 77, 46, (_FD,)),
    SystemCall("rename", 82, None, (_HERE, (None, 1))),
    SystemCall("renameat", 264, 38, (_AT, (2, 3))),
    SystemCall("renameat2", 316, 276, (_AT, (2, 3))),
    SystemCall("link", 86, None, (_HERE, (None, 1))),
    SystemCall("linkat", 265, 37, (_AT, (2, 3))),
    SystemCall("symlink", 88, None, ((None, 1),)),
    SystemCall("symlinkat", 266, 36, ((1, 2),)),
    SystemCall("unlink", 87, None, (_HERE,)),
    SystemCall("unlinkat", 263, 35, (_AT,)),
    SystemCall("mkdir", 83, None, (_HERE,)),
    SystemCall("mkdirat", 258, 34, (_AT,)),
    SystemCall("rmdir", 84, None, (_HERE,)),
    SystemCall("mknod", 133, None, (_HERE,)),
    SystemCall("mknodat", 259, 33, (_AT,)),
    SystemCall("chmod", 90, None, (_HERE,)),
    SystemCall("fchmod", 91, 52, (_FD,)),
    SystemCall("fchmodat", 268, 53, (_AT,)),
    SystemCall("fchmodat2", 452, 452, (_AT,)),
    SystemCall("chown", 92, None, (_HERE,)),
    SystemCall("fchown", 93, 55, (_FD,)),
    SystemCall("lchown", 94, None, (_HERE,)),
    SystemCall("fchownat", 260, 54, (_AT,)),
    SystemCall("setxattr", 188, 5, (_HERE,)),
    SystemCall("lsetxattr", 189, 6, (_HERE,)),
    SystemCall("fsetxattr", 190, 7, (_FD,)),
    SystemCall("setxattrat", 463, 463, (_AT,)),
    SystemCall("removexattr", 197, 14, (_HERE,)),
    SystemCall("lremovexattr", 198, 15, (_HERE,)),
    SystemCall("fremovexattr", 199, 16, (_FD,)),
    SystemCall("removexattrat", 466, 466, (_AT,)),
    SystemCall("utime", 132, None, (_HERE,)),
    SystemCall("utimes", 235, None, (_HERE,)),
    SystemCall("futimesat", 261, None, (_AT,)),
    SystemCall("utimensat", 280, 88, (_AT,)),
    SystemCall("fsync", 74, 82, (_FD,)),
    SystemCall("fdatasync", 75, 83, (_FD,)),
    SystemCall("sync_file_range", 277, 84, (_FD,)),
    SystemCall("syncfs", 306, 267, (_FD,)),
    SystemCall("sync", 162, 81, ()),
)
BY_NUMBER: Final = {call.number: call for call in _ALL if call.number is not None}

# ---- the filter: see seccomp(2)

_LOAD, _JUMP_IF_EQUAL, _JUMP_IF_SET, _RETURN = 0x20, 0x15, 0x45, 0x06
_ALLOW, _TRACE = 0x7FFF0000, 0x7FF00000
_AUDIT_ARCH: Final = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_NUMBER_AT, _ARCH_AT, _ARGUMENTS_AT = 0, 4, 16


class FilterProgram(ctypes.Structure):
    """`struct sock_fprog`."""

    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p))


def filter_program() -> FilterProgram:
    """Hands the calls above to a tracer; all else passes at the kernel's own speed."""
    lines = [(_LOAD, 0, 0, _ARCH_AT), (_JUMP_IF_EQUAL, 1, 0, _AUDIT_ARCH[MACHINE]), (_RETURN, 0, 0, _ALLOW)]
    lines.append((_LOAD, 0, 0, _NUMBER_AT))
    for number, call in BY_NUMBER.items():
        body = list(_condition(call))
        lines += [(_JUMP_IF_EQUAL, 0, len(body), number), *body]
    lines.append((_RETURN, 0, 0, _ALLOW))
    code = b"".join(struct.pack("=HBBI", *line) for line in lines)
    return FilterProgram(len(lines), code)


def _condition(call: SystemCall) -> Iterator[tuple[int, int, int, int]]:
    tests = []
    if call.flags is not None:
        yield (_LOAD, 0, 0, _ARGUMENTS_AT + 8 * call.flags)
        tests = [(_JUMP_IF_SET, _OPEN_TO_WRITE)]
    elif call.requests is not None:
        yield (_LOAD, 0, 0, _ARGUMENTS_AT + 8 * call.requests)
        tests = [(_JUMP_IF_EQUAL, request) for request in _CLONES]
    for jump, value in tests:
        yield (jump, 0, 1, value)
        yield (_RETURN, 0, 0, _TRACE)
    yield (_RETURN, 0, 0, _ALLOW if tests else _TRACE)


# ---- what a call touches


def touched(call: SystemCall, process: int, arguments: tuple[int, ...]) -> Iterator[str]:
    """The paths that a stopped call is about, as absolute as they can be had; of what is no file a word like `pipe:[7]`."""
    for folder, path in call.places:
        start = "cwd" if folder is None or _signed(arguments[folder]) == -100 else f"fd/{_signed(arguments[folder])}"
        text = _text_at(process, arguments[path]) if path is not None else ""
        if text.startswith("/"):
            yield os.path.normpath(text)
            continue
        try:
            base = str(Path(f"/proc/{process}/{start}").readlink())
            if not text and Path(f"/proc/{process}/{start}").is_fifo():
                base = f"pipe:{base}"  # one with a name: nothing on a disk
        except OSError:  # no such descriptor: the call will fail by itself
            continue
        yield os.path.normpath(f"{base}/{text}") if text else base


def _signed(argument: int) -> int:
    return ctypes.c_int(argument & 0xFFFFFFFF).value


def _text_at(process: int, address: int) -> str:
    if address == 0:
        return ""
    with Path(f"/proc/{process}/mem").open("rb", buffering=0) as memory:
        memory.seek(address)
        return os.fsdecode(memory.read(4096).partition(b"\0")[0])
