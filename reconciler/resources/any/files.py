"""Whole files: literal text, a copy from the repo, a template, a download; directories that hold what an archive holds; and
blocks in files of others.

Manages content, mode and, in the distro layer, owner and group, of which only the declared ones count; without any
content it manages those alone. New files get 0644, those that hold a secret 0600. Text gets the line ends that `newline`
says, LF by default, whatever git made of the checkout. A link is not written through unless `follow: true`. Takes effect
at once.

A download is known by its `sha256`. It is fetched once, kept in ~/.cache/reconcile/downloads under that digest, and sent
to every machine that wants it; a file that is put there by hand needs no network. With `via: target` the machine fetches
it, by its own curl. With `archive: true` (tar, also with gzip, xz or bzip2; zip) the item is a directory, with a file
`.reconcile-archive` in it that says which archive it holds: another archive takes its place, with all that was added
there since. What was not unpacked by reconcile and is not empty is never replaced.

With `block:` the item is some lines between two markers in a file that keeps everything else: at its end, at its start, or
above the lines by which a .bashrc ends for shells that are not interactive. `block: {absent: true}` takes them out; the item
itself absent means the whole file. Markers that somebody has changed block the item; its place is never guessed.

    distro:
      files:
        /etc/profile.d/go.sh: {source: files/go.sh, mode: "0644"}
        /opt/hello:
          url: https://example.com/hello-1.0.tar.gz
          sha256: 0c3d3500e2a9ac40cb56e624da698b2c276db1f860fc2cf95fb6735a83401061
          archive: true
          strip: 1
    user:
      files:
        ~/.config/git/ignore: {content: "*.swp\n"}
        ~/.npmrc: {template: files/npmrc.j2, mode: "0600"}
        ~/.bashrc: {block: "alias ll='ls -l'"}

Source: open(2), chmod(2), tar(1).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import ClassVar, Final

from reconciler.model.address import Layer
from reconciler.model.claims import Account, Claim, Need, Path, Program
from reconciler.model.facts import Account as AccountFact
from reconciler.model.facts import Fact, FactSheet, FileText, PathInfo, PathState, PathType
from reconciler.model.resource import Blocked, Fields, NotApplicable, Observed, Part, Resource, Seen, Unknown, Want
from reconciler.model.schema import (
    KindSchema,
    MapOf,
    record_of,
)
from reconciler.model.secrets import Secret
from reconciler.model.values import Absent, Json
from reconciler.resources.base import (
    Base,
    distrusted,
    in_the_way,
    normal_mode,
    octal,
    parent_facts,
    parent_needs,
    path_name,
    unseen,
)
from reconciler.resources.file_blocks import Block
from reconciler.resources.file_complaints import complaints
from reconciler.resources.file_contents import (
    Archive,
    Content,
    Literal,
    Rights,
    download_facts,
    marker,
    removal,
    unpacked,
)
from reconciler.resources.file_items import File, OwnedFile
from reconciler.resources.privileged_paths import folder_risks, path_risks, removal_risks


class Files(Base):
    kind: ClassVar[str] = "files"
    layers: ClassVar[frozenset[Layer]] = frozenset({Layer.DISTRO, Layer.USER})

    @classmethod
    def as_declared(
        cls, layer: Layer, name: str, seen: Mapping[str, Json], data: bytes | None, after: Mapping[str, Json] | None
    ) -> object | None:
        """Its bytes and rights; of what was unpacked nobody has the archive any more, unless it was nothing."""
        if "block" in seen:
            return super().as_declared(layer, name, seen, data, after)
        rights = {key: seen[key] for key in ("mode", "owner", "group") if seen.get(key) is not None}
        if data is not None:
            return {**rights, "content": data.decode("utf-8", "surrogateescape"), "newline": "keep"}
        return rights if seen.keys() <= {"content", *rights} and seen.get("content") is None else None

    @classmethod
    def schema(cls, layer: Layer) -> KindSchema:
        item = record_of(File if layer is Layer.USER else OwnedFile)
        return KindSchema(
            items=MapOf(of=item, keys=path_name(layer), expected="files by path"),
            description="Whole files: literal text, a copy, a template or a download; and unpacked archives.",
            check=partial(complaints, layer),
        )

    def wanted_facts(self) -> frozenset[Fact]:
        owners = {item.owner for item in self.items.values() if isinstance(item, OwnedFile) and item.owner}
        paths = {
            fact
            for path, item in self.items.items()
            for fact in (PathInfo(path), *_facts(path, item), *parent_facts(path))
        }
        return frozenset(paths | {AccountFact(name) for name in owners})

    def observe(self, sheet: FactSheet) -> Mapping[str, Observed]:
        found = {path: self._seen(path, item, sheet) for path, item in self.items.items()}
        return {path: seen for path, seen in found.items() if seen is not None}

    def _seen(self, path: str, item: object, sheet: FactSheet) -> Observed | None:
        content, state = _holds(item), _state(path, item, sheet)
        if state.type is PathType.UNKNOWN:
            return unseen(state)
        block = _block(item)
        if block is not None:
            return _obstacle(sheet.path(path), block.follow, is_tree=False) or block.seen(path, sheet)
        tree = unpacked(path, sheet) if isinstance(item, Absent) and state.type is PathType.DIRECTORY else None
        is_tree = tree is not None or isinstance(content, Archive)
        obstacle = _obstacle(sheet.path(path), _follows(item), is_tree=is_tree)
        if obstacle is not None:
            return obstacle
        if state.type is PathType.MISSING:
            return None
        seen = content.seen(path, state, sheet) if tree is None else tree
        if isinstance(seen, Unknown | Blocked):
            return seen
        fields = {**seen, "mode": octal(state.mode)}
        if self.layer is Layer.DISTRO:
            fields |= {"owner": state.owner, "group": state.group}
        return Seen(fields=fields)

    def want(self, name: str, item: object) -> Want:
        if isinstance(item, Absent):
            return Want(owns=(name,), risks=removal_risks(name))
        assert isinstance(item, File)
        block = item.as_block()
        if block is not None:
            return Want(fields=block.fields, shares=(name,), risks=path_risks(name, None))
        content = item.holds()
        fields = {**content.fields()}
        if item.mode is not None:
            fields["mode"] = normal_mode(item.mode)
        if isinstance(item, OwnedFile):
            fields |= {key: value for key, value in (("owner", item.owner), ("group", item.group)) if value}
        owns, shares = ((name,), ()) if content.is_declared else ((), (name,))
        risks = path_risks(name, item.mode) | (folder_risks(name) if isinstance(content, Archive) else frozenset())
        return Want(fields=fields, owns=owns, shares=shares, provides=_provides(name, item, content), risks=risks)

    def write(
        self, name: str, before: Seen | None, after: Fields | Absent, sheet: FactSheet
    ) -> Sequence[Part] | Blocked | NotApplicable:
        item = self.items[name]
        block = _block(item)
        if block is not None:
            return (block.part(name, sheet),)
        content, state = _holds(item), _state(name, item, sheet)
        if isinstance(after, Absent):
            return (Part(thing=state.path, tasks=(removal(name, state, sheet),)),)
        if before is None and not content.is_declared:
            fix = "add  content:, source:, template: or url:"
            return Blocked(f"{state.path} does not exist, and no content is declared", fix=fix)
        rights = Rights.of(after)
        if before is None or _differs(before, content.fields()):
            task = content.written(name, state, sheet, rights)
        else:
            task = rights.set(state.path, content.base(name, state, sheet))
        accounts = (Need(Account(str(after["owner"]))),) if "owner" in after else ()
        needs = (*parent_needs(name, sheet), *accounts)
        shown = sheet.file(name).data if isinstance(content, Literal) else None
        return (Part(thing=state.path, tasks=(task,), needs=needs, before=shown),)


def _facts(path: str, item: object) -> frozenset[Fact]:
    """What tells of the content; of fields that are not known yet, of all that they may mean."""
    if isinstance(item, File) and item.url is not None:
        return download_facts(path, file=item.archive is not True, archive=item.archive is not False)
    return frozenset({FileText(path), marker(path)} if isinstance(item, Absent) else {FileText(path)})


def _block(item: object) -> Block | None:
    return item.as_block() if isinstance(item, File) else None


def _holds(item: object) -> Content:
    return item.holds() if isinstance(item, File) else Literal(value=None)


def _follows(item: object) -> bool:
    return isinstance(item, File) and item.follow


def _state(path: str, item: object, sheet: FactSheet) -> PathState:
    state = sheet.path(path)
    return state.followed if _follows(item) else state


def _provides(name: str, item: File, content: Content) -> frozenset[Claim]:
    if isinstance(content, Archive):
        return frozenset({Path(name)})
    is_program = content.is_declared and item.mode is not None and int(item.mode, 8) & 0o111
    return frozenset({Program(name)}) if is_program else frozenset()


def _differs(before: Seen, wanted: Mapping[str, object]) -> bool:
    plain = {key: value.reveal() if isinstance(value, Secret) else value for key, value in wanted.items()}
    return any(before.fields.get(key) != value for key, value in plain.items())


def _obstacle(state: PathState, follow: bool, *, is_tree: bool) -> Blocked | None:
    """What stands in the way of a file; what stands in that of a tree, its content says."""
    if state.distrusted:
        return Blocked(distrusted(state) or "")
    if is_tree:
        return None
    if state.type is PathType.LINK and not follow:
        fix = "declare it under  symlinks:, or write through it with  follow: true"
        return Blocked(f"{state.path} is a link to {state.link}", fix=fix)
    if state.type is PathType.LINK and state.followed.type is PathType.MISSING:
        return Blocked(f"{state.path} is a link to {state.link}, which does not exist")
    return None if state.followed.type in (PathType.FILE, PathType.MISSING) else in_the_way(state.followed, "a file")


RESOURCE: Final[type[Resource]] = Files
