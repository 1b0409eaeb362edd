"""Writes what is generated: schemas/, the references in docs/, and the real output in README.md.

Run `python docs/build.py` after changing a kind, a command or how a plan looks; a test says when that is due.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from inspect import getdoc
from pathlib import Path

import click
import yaml

from reconciler.cli import main as cli
from reconciler.cli.demo import USER, build
from reconciler.cli.schema import schema_text
from reconciler.cli.session import Choice, open_session
from reconciler.model.address import Layer
from reconciler.model.derived_facts import DERIVED_FACTS
from reconciler.model.schema import Field, KindSchema, MapOf, Record, Schema
from reconciler.pipeline import plan_documents
from reconciler.rendering.svg import plan_svg
from reconciler.resources.catalogue import Catalogue, find

TOP = Path(__file__).resolve().parent.parent


def generated() -> dict[str, str]:
    """Every generated file by its path from the top."""
    text, picture = _demo_plan()
    return {
        "schemas/reconcile.schema.json": schema_text() + "\n",
        "docs/commands.md": _commands(),
        "docs/kinds.md": _kinds(),
        "docs/playbooks.md": _playbooks(),
        "docs/facts.md": _facts(),
        "docs/plan.svg": picture,
        "README.md": _readme((TOP / "README.md").read_text(encoding="utf-8"), text),
    }


def _readme(readme: str, plan: str) -> str:
    block = f"<!-- generated: plan -->\n```text\n$ reconcile plan\n{plan}\n```\n<!-- end -->"
    return re.sub(r"<!-- generated: plan -->.*?<!-- end -->", lambda _: block, readme, flags=re.DOTALL)


def _demo_plan() -> tuple[str, str]:
    """The plan of the demo's machine, as text and as a picture made by the tool itself."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name).resolve()
        home = folder / "home"
        home.mkdir()
        build(folder / "machine", folder / "repo")
        environment = {**os.environ, "HOME": str(home), "COLUMNS": "100", "NO_COLOR": "1", "PYTHONIOENCODING": "utf-8"}
        for variable in ("XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME", "SUDO_USER"):
            environment.pop(variable, None)
        words = ["plan", "-C", str(folder / "repo"), "--root", str(folder / "machine"), "--user", USER]
        done = subprocess.run(
            [sys.executable, "-m", "reconciler", *words],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
            encoding="utf-8",
        )
        before = dict(os.environ)
        os.environ.clear()
        os.environ.update(environment)
        try:
            session = open_session(Choice(directory=folder / "repo", root=str(folder / "machine"), user=USER))
            planned = plan_documents(session.documents, session.targets, session.run())
        finally:
            os.environ.clear()
            os.environ.update(before)
        return done.stdout.rstrip("\n"), plan_svg(planned.plans, "reconcile plan")


def _commands() -> str:
    parts = ["# Commands\n", "Generated from the commands themselves by `python docs/build.py`.\n"]
    group = cli.command
    context = click.Context(group, info_name="reconcile", terminal_width=100, **group.context_settings)
    for name in cli.COMMANDS:
        found = group.get_command(context, name)
        assert found is not None
        inner = click.Context(found, info_name=name, parent=context, terminal_width=100)
        parts.append(f"## reconcile {name}\n\n```text\n{found.get_help(inner)}\n```\n")
    return "\n".join(parts)


def _kinds() -> str:
    parts = ["# Kinds\n", "Generated from the kinds themselves by `python docs/build.py`.\n"]
    catalogue = Catalogue()
    for layer in (Layer.USER, Layer.DISTRO):
        for name in catalogue.names(layer):
            resource, schema = find(layer, name), catalogue.schema(layer, name)
            assert resource is not None and schema is not None
            module = sys.modules[resource.__module__]
            parts.append(f"## {layer}.{name}\n\n{_prose(getdoc(module) or '')}\n\n{_table(schema)}\n")
    return "\n".join(parts)


def _prose(text: str) -> str:
    """A kind's docstring: its indented sample becomes a block."""
    lines, inside = [], False
    for line in text.split("\n"):
        if line.startswith("    ") and not inside:
            lines.append("```yaml")
            inside = True
        elif inside and line and not line.startswith("    "):
            while lines[-1] == "":
                lines.pop()
            lines += ["```", ""]
            inside = False
        lines.append(line[4:] if inside else line)
    return "\n".join(lines)


def _below(section: Field) -> Mapping[str, Field]:
    """What may stand in a section, by the rest of its name; of entries that people name themselves, their fields."""
    match section.schema:
        case Record(fields=fields):
            return {f".{key}": entry for key, entry in fields.items()}
        case MapOf(of=Record(fields=fields)):
            return {f".NAME.{key}": entry for key, entry in fields.items()}
        case MapOf(of=of):
            return {".NAME": replace(section, schema=of)}
        case _:
            return {"": section}


def _table(schema: KindSchema) -> str:
    rows: Mapping[str, Field] = {}
    match schema.items:
        case MapOf(of=Record(fields=fields)):
            rows = fields
        case Record(fields=sections):
            rows = {
                f"{section}{key}": entry for section, inner in sections.items() for key, entry in _below(inner).items()
            }
        case _:
            return ""
    rows = {**rows, **schema.options}
    body = [f"| `{name}` | {_expected(entry.schema)} | {entry.description} |" for name, entry in rows.items()]
    return "\n".join(["| field | value | what it is |", "|---|---|---|", *body])


def _expected(schema: Schema) -> str:
    return schema.expected.replace("|", "\\|")


def _playbooks() -> str:
    parts = [
        "# Playbooks\n",
        "Documents that ship with reconcile, named under `use:`. A number never changes its meaning: a playbook whose effect\n"
        "changes gets a new one, and the old one keeps shipping. Generated from their headers by `python docs/build.py`.\n",
    ]
    for path in sorted((TOP / "playbooks").glob("*.yaml")):
        text = path.read_text(encoding="utf-8")
        header = [line[2:] for line in text.split("\nversion:")[0].split("\n")]
        first, *rest = "\n".join(header).split("\n\n")
        title, _, what = first.partition(": ")
        body = "\n\n".join([what[:1].upper() + what[1:], *(_playbook_prose(part) for part in rest)])
        parts.append(f"## {title}\n\n{body}\n{_inputs(text)}")
    return "\n".join(parts)


def _playbook_prose(part: str) -> str:
    """What a header says of a layer is a point of a list; a sample in it is a block."""
    if part.startswith("    "):
        return "\n".join(["```yaml", *(line[4:] for line in part.split("\n")), "```"])
    points = re.sub(r"^(user|distro) +", lambda found: f"- **{found[1]}** ", part, flags=re.MULTILINE)
    return re.sub(r"\n {5,}", "\n  ", points)


def _inputs(text: str) -> str:
    inputs = yaml.safe_load(text).get("inputs", {})
    rows = [f"| `{name}` | {entry['type']} | `{entry.get('default', '')}` |" for name, entry in inputs.items()]
    return "\n".join(["", "| variable | type | default |", "|---|---|---|", *rows, ""]) if rows else ""


def _facts() -> str:
    rows = [f"| `facts.{fact.name}` | {fact.description} |" for fact in DERIVED_FACTS.values()]
    head = [
        "# Facts in templates\n",
        "Generated by `python docs/build.py`. A fact without a value makes only the items that use it unknown.\n",
    ]
    return "\n".join([*head, "| name | value |", "|---|---|", *rows]) + "\n"


if __name__ == "__main__":
    for path, text in generated().items():
        (TOP / path).parent.mkdir(parents=True, exist_ok=True)
        (TOP / path).write_text(text, encoding="utf-8")
