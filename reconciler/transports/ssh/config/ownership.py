"""Whom a file of ssh must belong to."""

from __future__ import annotations

import grp
import os
import pwd


def is_trusted(state: os.stat_result, uid: int) -> bool:
    """It is the person's own or root's, and nobody else may write it.

    A group that has only the person in it is nobody else. OpenSSH itself refuses that one; Debian's, whose accounts
    have such groups and a umask to match, does not.
    """
    if state.st_uid not in (0, uid) or state.st_mode & 0o002:
        return False
    return not state.st_mode & 0o020 or _is_alone(state.st_gid, uid)


def _is_alone(gid: int, uid: int) -> bool:
    try:
        members = {pwd.getpwnam(name).pw_uid for name in grp.getgrgid(gid).gr_mem}
    except KeyError:
        return False
    members |= {account.pw_uid for account in pwd.getpwall() if account.pw_gid == gid}
    return members == {uid}
