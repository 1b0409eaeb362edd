"""All documents of a run, lowest rank first: playbooks, included files, the file itself."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from reconciler.documents import playbooks
from reconciler.documents.document_files import DocumentFiles
from reconciler.documents.globs import is_glob
from reconciler.documents.grammar import PLAYBOOK, Kinds
from reconciler.documents.reader import MAIN_FILE, Caller, RepoReader, find_main_file, git_top
from reconciler.documents.sections import scalars
from reconciler.documents.template_check import TemplateCheck
from reconciler.documents.templates import is_template
from reconciler.model.errors import DocumentError, Problem
from reconciler.model.tree import Mapping, Node, Origin, Scalar


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """`where` is the file's own condition; a playbook used by a file with a condition has the same."""

    name: str
    folder: Path
    root: Mapping
    where: Node | None = None
    is_playbook: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Repository:
    """`documents` from the lowest rank to the highest."""

    documents: tuple[Document, ...]
    reader: RepoReader
    main: Path
    template_names: frozenset[str]
    """The dotted names that its templates use, such as `vars.proxy_port`."""

    @property
    def secrets(self) -> frozenset[str]:
        """The names of the secrets that documents name."""
        return frozenset(key.text for _, section in self.sections("secrets") for key, _ in section)

    def sections(self, key: str) -> Iterator[tuple[Document, Mapping]]:
        """Each document's mapping under `key`."""
        for document in self.documents:
            node = document.root.get(key)
            if isinstance(node, Mapping):
                yield document, node


class ReadingError(DocumentError):
    """Carries what was read, so that the lines around each problem can be shown."""

    def __init__(self, problems: Iterable[Problem], reader: RepoReader) -> None:
        super().__init__(problems)
        self.reader = reader


def find(start: Path, file: Path | None) -> Path:
    """The main document; DocumentError tells how to begin where there is none."""
    found = file or find_main_file(start)
    if found is None:
        fix = "`reconcile init` writes one that describes this machine as it is and changes nothing"
        raise DocumentError(f"no {MAIN_FILE} here", fix=fix)
    try:
        return found.resolve()
    except (OSError, ValueError, RuntimeError):
        raise DocumentError(f"{found} leads nowhere", fix="name a file") from None


def open_repository(
    main: Path, caller: Caller, kinds: Kinds, known: set[str], version: str, known_facts: Collection[str] | None = None
) -> Repository:
    """Reads and checks everything; ReadingError holds all problems of all files.

    `known` has the digests of documents that were found good before, and gets the new ones. Without `known_facts` any
    name of a fact will do.
    """
    reader = RepoReader(top=_trusted_top(main, caller))
    templates = TemplateCheck(reader=reader, known_facts=known_facts)
    files = DocumentFiles(reader=reader, kinds=kinds, known=known, version=version, templates=templates)
    ranked = _Ranked(files=files)
    ranked.add_main(main)
    opened = Repository(
        documents=tuple(ranked.documents), reader=reader, main=main, template_names=frozenset(templates.names)
    )
    # A file that could not be read may be the one that names the secret.
    problems = files.problems or list(templates.undeclared(opened.secrets))
    if problems:
        raise ReadingError(dict.fromkeys(problems), reader)
    return opened


def _trusted_top(main: Path, caller: Caller) -> Path:
    """The folder that reads stay in. What others put above the caller's folders (a /tmp/.git) is not followed."""
    top = git_top(main.parent)
    for path in (top, top / ".git") if top else (main.parent, main):
        if path.exists() and not caller.owns(path):
            raise DocumentError(
                f"{path} belongs to somebody else; nothing in it is read", fix="work in a checkout of your own"
            )
    return (top or main.parent).resolve()


@dataclass(slots=True, kw_only=True)
class _Ranked:
    """Documents in the order of their rank, while they are found."""

    files: DocumentFiles
    documents: list[Document] = field(default_factory=list)

    def add_main(self, path: Path) -> None:
        shown = self.files.reader.shown(path)
        root = self.files.root(path, shown, path.name, Origin(shown, 1, 1))
        if root is None:
            return
        self._refuse(root, "where", "a condition on the whole file stands in an included file")
        self._use(root)
        for scalar in scalars(root.get("include")):
            if not is_template(scalar.text) and not self.files.has_enough:
                with self.files.collecting():
                    self._include(scalar, path.parent)
        self.documents.append(Document(name=shown, folder=path.parent, root=root))

    def _include(self, scalar: Scalar, folder: Path) -> None:
        reader, name = self.files.reader, scalar.text
        for path in reader.matching(name, folder, scalar.origin):
            shown = reader.shown(path)
            said = shown if is_glob(name) else name
            root = None if self.files.has_read(path) else self.files.root(path, shown, said, scalar.origin)
            if root is not None:
                self._refuse(root, "include", "only the main file may include")
                self._use(root)
                self.documents.append(Document(name=shown, folder=path.parent, root=root, where=root.get("where")))

    def _use(self, root: Mapping) -> None:
        """Which of several uses of a playbook counts depends on the place: `merge` knows."""
        used: set[str] = set()
        for scalar in scalars(root.get("use")):
            if PLAYBOOK.reads(scalar.text) and scalar.text not in used and not self.files.has_enough:
                used.add(scalar.text)
                with self.files.collecting():
                    self._add_playbook(scalar, root.get("where"))

    def _add_playbook(self, scalar: Scalar, where: Node | None) -> None:
        name, reader = scalar.text, self.files.reader
        path, is_shipped = playbooks.find(scalar, reader.top)
        if not is_shipped:
            path = reader.resolved(str(path), reader.top, scalar.origin)
        root = self.files.root(path, name if is_shipped else reader.shown(path), name, scalar.origin)
        if root is not None:
            self.files.problems.extend(playbooks.misplaced(root))
            self.documents.append(Document(name=name, folder=path.parent, root=root, where=where, is_playbook=True))

    def _refuse(self, root: Mapping, key: str, fix: str) -> None:
        node = root.key(key)
        if node is not None:
            self.files.problems.append(Problem(f"`{key}` may not stand in this file", node.origin, fix=fix))
