"""A program: the variables that pam_env sets for each text on stdin (a JSON list of base64) as its envfile, one JSON a line.

It needs no rights: the PAM service is a file of its own, in a scratch folder. Exits with 77 where there is no such libpam.
"""

from __future__ import annotations

import base64
import ctypes
import json
import sys
import tempfile
from pathlib import Path


class Conversation(ctypes.Structure):
    _fields_ = (("function", ctypes.c_void_p), ("data", ctypes.c_void_p))


def library() -> ctypes.CDLL:
    try:
        found = ctypes.CDLL("libpam.so.0")
        found.pam_getenvlist.argtypes = [ctypes.c_void_p]
        found.pam_getenvlist.restype = ctypes.POINTER(ctypes.c_char_p)
        found.pam_end.argtypes = found.pam_open_session.argtypes = [ctypes.c_void_p, ctypes.c_int]
        found.pam_start_confdir.restype = ctypes.c_int  # since Linux-PAM 1.4
    except (OSError, AttributeError):
        raise SystemExit(77) from None
    return found


def variables(pam: ctypes.CDLL, folder: Path) -> list[str]:
    handle, conversation = ctypes.c_void_p(), Conversation()
    started = pam.pam_start_confdir(
        b"test", b"root", ctypes.byref(conversation), str(folder).encode(), ctypes.byref(handle)
    )
    if started != 0:
        raise SystemExit(77)
    pam.pam_open_session(handle, 0)
    listed = pam.pam_getenvlist(handle)
    found: list[str] = []
    while (entry := listed[len(found)]) is not None:
        found.append(entry.decode("utf-8", "surrogateescape"))
    pam.pam_end(handle, 0)
    return found


def main() -> None:
    pam = library()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        stack = (
            f"session required pam_env.so conffile=/dev/null envfile={folder}/environment readenv=1 user_readenv=0\n"
        )
        (folder / "test").write_text(stack)
        (folder / "other").write_text(stack)
        for text in json.loads(sys.stdin.read()):
            (folder / "environment").write_bytes(base64.b64decode(text))
            sys.stdout.write(json.dumps(variables(pam, folder)) + "\n")


if __name__ == "__main__":
    main()
