"""What people write under `ssh:` and `guard:` that the grammar refuses, each with what to write instead.

The grammar says what is wrong; here is only what it cannot know: what was meant.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from reconciler.documents.grammar import GUARD, SSH, Hints
from reconciler.documents.sections import entries
from reconciler.model import tree
from reconciler.model.errors import Problem
from reconciler.model.guard import HOST_KEY, MACHINE_ID, OS, fingerprint
from reconciler.model.remote import HOST, IDENTITY_FILE, PORT, PROXY_JUMP, USER
from reconciler.model.schema import UNSEEN, Record, Text
from reconciler.model.tree import Node, Scalar

_PROGRAM: Final = "a repo may not name programs that run on your machine: write {} in your own ~/.ssh/config"
_OWN_CONFIG: Final = "write it in your own ~/.ssh/config, which counts here too"
_HOST_KEYS: Final = "host keys are always checked; `reconcile trust HOST` shows one and adds it"
_PASSWORD: Final = (
    "secrets do not stand in documents: write in machine.yaml  secrets: {ssh_password: {command: [PROGRAM, …]}}"
)
_ROOT: Final = "root's rights are had with sudo or doas where the layer needs them; machine.yaml may say  become: none"
_KEY: Final = "write  identity_file: ~/.ssh/NAME"
_JUMP: Final = "write  proxy_jump: HOST"

SSH_WORDS: Final[Hints] = {
    **dict.fromkeys(("hostname", "address", "ip", "target"), "write  host:"),
    **dict.fromkeys(("username", "login", "remoteuser", "ansibleuser"), "write  user:"),
    **dict.fromkeys(("identity", "identities", "key", "keyfile", "privatekey", "identityfile", "sshkey"), _KEY),
    **dict.fromkeys(("jump", "jumphost", "bastion", "gateway", "proxy", "proxyjump"), _JUMP),
    **dict.fromkeys(("password", "pass", "sshpassword", "passphrase"), _PASSWORD),
    **dict.fromkeys(("sudopassword", "becomepassword"), _PASSWORD.replace("ssh_password", "sudo_password")),
    **dict.fromkeys(("become", "becomeuser", "becomemethod", "sudo", "doas"), _ROOT),
    **dict.fromkeys(("stricthostkeychecking", "hostkeychecking", "userknownhostsfile", "knownhosts"), _HOST_KEYS),
    **dict.fromkeys(("hostkey", "fingerprint"), "a machine's own key is asked for beside ssh:  guard: {host_key: SHA256:…}"),
    **dict.fromkeys(("forwardagent", "agentforwarding"), "no agent is forwarded: nothing at the other end needs it"),
    **dict.fromkeys(
        ("connecttimeout", "timeout", "options", "sshargs", "extraargs", "identityagent", "certificatefile"), _OWN_CONFIG
    ),
    "proxycommand": _PROGRAM.format("ProxyCommand"),
    "localcommand": _PROGRAM.format("LocalCommand"),
    "remotecommand": "the tool says what runs there; documents say what should be",
}  # fmt: skip
"""What to say of an unknown key under `ssh:`, by the key in lower case, without dashes and underscores."""


def problems(root: tree.Mapping) -> Iterator[Problem]:
    """Of one document. What is not named here is left to the grammar."""
    for name, node in entries(root.get("groups")):
        yield from _holder(f"groups.{name.text}", node)
    for name, node in entries(root.get("workstations")):
        place = f"workstations.{name.text}"
        yield from _holder(place, node)
        if isinstance(node, tree.Mapping):
            yield from _misplaced(place, node)
            yield from _holder(f"{place}.windows", node.get("windows"))
            for key, distro in entries(node.get("distros")):
                yield from _holder(f"{place}.distros.{key.text}", distro)


def _holder(place: str, node: Node | None) -> Iterator[Problem]:
    """Of what may hold `ssh:` or `guard:`."""
    if isinstance(node, tree.Mapping):
        yield from _words(f"{place}.ssh", node.get("ssh"))
        yield from _values(f"{place}.ssh", node.get("ssh"), SSH)
        yield from _values(f"{place}.guard", node.get("guard"), GUARD)


def _words(place: str, ssh: Node | None) -> Iterator[Problem]:
    for key, _ in entries(ssh):
        fix = SSH_WORDS.get(re.sub("[_-]", "", key.text.lower()))
        if fix and key.text not in SSH.fields:
            yield Problem(f'unknown key "{key.text}" in {place}', key.origin, fix=fix)


def _misplaced(place: str, workstation: tree.Mapping) -> Iterator[Problem]:
    for key, _ in workstation:
        if key.text in SSH.fields:
            yield Problem(f'unknown key "{key.text}" in {place}', key.origin, fix=f"write  ssh: {{{key.text}: …}}")


def _values(place: str, node: Node | None, record: Record) -> Iterator[Problem]:
    for key, value in entries(node):
        field, meant = record.fields.get(key.text), _MEANT.get(key.text)
        if field is None or meant is None or not isinstance(value, Scalar) or value.is_null:
            continue
        schema, text = field.schema, value.text
        assert isinstance(schema, Text)
        # What is invisible, and templates, are told of elsewhere.
        if not schema.reads(text) and not UNSEEN.search(text) and "{{" not in text:
            fix = meant(text)
            if fix:
                yield Problem(f'{place}.{key.text} is "{text}"; expected {schema.expected}', value.origin, fix=fix)


_DESTINATION: Final = re.compile(
    r"(ssh://)?((?P<user>[^@\s]*)@)?(?P<host>\[[^\]\s]*\]|[^:@\s]*)(:(?P<port>[0-9]{1,5}))?/?"
)


def _host(text: str) -> str | None:
    """`user@host`, `host:port`, `[::1]:22` and `ssh://…` hold more than the host."""
    if text.startswith("-"):
        return "options for ssh stand in your own ~/.ssh/config"
    whole = _DESTINATION.fullmatch(text.strip())
    parts = whole.groupdict() if whole else {}
    parts["host"] = (parts.get("host") or "").removeprefix("[").removesuffix("]")
    port = parts.get("port")
    if not HOST.reads(parts["host"]) or (port and not PORT.reads(int(port))):
        return "write one name or address, without blanks" if re.search(r"\s", text) else None
    if parts.get("user") and not USER.reads(parts["user"]):
        return None
    said = {name: f'"{part}"' if ":" in part else part for name, part in parts.items() if part}
    return "write  " + ", ".join(f"{name}: {said[name]}" for name in ("host", "port", "user") if name in said)


def _identity_file(text: str) -> str | None:
    name = re.sub(r"^\$(HOME|\{HOME\})/", "~/", text)
    if not IDENTITY_FILE.reads(name):
        # A relative path would be relative to wherever the tool happens to run.
        name = f"~/.ssh/{text}" if text and "/" not in text and "\\" not in text else "~/.ssh/NAME"
    return f"write  identity_file: {name}"


def _proxy_jump(text: str) -> str | None:
    if text.startswith("-"):
        return "options for ssh stand in your own ~/.ssh/config"
    if text.lower() in ("false", "no", "off"):
        return "write  proxy_jump: none"
    together = re.sub(r"\s*[,\s]\s*", ",", text.strip())
    return f"write  proxy_jump: {together}" if PROXY_JUMP.reads(together) else None


def _machine_id(text: str) -> str | None:
    plain = text.lower().replace("-", "")
    return f"write  machine_id: {plain}" if MACHINE_ID.reads(plain) else None


def _host_key(text: str) -> str:
    candidates = (fingerprint(text), text.rstrip("="), f"SHA256:{text.rstrip('=')}")
    found = next((key for key in candidates if key and HOST_KEY.reads(key)), None)
    return (
        f"write  host_key: {found}" if found else "`ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub` prints it there"
    )


def _os(text: str) -> str | None:
    if text.lower() == "linux":
        return "leave  os  out where any distribution will do"
    return f"write  os: {text.lower()}" if OS.reads(text.lower()) else None


_MEANT: Final[Mapping[str, Callable[[str], str | None]]] = {
    "host": _host,
    "identity_file": _identity_file,
    "proxy_jump": _proxy_jump,
    "machine_id": _machine_id,
    "host_key": _host_key,
    "os": _os,
}
"""What a value that the grammar refuses was meant to be, by field; None: that cannot be told."""
