"""Parts become changes: all edits of one file are one write, whoever asked for them; tasks of their own stay their own."""

from __future__ import annotations

import functools
import operator
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from reconciler.model.address import Target
from reconciler.model.errors import DocumentError, Problem
from reconciler.model.facts import NEEDS_ROOT, FactSheet, FileState, PathState, PathType
from reconciler.model.plan import Change, ItemPlan, TextDiff
from reconciler.model.resource import Codec, Creation, FileEdit, Part
from reconciler.model.secrets import Secret
from reconciler.model.states import Effect, Phase, State
from reconciler.model.tasks import Base, Remove, RemoveUnpacked, RunCommand, SetMode, Task, WriteFile
from reconciler.planning.compare import Draft
from reconciler.planning.places import end, place


@dataclass(slots=True, kw_only=True)
class Bundle:
    """What becomes one change: all that is done to one thing, with the items it is for.

    A path and what goes live there (a directory and the mount on it) are two things. `thing` is a file's resolved path.
    `prepared` are tasks for what items need and nobody provides: one that several need is done once.
    """

    target: Target
    thing: str
    live: bool = False
    work: list[tuple[Draft, Part]] = field(default_factory=list)
    prepared: list[tuple[Draft, Task]] = field(default_factory=list)

    @property
    def id(self) -> str:
        return f"{self.target}:{self.thing}" + (" (live)" if self.live and self.thing.startswith("/") else "")

    @property
    def drafts(self) -> list[Draft]:
        return [draft for draft, _ in self.work]

    @property
    def removes(self) -> bool:
        """Whether the thing is gone afterwards: what stands on it must go first."""
        if self.live:
            return all(draft.item.state is State.REMOVE for draft in self.drafts)
        return any(isinstance(task, Remove | RemoveUnpacked) for _, part in self.work for task in part.tasks)


def obstructed(draft: Draft) -> Draft:
    """The draft, or blocked or unknown where one of its edits meets something that is no file it may write."""
    for part in draft.parts:
        for edit in part.edits:
            verdict = _obstacle(draft.item, edit, draft.sheet)
            if verdict is not None:
                return replace(draft, item=verdict, parts=())
    return draft


def _obstacle(item: ItemPlan, edit: FileEdit, sheet: FactSheet) -> ItemPlan | None:
    file = sheet.file(edit.path)
    if edit.replaces_link and file.state.type is PathType.LINK and not file.state.distrusted:
        return None
    why = path_obstacle(file.state, follow=edit.follow)
    if why is not None:
        return replace(item, state=State.BLOCKED, why=why)
    if file.unreadable:
        elevation = item.elevation or file.unreadable == NEEDS_ROOT
        return replace(item, state=State.UNKNOWN, why=file.unreadable, elevation=elevation)
    return None


def path_obstacle(state: PathState, *, follow: bool) -> str | None:
    """Why no file may be written there, None where one may."""
    if state.distrusted:
        return f"{state.distrusted} can be written by others, so root keeps out: declare it under user:"
    if state.type is PathType.LINK and not follow:
        return f"{state.path} is a link to {state.link}; a link is not written through here"
    if state.type is PathType.LINK and state.followed.type is PathType.MISSING:
        return f"{state.path} is a link to {state.link}, which does not exist"
    if state.followed.type not in (PathType.FILE, PathType.MISSING, PathType.UNKNOWN):
        return f"{state.path} is a {state.followed.type}, not a file"
    return None


def bundles(drafts: Sequence[Draft]) -> list[Bundle]:
    """The parts of what is written, by target and thing, in the order of the drafts."""
    found: dict[str, Bundle] = {}
    prepared: dict[tuple[Target, str], Bundle] = {}
    for draft in drafts:
        target = draft.item.address.target
        for part in draft.parts:
            for thing, task in _preparations(part):
                # The layer that needs it first does it for all.
                bundle = prepared.setdefault((target.machine, thing), Bundle(target=target, thing=thing))
                found.setdefault(bundle.id, bundle).prepared.append((draft, task))
            bundle = bundle_of(draft, part)
            found.setdefault(bundle.id, bundle).work.append((draft, part))
    return list(found.values())


