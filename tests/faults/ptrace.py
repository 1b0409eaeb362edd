"""What the tracer says to the kernel: ptrace(2) and prctl(2)."""

from __future__ import annotations

import ctypes
import os
import struct
from typing import Final

from faults.system_calls import MACHINE, filter_program

ANY_CHILD: Final = 0x40000000
"""For waitpid: processes that were not forked but cloned as well."""
EVENT_SECCOMP: Final = 7

_TRACE_ME, _POKE_USER, _CONTINUE, _SET_OPTIONS, _GET_REGISTERS, _SET_REGISTERS = 0, 6, 7, 0x4200, 0x4204, 0x4205
_GET_SYSTEM_CALL: Final = 0x420E
_OPTIONS: Final = 0x00100000 | 0x2 | 0x4 | 0x8 | 0x10 | 0x80
"""All end with the tracer; forks, vforks, clones, programs that take a process over, and the filter's stops are seen."""
_SECCOMP, _FILTER, _SUBREAPER, _NO_NEW_PRIVILEGES = 22, 2, 36, 38
_GENERAL, _SYSTEM_CALL = 1, 0x404
"""Sets of registers of aarch64."""

_libc = ctypes.CDLL(None, use_errno=True)
_libc.ptrace.restype = ctypes.c_long
_libc.ptrace.argtypes = (ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p)


def _ask(request: int, process: int, address: int = 0, data: int = 0) -> None:
    """ProcessLookupError: somebody has killed it while it was stopped."""
    if _libc.ptrace(request, process, address, data) == -1:
        raise OSError(ctypes.get_errno(), f"ptrace {request:#x}: {os.strerror(ctypes.get_errno())}")


def _control(*words: object) -> None:
    if _libc.prctl(*words, *(0,) * (5 - len(words))):
        raise OSError(ctypes.get_errno(), f"prctl {words[0]}: {os.strerror(ctypes.get_errno())}")


def bury_orphans() -> None:
    """What a traced process leaves behind is waited for here: the dead are gone at once, whatever process 1 is busy with."""
    _control(_SUBREAPER, 1)


def become_traced() -> None:
    """For a new process, right before its program takes over: there it stops."""
    if os.geteuid() != 0:
        _control(_NO_NEW_PRIVILEGES, 1)
    _ask(_TRACE_ME, 0)
    _control(_SECCOMP, _FILTER, ctypes.byref(filter_program()))


def follow(process: int) -> None:
    """It goes on, and its children are traced as well."""
    _ask(_SET_OPTIONS, process, 0, _OPTIONS)
    go_on(process)


def go_on(process: int, deliver: int = 0) -> None:
    """`deliver` is a signal that it stopped for."""
    _ask(_CONTINUE, process, 0, deliver)


def system_call(process: int) -> tuple[int, tuple[int, ...]]:
    """The number and the arguments of the call that the filter stopped it at."""
    info = ctypes.create_string_buffer(88)
    _ask(_GET_SYSTEM_CALL, process, len(info), ctypes.addressof(info))
    number, *arguments = struct.unpack_from("=7Q", info.raw, 24)
    return number, tuple(arguments)


def fail(process: int, error: int) -> None:
    """The call is passed over, and comes to this error."""
    if MACHINE == "x86_64":
        _ask(_POKE_USER, process, 15 * 8, -1)  # orig_rax
        _ask(_POKE_USER, process, 10 * 8, -error)  # rax
        return
    registers = (ctypes.c_long * 34)()
    _exchange(_SET_REGISTERS, process, _SYSTEM_CALL, (ctypes.c_int * 1)(-1))
    _exchange(_GET_REGISTERS, process, _GENERAL, registers)
    registers[0] = -error
    _exchange(_SET_REGISTERS, process, _GENERAL, registers)


def _exchange(
    request: int, process: int, which: int, registers: ctypes.Array[ctypes.c_int] | ctypes.Array[ctypes.c_long]
) -> None:
    vector = (ctypes.c_size_t * 2)(ctypes.addressof(registers), ctypes.sizeof(registers))
    _ask(request, process, which, ctypes.addressof(vector))
