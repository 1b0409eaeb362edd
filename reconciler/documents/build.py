"""Merged nodes become typed values: templates are rendered once, text is read by the schema, files of the repo are read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from reconciler.documents import merge, reading
from reconciler.documents.load import MOST_PROBLEMS
from reconciler.documents.merge import MergedKind
from reconciler.documents.reader import RepoReader
from reconciler.documents.template_check import AFTER_GATHERING
from reconciler.documents.templates import Allowance, Kind, Template, is_template, parse
from reconciler.documents.typed_values import typed
from reconciler.model import tree
from reconciler.model.address import Address, Target
from reconciler.model.desired import DesiredItems, DesiredKind, Withheld
from reconciler.model.errors import DocumentError, Problem
from reconciler.model.later import Later, NoValue
from reconciler.model.schema import Complaint, FreeJson, ListOf, Record, RepoPath, RepoUse, Schema, child
from reconciler.model.tree import Node, Origin, Scalar, Sequence
from reconciler.model.values import UNMANAGED, RepoFile


class NotHereError(Exception):
    """A value that cannot be told on this machine."""

    def __init__(self, withheld: Withheld) -> None:
        super().__init__(withheld.why)
        self.withheld = withheld


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """What templates may use. `facts` are None, and the user has no home, before gathering."""

    variables: Mapping[str, object]
    workstation: Mapping[str, object]
    distro: Mapping[str, object]
    user: Mapping[str, object]
    facts: Mapping[str, object] | None = None

    def mapping(self) -> dict[str, object]:
        return {
            "vars": self.variables,
            "workstation": self.workstation,
            "distro": self.distro,
            "user": self.user,
            "facts": self.facts,
        }

    def check(self, template: Template, target: Target) -> None:
        """DocumentError: the template needs a name that there is not, before or after gathering."""
        known = {
            "vars": list(self.variables),
            "workstation": list(self.workstation),
            "distro": list(self.distro),
            "user": sorted({*self.user, "home"}) if self.user else [],
        }
        for name in sorted(template.needs):
            space, _, rest = name.partition(".")
            if space not in known or rest in known[space]:
                continue
            if not known[space] and space != "vars":
                what = f"{{{{ {name} }}}} stands in the {target.layer} layer, which has no {space}"
                raise template.refused(name, what, f"write it under  {space}:, or write the value")
            raise template.undefined(name, known[space])


@dataclass(slots=True, kw_only=True)
class Builder:
    """Builds the items of one target. Problems are collected; every template name that is used stays in `used`."""

    target: Target
    reader: RepoReader
    names: Names
    allowance: Allowance
    problems: list[Problem] = field(default_factory=list)
    used: set[str] = field(default_factory=set)

    def build(self, merged: Mapping[str, MergedKind], notes: list[str]) -> DesiredItems:
        kinds: dict[str, DesiredKind] = {}
        origins: dict[Address, Origin] = {}
        withheld: dict[Address, Withheld] = {}
        for kind, entry in merged.items():
            items: dict[str, object] = {}
            for name, (key, node, schema) in entry.items.items():
                if len(self.problems) >= MOST_PROBLEMS:
                    break
                address = Address(self.target, kind, name)
                origins[address] = key.origin
                try:
                    items[name] = self._item(schema, name, node, entry)
                except NotHereError as stop:
                    withheld[address] = stop.withheld
                except DocumentError as error:
                    self.problems.extend(error.problems)
            kinds[kind] = DesiredKind(items=items, options=self._options(entry))
        return DesiredItems(target=self.target, kinds=kinds, origins=origins, withheld=withheld, notes=tuple(notes))

    def _options(self, kind: MergedKind) -> dict[str, object]:
        found: dict[str, object] = {}
        for name, node in kind.options.items():
            if reading.reserved(node) is None:
                try:
                    found[name] = self._value(kind.schema.options[name].schema, node)
                except DocumentError as error:
                    self.problems.extend(error.problems)
        return found

    def _item(self, schema: Schema, name: str, node: Node, kind: MergedKind) -> object:
        word = reading.reserved(node)
        if word is not None:
            return word
        value = self._record(schema, name, node) if isinstance(schema, Record) else self._value(schema, node)
        if kind.schema.check is not None:
            fields = value if isinstance(schema, Record) and isinstance(value, dict) else {"value": value}
            self._complain(node, kind.schema.check(name, fields))
        return value

    def _complain(self, node: Node, complaints: tuple[Complaint, ...]) -> None:
        origins = merge.places(node)
        for complaint in complaints:
            origin = origins.get(complaint.field or "", node.origin)
            self.problems.append(Problem(complaint.what, origin, fix=complaint.fix))

    def _record(self, schema: Record, name: str, node: Node) -> dict[str, object]:
        """All fields are looked at, also when one of them is wrong or cannot be told."""
        fields: dict[str, object] = {}
        wrong: list[Problem] = []
        stop: NotHereError | None = None
        for key, value in node if isinstance(node, tree.Mapping) else ():
            try:
                field = self._field(schema.fields[key.text].schema, value)
            except DocumentError as error:
                wrong += error.problems
            except NotHereError as found:
                stop = found
            else:
                fields |= {key.text: field} if field is not UNMANAGED else {}
        missing = [key for key, entry in schema.fields.items() if entry.required and key not in fields]
        if missing and not wrong and stop is None:
            wrong.append(Problem(f"{name} lacks {', '.join(missing)}", node.origin))
        if wrong:
            raise DocumentError(wrong)
        if stop is not None:
            raise stop
        return fields

    def _field(self, schema: Schema | None, node: Node) -> object:
        word = reading.reserved(node) if not isinstance(schema, FreeJson) else None
        return word if word is not None else self._value(schema, node)

    def _value(self, schema: Schema | None, node: Node) -> object:
        match node:
            case Scalar():
                value = self._scalar(schema, node)
                return (value,) if isinstance(schema, ListOf) and not isinstance(value, tuple) else value
            case Sequence(items=items):
                inner = child(schema, 0) if schema is not None else None
                values = [self._value(inner, item) for item in items]
                return values if isinstance(schema, FreeJson) else tuple(values)
            case tree.Mapping():
                if isinstance(schema, Record):
                    return self._record(schema, "this", node)
                entries = {
                    key.text: self._field(child(schema, key.text) if schema else None, value) for key, value in node
                }
                return {key: value for key, value in entries.items() if value is not UNMANAGED}

    def _scalar(self, schema: Schema | None, node: Scalar) -> object:
        if not is_template(node.text):
            return (
                self._file(schema, node.text, node.origin)
                if isinstance(schema, RepoPath)
                else reading.scalar(schema, node)
            )
        value = self._rendered(parse(node.text, kind=Kind.VALUE, origin=node.origin))
        if isinstance(schema, RepoPath):
            return self._file(schema, str(value), node.origin)
        return typed(schema, value, node.origin)

    def _rendered(self, template: Template) -> object:
        """The value of a template, or `Later`; NotHereError when a fact it uses has no value."""
        self.used |= template.uses
        self.names.check(template, self.target)
        later = frozenset(name for name in template.uses if name.startswith(AFTER_GATHERING))
        if later and self.names.facts is None:
            return Later(later)
        value = template.render(self.names.mapping(), self.allowance)
        if isinstance(value, NoValue):
            raise NotHereError(Withheld(value.why))
        return value

    def _file(self, schema: RepoPath, name: str, origin: Origin) -> object:
        file = self.reader.beside(origin, name)
        if schema.use is RepoUse.SOURCE:
            return file
        template = parse(self.reader.text(file, origin), kind=Kind.FILE, origin=Origin(file.path, 1, 1))
        if template.program is None:
            return file
        value = self._rendered(template)
        return RepoFile(path=file.path, data=value.encode()) if isinstance(value, str) else value
