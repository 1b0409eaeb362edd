"""Entries in the menus of a desktop: a program, with the variables that it needs set.

A desktop starts its programs without the files that shells read: an editor from the menu misses GOROOT and PATH, the same
editor from a terminal has them. An entry of one's own sets them in front of the program. Manages the whole file
~/.local/share/applications/NAME.desktop; an entry of the same name hides the system's. `exec` is the program with its
words: no shell reads it, a word with blanks stands in double quotes, `%F` is where the desktop puts the files to open.
What it may hold is public: a secret is refused. Takes effect at once.

    user:
      desktop_entry:
        code-go:
          name: Code (Go)
          exec: /usr/bin/code --new-window %F
          environment: {GOROOT: /usr/local/go}
          icon: vscode

Source: Desktop Entry Specification 1.5.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, ClassVar, Final

from reconciler.formats import desktop_entry
from reconciler.model.address import Layer
from reconciler.model.facts import Fact, FactSheet, FileText, ProgramPath
from reconciler.model.resource import Blocked, Fields, FileEdit, NotApplicable, Observed, Part, Resource, Seen, Want
from reconciler.model.schema import Complaint, KindSchema, ListOf, MapOf, Text, described, record_of
from reconciler.model.secrets import SecretText
from reconciler.model.states import Phase, Risk
from reconciler.model.tasks import RunCommand
from reconciler.model.values import Absent
from reconciler.resources.base import Base, parent_facts, parent_needs
from reconciler.resources.environment_variables import VARIABLE_NAME, VARIABLE_VALUE, unsayable
from reconciler.resources.members import TEXT, WholeText, whole_text

_FOLDER: Final = "~/.local/share/applications"
_CACHE: Final = "update-desktop-database"
_NAME: Final = Text(
    pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]*$",
    expected="the file's name without .desktop: letters, digits, _ . -",
    fixed=True,
)
_CATEGORY: Final = Text(pattern=r"^[A-Za-z0-9-]+$", expected="a category such as Development")
_TYPE: Final = Text(pattern=r"^[\w.+-]+/[\w.+-]+$", expected="a type such as text/x-go")


@dataclass(frozen=True, slots=True, kw_only=True)
class DesktopEntry:
    name: str = field(metadata=described("What menus call it."))
    exec: str = field(metadata=described("The program with its words, as the key Exec has them."))
    environment: Annotated[Mapping[str, str], MapOf(of=VARIABLE_VALUE, keys=VARIABLE_NAME)] = field(
        default_factory=dict, metadata=described("Variables that the program gets.")
    )
    icon: str | None = field(default=None, metadata=described("An icon's name, or the path of a picture."))
    terminal: bool = field(default=False, metadata=described("Whether it runs in a terminal."))
    categories: Annotated[tuple[str, ...], ListOf(of=_CATEGORY)] = field(
        default=(), metadata=described("Where menus put it, such as Development and IDE.")
    )
    mime_types: Annotated[tuple[str, ...], ListOf(of=_TYPE)] = field(
        default=(), metadata=described("Types of files that it opens.")
    )
    wm_class: str | None = field(
        default=None, metadata=described("The class of its windows, by which docks know them.")
    )
    comment: str | None = field(default=None, metadata=described("What is shown beside its name."))

    def text(self) -> str:
        keys: dict[str, desktop_entry.Value | None] = {
            "Type": "Application",
            "Name": self.name,
            "Comment": self.comment,
            "Exec": desktop_entry.command(self.exec, self.environment),
            "Icon": self.icon,
            "Terminal": self.terminal,
            "Categories": self.categories or None,
            "MimeType": self.mime_types or None,
            "StartupWMClass": self.wm_class,
        }
        return desktop_entry.text({key: value for key, value in keys.items() if value is not None})


class DesktopEntries(Base):
    kind: ClassVar[str] = "desktop_entry"
    layers: ClassVar[frozenset[Layer]] = frozenset({Layer.USER})

    @classmethod
    def schema(cls, layer: Layer) -> KindSchema:
        return KindSchema(
            items=MapOf(of=record_of(DesktopEntry), keys=_NAME, expected="entries by name"),
            description="Entries in the menus of a desktop, with the variables that their program needs.",
            check=_check,
        )

    def wanted_facts(self) -> frozenset[Fact]:
        paths = {_path(name) for name in self.items}
        return frozenset(fact for path in paths for fact in (FileText(path), ProgramPath(_CACHE), *parent_facts(path)))

    def observe(self, sheet: FactSheet) -> Mapping[str, Observed]:
        found = {name: whole_text(sheet.file(_path(name))) for name in self.items}
        return {name: seen for name, seen in found.items() if seen is not None}

    def want(self, name: str, item: object) -> Want:
        if isinstance(item, Absent):
            return Want(owns=(_path(name),), risks=frozenset({Risk.DELETES}))
        assert isinstance(item, DesktopEntry)
        return Want(fields={TEXT: item.text()}, owns=(_path(name),), risks=frozenset({Risk.RUNS_CODE_LATER}))

    def write(
        self, name: str, before: Seen | None, after: Fields | Absent, sheet: FactSheet
    ) -> Sequence[Part] | Blocked | NotApplicable:
        path = _path(name)
        value = None if isinstance(after, Absent) else str(after[TEXT])
        edit = FileEdit(path=path, codec=WholeText(), member=TEXT, value=value, ours=True)
        needs = () if value is None else parent_needs(path, sheet)
        return (Part(thing=path, edits=(edit,), needs=needs), *self._cache(name, sheet))

    def _cache(self, name: str, sheet: FactSheet) -> tuple[Part, ...]:
        """Desktops look types of files up in a cache, which the real system's program makes."""
        item = self.items[name]
        if (
            sheet.host.at_rest
            or sheet.program(_CACHE) is None
            or not (isinstance(item, DesktopEntry) and item.mime_types)
        ):
            return ()
        folder = _FOLDER.replace("~", sheet.host.home, 1)
        return (Part(thing=_CACHE, tasks=(RunCommand(argv=(_CACHE, folder)),), phase=Phase.RELOADS),)


def _path(name: str) -> str:
    return f"{_FOLDER}/{name}.desktop"


def _check(name: str, fields: Mapping[str, object]) -> tuple[Complaint, ...]:
    return tuple(_complaints(name, fields))


def _complaints(name: str, fields: Mapping[str, object]) -> Iterator[Complaint]:
    for place, value in _texts(fields):
        if isinstance(value, SecretText):
            fix = "have the program read it where it is kept"
            yield Complaint(f"desktop_entry {name}: {place} would hold a secret, and everyone may read it", fix, place)
        elif isinstance(value, str) and (why := unsayable(value)):
            yield Complaint(f"desktop_entry {name}: {place} {why}", fix="keep it on one line", field=place)
    line = fields.get("exec")
    refusal = desktop_entry.why_refused(line) if isinstance(line, str) else None
    if refusal is not None:
        what, fix = refusal
        yield Complaint(f"desktop_entry {name}: exec: {what}", fix, "exec")


def _texts(fields: Mapping[str, object]) -> Iterator[tuple[str, object]]:
    """Every value, with the dotted path of the field that it stands in."""
    for place, value in fields.items():
        match value:
            case Mapping():
                yield from ((f"{place}.{key}", inner) for key, inner in value.items())
            case tuple() | list():
                yield from ((place, inner) for inner in value)
            case _:
                yield place, value


RESOURCE: Final[type[Resource]] = DesktopEntries
