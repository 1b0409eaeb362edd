"""settings.json: the setting `go.goroot` may be written `"go.goroot": …` and `"go": {"goroot": …}`.

VS Code puts the members of the document, with dots in their names taken apart, into one tree, in the order in which
each name first occurs, with its last value. So

- an object takes the place of all that stood under its name before: `"go": {…}` hides each `"go.…"` above it;
- what comes behind is put into it, also into a setting that is an object: `"go.env.A"` adds to `"go.env": {…}`;
- what is no object, like `"go": "x"` or null, hides every `"go.…"`, above and below.

Names inside of objects are not taken apart.

Source: VS Code src/vs/platform/configuration/common/configuration.ts, `toValuesTree`, and configurationModels.ts;
recorded answers of 1.138.0 are in tests/corpus/vscode-settings.jsonl. It differs in two things that no real file has: a
list in the place of an object is entered there, and names that are whole numbers come first.
"""

from __future__ import annotations

from reconciler.formats.jsonc.parts import ABSENT, DEEPEST, Absent, Document, Json, JsoncError


def parts_of(name: str) -> tuple[str, ...]:
    return tuple(name.split("."))


def tree_of(document: Document) -> dict[str, Json]:
    """All settings, by the first part of their name, by the second, and so on. Empty when the root is no object."""
    root = document.root
    tree: dict[str, Json] = {}
    if root is None or not isinstance(root.value, dict):
        return tree
    for key, value in root.value.items():
        *parents, last = parts_of(key)
        if len(parents) >= DEEPEST:
            at = next(item.start for item in root.items if item.key == key)
            raise JsoncError(document.text, at, f"this name has more than {DEEPEST} parts")
        holder: Json = tree
        for part in parents:
            if isinstance(holder, dict):
                holder = holder.setdefault(part, {})
        if isinstance(holder, dict):
            holder[last] = _copied(value)
    return tree


def found(tree: Json, name: str) -> Json | Absent:
    for part in parts_of(name):
        if not isinstance(tree, dict) or part not in tree:
            return ABSENT
        tree = tree[part]
    return tree


def _copied(value: Json) -> Json:
    return {key: _copied(inner) for key, inner in value.items()} if isinstance(value, dict) else value
