"""Work that must not touch the process that runs pytest: it is done in a child of its own."""

from __future__ import annotations

import ctypes
import os
import pickle
import signal
import traceback
import warnings
from collections.abc import Callable
from typing import Final, TypeVar

_DEATH_SIGNAL, _NEW_MOUNTS, _PRIVATE, _ALL_BELOW = 1, 0x20000, 1 << 18, 1 << 14
_libc: Final = ctypes.CDLL(None, use_errno=True)
T = TypeVar("T")


def apart(work: Callable[[], T]) -> T:
    """What `work` returns. It ends with this process. AssertionError, with what was said: it raised something, or died."""
    read, write = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore", DeprecationWarning
        )  # pytest-xdist has a thread more, which the child can do without
        child = os.fork()
    if child == 0:
        os.close(read)
        _libc.prctl(_DEATH_SIGNAL, signal.SIGKILL, 0, 0, 0)
        answer: tuple[T | None, str]
        try:
            answer = (work(), "")
        except AssertionError as error:
            answer = (None, str(error) or traceback.format_exc())
        except BaseException:
            answer = (None, traceback.format_exc())
        with os.fdopen(write, "wb") as pipe:
            pickle.dump(answer, pipe)
        os._exit(0)
    os.close(write)
    with os.fdopen(read, "rb") as pipe:
        said = pipe.read()
    os.waitpid(child, 0)
    assert said, "it was killed"
    result: T
    result, trouble = pickle.loads(said)
    assert not trouble, trouble
    return result


def with_private_mounts() -> None:
    """From here on this process, and what it starts, mounts for itself alone. OSError: it may not."""
    if _libc.unshare(_NEW_MOUNTS) or _libc.mount(b"none", b"/", None, _ALL_BELOW | _PRIVATE, None):
        raise OSError(ctypes.get_errno(), f"no mounts of its own: {os.strerror(ctypes.get_errno())}")