def bundle_of(draft: Draft, part: Part) -> Bundle:
    """An empty bundle for the thing that a part works on; a file goes by its resolved path, whatever it was called."""
    thing = part.thing
    if part.edits:
        at = place if part.edits[0].replaces_link else end
        thing = at(part.edits[0].path, draft.sheet)
    live = not part.edits and all(isinstance(task, RunCommand) for task in part.tasks)
    return Bundle(target=draft.item.address.target, thing=thing, live=live)


def _preparations(part: Part) -> Iterator[tuple[str, Task]]:
    """The tasks that are due because nobody provides what is needed, each with its thing."""
    for need in part.needs:
        for task in need.otherwise:
            yield str(need.claim) if isinstance(task, RunCommand) else task.path, task


def secrets_by_path(drafts: Iterable[Draft]) -> Mapping[tuple[Target, str], frozenset[str]]:
    """The names of the secrets in each file, also of those that stand there already and are not written now."""
    found: dict[tuple[Target, str], frozenset[str]] = {}
    for draft in drafts:
        names = frozenset(
            name for value in draft.want.fields.values() if isinstance(value, Secret) for name in value.names
        )
        for path in (*draft.want.owns, *draft.want.shares) if names else ():
            for at in {place(path, draft.sheet), end(path, draft.sheet)}:
                key = (draft.item.address.target, at)
                found[key] = found.get(key, frozenset()) | names
    return found


def change(bundle: Bundle, waits: tuple[str, ...], secrets: frozenset[str]) -> Change:
    """The change of a bundle, without its fingerprint. `secrets` are the names of those in the file it writes."""
    _require_one_writer(bundle)
    edits = [(draft, edit) for draft, part in bundle.work for edit in part.edits]
    writes = [_folded(edits)] if edits else []
    own = [*writes, *(task for _, part in bundle.work for task in part.tasks)]
    due = own or [task for _, task in bundle.prepared]
    tasks = tuple(_with_secrets(task, secrets) for task in _joined(dict.fromkeys(due)))
    return Change(
        id=bundle.id,
        target=bundle.target,
        thing=bundle.thing,
        addresses=tuple(
            dict.fromkeys(draft.item.address for draft in (*bundle.drafts, *(draft for draft, _ in bundle.prepared)))
        ),
        tasks=tasks,
        needs=waits,
        claims=tuple(dict.fromkeys(need.claim for _, part in bundle.work for need in part.needs)),
        effect=Effect.latest(draft.item.effect for draft in bundle.drafts),
        risks=frozenset(risk for draft in bundle.drafts for risk in draft.want.risks),
        phase=max((part.phase for _, part in bundle.work), default=Phase.MOUNTS),
        asks=tuple(dict.fromkeys(ask for _, part in bundle.work for ask in part.asks)),
        text=_text_of(tasks, bundle),
        digests={draft.item.address: draft.digest for draft in bundle.drafts if draft.item.effect is not Effect.NOW},
    )


def _joined(tasks: Iterable[Task]) -> Iterator[Task]:
    """The tasks; programs that differ only in their last words run once, with all of them."""
    last_words: dict[Task, list[str]] = {}
    for task in tasks:
        match task:
            case RunCommand(more=more):
                last_words.setdefault(replace(task, more=()), []).extend(more)
            case _:
                last_words.setdefault(task, [])
    for task, words in last_words.items():
        yield replace(task, more=tuple(dict.fromkeys(words))) if isinstance(task, RunCommand) else task


def _require_one_writer(bundle: Bundle) -> None:
    """DocumentError where two items would write one path whole, under different names that lead to the same place."""
    work = [(draft, task) for draft, part in bundle.work for task in part.tasks if not isinstance(task, RunCommand)]
    whole = any(not isinstance(task, SetMode) for _, task in work)
    editors = [draft for draft, part in bundle.work if part.edits and whole]
    items = {draft.item.address: draft.item for draft in (*(draft for draft, _ in work), *editors)}
    if len(items) > 1:
        first, second, *_ = items.values()
        what = f"two items would write {bundle.thing}: {_named(first)} and {_named(second)}"
        raise DocumentError([Problem(what, second.origin, fix="declare it in one of them only")])


def _named(item: ItemPlan) -> str:
    return f"{item.address} ({item.origin})" if item.origin else str(item.address)


