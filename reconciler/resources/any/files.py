"""Whole files from the repo: literal text, a copy, or a template.

Manages content, mode and, in the distro layer, owner and group, of which only the declared ones count; without any
content it manages those alone. New files get 0644, those that hold a secret 0600. Text gets the line ends that `newline` says, LF by default, whatever
git made of the checkout. A link is not written through unless `follow: true`. Takes effect at once.

    distro:
      files:
        /etc/profile.d/go.sh: {source: files/go.sh, mode: "0644"}
    user:
      files:
        ~/.config/git/ignore: {content: "*.swp\n"}
        ~/.npmrc: {template: files/npmrc.j2, mode: "0600"}

Source: open(2), chmod(2).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, ClassVar, Final

from reconciler.model.address import Layer
from reconciler.model.claims import Account, Need
from reconciler.model.facts import NEEDS_ROOT, Fact, FactSheet, FileText, PathInfo, PathState, PathType
from reconciler.model.facts import Account as AccountFact
from reconciler.model.resource import Blocked, Fields, NotApplicable, Observed, Part, Resource, Seen, Unknown, Want
from reconciler.model.schema import (
    Boolean,
    Complaint,
    KindSchema,
    MapOf,
    RepoPath,
    RepoUse,
    Text,
    described,
    record_of,
)
from reconciler.model.secrets import Secret
from reconciler.model.tasks import Base as TaskBase
from reconciler.model.tasks import Remove, SetMode, Task, WriteFile
from reconciler.model.values import Absent, RepoFile
from reconciler.resources.base import (
    ACCOUNT_NAME,
    MODE,
    Base,
    distrusted,
    in_the_way,
    normal_mode,
    octal,
    parent_facts,
    parent_needs,
    path_name,
)
from reconciler.resources.privileged_paths import path_risks, removal_risks

CONTENT_FIELDS: Final = ("content", "source", "template")


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    content: str | None = field(default=None, metadata=described("The text itself."))
    source: RepoFile | None = field(default=None, metadata=described("A file of the repo, copied."))
    template: Annotated[RepoFile | None, RepoPath(use=RepoUse.TEMPLATE)] = field(
        default=None, metadata=described("A file of the repo, rendered.")
    )
    mode: Annotated[str | None, MODE] = field(
        default=None, metadata=described("Permissions as octal digits; new files get 0644, with a secret 0600.")
    )
    newline: Annotated[str, Text(choices=("lf", "crlf", "keep"), expected="lf, crlf or keep")] = field(
        default="lf", metadata=described("Line ends of text: lf, crlf, or as the repo has them.")
    )
    follow: Annotated[bool, Boolean()] = field(
        default=False, metadata=described("Write to the file at the end of a link.")
    )

    def whole(self) -> bytes | Secret | None:
        """The content with its line ends; None where none is declared. A secret's line ends stay as they are."""
        given = self.content if self.content is not None else self.source or self.template
        if given is None or isinstance(given, Secret):
            return given
        data = given.encode("utf-8", "surrogateescape") if isinstance(given, str) else given.data
        return data if self.newline == "keep" or b"\0" in data else _with_line_ends(data, self.newline)


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnedFile(File):
    owner: Annotated[str | None, ACCOUNT_NAME] = field(
        default=None, metadata=described("The owner; new files are root's.")
    )
    group: Annotated[str | None, ACCOUNT_NAME] = field(default=None, metadata=described("The group."))


