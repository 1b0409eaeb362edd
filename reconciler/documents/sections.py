"""The parts of a document that may stand more than once: sections of layers, in the document itself and in overlays."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.model.address import Layer
from reconciler.model.tree import Mapping, Node, Scalar, Sequence


def overlays(root: Mapping) -> tuple[Mapping, ...]:
    return tuple(node for node in items(root.get("overlays")) if isinstance(node, Mapping))


def holders(root: Mapping) -> tuple[Mapping, ...]:
    """What may hold sections of layers, and variables: the document itself and its overlays."""
    return (root, *overlays(root))


def layer_sections(root: Mapping, layer: Layer) -> Iterator[Mapping]:
    sections = (holder.get(layer.value) for holder in holders(root))
    yield from (section for section in sections if isinstance(section, Mapping))


def items(node: Node | None) -> tuple[Node, ...]:
    return node.items if isinstance(node, Sequence) else ()


def scalars(node: Node | None) -> tuple[Scalar, ...]:
    """The scalars of a list; a scalar that stands for a list of one."""
    return tuple(item for item in ((node,) if isinstance(node, Scalar) else items(node)) if isinstance(item, Scalar))


def entries(node: Node | None) -> tuple[tuple[Scalar, Node], ...]:
    """The entries of a mapping."""
    return node.entries if isinstance(node, Mapping) else ()
