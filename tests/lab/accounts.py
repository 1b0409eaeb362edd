"""The users of a machine, and the shell script that makes them there."""

from __future__ import annotations

import ctypes
import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from shlex import quote
from typing import Literal

FIRST_USER_ID = 1000
TODAY, LONG_AGO = 19_700, 1

Elevation = Literal["none", "password", "nopasswd"]


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """`sudo_defaults` are sudoers' own words, such as "requiretty", "lecture=always" or "timestamp_timeout=0".

    `password_expired`: it must be changed at the next login; sudo refuses it too.
    """

    password: str | None = None
    password_expired: bool = False
    keys: Sequence[str] = ()
    shell: str = "/bin/sh"
    groups: Sequence[str] = ()
    sudo: Elevation = "none"
    sudo_defaults: Sequence[str] = ()
    doas: Elevation = "none"


def script(users: Mapping[str, User]) -> str:
    """For the machine's own /bin/sh, as root: dash or busybox."""
    lines: list[str] = []
    number = FIRST_USER_ID
    for name, user in users.items():
        if name == "root":
            lines += _root(user)
        else:
            lines += _ordinary(name, user, number)
            number += 1
        lines += _keys(_home(name), name, user.keys)
        lines += _sudo(name, user)
    return "\n".join(lines)


def _home(name: str) -> str:
    return "/root" if name == "root" else f"/home/{name}"


def _shadow(name: str, user: User) -> str:
    hashed = "*" if user.password is None else hash_password(user.password)
    changed, longest = (LONG_AGO, "30") if user.password_expired else (TODAY, "")
    return f"{name}:{hashed}:{changed}:0:{longest}::::"


def _root(user: User) -> Iterator[str]:
    yield f"grep -v ^root: /etc/shadow >/run/shadow; echo {quote(_shadow('root', user))} >>/run/shadow"
    yield "cat /run/shadow >/etc/shadow; rm /run/shadow"
    yield f"sed -i '1s|:[^:]*$|:{user.shell}|' /etc/passwd"


def _ordinary(name: str, user: User, number: int) -> Iterator[str]:
    home = _home(name)
    yield f"echo {quote(f'{name}:x:{number}:{number}:{name}:{home}:{user.shell}')} >>/etc/passwd"
    yield f"echo {quote(f'{name}:x:{number}:')} >>/etc/group"
    yield f"echo {quote(_shadow(name, user))} >>/etc/shadow"
    for group in user.groups:
        yield f"sed -i {quote(f's/^{group}:.*:$/&{name}/; t; s/^{group}:.*/&,{name}/')} /etc/group"
    yield f"mkdir {home}; chown {number}:{number} {home}"


def _keys(home: str, name: str, keys: Sequence[str]) -> Iterator[str]:
    if keys:
        text = "".join(f"{key}\n" for key in keys)
        yield f"mkdir -p {home}/.ssh; printf %s {quote(text)} >{home}/.ssh/authorized_keys"
        yield f"chmod 700 {home}/.ssh; chmod 600 {home}/.ssh/authorized_keys"
        yield f"chown -R {name}:{name} {home}/.ssh"


def _sudo(name: str, user: User) -> Iterator[str]:
    rules = [f"Defaults:{name} {words}" for words in user.sudo_defaults]
    if user.sudo != "none":
        rules.append(f"{name} ALL=(ALL:ALL) {'NOPASSWD: ' if user.sudo == 'nopasswd' else ''}ALL")
    if rules:
        text = "".join(f"{rule}\n" for rule in rules)
        yield f"printf %s {quote(text)} >/etc/sudoers.d/{name}; chmod 440 /etc/sudoers.d/{name}"
    if user.doas != "none":
        yield f"echo permit {'nopass ' if user.doas == 'nopasswd' else ''}{name} >>/etc/doas.conf"
        yield "chmod 600 /etc/doas.conf"


def hash_password(password: str) -> str:
    """As /etc/shadow wants it; by the system's own crypt, for Python 3.13 has none. Few rounds: tests are in a hurry."""
    library = ctypes.CDLL("libcrypt.so.1")
    library.crypt.restype = ctypes.c_char_p
    hashed = library.crypt(password.encode(), f"$6$rounds=1000${secrets.token_hex(6)}$".encode())
    assert isinstance(hashed, bytes)
    return hashed.decode("ascii")
