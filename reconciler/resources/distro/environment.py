"""Variables of every session, in /etc/environment.

Manages single variables; leaves every other line alone. A value stands as it is: nothing in it is expanded. Takes effect in
sessions that begin afterwards, if they begin through PAM: by ssh, su, sudo, cron or a display manager. The shells that
wsl.exe starts do not. Everyone may read the file, so it holds no secret.

    distro:
      environment:
        EDITOR: vim
        HTTP_PROXY: http://proxy.corp.example:3128
        http_proxy: {absent: true}

Source: pam_env(8); modules/pam_env/pam_env.c of Linux-PAM; microsoft/WSL issues 1405 and 9213.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

from reconciler.formats import etc_environment
from reconciler.model.address import Layer
from reconciler.model.facts import FactSheet
from reconciler.model.resource import Resource, Want
from reconciler.model.schema import Complaint, KindSchema, MapOf
from reconciler.model.secrets import SecretText
from reconciler.model.states import Effect, Risk
from reconciler.model.values import ABSENT, UNMANAGED, Absent
from reconciler.resources.environment_variables import VARIABLE_NAME, VARIABLE_VALUE, variable_risks
from reconciler.resources.members import MemberKind

_WSL: Final = "the shells that wsl.exe starts do not read /etc/environment: sessions by ssh, su, sudo and cron do"
_PATH: Final = (
    "PATH in /etc/environment replaces the one that sessions begin with; start-up files of shells may add to it"
)


@dataclass(frozen=True, slots=True)
class EnvironmentCodec:
    def members(self, text: str) -> Mapping[str, str]:
        return etc_environment.members(text)

    def edit(self, text: str, changes: Mapping[str, str | None]) -> str:
        return etc_environment.edit(text, changes)


class Environment(MemberKind):
    kind: ClassVar[str] = "environment"
    layers: ClassVar[frozenset[Layer]] = frozenset({Layer.DISTRO})
    path = "/etc/environment"
    codec = EnvironmentCodec()

    @classmethod
    def schema(cls, layer: Layer) -> KindSchema:
        return KindSchema(
            items=MapOf(of=VARIABLE_VALUE, keys=VARIABLE_NAME, expected="variables with their values"),
            description="Variables of every session, in /etc/environment.",
            check=_check,
        )

    def want(self, name: str, item: object) -> Want:
        risks = {Risk.RUNS_CODE_LATER} if name == "PATH" else set()
        if isinstance(item, Absent):
            return Want(shares=(self.path,), risks=frozenset(risks), takes_effect=Effect.NEW_SESSION)
        value = str(item)
        return Want(
            fields={"value": value},
            shares=(self.path,),
            risks=variable_risks(name, value) | risks,
            takes_effect=Effect.NEW_SESSION,
        )

    def remarks(self, sheet: FactSheet) -> Sequence[str]:
        declared = {name for name, item in self.items.items() if item not in (ABSENT, UNMANAGED)}
        wsl = [_WSL] if declared and sheet.host.wsl and not sheet.host.at_rest else []
        return [*wsl, *([_PATH] if "PATH" in declared else [])]


def _check(name: str, fields: Mapping[str, object]) -> tuple[Complaint, ...]:
    value = fields.get("value")
    if isinstance(value, SecretText):
        fix = f"give it to one user under shell_env, or name a file that only its reader may read instead of {name}"
        return (Complaint(f"{name} would hold a secret, and everyone may read /etc/environment", fix=fix),)
    why = etc_environment.refused_reason(name, value) if isinstance(value, str) else None
    return (Complaint(why, fix="write a value that it can hold, or use shell_env"),) if why else ()


RESOURCE: Final[type[Resource]] = Environment
