"""Files that do more than lie there: what is put into them runs code later, or grants rights; and folders of such files.

Source: sudoers(5), sshd(8), ld.so(8), crontab(5), systemd.unit(5), profile.d conventions, pam.d(5), polkit(8),
sources.list(5), sysctl.d(5), tmpfiles.d(5), gitconfig(5), githooks(5), and the manuals of the programs named below.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from fnmatch import translate
from functools import cache
from typing import Final

from reconciler.model.states import Risk

_GRANT: Final = (
    "/etc/sudoers",
    "/etc/sudoers.d/*",
    "/etc/doas.conf",
    "/etc/doas.d/*",
    "/etc/passwd",
    "/etc/shadow",
    "/etc/group",
    "/etc/gshadow",
    "/etc/pam.d/*",
    "/etc/polkit-1/*",
    "/etc/ssh/sshd_config*",
    "/etc/ssh/ssh_known_hosts*",
    "/etc/ssh/*_key*",
    "/etc/hosts.equiv",
    "/etc/exports*",
    "*/.ssh/authorized_keys*",
    "*/.ssh/known_hosts*",
    "*/.rhosts",
    "*/.shosts",
    "*/.k5login",
    "/etc/security/*",
    "/etc/subuid",
    "/etc/subgid",
    # the kernel's own; below /proc every file has a second name
    "/proc/*",
    "/sys/*",
    "/dev/*",
    # whose word is taken for who somebody is
    "/usr/local/share/ca-certificates/*",
    "/usr/share/ca-certificates/*",
    "/etc/ca-certificates*",
    "/etc/ssl/*",
    "/etc/pki/*",
)
_WAYS_IN: Final = (
    # who may come in, and as whom
    "/etc/ssh/sshd_config*",
    "/etc/ssh/ssh_host_*",
    "*/.ssh/authorized_keys*",
    "/etc/sudoers",
    "/etc/sudoers.d/*",
    "/etc/doas*",
    "/etc/pam.d/*",
    "/etc/security/*",
    "/etc/passwd",
    "/etc/shadow",
    "/etc/group",
    "/etc/gshadow",
    "/etc/nsswitch.conf",
    "/etc/nologin",
    "/run/nologin",
    "/etc/hosts.allow",
    "/etc/hosts.deny",
    # what lets packets through, and where they go
    "/etc/nftables*",
    "/etc/iptables/*",
    "/etc/ufw/*",
    "/etc/firewalld/*",
    "/etc/network/*",
    "/etc/netplan/*",
    "/etc/systemd/network/*",
    "/etc/NetworkManager/*",
    "/etc/resolv.conf",
    # without which the system does not come up
    "/etc/fstab",
    "/etc/wsl.conf",
)
_RUN_AS_SYSTEM: Final = (
    "/etc/ld.so.preload",
    "/etc/ld.so.conf*",
    "/etc/cron*",
    "/etc/anacrontab",
    "/var/spool/cron/*",
    "/var/spool/at/*",
    "/etc/init.d/*",
    "/etc/rc*",
    "/etc/inittab",
    "/etc/default/*",
    "/etc/sysconfig/*",
    "/etc/systemd/*",
    "/run/systemd/*",
    "/var/run/systemd/*",
    "/etc/tmpfiles.d/*",
    "/etc/dbus-1/*",
    "/etc/binfmt.d/*",
    "/etc/udev/*",
    "/etc/sysctl.*",
    "/etc/modprobe.d/*",
    "/etc/modules*",
    "/etc/kernel/*",
    "/etc/initramfs-tools/*",
    "/boot/*",
    "/etc/fstab",
    "/etc/nsswitch.conf",
    "/etc/alternatives/*",
    "/etc/logrotate*",
    "/etc/network/*",
    "/etc/NetworkManager/*",
    "/etc/dhcp/*",
    "/etc/ppp/*",
    "/etc/acpi/*",
    "/etc/update-motd.d/*",
    "/etc/wsl.conf",
    "/usr/lib*",
    "/usr/local/lib/*",
    "/lib/*",
    "/lib64/*",
    "*/bin/*",
    "*/sbin/*",
    "*/go/bin/*",
    # packages: their sources, their keys, and what their managers call
    "/etc/apt/*",
    "/etc/dpkg/*",
    "/usr/share/keyrings/*",
    "/etc/apk/*",
    "/etc/dnf/*",
    "/etc/yum*",
)
_RUN_IN_SESSIONS: Final = (
    "/etc/profile",
    "/etc/profile.d/*",
    "/etc/bash*",
    "/etc/zsh/*",
    "/etc/zshenv",
    "/etc/zprofile",
    "/etc/zshrc",
    "/etc/fish/*",
    "/etc/csh*",
    "/etc/environment",
    "/etc/environment.d/*",
    "/etc/skel/*",
    "/etc/X11/*",
    "/etc/xdg/*",
    "/etc/gitconfig",
    "/etc/ssh/ssh_config*",
    "/etc/vim/*",
    "*/.config/systemd/*",
    "*/.local/share/systemd/*",
    "*/.config/user-tmpfiles.d/*",
    "*/.config/environment.d/*",
    "*/.config/autostart/*",
    "*/.local/share/applications/*",
    "*/.local/lib/*",
    "*/.bashrc",
    "*/.bash_*",
    "*/.profile",
    "*/.zsh*",
    "*/.zprofile",
    "*/.zlog*",
    "*/.kshrc",
    "*/.mkshrc",
    "*/.cshrc",
    "*/.tcshrc",
    "*/.login",
    "*/.config/fish/*",
    "*/.pam_environment",
    "*/.xprofile",
    "*/.xsession*",
    "*/.xinitrc",
    "*/.xsessionrc",
)
_RUN_BY_PROGRAMS: Final = (
    "*/.ssh/config*",
    "*/.ssh/rc",
    "*/.ssh/environment",
    "*/.gitconfig",
    "*/.config/git/config",
    "*/.config/git/hooks/*",
    "*/.git/config*",
    "*/.git/hooks/*",
    "*/.config/go/env",
    "*/.config/dlv/*",
    "*/.dlv/*",
    "*/.gdbinit",
    "*/.vscode*-server/*",
    "*/.vscode/*",
    "*/.devcontainer/*",
    "*/.devcontainer.json",
    "*/.vim/*",
    "*/.vimrc",
    "*/.exrc",
    "*/.config/nvim/*",
    "*/.emacs*",
    "*/.config/emacs/*",
    "*/.config/helix/*",
    "*/.tmux.conf",
    "*/.config/tmux/*",
    "*/.screenrc",
    "*/.envrc",
    "*/.config/direnv/*",
    "*/.direnvrc",
    "*/.config/mise/*",
    "*/mise.toml",
    "*/.mise.toml",
    "*/.asdfrc",
    "*/.npmrc",
    "*/.yarnrc*",
    "*/.config/pip/*",
    "*/.pip/*",
    "*/.cargo/config*",
    "*/.m2/settings.xml",
    "*/.gradle/*",
    "*/.aws/config",
    "*/.kube/config",
    "*/.docker/*",
    "*/.gnupg/*.conf",
    "*/.curlrc",
    "*/.lesskey",
    "*/.lessfilter",
)
_RUN: Final = (*_RUN_AS_SYSTEM, *_RUN_IN_SESSIONS, *_RUN_BY_PROGRAMS)

_HOMES: Final = re.compile(r"~|/|/root|/home(/[^/]+)?")
_PROGRAM: Final = re.compile(r".*/s?bin/[^/]+")
_OPEN_FOLDERS: Final = ("/tmp", "/var/tmp", "/dev/shm")
"""Folders below which everybody puts what they like."""


def is_open(path: str) -> bool:
    """Whether somebody else may have put there what stands there."""
    return any(f"{path}/".startswith(f"{folder}/") for folder in _OPEN_FOLDERS)


def removal_risks(path: str) -> frozenset[Risk]:
    """What taking `path` away may lead to."""
    risks = path_risks(path, None)
    cuts = {Risk.CUTS_ACCESS} if risks & {Risk.GRANTS_RIGHTS, Risk.CUTS_ACCESS} else set()
    return frozenset({Risk.DELETES} | cuts)


def path_risks(path: str, mode: str | None) -> frozenset[Risk]:
    """What declaring content or mode of `path` may lead to; `mode` in octal digits."""
    risks = set()
    if _matches(path, _GRANT) or (mode is not None and int(mode, 8) & 0o6000):
        risks.add(Risk.GRANTS_RIGHTS)
    if _matches(path, _RUN):
        risks.add(Risk.RUNS_CODE_LATER)
    if _matches(path, _WAYS_IN):
        risks.add(Risk.CUTS_ACCESS)
    return frozenset(risks)


def folder_risks(path: str) -> frozenset[Risk]:
    """What it may lead to that somebody decides what is in the folder `path`, or in what lies below it."""
    risks = {*path_risks(f"{path.rstrip('/')}/new", None)}
    if _holds(path, _GRANT):
        risks.add(Risk.GRANTS_RIGHTS)
    if _holds(path, _RUN):
        risks.add(Risk.RUNS_CODE_LATER)
    if _holds(path, _WAYS_IN):
        risks.add(Risk.CUTS_ACCESS)
    return frozenset(risks)


def home_risks(path: str) -> frozenset[Risk]:
    """The same of folders in which start files of shells stand right away: those `folder_risks` leaves to their names."""
    return frozenset({Risk.RUNS_CODE_LATER}) if _HOMES.fullmatch(path) else frozenset()


def link_risks(path: str, target: str) -> frozenset[Risk]:
    """What a link may lead to: by its own name, and by the other name that it gives to what is behind it."""
    end = posixpath.normpath(posixpath.join(posixpath.dirname(path), target))
    behind = frozenset[Risk]() if _PROGRAM.fullmatch(end) else path_risks(end, None) | folder_risks(end)
    return path_risks(path, None) | (behind - {Risk.CUTS_ACCESS})


def _matches(path: str, patterns: tuple[str, ...]) -> bool:
    return _one_of(patterns).match(path) is not None


def _holds(path: str, patterns: tuple[str, ...]) -> bool:
    """Whether files that a pattern means may lie below `path`, which hides part of their names or all of it."""
    return _one_above(patterns).match(path) is not None


@cache
def _one_of(patterns: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(map(translate, patterns)))


@cache
def _one_above(patterns: tuple[str, ...]) -> re.Pattern[str]:
    return _one_of(tuple(dict.fromkeys(folder for pattern in patterns for folder in _folders(pattern))))


def _folders(pattern: str) -> Iterator[str]:
    """The folders above what a pattern means. `*` alone is anywhere: there the name that is left still tells."""
    while pattern := pattern.rpartition("/")[0]:
        if pattern != "*":
            yield pattern
    yield "/"
