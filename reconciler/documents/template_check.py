"""Every template of every document, read before any of them is rendered: also of sections that are for others.

What depends on a target, such as which variables there are, is told where its items are built.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

from reconciler.documents.grammar import RESERVED_SECRETS
from reconciler.documents.reader import RepoReader
from reconciler.documents.templates import Kind, Template, is_template, parse
from reconciler.model.errors import DocumentError, Problem
from reconciler.model.schema import FreeJson, KindBody, ListOf, MapOf, RepoPath, RepoUse, Schema, Text, child
from reconciler.model.tree import Mapping, Node, Origin, Scalar, Sequence

AFTER_GATHERING = ("facts.", "user.home")
"""Names that have a value only once a machine was asked: fields that decide what to look at cannot use them."""

MOST_TEMPLATES = 2_000
"""Reading so many takes a third of a second."""


@dataclass(frozen=True, slots=True)
class _Leaf:
    """A value inside a kind. `early`: it is needed before any machine is asked."""

    schema: Schema
    scalar: Scalar
    early: bool


@dataclass(slots=True, kw_only=True)
class TemplateCheck:
    """`names` fills with the dotted names that templates use. Without `known_facts` any name of a fact will do."""

    reader: RepoReader
    known_facts: Collection[str] | None
    names: set[str] = field(default_factory=set)
    _secrets: list[tuple[str, Template]] = field(default_factory=list)

    def document(self, schema: Schema, root: Mapping) -> Iterator[Problem]:
        left = MOST_TEMPLATES
        for leaf in _leaves(schema, root):
            left -= is_template(leaf.scalar.text)
            if left < 0:
                what = f"more than {MOST_TEMPLATES:,} templates in one document"
                yield Problem(what, leaf.scalar.origin, fix="split it and name the parts under  include:")
                return
            try:
                for template in self._templates(leaf):
                    self._check(template, leaf)
            except DocumentError as error:
                yield from error.problems

    def undeclared(self, secrets: frozenset[str]) -> Iterator[Problem]:
        """Secrets that are used, and that no document names; asked once all documents are read."""
        for name, template in self._secrets:
            if name not in secrets:
                fix = f"name it first:  secrets: {{{name}: {{}}}}"
                yield from template.refused(f"secrets.{name}", f"no document names the secret {name}", fix).problems

    def _templates(self, leaf: _Leaf) -> Iterator[Template]:
        """The template that the value is, or the one in the file that it names."""
        name = leaf.scalar.text
        if is_template(name):
            yield parse(name, kind=Kind.VALUE, origin=leaf.scalar.origin)
        elif isinstance(leaf.schema, RepoPath):
            file = self.reader.beside(leaf.scalar.origin, name)
            if leaf.schema.use is RepoUse.TEMPLATE:
                yield parse(self.reader.text(file, leaf.scalar.origin), kind=Kind.FILE, origin=Origin(file.path, 1, 1))

    def _check(self, template: Template, leaf: _Leaf) -> None:
        self.names |= template.uses
        for name in sorted(template.uses):
            space, _, rest = name.partition(".")
            if space == "facts" and self.known_facts is not None and rest not in self.known_facts:
                raise template.undefined(name, self.known_facts)
            if space == "secrets" and rest.lower() in RESERVED_SECRETS:
                what = f"{rest} is kept for reaching machines; no document may use it"
                raise template.refused(name, what, "name another secret under  secrets:")
            if template.kind is Kind.VALUE:
                _check_field(template, name, leaf)
            if space == "secrets":
                self._secrets.append((rest, template))


def _check_field(template: Template, name: str, leaf: _Leaf) -> None:
    is_early = leaf.early or isinstance(leaf.schema, RepoPath) or (isinstance(leaf.schema, Text) and leaf.schema.fixed)
    is_secret = name.startswith("secrets.")
    if is_early and (is_secret or name.startswith(AFTER_GATHERING)):
        what = f"{{{{ {name} }}}} may not stand here: this field decides what to look at, before any machine is asked"
        raise template.refused(name, what, "write the value, or use  vars")
    is_free = isinstance(leaf.schema, FreeJson) or (isinstance(leaf.schema, Text) and leaf.schema.is_free)
    if is_secret and not is_free:
        what = (
            f"{{{{ {name} }}}} may not stand here: a secret is any text, and this field expects {leaf.schema.expected}"
        )
        raise template.refused(name, what, "write the value, or use  vars")


def _leaves(schema: Schema | None, node: Node, in_kind: bool = False, early: bool = False) -> Iterator[_Leaf]:
    """The values inside kinds. What no schema knows, and names in place of items, are told of elsewhere."""
    match node:
        case _ if schema is None:
            return
        case Scalar():
            if in_kind:
                yield _Leaf(schema.of if isinstance(schema, ListOf) else schema, node, early)
        case Sequence(items=items):
            if not isinstance(schema, KindBody | MapOf):
                for item in items:
                    yield from _leaves(child(schema, 0), item, in_kind, early)
        case Mapping():
            is_kind = isinstance(schema, KindBody)
            options = schema.kind.options if isinstance(schema, KindBody) else {}
            for key, value in node:
                yield from _leaves(child(schema, key.text), value, in_kind or is_kind, early or key.text in options)
