r"""Variables of services and desktop programs: what systemd gives all that it starts for the user, shells or not.

A program from a menu, a user's service or timer reads no start-up file of a shell, so it misses GOROOT and the like. Manages
single variables in a file of our own, ~/.config/environment.d/60-reconcile.conf; other files there stay, and one with a
higher number wins. Values are taken as they stand: systemd expands no `$` in them. An empty value cannot be said there.
Variables of the go command but GOROOT
belong under `go_env`. Takes effect with the next session (the next sign-in), and only where systemd runs.

    user:
      environment_d:
        GOROOT: /usr/local/go
        BROWSER: wslview

Source: environment.d(5); src/basic/env-file.c of systemd.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

from reconciler.formats import environment_d
from reconciler.model.address import Layer
from reconciler.model.facts import FactSheet
from reconciler.model.resource import Blocked, Fields, NotApplicable, Part, Resource, Seen, Want
from reconciler.model.schema import Complaint, KindSchema, MapOf
from reconciler.model.secrets import Secret
from reconciler.model.states import Effect
from reconciler.model.values import Absent, Unmanaged
from reconciler.resources.environment_variables import VARIABLE_NAME, VARIABLE_VALUE, unsayable, variable_risks
from reconciler.resources.members import MemberKind
from reconciler.resources.shells.remarks import for_go_env

_LITERAL: Final = re.compile(r"(?:[^$]|\$\$)*")


@dataclass(frozen=True, slots=True)
class EnvironmentDCodec:
    def members(self, text: str) -> Mapping[str, str]:
        return environment_d.members(text)

    def edit(self, text: str, changes: Mapping[str, str | None]) -> str:
        return environment_d.edit(text, changes)


class EnvironmentD(MemberKind):
    kind: ClassVar[str] = "environment_d"
    layers: ClassVar[frozenset[Layer]] = frozenset({Layer.USER})
    path = "~/.config/environment.d/60-reconcile.conf"
    codec = EnvironmentDCodec()
    ours = True

    @classmethod
    def schema(cls, layer: Layer) -> KindSchema:
        return KindSchema(
            items=MapOf(of=VARIABLE_VALUE, keys=VARIABLE_NAME, expected="variables with their values"),
            description="Variables of services and desktop programs, which systemd starts for the user.",
            check=_check,
        )

    def seen(self, text: str, sheet: FactSheet) -> Mapping[str, Seen]:
        # The file is made readable by all, and closed when a secret goes into it.
        is_closed = sheet.file(self.path).is_closed
        found = {}
        for name, value in self.codec.members(text).items():
            item = self.items.get(name)
            plain = value.replace("$$", "$") if _LITERAL.fullmatch(value) else None
            is_declared = plain == (item.reveal() if isinstance(item, Secret) else item)
            if is_closed and not is_declared:
                found[name] = Seen(fields={"value": Secret(value)})
            else:
                found[name] = Seen(fields={"value": {"expanded": value} if plain is None else plain})
        return found

    def want(self, name: str, item: object) -> Want:
        if isinstance(item, Absent):
            return Want(shares=(self.path,), takes_effect=Effect.NEW_SESSION)
        value = item if isinstance(item, Secret) else str(item)
        risks = variable_risks(name, value.reveal() if isinstance(value, Secret) else value)
        return Want(fields={"value": value}, shares=(self.path,), risks=risks, takes_effect=Effect.NEW_SESSION)

    def member_value(self, name: str, value: object) -> str | Secret:
        if isinstance(value, Secret):
            return Secret(environment_d.literal(value.reveal()), value.names)
        return environment_d.literal(str(value))

    def write(
        self, name: str, before: Seen | None, after: Fields | Absent, sheet: FactSheet
    ) -> Sequence[Part] | Blocked | NotApplicable:
        value = None if isinstance(after, Absent) else self.member_value(name, after["value"])
        try:
            self.codec.edit(self.text(sheet), {name: value.reveal() if isinstance(value, Secret) else value})
        except environment_d.UnclosedQuoteError as error:
            return Blocked(f"{self.path}: {error}", fix="close it by hand, or remove the file")
        except ValueError as error:
            return Blocked(str(error), fix="look at the secret where it is kept")
        return super().write(name, before, after, sheet)

    def remarks(self, sheet: FactSheet) -> Sequence[str]:
        wanted = [name for name, item in self.items.items() if not isinstance(item, Absent | Unmanaged)]
        found = list(for_go_env("environment_d ", wanted))
        if wanted and not sheet.host.systemd and not sheet.host.at_rest:
            fix = ": boot.systemd = true under wsl_conf has it run" if sheet.host.wsl else ""
            found.append(f"systemd does not run here, and nothing else reads {self.path}{fix}")
        return found


def _check(name: str, fields: Mapping[str, object]) -> tuple[Complaint, ...]:
    value = fields.get("value")
    if not isinstance(value, str):
        return ()
    if not value:
        return (Complaint(f"environment_d {name} is empty, which environment.d cannot say", fix="{absent: true}"),)
    why = unsayable(value)
    return (Complaint(f"environment_d {name} {why}", fix="keep it on one line"),) if why else ()


RESOURCE: Final[type[Resource]] = EnvironmentD