class Files(Base):
    kind: ClassVar[str] = "files"
    layers: ClassVar[frozenset[Layer]] = frozenset({Layer.DISTRO, Layer.USER})

    @classmethod
    def schema(cls, layer: Layer) -> KindSchema:
        item = record_of(File if layer is Layer.USER else OwnedFile)
        return KindSchema(
            items=MapOf(of=item, keys=path_name(layer), expected="files by path"),
            description="Whole files: literal text, a copy from the repo, or a template.",
            check=_check,
        )

    def wanted_facts(self) -> frozenset[Fact]:
        owners = {item.owner for item in self.items.values() if isinstance(item, OwnedFile) and item.owner}
        paths = {fact for path in self.items for fact in (FileText(path), PathInfo(path), *parent_facts(path))}
        return frozenset(paths | {AccountFact(name) for name in owners})

    def observe(self, sheet: FactSheet) -> Mapping[str, Observed]:
        found = {path: self._seen(path, item, sheet) for path, item in self.items.items()}
        return {path: seen for path, seen in found.items() if seen is not None}

    def _seen(self, path: str, item: object, sheet: FactSheet) -> Observed | None:
        file = sheet.file(path)
        follow = isinstance(item, File) and item.follow
        state = file.state.followed if follow else file.state
        if state.type is PathType.UNKNOWN:
            return Unknown(NEEDS_ROOT)
        obstacle = _obstacle(file.state, follow)
        if obstacle is not None:
            return obstacle
        if state.type is PathType.MISSING:
            return None
        wants_content = isinstance(item, File) and item.whole() is not None
        if file.unreadable and wants_content:
            return Unknown(file.unreadable)
        content = None if file.data is None else file.data.decode("utf-8", "surrogateescape")
        fields: dict[str, str | None] = {"content": content, "mode": octal(state.mode)}
        if self.layer is Layer.DISTRO:
            fields |= {"owner": state.owner, "group": state.group}
        return Seen(fields=fields)

    def want(self, name: str, item: object) -> Want:
        if isinstance(item, Absent):
            return Want(owns=(name,), risks=removal_risks(name))
        assert isinstance(item, File)
        whole = item.whole()
        fields: dict[str, str | Secret] = {}
        if whole is not None:
            fields["content"] = whole if isinstance(whole, Secret) else whole.decode("utf-8", "surrogateescape")
        if item.mode is not None:
            fields["mode"] = normal_mode(item.mode)
        if isinstance(item, OwnedFile):
            fields |= {key: value for key, value in (("owner", item.owner), ("group", item.group)) if value}
        owns, shares = ((name,), ()) if whole is not None else ((), (name,))
        return Want(fields=fields, owns=owns, shares=shares, risks=path_risks(name, item.mode))

    def write(
        self, name: str, before: Seen | None, after: Fields | Absent, sheet: FactSheet
    ) -> Sequence[Part] | Blocked | NotApplicable:
        file, item = sheet.file(name), self.items[name]
        follow = isinstance(item, File) and item.follow
        state = file.state.followed if follow else file.state
        if isinstance(after, Absent):
            return (Part(thing=state.path, tasks=(Remove(path=state.path, base=TaskBase.of(state, file.data)),)),)
        if before is None and "content" not in after:
            return Blocked(
                f"{state.path} does not exist, and no content is declared", fix="add  content:, source: or template:"
            )
        accounts = (Need(Account(str(after["owner"]))),) if "owner" in after else ()
        needs = (*parent_needs(name, sheet), *accounts)
        task = _task(state, file.data, before, after)
        return (Part(thing=state.path, tasks=(task,), needs=needs, before=file.data),)


def _task(state: PathState, data: bytes | None, before: Seen | None, after: Fields) -> Task:
    mode = int(str(after["mode"]), 8) if "mode" in after else None
    owner, group = (str(after[key]) if key in after else None for key in ("owner", "group"))
    base, content = TaskBase.of(state, data), after.get("content")
    text = content.reveal() if isinstance(content, Secret) else content
    if text is None or (before is not None and before.fields.get("content") == text):
        return SetMode(path=state.path, base=base, mode=mode, owner=owner, group=group)
    return WriteFile(
        path=state.path,
        content=str(text).encode("utf-8", "surrogateescape"),
        base=base,
        mode=_first_mode(content) if before is None and mode is None else mode,
        owner=owner,
        group=group,
        secrets=content.names if isinstance(content, Secret) else frozenset(),
    )


def _first_mode(content: object) -> int:
    """Of a new file without a declared mode: one that holds a secret is its owner's alone."""
    return 0o600 if isinstance(content, Secret) else 0o644


def _obstacle(state: PathState, follow: bool) -> Blocked | None:
    if state.distrusted:
        return Blocked(distrusted(state) or "")
    if state.type is PathType.LINK and not follow:
        fix = "declare it under  symlinks:, or write through it with  follow: true"
        return Blocked(f"{state.path} is a link to {state.link}", fix=fix)
    if state.type is PathType.LINK and state.followed.type is PathType.MISSING:
        return Blocked(f"{state.path} is a link to {state.link}, which does not exist")
    return None if state.followed.type in (PathType.FILE, PathType.MISSING) else in_the_way(state.followed, "a file")


def _with_line_ends(data: bytes, newline: str) -> bytes:
    unix = data.replace(b"\r\n", b"\n")
    return unix if newline == "lf" else unix.replace(b"\n", b"\r\n")


def _check(name: str, fields: Mapping[str, object]) -> tuple[Complaint, ...]:
    given = [key for key in CONTENT_FIELDS if key in fields]
    if len(given) > 1:
        return (Complaint(f"{name} has {' and '.join(given)}; one file has one content", field=given[1]),)
    return ()


RESOURCE: Final[type[Resource]] = Files
