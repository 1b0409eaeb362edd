"""`requires`: which versions of the tool a document is written for."""

from __future__ import annotations

import re
from typing import Final

from reconciler.documents.grammar import REQUIREMENT
from reconciler.model.errors import Problem
from reconciler.model.tree import Mapping, Scalar

_PART: Final = re.compile(r"(>=|>|==|<=|<|!=|~=)?\s*(\d+(?:\.\d+)*)")
_NEWER: Final = ("", ">=", ">", "~=", "==")


def unmet(root: Mapping, version: str) -> Problem | None:
    """A document for a newer tool says so, before anything in it is called unknown; None where this version will do."""
    node = root.get("requires")
    if not isinstance(node, Scalar) or not REQUIREMENT.reads(node.text):
        return None
    for operator, wanted in _PART.findall(node.text):
        if not _satisfies(version, operator or ">=", wanted):
            is_newer = operator in _NEWER and _numbers(wanted) > _numbers(version)
            fix = "upgrade: `uv tool upgrade reconcile-env`" if is_newer else "install a version that it names"
            return Problem(f"this repo requires reconcile {node.text}; this is {version}", node.origin, fix=fix)
    return None


def _satisfies(version: str, operator: str, wanted: str) -> bool:
    have, want = _numbers(version), _numbers(wanted)
    length = max(len(have), len(want))
    left, right = have + [0] * (length - len(have)), want + [0] * (length - len(want))
    compatible = left >= right and have[: max(len(want) - 1, 1)] == want[: max(len(want) - 1, 1)]
    return {
        ">=": left >= right,
        ">": left > right,
        "<=": left <= right,
        "<": left < right,
        "==": left == right,
        "!=": left != right,
        "~=": compatible,
    }[operator]


def _numbers(version: str) -> list[int]:
    return [int(part) for part in re.findall(r"\d+", version)]
