"""Holds nodes to what the language has, before any of it is evaluated, and collects the names that they use."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from jinja2 import nodes

from reconciler.documents.template_language.shapes import check_public, check_shape, fault
from reconciler.documents.template_language.values import suggestion
from reconciler.model.secrets import ENCODINGS, SecretHole
from reconciler.model.spelling import nearest

NAMES: Final = ("vars", "workstation", "distro", "user", "facts", "secrets")
LOOP: Final = ("index", "index0", "first", "last", "length")
BEAR_MISSING: Final = frozenset({"d", "default", "defined", "undefined"})
"""The filters and tests that a name without a value may meet."""
DEEPEST_BLOCKS: Final = 2
DEEPEST_EXPRESSION: Final = 50


def secret_hole(node: nodes.Node) -> SecretHole | None:
    """The hole that the node leaves: `secrets.NAME`, with at most one encoding after it."""
    encoding = None
    if isinstance(node, nodes.Filter) and node.name in ENCODINGS and not (node.args or node.kwargs):
        encoding, node = node.name, node.node or node
    name = _entry(node)
    return SecretHole(name[1], encoding) if name and name[0] == "secrets" else None


def targets(node: nodes.For) -> tuple[str, ...]:
    """The names of a loop's variables: one, or several that each entry is split into."""
    found = node.target.items if isinstance(node.target, nodes.Tuple) else [node.target]
    names = tuple(target.name for target in found if isinstance(target, nodes.Name))
    if len(names) != len(found) or len(set(names)) != len(names):
        raise fault(node, "a loop's variables are different names", "write  {% for key, value in … %}")
    taken = {*NAMES, "loop", "range"} & set(names)
    if taken:
        raise fault(node, f"{min(taken)} is taken and cannot be a loop's variable", "choose another name")
    return names


class Check:
    """One template's check. `uses` fills with dotted names such as `vars.port`, each with the first line it stands in;
    `spared` with those that are asked for their being defined, or have a default.
    """

    def __init__(self) -> None:
        self.uses: dict[str, int] = {}
        self.spared: set[str] = set()
        self._variables: list[str] = []

    def statements(self, body: Sequence[nodes.Node], blocks: int = 0) -> None:
        for node in body:
            match node:
                case nodes.Output():
                    for child in node.nodes:
                        self._printed(child)
                case nodes.If():
                    self._if(node, _deeper(blocks, node))
                case nodes.For():
                    self._for(node, _deeper(blocks, node))
                case _:
                    raise fault(node, "this tag is not in the template language", "there are only if and for")

    def _printed(self, node: nodes.Node) -> None:
        hole = secret_hole(node)
        if hole is not None:
            check_public(node, hole.name)
            self.uses.setdefault(f"secrets.{hole.name}", node.lineno)
        elif not isinstance(node, nodes.TemplateData):
            self._expression(node)

    def _if(self, node: nodes.If, blocks: int) -> None:
        self._expression(node.test)
        self.statements(node.body, blocks)
        for branch in node.elif_:
            self._expression(branch.test)
            self.statements(branch.body, blocks)
        self.statements(node.else_, blocks)

    def _for(self, node: nodes.For, blocks: int) -> None:
        if node.recursive:
            raise fault(node, "a loop cannot be recursive", "remove  recursive")
        self._expression(node.iter)
        outside = len(self._variables)
        self._variables += targets(node)
        if node.test is not None:
            self._expression(node.test)
        self._variables.append("loop")
        self.statements(node.body, blocks)
        del self._variables[outside:]
        self.statements(node.else_, blocks)

    def _expression(self, node: nodes.Node, depth: int = 1) -> None:
        if depth > DEEPEST_EXPRESSION:
            raise fault(node, f"this expression nests deeper than {DEEPEST_EXPRESSION}", "write it in smaller steps")
        entry = _entry(node)
        if entry is not None and entry[0] in NAMES:
            self._use(node, *entry)
            return
        check_shape(node)
        self._spare(node)
        if _is_loop(node, self._variables):
            return
        if isinstance(node, nodes.Name):
            self._variable(node)
        elif isinstance(node, nodes.Getattr):
            check_public(node, node.attr)
        for child in _operands(node):
            self._expression(child, depth + 1)

    def _use(self, node: nodes.Node, root: str, key: str) -> None:
        if root == "secrets":
            what = f"secrets.{key} stands inside an expression; a secret is never looked at"
            fix = f"use  {{{{ secrets.{key} }}}}  by itself, or with  | urlencode,  | tojson  or  | quote"
            raise fault(node, what, fix)
        check_public(node, key)
        self.uses.setdefault(f"{root}.{key}", node.lineno)

    def _spare(self, node: nodes.Node) -> None:
        if isinstance(node, nodes.Filter | nodes.Test) and node.name in BEAR_MISSING and node.node is not None:
            entry = _entry(node.node)
            if entry is not None:
                self.spared.add(".".join(entry))

    def _variable(self, node: nodes.Name) -> None:
        if node.name in (*NAMES, "loop") and node.name in (*NAMES, *self._variables):
            raise fault(node, f"{node.name} stands without a name of its own", f"write it, as in  {node.name}.NAME")
        if node.name in self._variables:
            return
        known = [*NAMES, *self._variables]
        meant = "" if nearest(node.name, known) else f"write  vars.{node.name}  for a variable; "
        raise fault(node, f"{node.name} is not a name of templates", meant + suggestion(node.name, known))


def _deeper(blocks: int, node: nodes.Node) -> int:
    if blocks >= DEEPEST_BLOCKS:
        what = f"tags nest deeper than {DEEPEST_BLOCKS}"
        raise fault(node, what, "join conditions with  and  or write  {{ … if … else … }}")
    return blocks + 1


def _entry(node: nodes.Node) -> tuple[str, str] | None:
    """`vars.port` and `vars["port"]` as ("vars", "port")."""
    match node:
        case nodes.Getattr(node=nodes.Name(name=root), attr=str(key)):
            return root, key
        case nodes.Getitem(node=nodes.Name(name=root), arg=nodes.Const(value=str(key))):
            return root, key
    return None


def _is_loop(node: nodes.Node, variables: Sequence[str]) -> bool:
    """Whether the node is `loop.index` or another name in `loop`, inside a loop."""
    entry = _entry(node)
    if entry is None or entry[0] != "loop" or "loop" not in variables:
        return False
    if entry[1] not in LOOP:
        raise fault(node, f"loop.{entry[1]} does not exist", suggestion(entry[1], LOOP))
    return True


def _operands(node: nodes.Node) -> Iterator[nodes.Node]:
    """The expressions inside; the name `range` is none."""
    return iter(node.args) if isinstance(node, nodes.Call) else node.iter_child_nodes()
