"""GOPROXY, GOSUMDB and GOAUTH: where modules and checksums come from.

Source: cmd/go/internal/modfetch proxy.go and sumdb.go, cmd/go/internal/auth, golang.org/x/mod/sumdb/note.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from difflib import get_close_matches

from reconciler.formats.go_env_values.fields import refused_quoting

_KNOWN_DATABASES = ("sum.golang.org",)
_ALIAS = "sum.golang.google.cn"
_BROKEN_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_AUTHORITY = re.compile(r"(?:[\w.~!$&'()*+,=:%@-]*@)?(?:\[[0-9A-Fa-f:.%\w]+\]|[^\s:\[\]<>\"\\^`{|}@;%]+)(?::[0-9]*)?")
_FAILS = "every download fails with it"


def refused_proxy(key: str, value: str) -> str | None:
    """A list; `,` goes on to the next entry when a module is not found, `|` on any error."""
    entries = [entry.strip() for entry in re.split(r"[,|]", value)]
    used = [entry for entry in entries if entry]
    if not used:
        return f'"{value}" has no entry; {_FAILS}: write https://proxy.golang.org,direct'
    for entry in used[:-1]:
        if entry in ("direct", "off"):
            return f'go never looks behind "{entry}" in {key}: put it last'
    return next((reason for entry in used if (reason := _refused_entry(entry))), None)


def refused_checksum_database(key: str, value: str) -> str | None:
    """`off`, or a database's name or public key, and an address if it is not the name's own."""
    if value in ("off", _ALIAS):
        return None
    name, *address = value.split() or [""]
    if len(address) > 1:
        return f"{key} has more than a name and an address; {_FAILS}: write sum.golang.org https://ADDRESS"
    if name not in _KNOWN_DATABASES and not _is_public_key(name):
        fix = f"sum.golang.org {address[0]}" if address and name == _ALIAS else "sum.golang.org, or NAME+HASH+KEY"
        return f'"{name}" is neither a database that go knows nor a valid public key; {_FAILS}: write {fix}'
    if address and "://" in address[0]:
        return _refused_address(address[0])
    return None


def refused_authentication(key: str, value: str) -> str | None:
    commands = [command.strip() for command in value.split(";")]
    for command in commands:
        name, *arguments = command.split() or [""]
        if not name:
            return f"{key} has an empty entry; every download over https fails with it: remove the extra ;"
        if name == "off" and len(commands) > 1:
            return f'"off" in {key} stands alone or not at all; every download over https fails with it: remove it'
        if name == "git" and not (len(arguments) == 1 and arguments[0].startswith("/")):
            return (
                f'"{command}" in {key} needs one absolute folder; every download over https fails with it:'
                " write git /home/you/repository"
            )
        if name not in ("off", "netrc", "git") and (reason := refused_quoting(key, command)):
            return reason
    return None


def _refused_entry(entry: str) -> str | None:
    if entry in ("direct", "off"):
        return None
    if entry.startswith("/"):
        return f'"{entry}" in GOPROXY has no scheme; {_FAILS}: write file://{entry}'
    if ":/" not in entry and not re.search(r"[.:/]", entry):
        near = get_close_matches(entry.lower(), ("direct", "off"), n=1)
        fix = near[0] if near else f"https://{entry}"
        return f'"{entry}" in GOPROXY is neither direct nor off nor an address; {_FAILS}: write {fix}'
    return _refused_address(entry if ":/" in entry else f"https://{entry}")


def _refused_address(address: str) -> str | None:
    scheme, _, rest = address.partition(":")
    if scheme.lower() == "file":
        is_path = rest.startswith("///") and not re.search(r"[?#]", rest)
        return None if is_path else f'"{address}" is more than a path of this machine; {_FAILS}: write file:///PATH'
    if scheme.lower() not in ("http", "https"):
        return f'"{address}" is not an address that go can read; {_FAILS}: begin it with https://, http:// or file:///'
    if re.search(r"[\s;]", address):
        return f'"{address}" has a blank or ; in it; {_FAILS}: put , or | between entries'
    return _refused_host_and_path(address, rest)


def _refused_host_and_path(address: str, rest: str) -> str | None:
    before, _, fragment = rest.partition("#")
    authority, slash, path = before.partition("?")[0].removeprefix("//").partition("/")
    if not rest.startswith("//") or not _AUTHORITY.fullmatch(authority):
        return f'"{address}" has no valid host and port; {_FAILS}: write https://HOST or https://HOST:PORT'
    if _BROKEN_ESCAPE.search(authority + slash + path + fragment):
        return f'"{address}" has a % without two hexadecimal digits; {_FAILS}: write %25 for a percent sign'
    return None


def _is_public_key(text: str) -> bool:
    """NAME+HASH+KEY, with HASH taken over the other two: what `note.NewVerifier` of Go accepts."""
    name, _, rest = text.partition("+")
    digest, _, encoded = rest.partition("+")
    try:
        key = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        return False
    wanted = hashlib.sha256(name.encode("utf-8", "surrogateescape") + b"\n" + key).hexdigest()[:8]
    return bool(name) and len(key) == 33 and key[0] == 1 and digest.lower() == wanted
