"""Go programs built from source at pinned versions, as `go install PACKAGE@VERSION` does.

Manages one program each: which module and version it was built from, read from the program itself. A name stands for
~/go/bin/NAME, or for a file in the folder that `bin` names; a path stands for itself. Leaves every other program there
alone. go reads the go env file as always, so a module proxy of `go_env` counts. Takes effect when the program is started
next; a running gopls goes on until the editor is reloaded.

    user:
      go_tools:
        gopls: {package: golang.org/x/tools/gopls, version: v0.24.0}
        dlv: {package: github.com/go-delve/delve/cmd/dlv, version: v1.27.2}
        go: /usr/local/go/bin/go
    distro:
      go_tools:
        /opt/gobin/canary/staticcheck: {package: honnef.co/go/tools/cmd/staticcheck, version: v0.8.2}

Source: `go help install`; debug/buildinfo of go 1.27.3.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, ClassVar, Final

from reconciler.model.address import Layer
from reconciler.model.claims import Need, Program
from reconciler.model.facts import Fact, FactSheet, GoBinary, PathInfo, PathType, ProgramPath, Unread
from reconciler.model.resource import Blocked, Fields, NotApplicable, Observed, Part, Resource, Seen, Unknown, Want
from reconciler.model.schema import Complaint, Field, KindSchema, MapOf, Text, described, record_of
from reconciler.model.states import Phase, Risk
from reconciler.model.tasks import Base as TaskBase
from reconciler.model.tasks import Remove, RunCommand
from reconciler.model.values import Absent
from reconciler.resources.base import USER_PATH, Base, distrusted, in_the_way, parent_facts, parent_needs, path_name

GO: Final = "go"
BIN: Final = "bin"
_USUAL_GO: Final = "/usr/local/go/bin/go"
_USUAL_BIN: Final = {Layer.USER: "~/go/bin", Layer.DISTRO: "/usr/local/bin"}
_MAJOR: Final = re.compile(r"v[0-9]+")
_BUILD_SECONDS: Final = 900

PACKAGE: Final = Text(
    pattern=r"^[A-Za-z0-9][A-Za-z0-9.-]*(/[A-Za-z0-9._~-]+)+$", expected="the import path of a main package"
)
VERSION: Final = Text(
    pattern=r"^v\d+\.\d+\.\d+([-+][0-9A-Za-z.+-]+)?$",
    expected="a version such as v1.2.3; `latest` is another every day",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    package: Annotated[str, PACKAGE] = field(metadata=described("The import path of the program's main package."))
    version: Annotated[str, VERSION] = field(metadata=described("The version of the module that it is in."))


class GoTools(Base):
    kind: ClassVar[str] = "go_tools"
    layers: ClassVar[frozenset[Layer]] = frozenset({Layer.DISTRO, Layer.USER})

    @classmethod
    def schema(cls, layer: Layer) -> KindSchema:
        name = Text(
            pattern=rf"^[A-Za-z0-9][A-Za-z0-9._-]*$|{path_name(layer).pattern}",
            expected="a program's name, or its path",
            fixed=True,
        )
        return KindSchema(
            items=MapOf(of=record_of(Tool), keys=name, expected="programs by name or path"),
            options={
                GO: Field(schema=USER_PATH, description=f"The go that builds them: the PATH's, else {_USUAL_GO}."),
                BIN: Field(schema=USER_PATH, description=f"Where names go; {_USUAL_BIN[layer]} unless told."),
            },
            description="Go programs, built at pinned versions by `go install`.",
            check=_check,
        )

    def wanted_facts(self) -> frozenset[Fact]:
        if not self.items:
            return frozenset()
        paths = [self._path(name) for name in self.items]
        asked = {fact for path in paths for fact in (GoBinary(path), PathInfo(path), *parent_facts(path))}
        return frozenset({*asked, ProgramPath("go"), PathInfo(_USUAL_GO), PathInfo(self._declared_go or _USUAL_GO)})

    def observe(self, sheet: FactSheet) -> Mapping[str, Observed]:
        found = {name: self._seen(self._path(name), sheet) for name in self.items}
        return {name: seen for name, seen in found.items() if seen is not None}

    def _seen(self, path: str, sheet: FactSheet) -> Observed | None:
        state, build = sheet.path(path), sheet.go_build(path)
        if state.type is PathType.MISSING:
            return None
        if isinstance(build, Unread):
            return Unknown(build.why)
        if build is None:
            return in_the_way(state, "a program built by go")
        return Seen(fields={"package": build.package, "version": build.version})

    def want(self, name: str, item: object) -> Want:
        path = self._path(name)
        if isinstance(item, Absent):
            return Want(owns=(path,), risks=frozenset({Risk.DELETES}))
        assert isinstance(item, Tool)
        provides = frozenset({Program(path)})
        risks = frozenset({Risk.RUNS_CODE_LATER})
        fields = {"package": item.package, "version": item.version}
        return Want(fields=fields, owns=(path,), provides=provides, risks=risks)

    def write(
        self, name: str, before: Seen | None, after: Fields | Absent, sheet: FactSheet
    ) -> Sequence[Part] | Blocked | NotApplicable:
        state = sheet.path(self._path(name))
        if state.distrusted:
            return Blocked(distrusted(state) or "")
        if isinstance(after, Absent):
            return (Part(thing=state.path, tasks=(Remove(path=state.path, base=TaskBase.of(state)),)),)
        if sheet.host.at_rest:
            return NotApplicable("nothing is built in a root file system at rest")
        folder = state.path.rpartition("/")[0]
        claim, go = self._go(sheet)
        words = ("env", f"GOBIN={folder}", go, "install", f"{after['package']}@{after['version']}")
        task = RunCommand(argv=words, timeout_seconds=_BUILD_SECONDS)
        needs = (*parent_needs(self._path(name), sheet), Need(claim))
        return (Part(thing=state.path, tasks=(task,), needs=needs, phase=Phase.TOOLS),)

    def _path(self, name: str) -> str:
        """Where a program is."""
        folder = self.options.get(BIN) or _USUAL_BIN[self.layer]
        return name if "/" in name else f"{folder}/{name}"

    @property
    def _declared_go(self) -> str | None:
        go = self.options.get(GO)
        return go if isinstance(go, str) else None

    def _go(self, sheet: FactSheet) -> tuple[Program, str]:
        """The go that is needed, and where it is."""
        found = sheet.program("go")
        if self._declared_go is None and found is not None:
            return Program("go"), found
        go = self._declared_go or _USUAL_GO
        return Program(go), sheet.path(go).path


def _check(name: str, fields: Mapping[str, object]) -> tuple[Complaint, ...]:
    package = fields.get("package")
    if not isinstance(package, str):
        return ()
    *rest, last = package.split("/")
    called = rest[-1] if _MAJOR.fullmatch(last) and len(rest) > 1 else last
    program = name.rpartition("/")[2]
    if program == called:
        return ()
    what = f"go install calls the program of {package} {called}, not {program}"
    return (Complaint(what, fix=f"write  {name.removesuffix(program)}{called}:", field="package"),)


RESOURCE: Final[type[Resource]] = GoTools
