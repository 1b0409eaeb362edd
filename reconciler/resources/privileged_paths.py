"""Files that do more than lie there: what is put into them runs code later, or grants rights.

Source: sudoers(5), sshd(8), ld.so(8), crontab(5), systemd.unit(5), profile.d conventions, pam.d(5), polkit(8).
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Final

from reconciler.model.states import Risk

_GRANT: Final = (
    "/etc/sudoers",
    "/etc/sudoers.d/*",
    "/etc/doas.conf",
    "/etc/passwd",
    "/etc/shadow",
    "/etc/group",
    "/etc/gshadow",
    "/etc/pam.d/*",
    "/etc/polkit-1/*",
    "/etc/ssh/sshd_config*",
    "*/.ssh/authorized_keys*",
    "/etc/security/*",
    "/etc/subuid",
    "/etc/subgid",
)
_RUN: Final = (
    "/etc/ld.so.preload",
    "/etc/ld.so.conf*",
    "/etc/cron*",
    "/var/spool/cron/*",
    "/etc/profile",
    "/etc/profile.d/*",
    "/etc/bash.bashrc",
    "/etc/zsh/*",
    "/etc/init.d/*",
    "/etc/rc.local",
    "/etc/systemd/*",
    "/usr/lib/systemd/*",
    "/lib/systemd/*",
    "*/.config/systemd/*",
    "/etc/environment",
    "/etc/binfmt.d/*",
    "/etc/udev/*",
    "/etc/apt/apt.conf*",
    "/etc/modprobe.d/*",
    "/etc/update-motd.d/*",
    "/etc/wsl.conf",
    "*/.bashrc",
    "*/.bash_profile",
    "*/.bash_login",
    "*/.bash_logout",
    "*/.profile",
    "*/.zshrc",
    "*/.zshenv",
    "*/.zprofile",
    "*/.zlogin",
    "*/.config/fish/*",
    "*/.ssh/config",
    "*/.ssh/rc",
    "*/.gitconfig",
    "*/.config/git/config",
    "*/.config/go/env",
    "*/.config/environment.d/*",
    "*/.config/autostart/*",
    "*/.vscode*-server/*",
    "*/.vscode/*",
    "*/.xprofile",
    "*/.xinitrc",
    "*/.local/bin/*",
    "*/bin/*",
    "*/sbin/*",
    "*/.envrc",
    "*/.config/mise/*",
)


def removal_risks(path: str) -> frozenset[Risk]:
    """What taking `path` away may lead to."""
    cuts = {Risk.CUTS_ACCESS} if Risk.GRANTS_RIGHTS in path_risks(path, None) else set()
    return frozenset({Risk.DELETES} | cuts)


def path_risks(path: str, mode: str | None) -> frozenset[Risk]:
    """What declaring content or mode of `path` may lead to; `mode` in octal digits."""
    risks = set()
    if any(fnmatchcase(path, pattern) for pattern in _GRANT) or (mode is not None and int(mode, 8) & 0o6000):
        risks.add(Risk.GRANTS_RIGHTS)
    if any(fnmatchcase(path, pattern) for pattern in _RUN):
        risks.add(Risk.RUNS_CODE_LATER)
    return frozenset(risks)
