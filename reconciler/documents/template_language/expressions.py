"""Evaluates checked expressions. Operators, filters and tests are this package's own functions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from jinja2 import nodes

from reconciler.documents.template_language.check import BEAR_MISSING
from reconciler.documents.template_language.filters import FILTERS
from reconciler.documents.template_language.operators import COMPARING_TESTS, COMPARISONS, OPERATORS, TESTS, truth
from reconciler.documents.template_language.values import (
    LONGEST_RANGE,
    NUMBERS_PER_STEP,
    Budget,
    LanguageError,
    Missing,
    as_text,
    described,
    fitting,
    is_number,
    number,
)


class Expressions:
    """The expressions of one rendering: `names` are those in scope, `line` is where it has come to."""

    def __init__(self, names: Mapping[str, object], budget: Budget) -> None:
        self.names = names
        self.budget = budget
        self.line = 1

    def known(self, node: nodes.Node) -> Any:
        """The value of an expression; LanguageError when it has none."""
        value = self._value(node)
        if isinstance(value, Missing):
            raise value.fault()
        return value

    def condition(self, node: nodes.Node) -> bool:
        self.budget.charge(1)
        return truth(self.known(node))

    def _value(self, node: nodes.Node) -> Any:
        self.line = node.lineno
        return _EVALUATORS[type(node)](self, node)

    def _name(self, node: nodes.Name) -> object:
        value = self.names.get(node.name)
        if value is None and node.name not in self.names:
            raise LanguageError(f"{node.name} has no value here", f"there are: {', '.join(sorted(self.names))}")
        return value

    def _attribute(self, node: nodes.Getattr) -> object:
        self.budget.charge(1)
        return _entry(self.known(node.node), node.attr, node.node)

    def _item(self, node: nodes.Getitem) -> object:
        self.budget.charge(1)
        return _entry(self.known(node.node), self.known(node.arg), node.node)

    def _filter(self, node: nodes.Filter) -> object:
        read = self._value if node.name in BEAR_MISSING else self.known
        assert node.node is not None, "the check refuses filter blocks"
        value = read(node.node)
        arguments = [read(argument) for argument in node.args]
        named = {str(keyword.key): read(keyword.value) for keyword in node.kwargs}
        self.budget.handle(value, *arguments, *named.values())
        result = FILTERS[node.name](value, *arguments, **named)
        if isinstance(result, str):
            fitting(len(result))
            self.budget.handle(result)
        return result

    def _test(self, node: nodes.Test) -> bool:
        value = self._value(node.node) if node.name in BEAR_MISSING else self.known(node.node)
        if node.name not in COMPARING_TESTS:
            self.budget.charge(1)
            return TESTS[node.name](value)
        other = self.known(node.args[0])
        self.budget.handle(value, other)
        return COMPARISONS[COMPARING_TESTS[node.name]](value, other)

    def _compare(self, node: nodes.Compare) -> bool:
        left = self.known(node.expr)
        for operand in node.ops:
            right = self.known(operand.expr)
            self.budget.handle(left, right)
            if not COMPARISONS[operand.op](left, right):
                return False
            left = right
        return True

    def _and(self, node: nodes.And) -> bool:
        return self.condition(node.left) and self.condition(node.right)

    def _or(self, node: nodes.Or) -> bool:
        return self.condition(node.left) or self.condition(node.right)

    def _not(self, node: nodes.Not) -> bool:
        return not self.condition(node.node)

    def _choice(self, node: nodes.CondExpr) -> object:
        assert node.expr2 is not None, "the check refuses it"
        return self._value(node.expr1 if self.condition(node.test) else node.expr2)

    def _sign(self, node: nodes.Neg | nodes.Pos) -> object:
        self.budget.charge(1)
        value = self.known(node.node)
        if not is_number(value):
            raise LanguageError(
                f"a sign stands before {described(value)}", "write  … | int  where a text holds a number"
            )
        return number(-value if isinstance(node, nodes.Neg) else value)

    def _joined(self, node: nodes.Concat) -> str:
        self.budget.charge(len(node.nodes))
        texts = [as_text(self.known(part)) for part in node.nodes]
        fitting(sum(map(len, texts)))
        self.budget.handle(*texts)
        return "".join(texts)

    def _calculated(self, node: nodes.BinExpr) -> object:
        left, right = self.known(node.left), self.known(node.right)
        self.budget.handle(left, right)
        return OPERATORS[type(node).__name__](left, right)

    def _list(self, node: nodes.List | nodes.Tuple) -> list[object]:
        self.budget.charge(len(node.items))
        return [self.known(item) for item in node.items]

    def _mapping(self, node: nodes.Dict) -> dict[str, object]:
        self.budget.charge(len(node.items))
        pairs = [(self.known(pair.key), self.known(pair.value)) for pair in node.items]
        if not all(isinstance(key, str) for key, _ in pairs):
            raise LanguageError("a key of this mapping is not text", "put it in quotes")
        return dict(pairs)

    def _range(self, node: nodes.Call) -> list[int]:
        bounds = [self.known(argument) for argument in node.args]
        if not all(isinstance(bound, int) and is_number(bound) for bound in bounds):
            raise LanguageError("range needs whole numbers", "write  … | int  after a variable")
        if len(bounds) == 3 and bounds[2] == 0:
            raise LanguageError("range with a step of 0 never ends", "write another step")
        numbers = range(*bounds)
        # len() of a range fails above 63 bits; comparing with an entry behind the limit does not.
        if numbers[LONGEST_RANGE:]:
            raise LanguageError(f"this range is longer than {LONGEST_RANGE:,}", "loop over less")
        self.budget.charge(1 + len(numbers) // NUMBERS_PER_STEP)
        return list(numbers)


def _entry(container: object, key: object, node: nodes.Node) -> object:
    name = _dotted(node)
    match container, key:
        case Mapping(), str():
            return container[key] if key in container else Missing(key, container, name)
        case ((list() | tuple()), int()) if not isinstance(key, bool):
            return container[key] if -len(container) <= key < len(container) else Missing(f"entry {key} of {name}")
        case ((Mapping() | list() | tuple()), _):
            what = f"{name} is {described(container)}, and {described(key)} names none of its entries"
            raise LanguageError(
                what, f"write a {'name' if isinstance(container, Mapping) else 'number'} in the brackets"
            )
    raise LanguageError(f"{name} is {described(container)}, and has nothing in it to name", f"write  {name}  alone")


def _dotted(node: nodes.Node) -> str:
    match node:
        case nodes.Name():
            return node.name
        case nodes.Getattr():
            return f"{_dotted(node.node)}.{node.attr}"
        case nodes.Getitem(arg=nodes.Const(value=key)):
            return f"{_dotted(node.node)}.{key}"
    return "this"


_EVALUATORS: Final[Mapping[type[nodes.Node], Callable[[Expressions, Any], Any]]] = {
    nodes.Add: Expressions._calculated,
    nodes.And: Expressions._and,
    nodes.Call: Expressions._range,
    nodes.Compare: Expressions._compare,
    nodes.Concat: Expressions._joined,
    nodes.CondExpr: Expressions._choice,
    nodes.Const: lambda expressions, node: node.value,
    nodes.Dict: Expressions._mapping,
    nodes.Div: Expressions._calculated,
    nodes.Filter: Expressions._filter,
    nodes.FloorDiv: Expressions._calculated,
    nodes.Getattr: Expressions._attribute,
    nodes.Getitem: Expressions._item,
    nodes.List: Expressions._list,
    nodes.Mod: Expressions._calculated,
    nodes.Mul: Expressions._calculated,
    nodes.Name: Expressions._name,
    nodes.Neg: Expressions._sign,
    nodes.Not: Expressions._not,
    nodes.Or: Expressions._or,
    nodes.Pos: Expressions._sign,
    nodes.Sub: Expressions._calculated,
    nodes.Test: Expressions._test,
    nodes.Tuple: Expressions._list,
}
