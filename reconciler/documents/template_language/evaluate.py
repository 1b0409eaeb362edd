"""Renders checked nodes: prints, branches and loops, over the expressions in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from jinja2 import nodes

from reconciler.documents.template_language.check import secret_hole, targets
from reconciler.documents.template_language.expressions import Expressions
from reconciler.documents.template_language.list_filters import entries
from reconciler.documents.template_language.values import Budget, LanguageError, as_text
from reconciler.model.secrets import SecretHole


class Evaluation:
    """One rendering: `parts` fills with text and, for each secret, a hole."""

    def __init__(self, names: Mapping[str, object], budget: Budget) -> None:
        self.expressions = Expressions(names, budget)
        self.parts: list[str | SecretHole] = []

    def statements(self, body: Sequence[nodes.Node]) -> None:
        for node in body:
            match node:
                case nodes.Output():
                    for child in node.nodes:
                        self._print(child)
                case nodes.If():
                    self.statements(self._branch(node))
                case nodes.For():
                    self._loop(node)

    def _print(self, node: nodes.Node) -> None:
        self.expressions.line = node.lineno
        hole = secret_hole(node)
        if hole is not None:
            self.parts.append(self._declared(hole))
            return
        text = node.data if isinstance(node, nodes.TemplateData) else as_text(self.expressions.known(node))
        self.expressions.budget.handle(text)
        self.parts.append(text)

    def _declared(self, hole: SecretHole) -> SecretHole:
        """The hole, of a secret that is declared, where the caller says which ones are."""
        self.expressions.budget.charge(1)
        secrets = self.expressions.names.get("secrets")
        if isinstance(secrets, Mapping) and hole.name not in secrets:
            raise LanguageError(
                f"no document names the secret {hole.name}", f"write  secrets: {{{hole.name}: {{}}}}  first"
            )
        return hole

    def _branch(self, node: nodes.If) -> list[nodes.Node]:
        for branch in (node, *node.elif_):
            if self.expressions.condition(branch.test):
                return branch.body
        return node.else_

    def _loop(self, node: nodes.For) -> None:
        outside = self.expressions.names
        turns = self._turns(node)
        for index, variables in enumerate(turns):
            self.expressions.budget.charge(1)
            loop = {"index": index + 1, "index0": index, "first": index == 0, "last": index == len(turns) - 1}
            self.expressions.names = {**outside, **variables, "loop": {**loop, "length": len(turns)}}
            self.statements(node.body)
        self.expressions.names = outside
        if not turns:
            self.statements(node.else_)

    def _turns(self, node: nodes.For) -> list[dict[str, object]]:
        """The loop's variables for each turn: those that its own `if` lets pass."""
        found = entries(self.expressions.known(node.iter), "a loop")
        names = targets(node)
        turns = [_bound(names, entry) for entry in found]
        return turns if node.test is None else [turn for turn in turns if self._passes(turn, node.test)]

    def _passes(self, turn: Mapping[str, object], test: nodes.Node) -> bool:
        outside = self.expressions.names
        self.expressions.names = {**outside, **turn}
        passes = self.expressions.condition(test)
        self.expressions.names = outside
        return passes


def _bound(names: Sequence[str], entry: object) -> dict[str, object]:
    if len(names) == 1:
        return {names[0]: entry}
    if not isinstance(entry, list | tuple) or len(entry) != len(names):
        what = f"an entry of this list does not split into {', '.join(names)}"
        raise LanguageError(what, "write  … | items  to loop over a mapping's keys and values")
    return dict(zip(names, entry, strict=True))
