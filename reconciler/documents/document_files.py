"""Files as checked documents, each read once. What is wrong is collected, so that all of it is told at once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from reconciler.documents.check import check, schema_of
from reconciler.documents.grammar import Kinds
from reconciler.documents.load import MOST_PROBLEMS, load
from reconciler.documents.reader import RepoReader
from reconciler.documents.requirement import unmet
from reconciler.documents.template_check import TemplateCheck
from reconciler.model.errors import DocumentError, Problem
from reconciler.model.tree import Mapping, Node, Origin


@dataclass(slots=True, kw_only=True)
class DocumentFiles:
    """`known` has the digests of documents that were found good before, and gets the new ones."""

    reader: RepoReader
    kinds: Kinds
    known: set[str]
    version: str
    templates: TemplateCheck
    problems: list[Problem] = field(default_factory=list)
    _roots: dict[Path, Mapping | None] = field(default_factory=dict)

    @property
    def has_enough(self) -> bool:
        """Whether so much is wrong that nobody would read more of it."""
        return len(self.problems) >= MOST_PROBLEMS

    def has_read(self, path: Path) -> bool:
        return path in self._roots

    def root(self, path: Path, shown: str, name: str, origin: Origin) -> Mapping | None:
        """The document in the file, which is called `name` at `origin`; None where there is none to go on with.

        `path` is without links; `shown` is what origins inside call it.
        """
        if path not in self._roots:
            self._roots[path] = None
            with self.collecting():
                self._roots[path] = self._checked(load(self.reader.read(path, shown, name, origin), shown), shown)
        return self._roots[path]

    @contextmanager
    def collecting(self) -> Iterator[None]:
        try:
            yield
        except DocumentError as error:
            self.problems.extend(error.problems)

    def _checked(self, node: Node | None, shown: str) -> Mapping:
        if not isinstance(node, Mapping):
            what = "the document is empty" if node is None else "the document is not a mapping"
            raise DocumentError([Problem(what, Origin(shown, 1, 1), fix="begin with  version: 1")])
        newer = unmet(node, self.version)
        if newer is not None:
            raise DocumentError([newer])
        schema = schema_of(node, self.kinds)
        self.problems.extend(check(schema, node, self.kinds, self.known, self.templates.document(schema, node)))
        return node
