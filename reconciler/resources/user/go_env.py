"""Variables of the go command, in the file that `go env -w` writes: ~/.config/go/env.

Manages single variables; leaves every other line alone. The file is written as go itself would write it, and not at all
when every value holds. Takes effect with the next go command. An exported variable hides the file: such shadows are told
of, with the lines of start-up files that plainly export them. Values that go would take and then break on are refused.

    user:
      go_env:
        GOPROXY: https://goproxy.cn,direct
        GOPATH: "{{ user.home }}/go"
        GOFLAGS: {absent: true}

Source: src/cmd/go/internal/envcmd/env.go of go 1.27.3; `go help env`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

from reconciler.formats import go_env as go_env_file
from reconciler.formats.go_env_values import KNOWN_KEYS, refused_reason, runs_program
from reconciler.model.address import Layer
from reconciler.model.facts import Environment, Fact, FactSheet, Session
from reconciler.model.resource import Blocked, Fields, NotApplicable, Part, Resource, Seen, Want
from reconciler.model.schema import Complaint, KindSchema, MapOf, Text
from reconciler.model.secrets import Secret
from reconciler.model.states import Risk
from reconciler.model.values import UNMANAGED, Absent
from reconciler.resources.members import MemberKind
from reconciler.resources.shells.start_files import exports, start_file_facts

_SESSIONS: Final[Mapping[Session, str]] = {Session.PROCESS: "this session", Session.LOGIN: "a login shell"}
"""Those that are asked. To start an interactive shell costs what its owner's .bashrc does, half a second with pyenv."""
_PASSWORD: Final = re.compile(r"//\S*@")
_LOGIN: Final = re.compile(r"//[^/?#\s,|]+@")
"""Of an address that says who asks."""
_ELSEWHERE: Final[Mapping[str, str]] = {"GOENV": "/.config/go/env", "XDG_CONFIG_HOME": "/.config"}
"""Variables that make go look for its file in another place, each with its value below the home that does not."""


@dataclass(frozen=True, slots=True)
class GoEnvCodec:
    def members(self, text: str) -> Mapping[str, str]:
        return go_env_file.members(text)

    def edit(self, text: str, changes: Mapping[str, str | None]) -> str:
        return go_env_file.edit(text, changes)


class GoEnv(MemberKind):
    kind: ClassVar[str] = "go_env"
    layers: ClassVar[frozenset[Layer]] = frozenset({Layer.USER})
    path = "~/.config/go/env"
    codec = GoEnvCodec()
    follow = True

    @classmethod
    def schema(cls, layer: Layer) -> KindSchema:
        name = Text(pattern=r"^[A-Z][A-Z0-9_]*$", expected="the name of a go variable, in capitals", fixed=True)
        return KindSchema(
            items=MapOf(of=Text(expected="the variable's value"), keys=name, expected="go variables with their values"),
            description="Variables of the go command, in the file that `go env -w` writes.",
            check=_check,
        )

    def wanted_facts(self) -> frozenset[Fact]:
        names = (*(self.items or KNOWN_KEYS), "GOROOT", *_ELSEWHERE)
        asked = {Environment(session, name) for session in _SESSIONS for name in names}
        return super().wanted_facts() | asked | start_file_facts()

    def seen(self, text: str, sheet: FactSheet) -> Mapping[str, Seen]:
        """A password in an address stays hidden, also where no document says any more that it is one."""
        found: dict[str, Seen] = {}
        for name, value in self.codec.members(text).items():
            item = self.items.get(name)
            is_known = value == (item.reveal() if isinstance(item, Secret) else item)
            found[name] = Seen(fields={"value": Secret(value) if _LOGIN.search(value) and not is_known else value})
        return found

    def want(self, name: str, item: object) -> Want:
        if isinstance(item, Absent):
            return Want(shares=(self.path,))
        value = item.reveal() if isinstance(item, Secret) else str(item)
        risks = frozenset({Risk.RUNS_CODE_LATER}) if runs_program(name, value) else frozenset()
        fields: dict[str, str | Secret] = {"value": item if isinstance(item, Secret) else value}
        return Want(fields=fields, shares=(self.path,), risks=risks)

    def write(
        self, name: str, before: Seen | None, after: Fields | Absent, sheet: FactSheet
    ) -> Sequence[Part] | Blocked | NotApplicable:
        value = after["value"] if not isinstance(after, Absent) else None
        if isinstance(value, Secret) and refused_reason(name, value.reveal()):
            # What is wrong with it would tell of the secret.
            return Blocked(f"the secret in {name} is no value that go takes", fix="look at it where it is kept")
        return super().write(name, before, after, sheet)

    def remarks(self, sheet: FactSheet) -> Sequence[str]:
        return [*self._shadows(sheet), *self._elsewhere(sheet), *self._file_remarks(sheet)]

    def _shadows(self, sheet: FactSheet) -> Iterator[str]:
        """Exports that hide what the file says. Their values may be secrets, so of lines only the place is shown."""
        lines = list(exports(sheet, self.items))
        for name, item in self.items.items():
            wanted = item.reveal() if isinstance(item, Secret) else item
            hiding = [line for line in lines if line.name == name and line.value not in ("", wanted)]
            if item is UNMANAGED:
                continue
            if hiding:
                yield from (f"{line.place} exports {name}: that hides the file's value {line.where}" for line in hiding)
            else:
                yield from self._hidden_in_a_session(name, item, sheet)

    def _hidden_in_a_session(self, name: str, item: object, sheet: FactSheet) -> Iterator[str]:
        wanted = item.reveal() if isinstance(item, Secret) else item
        for session, words in _SESSIONS.items():
            value = sheet.variable(session, name)
            if isinstance(value, str) and value not in ("", wanted):
                shown = "another value" if isinstance(item, Secret) else _PASSWORD.sub("//xxxxx@", value)
                yield f"{name} is set to {shown} in the environment of {words}: that hides the file's value"
                return

    def _elsewhere(self, sheet: FactSheet) -> Iterator[str]:
        for name, usual in _ELSEWHERE.items():
            value = sheet.variable(Session.PROCESS, name)
            if isinstance(value, str) and value and value.rstrip("/") != f"{sheet.host.home}{usual}":
                yield f"{name} is set to {value} in this session: there go reads another file than {self.path}"

    def _file_remarks(self, sheet: FactSheet) -> Iterator[str]:
        text = self.text(sheet)
        if "GOROOT" in go_env_file.members(text):
            yield f"{self.path} sets GOROOT by hand, which go never writes: every go command uses that tree, whatever its own"
        for oddity in go_env_file.oddities(text):
            yield f"{self.path}:{oddity.line}: {oddity.key} {oddity.what}"
        for line, ignored in go_env_file.ignored_lines(text):
            yield f"{self.path}:{line}: go ignores this line: {ignored.strip()}"


def _check(name: str, fields: Mapping[str, object]) -> tuple[Complaint, ...]:
    value = fields.get("value")
    if name in KNOWN_KEYS and not isinstance(value, str):
        return ()
    reason = refused_reason(name, value if isinstance(value, str) else "")
    if reason is None:
        return ()
    what, _, fix = reason.rpartition(": ")
    return (Complaint(f"go_env {name}: {what or fix}", fix=fix if what else None),)


RESOURCE: Final[type[Resource]] = GoEnv
