"""A program: what glibc's resolver takes from each text on stdin (a JSON list) as /etc/resolv.conf, one JSON a line.

It writes /etc/resolv.conf, so it runs in a mount namespace with an /etc of its own.
"""

from __future__ import annotations

import ctypes
import json
import os
import socket
import sys
from pathlib import Path


class Extension(ctypes.Structure):
    _fields_ = (
        ("counts", ctypes.c_uint16 * 4),
        ("sockets", ctypes.c_int * 3),
        ("counts6", ctypes.c_uint16 * 2),
        ("addresses", ctypes.c_void_p * 3),
        ("rest", ctypes.c_uint32 * 2),
    )


class State(ctypes.Structure):
    """struct __res_state of <bits/types/res_state.h> where pointers have 64 bits."""

    _fields_ = (
        ("timeout", ctypes.c_int),
        ("attempts", ctypes.c_int),
        ("options", ctypes.c_ulong),
        ("nameserver_count", ctypes.c_int),
        ("nameservers", ctypes.c_ubyte * 16 * 3),
        ("id", ctypes.c_ushort),
        ("search", ctypes.c_char_p * 7),
        ("domain", ctypes.c_char * 256),
        ("pfcode", ctypes.c_ulong),
        ("bits", ctypes.c_uint),
        ("sort_list", ctypes.c_uint32 * 20),
        ("hooks", ctypes.c_void_p * 2),
        ("error", ctypes.c_int * 3),
        ("extension", Extension),
    )


def state() -> dict[str, object]:
    found = State()
    if ctypes.CDLL("libc.so.6").__res_ninit(ctypes.byref(found)) != 0:
        raise OSError("res_ninit")
    nameservers = [_address(found, index) for index in range(found.nameserver_count)]
    search = [domain.decode("utf-8", "surrogateescape") for domain in found.search if domain is not None]
    numbers = {"ndots": found.bits & 15, "timeout": found.timeout, "attempts": found.attempts}
    return {"nameservers": nameservers, "search": search, "numbers": numbers}


def _address(found: State, index: int) -> str:
    data = bytes(found.nameservers[index])
    if int.from_bytes(data[:2], sys.byteorder) == socket.AF_INET:
        return socket.inet_ntop(socket.AF_INET, data[4:8])
    data = ctypes.string_at(found.extension.addresses[index], 28)
    scope = int.from_bytes(data[24:], sys.byteorder)
    return socket.inet_ntop(socket.AF_INET6, data[8:24]) + (f"%{socket.if_indextoname(scope)}" if scope else "")


def main() -> None:
    for text in json.loads(sys.stdin.read()):
        Path("/etc/resolv.conf").write_bytes(text.encode("utf-8", "surrogateescape"))
        sys.stdout.flush()
        if os.fork() == 0:  # a process reads the file once
            sys.stdout.write(json.dumps(state()) + "\n")
            sys.stdout.flush()
            os._exit(0)
        if os.wait()[1]:
            raise SystemExit(1)


if __name__ == "__main__":
    main()
