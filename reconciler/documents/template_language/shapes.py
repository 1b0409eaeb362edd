"""What one node may look like: which filters, tests, operators and constants the language has, and what they take."""

from __future__ import annotations

import inspect
import math
from typing import Final

from jinja2 import nodes

from reconciler.documents.template_language.filters import FILTERS
from reconciler.documents.template_language.operators import COMPARING_TESTS, OPERATORS, TESTS
from reconciler.documents.template_language.values import LARGEST_INTEGER, LanguageError, suggestion

MOST_RANGE_ARGUMENTS: Final = 3

_LITERALS: Final = (nodes.List, nodes.Tuple, nodes.Dict, nodes.Pair, nodes.Keyword)
_OPERATIONS: Final = (nodes.Compare, nodes.Operand, nodes.And, nodes.Or, nodes.Not, nodes.Neg, nodes.Pos, nodes.Concat)
_METHODS: Final = {"strip": "trim", "get": "default('…')", "keys": "list", "values": "items", "split": "", "format": ""}
"""What to write for a method that is no filter by the same name."""


def fault(node: nodes.Node, what: str, fix: str) -> LanguageError:
    return LanguageError(what, fix, node.lineno)


def check_shape(node: nodes.Node) -> None:
    """LanguageError unless the language has this node; what is inside it is not looked at."""
    match node:
        case nodes.Const():
            _constant(node)
        case nodes.Getitem():
            _item(node)
        case nodes.Filter():
            _filter(node)
        case nodes.Test():
            _test(node)
        case nodes.Call():
            _call(node)
        case nodes.CondExpr(expr2=None):
            raise fault(node, "this if has no else", "write  {{ … if … else … }}")
        case nodes.Name() | nodes.Getattr() | nodes.CondExpr():
            return
        case _:
            _operation(node)


def check_public(node: nodes.Node, key: str) -> None:
    if key.startswith("_"):
        raise fault(node, f"{key} begins with _; no name in a template does", "write the name of a variable or fact")


def _constant(node: nodes.Const) -> None:
    value = node.value
    if isinstance(value, float) and not math.isfinite(value):
        raise fault(node, "this number is too large", "write it as text, in quotes")
    if isinstance(value, int) and value > LARGEST_INTEGER:
        raise fault(node, "this number does not fit into 64 bits", "write it as text, in quotes")


def _item(node: nodes.Getitem) -> None:
    if isinstance(node.arg, nodes.Slice):
        raise fault(node, "[from:to] is not in the template language", "name the parts one by one")
    if isinstance(node.arg, nodes.Const) and isinstance(node.arg.value, str):
        check_public(node, node.arg.value)


def _filter(node: nodes.Filter) -> None:
    if node.name not in FILTERS:
        raise fault(node, f"there is no filter {node.name}", suggestion(node.name, FILTERS))
    if node.dyn_args is not None or node.dyn_kwargs is not None:
        raise fault(node, f"{node.name} cannot take * or **", "write each value")
    signature = inspect.signature(FILTERS[node.name])
    names = [keyword.key for keyword in node.kwargs]
    try:
        signature.bind(None, *node.args, **{str(name): None for name in names})
    except TypeError:
        takes = ", ".join(list(signature.parameters)[1:])
        what = f"{node.name} does not take what stands in its parentheses"
        raise fault(node, what, f"it takes: {takes}" if takes else f"write  | {node.name}  alone") from None
    if len(set(names)) != len(names):
        raise fault(node, f"{node.name} takes each name once", "write it once")


def _test(node: nodes.Test) -> None:
    arguments = 1 if node.name in COMPARING_TESTS else 0
    if node.name not in TESTS and not arguments:
        raise fault(node, f"there is no test {node.name}", suggestion(node.name, [*TESTS, *COMPARING_TESTS]))
    if len(node.args) != arguments or node.kwargs or node.dyn_args is not None or node.dyn_kwargs is not None:
        takes = "one value" if arguments else "nothing"
        raise fault(node, f"the test {node.name} takes {takes} after it", f"write  … is {node.name}{' 1' * arguments}")


def _call(node: nodes.Call) -> None:
    if isinstance(node.node, nodes.Getattr):
        name = _METHODS.get(node.node.attr, node.node.attr)
        known = name.partition("(")[0] in FILTERS
        fix = f"write  … | {name}" if known else f"join texts with  ~  or use a filter: {', '.join(sorted(FILTERS))}"
        raise fault(node, f".{node.node.attr}() is a method, and templates call none", fix)
    if not (isinstance(node.node, nodes.Name) and node.node.name == "range"):
        raise fault(node, "nothing but range(…) can be called", "use a filter, as in  vars.name | upper")
    if node.kwargs or node.dyn_args or node.dyn_kwargs or not 1 <= len(node.args) <= MOST_RANGE_ARGUMENTS:
        raise fault(node, "range takes one to three numbers", "write  range(end)  or  range(start, end, step)")


def _operation(node: nodes.Node) -> None:
    if isinstance(node, nodes.Pow):
        raise fault(node, "** is not in the template language", "write the number itself")
    if not isinstance(node, (*_LITERALS, *_OPERATIONS)) and type(node).__name__ not in OPERATORS:
        raise fault(node, "this is not in the template language", "use names, filters, comparisons and if … else")
