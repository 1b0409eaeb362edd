"""What must hold once everything is applied: a program that succeeds, a port that answers, a URL that gives success.

A check is no state of the machine: plan and verify do not run it, and nothing is written for it. An apply that changes
something on the workstation tries the checks of a layer after that layer's changes; one that fails is reported, and apply
ends with 3. With `undo_on_failure: true` that run is then led back, on all machines and users of it, as `reconcile undo`
does. A program runs as the layer's user (root in the distro layer) with the environment of a POSIX login shell,
and wants `--allow-exec` under `--yes`. Takes effect in no other way.

    user:
      checks:
        gopls answers: {command: [gopls, version]}
        the tests pass: {command: [go, test, -run, Smoke, ./...], directory: ~/src/app, seconds: 300}
        the debugger listens: {tcp: "127.0.0.1:50000", undo_on_failure: true}
        the module proxy is there: {url: "https://goproxy.cn/golang.org/x/tools/@v/list"}

Source: bash(1), /dev/tcp; nc(1); curl(1).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, ClassVar, Final

from reconciler import agents
from reconciler.model.address import Layer
from reconciler.model.facts import Fact, FactSheet
from reconciler.model.resource import Blocked, Fields, NotApplicable, Observed, Part, Resource, Seen, Want
from reconciler.model.schema import Boolean, Complaint, Integer, KindSchema, ListOf, MapOf, Text, described, record_of
from reconciler.model.secrets import Secret, SecretText
from reconciler.model.states import UNDO_ON_FAILURE, Phase, Risk
from reconciler.model.tasks import RunCommand
from reconciler.model.values import Absent, Json
from reconciler.resources.base import USER_PATH, Base

_PORT: Final = re.compile(r"^(?P<host>(?!-)[A-Za-z0-9.:-]+|\[[0-9A-Fa-f:]+\]):(?P<port>\d{1,5})\Z")
_WAYS: Final = ("command", "tcp", "url")
_GRACE_SECONDS: Final = 15
"""What a last attempt may take beyond its time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    command: Annotated[tuple[str, ...], ListOf(of=Text(), empty=False, expected="a program and its words")] = field(
        default=(), metadata=described("A program that must end with 0, by its words; no shell reads them.")
    )
    directory: Annotated[str, Text(pattern=rf"^~$|{USER_PATH.pattern}", expected="a directory")] = field(
        default="~", metadata=described("Where the program runs; ~ is the home.")
    )
    tcp: Annotated[str | None, Text(pattern=_PORT.pattern.replace("\\Z", "$"), expected="HOST:PORT")] = field(
        default=None, metadata=described("A port on which something must accept a connection.")
    )
    url: Annotated[str | None, Text(pattern=r"^https?://\S+$", expected="an http or https URL")] = field(
        default=None, metadata=described("A URL that must answer.")
    )
    status: Annotated[int, Integer(minimum=100, maximum=599)] = field(
        default=0, metadata=described("The status that it must answer with; by default any of success.")
    )
    seconds: Annotated[int, Integer(minimum=1, maximum=3600)] = field(
        default=30, metadata=described("How long it may take; ports and URLs are tried until then.")
    )
    undo_on_failure: Annotated[bool, Boolean()] = field(
        default=False, metadata=described("Lead the whole run back when it fails.")
    )


class Checks(Base):
    kind: ClassVar[str] = "checks"
    layers: ClassVar[frozenset[Layer]] = frozenset({Layer.DISTRO, Layer.USER})

    @classmethod
    def schema(cls, layer: Layer) -> KindSchema:
        name = Text(pattern=r"^\S(.*\S)?$", expected="what must hold, in words", fixed=True)
        return KindSchema(
            items=MapOf(of=record_of(Check), keys=name, expected="checks by what must hold"),
            description="What must hold after an apply: a program, a port, a URL.",
            check=_check,
        )

    def wanted_facts(self) -> frozenset[Fact]:
        return frozenset()

    def observe(self, sheet: FactSheet) -> Mapping[str, Observed]:
        return {}

    def want(self, name: str, item: object) -> Want:
        if isinstance(item, Absent):
            return Want()
        assert isinstance(item, Check)
        shown: dict[str, Json | Secret] = {"command": [*item.command], "tcp": item.tcp, "url": item.url}
        fields = {key: value for key, value in shown.items() if value}
        if item.undo_on_failure:
            fields[UNDO_ON_FAILURE] = True
        return Want(fields=fields, is_check=True, risks=frozenset({Risk.RUNS_PROGRAM} if item.command else ()))

    def write(
        self, name: str, before: Seen | None, after: Fields | Absent, sheet: FactSheet
    ) -> Sequence[Part] | Blocked | NotApplicable:
        if sheet.host.at_rest:
            return NotApplicable("nothing runs in a root file system at rest")
        item = self.items[name]
        assert isinstance(item, Check)
        task = RunCommand(argv=_words(item), timeout_seconds=item.seconds + (0 if item.command else _GRACE_SECONDS))
        return (Part(thing=f"check: {name}", tasks=(task,), phase=Phase.CHECKS),)


def _words(item: Check) -> tuple[str, ...]:
    if item.command:
        return ("sh", "-l", "-c", agents.text("check_command.sh"), "check", item.directory, *item.command)
    if item.tcp is not None:
        parts = _PORT.match(item.tcp)
        assert parts is not None
        host = parts["host"].strip("[]")
        return ("sh", "-c", agents.text("check_port.sh"), "check", host, parts["port"], str(item.seconds))
    return ("sh", "-c", agents.text("check_url.sh"), "check", str(item.url), str(item.status), str(item.seconds))


def _check(name: str, fields: Mapping[str, object]) -> tuple[Complaint, ...]:
    given = [way for way in _WAYS if way in fields]
    if len(given) != 1:
        what = f"{name} has {' and '.join(given)}; a check is one of them" if given else f"{name} says not what to try"
        return (Complaint(what, fix="write one of  command:, tcp: or url:", field=given[-1] if given else None),)
    used = {"directory": "command", "status": "url"}
    found = [
        Complaint(f"{key} goes with {way}:", field=key) for key, way in used.items() if key in fields and given != [way]
    ]
    secret = next((key for key, value in fields.items() if _is_secret(value)), None)
    if secret is not None:
        what = f"{secret} would hold a secret, and other users see the words of programs"
        found.append(Complaint(what, fix="have the program read it from a file", field=secret))
    port = fields.get("tcp")
    if isinstance(port, str) and (parts := _PORT.match(port)) and not 0 < int(parts["port"]) < 65536:
        found.append(Complaint(f"{port} names no port: they end at 65535", field="tcp"))
    return tuple(found)


def _is_secret(value: object) -> bool:
    return any(isinstance(word, SecretText) for word in (value if isinstance(value, tuple) else (value,)))


RESOURCE: Final[type[Resource]] = Checks
