"""Directories of PATH and other variables, for every shell that is in use.

They stand in one file, ~/.config/reconcile/env.sh, which other start-up files read by a block of ours: ~/.profile, and
where they are there or belong to the login shell ~/.bash_profile, ~/.bashrc, ~/.zshenv, ~/.mkshrc and server-env-setup of
VS Code's server. fish gets a file of its own. So a terminal, a login shell and what VS Code asks of the shell see the same.
The file is written anew with each change; of the others only the block is ours. Values are taken as they stand: `$` and
quotes are text. Variables of the go command belong under `go_env`. Takes effect in new sessions.

A directory that PATH has already stays where it is, so that what a session put in front of it, such as a virtual
environment, stays in front; where a session begins, the declared order is put right whatever other files did before.

    user:
      shell_env:
        path:
          gobin: {directory: /usr/local/gobin, position: first}
          local: {directory: ~/.local/bin}
        variables:
          EDITOR: vim
          HTTPS_PROXY: "http://dev:{{ secrets.proxy_password | urlencode }}@proxy.example.com:3128"

Source: POSIX.1-2024 XCU 2.5.3; bash(1) INVOCATION, zsh(1) STARTUP/SHUTDOWN FILES, fish(1); VS Code 1.100 shellEnv.ts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, ClassVar, Final

from reconciler.formats.shell_environment.members import FIRST, LAST, PATH, SECRET, VARIABLES
from reconciler.formats.shell_environment.names import why_taken
from reconciler.model.address import Layer
from reconciler.model.facts import Fact, FactSheet, FileText, PathInfo
from reconciler.model.resource import (
    Blocked,
    Fields,
    NotApplicable,
    Observed,
    Part,
    Resource,
    Seen,
    Want,
)
from reconciler.model.schema import Complaint, Field, KindSchema, MapOf, Record, Text, described, record_of
from reconciler.model.secrets import Secret
from reconciler.model.states import Effect, Risk
from reconciler.model.values import ABSENT, UNMANAGED, Absent, Unmanaged
from reconciler.resources.base import USER_PATH, Base, parent_facts
from reconciler.resources.environment_variables import VARIABLE_NAME, VARIABLE_VALUE, unsayable, variable_risks
from reconciler.resources.members import refusal
from reconciler.resources.privileged_paths import is_open
from reconciler.resources.shells import remarks
from reconciler.resources.shells.hooks import HOOKS, Hook, hook_facts, hook_part, hooks_in_use, seen_hook
from reconciler.resources.shells.in_use import is_in_use
from reconciler.resources.shells.own_files import ENV_FILE, FISH_FILE, Form, OwnFile, ShellEnvCodec
from reconciler.resources.shells.start_files import start_file_facts

_HOOK: Final = "hook."
_FILES: Final[Mapping[str, str]] = {"file": ENV_FILE, "file_fish": FISH_FILE}
"""The files of ours, by the names of the items that they are where their form is not as it should be."""
_WINDOWS: Final = "/mnt"
"""Below it programs of Windows are, which no program of this machine may hide behind."""
_POSITION: Final = Text(choices=(FIRST, LAST), expected="first or last")


@dataclass(frozen=True, slots=True, kw_only=True)
class PathEntry:
    directory: Annotated[str, USER_PATH] = field(metadata=described("The directory; ~/ is the home."))
    position: Annotated[str, _POSITION] = field(
        default=LAST, metadata=described("In front of the PATH that a session begins with, or behind it.")
    )


class ShellEnv(Base):
    kind: ClassVar[str] = "shell_env"
    layers: ClassVar[frozenset[Layer]] = frozenset({Layer.USER})

    @classmethod
    def schema(cls, layer: Layer) -> KindSchema:
        name = Text(pattern=r"^[A-Za-z0-9_-]+$", expected="a name of your choice for the entry", fixed=True)
        paths = MapOf(of=record_of(PathEntry), keys=name, expected="directories by a name of your choice")
        variables = MapOf(of=VARIABLE_VALUE, keys=VARIABLE_NAME, expected="variables with their values")
        fields = {
            "path": Field(schema=paths, description="Directories of PATH, in their order."),
            "variables": Field(schema=variables, description="Other variables, with values taken as they stand."),
        }
        return KindSchema(
            items=Record(fields=fields, partial=True, expected="path and variables"),
            depth=2,
            description="Directories of PATH and other variables, for every shell that is in use.",
            check=_check,
        )

    def wanted_facts(self) -> frozenset[Fact]:
        own = {fact for path in _FILES.values() for fact in (FileText(path), *parent_facts(path))}
        directories = (item.directory for item in self.items.values() if isinstance(item, PathEntry))
        looked_at = {PathInfo(directory) for directory in directories if isinstance(directory, str)}
        return frozenset(own | looked_at | hook_facts() | start_file_facts())

    def _own_files(self, sheet: FactSheet) -> Mapping[str, OwnFile]:
        """The files of ours that shells in use read, by item. An inventory is that of the first."""
        names = _FILES if self.items and is_in_use("fish", sheet) else ("file",)
        order = tuple(filter(_is_path, self.items))
        return {
            name: OwnFile(
                path=_FILES[name],
                codec=ShellEnvCodec(order=order, is_fish=name == "file_fish"),
                file=sheet.file(_FILES[name]),
            )
            for name in names
        }

    # ---- seen

    def observe(self, sheet: FactSheet) -> Mapping[str, Observed]:
        own = self._own_files(sheet)
        for each in own.values():
            closed = refusal(each.file)
            if closed is not None:
                return dict.fromkeys(self.items, closed)
        copies = [each.members for each in own.values()]
        names = dict.fromkeys(name for copy in copies for name in copy if not name.startswith(SECRET))
        found = {name: seen for name in names if (seen := self._seen(name, copies)) is not None}
        if not self.items:
            return found
        others: dict[str, Observed | None] = {name: each.form for name, each in own.items()}
        others |= {_HOOK + name: seen_hook(hook, sheet.file(hook.path)) for name, hook in HOOKS.items()}
        return {**found, **{name: seen for name, seen in others.items() if seen is not None}}

    def _seen(self, name: str, copies: Sequence[Mapping[str, str]]) -> Observed | None:
        """Of what the files say of an item, what differs from what they should say, if one does."""
        item, said = self.items.get(name, UNMANAGED), [copy.get(name) for copy in copies]
        wanted = said[0] if item is UNMANAGED else _revealed(_said(item))
        value = next((value for value in said if value != wanted), wanted)
        if value is None:
            return None
        was_secret = any(SECRET + name.removeprefix(VARIABLES) in copy for copy in copies)
        if was_secret and (item is UNMANAGED or value != wanted):
            return Seen(fields={"value": Secret(value)})
        return Seen(fields=_fields(name, value))

    # ---- wanted

    def implied(self, sheet: FactSheet) -> Mapping[str, object]:
        if any(map(_is_wanted, self.items.values())):
            return {**{_HOOK + name: HOOKS[name] for name in hooks_in_use(sheet)}, **self._forms(sheet)}
        gone = {name for name, item in self.items.items() if isinstance(item, Absent)}
        left = self._own_files(sheet)["file"].members.keys() - gone
        if not gone or any(not name.startswith(SECRET) for name in left):
            return {}
        there = (name for name, hook in HOOKS.items() if seen_hook(hook, sheet.file(hook.path)) is not None)
        return {_HOOK + name: ABSENT for name in there}

    def _forms(self, sheet: FactSheet) -> Mapping[str, Form]:
        """Files that are not as they should be though what they say may be right."""
        wanted = Form(private=any(isinstance(item, Secret) for item in self.items.values()))
        seen = {name: each.form for name, each in self._own_files(sheet).items()}
        return {
            name: wanted for name, form in seen.items() if form and not wanted.fields.items() <= form.fields.items()
        }

    def want(self, name: str, item: object) -> Want:
        effect = Effect.NEW_SESSION
        if name.startswith(_HOOK):
            path = HOOKS[name.removeprefix(_HOOK)].path
            return Want(
                fields={"value": item.text} if isinstance(item, Hook) else {}, shares=(path,), takes_effect=effect
            )
        if isinstance(item, Form):
            return Want(fields=item.fields, shares=(_FILES[name],), takes_effect=effect)
        shares, said = tuple(_FILES.values()), _said(item)
        if said is None:
            return Want(shares=shares, takes_effect=effect)
        return Want(fields=_fields(name, said), shares=shares, risks=_risks(name, said), takes_effect=effect)

    def write(
        self, name: str, before: Seen | None, after: Fields | Absent, sheet: FactSheet
    ) -> Sequence[Part] | Blocked | NotApplicable:
        own = self._own_files(sheet)
        if name.startswith(_HOOK):
            return (hook_part(HOOKS[name.removeprefix(_HOOK)], after, sheet),)
        if name in own:
            return (own[name].part(name, None, sheet, private=not isinstance(after, Absent) and "readers" in after),)
        said = _said(self.items[name])
        value = _revealed(said)
        if isinstance(said, Secret) and unsayable(value or ""):
            return Blocked(f"the secret in {name} cannot stand on one line", fix="look at it where it is kept")
        files = (each for each in own.values() if each.members.get(name) != value)
        return tuple(each.part(name, said, sheet) for each in files)

    # ---- remarked

    def remarks(self, sheet: FactSheet) -> Sequence[str]:
        paths = {name: item for name, item in self.items.items() if isinstance(item, PathEntry)}
        variables = {
            name.removeprefix(VARIABLES): item
            for name, item in self.items.items()
            if name.startswith(VARIABLES) and _is_wanted(item)
        }
        if not paths and not variables:
            return ()
        directories = {name: entry.directory for name, entry in paths.items() if entry.position == FIRST}
        return [
            *remarks.for_go_env(f"shell_env {VARIABLES}", variables),
            *remarks.open_directories(directories, sheet),
            *remarks.overruled(variables, sheet, has_paths=bool(paths)),
        ]


def _is_wanted(item: object) -> bool:
    return not isinstance(item, Absent | Unmanaged)


def _is_path(name: str) -> bool:
    return name.startswith(PATH)


def _said(item: object) -> str | Secret | None:
    """What the files say of an item; None where it is to be absent."""
    match item:
        case PathEntry(directory=directory, position=position):
            return f"{position} {directory}"
        case Secret() | str():
            return item
        case _:
            return None


def _revealed(said: str | Secret | None) -> str | None:
    return said.reveal() if isinstance(said, Secret) else said


def _fields(name: str, said: str | Secret) -> dict[str, str | Secret]:
    if isinstance(said, Secret) or not _is_path(name):
        return {"value": said}
    position, _, directory = said.partition(" ")
    return {"directory": directory, "position": position}


def _risks(name: str, said: str | Secret) -> frozenset[Risk]:
    text = _revealed(said) or ""
    if not _is_path(name):
        return variable_risks(name.removeprefix(VARIABLES), text)
    position, _, directory = text.partition(" ")
    is_windows = position == FIRST and f"{directory}/".startswith(f"{_WINDOWS}/")
    return frozenset({Risk.RUNS_CODE_LATER}) if is_open(directory) or is_windows else frozenset()


def _check(name: str, fields: Mapping[str, object]) -> tuple[Complaint, ...]:
    return tuple(_complaints(name, fields))


def _complaints(name: str, fields: Mapping[str, object]) -> Iterator[Complaint]:
    directory, value = fields.get("directory"), fields.get("value")
    if isinstance(directory, str) and ":" in directory:
        yield Complaint(
            f"shell_env {name}: {directory} holds a colon, which parts the entries of PATH", field="directory"
        )
    if _is_path(name):
        return
    variable = name.removeprefix(VARIABLES)
    if variable == "PATH":
        yield Complaint("shell_env: PATH is made of directories", fix="declare them under  path:")
    elif (why := why_taken(variable)) is not None:
        yield Complaint(f"shell_env: {variable} {why}", fix="choose another name, or take it out")
    if isinstance(value, str) and (why := unsayable(value)) is not None:
        yield Complaint(f"shell_env {name} {why}", fix="keep it on one line")


RESOURCE: Final[type[Resource]] = ShellEnv
