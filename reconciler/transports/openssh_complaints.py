"""What ssh writes to standard error when it fails, as errors of ours. Its own words are quoted as they are."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from reconciler.model.errors import UnreachableError

_LONGEST_QUOTE: Final = 300

_Explain = Callable[[re.Match[str], str], tuple[str, str]]


def explained(complaints: str, name: str, *, has_spoken: bool) -> UnreachableError:
    """`has_spoken`: the machine had answered before."""
    host = name.rpartition("@")[2]
    for pattern, explain in _KNOWN:
        found = pattern.search(complaints)
        if found:
            what, fix = explain(found, host)
            return UnreachableError(f"{name}: {what}", fix=fix)
    if has_spoken:
        what, fix = "the connection was lost", "see whether the machine runs and the network holds, then run it again"
        return UnreachableError(f"{name}: {what}: {_last_line(complaints)}", fix=fix)
    return UnreachableError(
        f"{name}: ssh did not connect: {_last_line(complaints)}", fix=f"try it by hand:  ssh {host}"
    )


def _last_line(complaints: str) -> str:
    return " ".join(complaints.strip().splitlines()[-1:])[:_LONGEST_QUOTE] or "it does not say why"


def _changed(found: re.Match[str], host: str) -> tuple[str, str]:
    shown, kind, place = found["shown"], found["kind"].lower(), found["place"]
    fix = (
        f"somebody may stand in between, or the machine was set up anew. Have whoever runs it confirm {shown} by another "
        f"way; only then take out {place} and run  reconcile trust {host}"
    )
    return f"{place} has another {kind} key; the server showed {shown}", fix


def _fixed(what: str, fix: str) -> _Explain:
    """With the groups of the pattern, and `host`, filled in."""

    def explain(found: re.Match[str], host: str) -> tuple[str, str]:
        words = {"host": host, **{name: (text or "").strip() for name, text in found.groupdict().items()}}
        return what.format_map(words)[:_LONGEST_QUOTE], fix.format_map(words)

    return explain


_KNOWN: Final[tuple[tuple[re.Pattern[str], _Explain], ...]] = tuple(
    (re.compile(pattern, re.DOTALL), explain)
    for pattern, explain in (
        (
            r"REVOKED HOST KEY DETECTED.*?The (?P<kind>\S+) host key",
            _fixed("the {kind} host key that it showed is revoked", "do not connect: ask who runs it for a new key"),
        ),
        (
            r"IDENTIFICATION HAS CHANGED.*?key sent by the remote host is\s+(?P<shown>SHA256:\S+?)\.?\s"
            r".*?Offending (?P<kind>\S+) key in (?P<place>\S+:\d+)",
            _changed,
        ),
        (
            r"No (?P<kind>\S+) host key is known for (?P<known>\S+) and",
            _fixed("its {kind} host key is not known ({known})", "compare the key and add it:  reconcile trust {host}"),
        ),
        (r"Host key verification failed", _fixed("its host key is not the known one", "reconcile trust {host}")),
        (
            r"Could not resolve hostname (?P<name>\S+): (?P<why>[^\n]*)",
            _fixed(
                "the name {name} does not resolve: {why}", "check its name in ssh_config, and your name server or VPN"
            ),
        ),
        (
            r"connect to host (?P<name>\S+) port (?P<port>\d+): Connection refused",
            _fixed("{name} port {port} refused the connection", "see that sshd runs there and listens on port {port}"),
        ),
        (
            r"connect to host (?P<name>\S+) port (?P<port>\d+): (?P<why>[^\n]*)",
            _fixed("{name} port {port} cannot be reached: {why}", "check the address, the network and the VPN"),
        ),
        (
            r"Too many authentication failures",
            _fixed(
                "it hung up after too many attempts to log in", "set IdentityFile with IdentitiesOnly yes in ssh_config"
            ),
        ),
        (
            r"Permissions (?P<mode>\d+) for '(?P<file>[^']*)' are too open",
            _fixed("{file} may be read by others (mode {mode}), so ssh does not use it", "chmod 600 {file}"),
        ),
        (
            r"[Pp]assword (?:has |is )?expired|Password change required",
            _fixed("the password has expired", "log in once with  ssh {host}  and choose a new one"),
        ),
        (
            r"Permission denied \((?P<methods>[^)]*)\)",
            _fixed(
                "nobody is let in with what ssh has; the server takes: {methods}",
                "add the key to the agent with ssh-add (ssh cannot ask for its passphrase here), or put your key there",
            ),
        ),
        (
            r"no matching (?P<kind>[^.\n]*?) found\. Their offer: (?P<offer>[^\n]*)",
            _fixed(
                "it has no {kind} in common with ssh; it offers: {offer}", "renew its sshd, or allow one in ssh_config"
            ),
        ),
        (
            r"(?:kex_exchange_identification|banner exchange)[^\n]*?: (?P<why>[^\n:]*)\n",
            _fixed(
                "it broke off before it proved who it is: {why}",
                "check the port, and whether its sshd is busy (MaxStartups) or shuts you out",
            ),
        ),
        (
            r"Connection timed out during banner exchange|Connection to [^\n]* timed out",
            _fixed("it did not answer in time", "see that it runs; ConnectTimeout in ssh_config gives it longer"),
        ),
    )
)