def _folded(edits: Sequence[tuple[Draft, FileEdit]]) -> WriteFile | Remove:
    """One write of a file from all edits of its members; a file of ours that has none left goes."""
    draft, first = edits[0]
    file = draft.sheet.file(first.path)
    if first.replaces_link and file.state.type is PathType.LINK:
        file = FileState(state=replace(file.state, behind=None))
    text = (file.data or b"").decode("utf-8", "surrogateescape")
    is_ours = all(edit.ours for _, edit in edits)
    for codec, members in _by_codec(edits).items():
        try:
            text = codec.edit(text, {name: _plain(edit.value) for name, (_, edit) in members.items()})
        except ValueError as error:
            what = f"{first.path} cannot hold what {_named(draft.item)} and others want: {error}"
            raise DocumentError([Problem(what, draft.item.origin)]) from error
    if is_ours and not text.strip() and file.data is not None:
        return Remove(path=file.state.followed.path, base=Base.of_file(file))
    secrets = frozenset(name for _, edit in edits if isinstance(edit.value, Secret) for name in edit.value.names)
    private = any(edit.private for _, edit in edits)
    created = (
        _creation([edit.create for _, edit in edits], secret=private or bool(secrets)) if file.data is None else None
    )
    return WriteFile(
        path=file.state.followed.path,
        content=text.encode("utf-8", "surrogateescape"),
        base=Base.of_file(file),
        mode=created.mode if created else _narrowed(file.state.followed.mode) if private else None,
        owner=created.owner if created else None,
        group=created.group if created else None,
        secrets=secrets,
        validate=next((edit.validate for _, edit in edits if edit.validate), ()),
    )


def _plain(value: str | Secret | None) -> str | None:
    return value.reveal() if isinstance(value, Secret) else value


def _creation(wanted: Sequence[Creation], *, secret: bool) -> Creation:
    """A new file gets no more rights than each of those who share it would give; one with a secret is its owner's alone."""
    mode = functools.reduce(operator.and_, (each.mode for each in wanted), 0o600 if secret else 0o7777)
    return replace(next((each for each in wanted if each.owner or each.group), wanted[0]), mode=mode)


def _narrowed(mode: int | None) -> int | None:
    """A mode without the rights of others than the owner; None where it gives them none."""
    return None if mode is None or not mode & 0o077 else mode & 0o700


def _by_codec(edits: Sequence[tuple[Draft, FileEdit]]) -> Mapping[Codec, Mapping[str, tuple[Draft, FileEdit]]]:
    """DocumentError: two items want different values of one member."""
    found: dict[Codec, dict[str, tuple[Draft, FileEdit]]] = {}
    for draft, edit in edits:
        earlier, other = found.setdefault(edit.codec, {}).setdefault(edit.member, (draft, edit))
        if other.value != edit.value:
            names = f"{_named(earlier.item)} and {_named(draft.item)}"
            what = f"{names} want different values of {edit.member} in {edit.path}"
            raise DocumentError([Problem(what, draft.item.origin, fix="declare it in one of them only")])
    return found


def _with_secrets(task: Task, secrets: frozenset[str]) -> Task:
    return replace(task, secrets=task.secrets | secrets) if isinstance(task, WriteFile) else task


def _text_of(tasks: Sequence[Task], bundle: Bundle) -> TextDiff | None:
    """The text of a file that is written, old and new; None for one that holds a secret, or that not everybody may
    read: what its other lines hold nobody knows."""
    write = next((task for task in tasks if isinstance(task, WriteFile)), None)
    if write is None or write.secrets or not (0o004 if write.base.mode is None else write.base.mode) & 0o004:
        return None
    old = next((data for draft, part in bundle.work if (data := _old_bytes(part, draft.sheet)) is not None), None)
    return TextDiff(path=write.path, before=_shown(old), after=_shown(write.content))


def _old_bytes(part: Part, sheet: FactSheet) -> bytes | None:
    """Of the file itself; of one that takes a link's place, what was read through that."""
    return sheet.file(part.edits[0].path).data if part.edits else part.before


def _shown(data: bytes | None) -> str | None:
    if data is None or b"\0" in data:
        return None
    return data.decode("utf-8", "surrogateescape")
