"""A template that was read and checked, ready to be rendered any number of times."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from jinja2 import nodes

from reconciler.documents.template_language import syntax
from reconciler.documents.template_language.check import Check, secret_hole
from reconciler.documents.template_language.evaluate import Evaluation
from reconciler.documents.template_language.values import LONGEST_TEXT, Budget, LanguageError, plain
from reconciler.model.secrets import SecretHole, SecretText


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Program:
    """`expression` is the one expression that a value consists of: its type is kept.

    `uses` are all names with the first line of each, `needs` those that must have a value.
    """

    uses: Mapping[str, int]
    needs: frozenset[str]
    body: tuple[nodes.Node, ...]
    expression: nodes.Node | None

    def run(self, names: Mapping[str, object], budget: Budget) -> object:
        """Text, `SecretText`, or a value in the types of JSON but null. LanguageError when it cannot be rendered."""
        evaluation = Evaluation(names, budget)
        try:
            return self._run(evaluation)
        except RecursionError:
            raise LanguageError("a value in this template nests too deep", "declare flatter data") from None
        except LanguageError as error:
            error.line = error.line or evaluation.expressions.line
            raise

    def _run(self, evaluation: Evaluation) -> object:
        if self.expression is not None:
            return _result(evaluation.expressions.known(self.expression))
        evaluation.statements(self.body)
        parts = _merged(evaluation.parts)
        _writable("".join(part for part in parts if isinstance(part, str)))
        if any(name.startswith("secrets.") for name in self.uses):
            return SecretText(parts)
        return "".join(map(str, parts))


def read(text: str, *, file: bool) -> Program:
    """LanguageError where the text is not in the template language."""
    body = tuple(syntax.read(text, file=file).body)
    check = Check()
    check.statements(body)
    needs = frozenset(check.uses) - check.spared
    return Program(uses=check.uses, needs=needs, body=body, expression=None if file else _only_expression(body))


def _only_expression(body: tuple[nodes.Node, ...]) -> nodes.Node | None:
    """The expression, when there is nothing beside it but blanks, and it is no secret."""
    printed = [child for node in body if isinstance(node, nodes.Output) for child in node.nodes]
    found = [child for child in printed if not (isinstance(child, nodes.TemplateData) and not child.data.strip())]
    if len(found) != 1 or isinstance(found[0], nodes.TemplateData) or secret_hole(found[0]) is not None:
        return None
    return found[0]


def _merged(parts: list[str | SecretHole]) -> tuple[str | SecretHole, ...]:
    """The parts with neighbouring texts as one."""
    merged: list[str | SecretHole] = []
    texts: list[str] = []
    for part in [*parts, None]:
        if isinstance(part, str):
            texts.append(part)
            continue
        if any(texts):
            merged.append("".join(texts))
        texts.clear()
        if part is not None:
            merged.append(part)
    return tuple(merged)


def _result(value: object) -> object:
    """A value that may leave the template: it can be written to a file."""
    if value is None:
        raise LanguageError("this template gives none, which is no value", "write  … | default('…', true)")
    if not isinstance(value, str | bool | int | float | list | tuple | Mapping):
        raise LanguageError("this template gives nothing that a field can hold", "name a variable or a fact")
    if isinstance(value, str):
        _writable(value)
    return plain(value)


def _writable(text: str) -> None:
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        raise LanguageError("half of a character stands in this text", r"write it whole instead of as \ud…") from None
    if size > LONGEST_TEXT:
        raise LanguageError(f"this text has {size:,} bytes; the limit is {LONGEST_TEXT:,}", "render less")
