"""Templates: `{{ vars.port }}` in values of documents, with `if` and `for` also in files. Rendered once, never twice.

A template may use `vars workstation distro user facts secrets`, each a mapping; which of their names it uses is known
before it is rendered. It cannot call anything but `range`, reach into Python, run for long, or look at a secret.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from enum import Enum
from functools import lru_cache
from typing import TYPE_CHECKING, Final, cast

from reconciler.model.errors import DocumentError, Problem
from reconciler.model.later import Later, NoValue
from reconciler.model.secrets import SecretText
from reconciler.model.spelling import nearest
from reconciler.model.tree import Origin

if TYPE_CHECKING:
    from reconciler.documents.template_language.program import Program
    from reconciler.documents.template_language.values import LanguageError

Rendered = str | bool | int | float | list[object] | dict[str, object] | SecretText | Later | NoValue


class Kind(Enum):
    VALUE = "value"
    """A scalar of a document: expressions only. One that is a single expression keeps the type of its value."""
    FILE = "file"
    """A file of the repo: text with expressions, `if`, `for`, `raw` and comments. Gives text, with LF."""


STEPS_OF_A_RUN: Final = 500_000


@dataclass(slots=True)
class Allowance:
    """The steps that several renderings have left together: one hundred that each keep their own bound take long."""

    steps_left: int = STEPS_OF_A_RUN


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """A template that was read and checked. `program` is None when its text holds none."""

    text: str
    kind: Kind
    origin: Origin
    program: Program | None = field(repr=False, compare=False)

    @property
    def uses(self) -> frozenset[str]:
        """The dotted names that stand in it, such as `vars.proxy_port`, also where no rendering comes to them."""
        return frozenset(self.program.uses) if self.program else frozenset()

    @property
    def needs(self) -> frozenset[str]:
        """Those of `uses` that must have a value: not the ones with a default, or asked for their being defined."""
        return self.program.needs if self.program else frozenset()

    def refused(self, name: str, what: str, fix: str | None) -> DocumentError:
        """What is wrong with a name that it uses, at the place where the name first stands."""
        from reconciler.documents.template_language.values import LanguageError

        line = self.program.uses[name] if self.program else 1
        return _document_error(LanguageError(what, fix, line), self.text, self.kind, self.origin)

    def undefined(self, name: str, known: Collection[str]) -> DocumentError:
        """The same of a name that does not exist, where `known` are the ones that do."""
        from reconciler.documents.template_language.values import Missing

        space, _, rest = name.partition(".")
        fault = Missing(rest, known, space).fault()
        fix = fault.fix if space == "vars" or nearest(rest, known) else f"there are no other names under {space}"
        return self.refused(name, fault.what, fix)

    def render(self, names: Mapping[str, object], allowance: Allowance | None = None) -> Rendered:
        """The value. `names` has a mapping for each name that exists here; `secrets` only says which are declared.

        `allowance` is what this and other renderings may take together.
        `Later` while a fact is used and `facts` are None or not in `names`; the `NoValue` of a used fact that has none.
        DocumentError when it cannot be rendered with these names.
        """
        if self.program is None:
            return self.text
        facts = names.get("facts")
        wanted = sorted(name for name in self.uses if name.startswith("facts."))
        if wanted and not isinstance(facts, Mapping):
            return Later(frozenset(wanted))
        for name in wanted:
            fact = cast(Mapping[str, object], facts).get(name.removeprefix("facts."))
            if isinstance(fact, NoValue):
                return fact
        return self._run(self.program, names, allowance or Allowance())

    def _run(self, program: Program, names: Mapping[str, object], allowance: Allowance) -> Rendered:
        from reconciler.documents.template_language.values import MOST_STEPS, Budget, LanguageError

        most_steps = min(MOST_STEPS, allowance.steps_left)
        budget = Budget(most_steps)
        try:
            return cast(Rendered, program.run(names, budget))
        except LanguageError as fault:
            if most_steps < MOST_STEPS and budget.steps_left < 0:
                fault.what = "all templates together take too many steps"
            raise _document_error(fault, self.text, self.kind, self.origin) from None
        finally:
            allowance.steps_left -= most_steps - max(budget.steps_left, 0)


def is_template(text: str) -> bool:
    """Whether the text may hold a template; False is certain."""
    return "{{" in text or "{%" in text or "{#" in text


def parse(text: str, *, kind: Kind, origin: Origin) -> Template:
    """Reads a template. `origin` is where the value stands, or the first line of the file.

    DocumentError, at the line in the file, when it is not in the template language.
    """
    from reconciler.documents.template_language.values import LanguageError

    try:
        unix, program = _read(text, kind)
    except LanguageError as fault:
        raise _document_error(fault, text, kind, origin) from None
    return Template(text=unix, kind=kind, origin=origin, program=program)


@lru_cache(maxsize=10_000)
def _read(text: str, kind: Kind) -> tuple[str, Program | None]:
    """The text, in a file with LF, and the program in it. Kept: a template is met again for each target, twice."""
    if kind is Kind.FILE:
        text = text.replace("\r\n", "\n")
    if not is_template(text):
        return text, None
    # Here and not above: most runs need no template, and importing Jinja takes longer than reading their documents.
    from reconciler.documents.template_language.program import read

    return text, read(text, file=kind is Kind.FILE)


def _document_error(fault: LanguageError, text: str, kind: Kind, origin: Origin) -> DocumentError:
    """With the place: in a file its own line; in a value, whose lines YAML may have folded, the value's."""
    lines = text.split("\n")
    line = min(fault.line or 1, len(lines))
    if kind is Kind.FILE:
        starts = [start for start in (lines[line - 1].find(mark) for mark in ("{{", "{%", "{#")) if start >= 0]
        place = Origin(origin.file, origin.line + line - 1, min(starts, default=0) + 1)
        return DocumentError([Problem(fault.what, place, fault.fix)])
    where = f"line {line} of this text: " if len(lines) > 1 else ""
    return DocumentError([Problem(where + fault.what, origin, fault.fix)])
