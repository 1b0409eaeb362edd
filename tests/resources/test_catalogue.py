"""What every kind owes its users. New kinds are found here by themselves."""

from __future__ import annotations

import dataclasses
import inspect
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import example_downloads
from reconciler.model.address import Layer, Target
from reconciler.model.desired import DesiredItems
from reconciler.model.errors import DocumentError
from reconciler.model.plan import Plan
from reconciler.model.resource import Resource, Seen
from reconciler.model.schema import KindSchema, MapOf, Record, Schema, Text
from reconciler.model.secrets import Secret
from reconciler.model.states import State
from reconciler.model.values import ABSENT
from reconciler.resources.assemble import assemble, inventory_kinds, inventory_questions
from reconciler.resources.catalogue import Catalogue, find

if TYPE_CHECKING:
    from tests.planning.simulated_machine import Machine
    from tests.resources.conftest import Reading

TOP = Path(__file__).resolve().parent.parent.parent
KINDS = [(layer, kind) for layer in Layer for kind in Catalogue().names(layer)]
NAMES = sorted({kind for _, kind in KINDS})
TARGETS = {Layer.DISTRO: Target("lt", "main"), Layer.USER: Target("lt", "main", "alice")}
CANARY = "hunter2-canary"
TAKE_SECRETS = {"environment_d", "files", "go_env", "shell_env"}
"""Kinds whose values may be secrets."""

PROGRAMS = ("apt-get", "dpkg-query", "useradd")
WITH_SYSTEMD = {"services"}
"""Kinds that do something only where systemd runs."""

each_kind = pytest.mark.parametrize(("layer", "kind"), KINDS)
each_name = pytest.mark.parametrize("kind", NAMES)


@pytest.fixture
def machine(machine: Machine, request: pytest.FixtureRequest) -> Machine:
    """What the examples take for granted: a distro with its usual programs."""
    machine.directory("/home/alice/dotfiles/nvim")
    machine.directory("/home/alice/.vscode-server/bin")
    if "go_toolchain" not in request.node.name:  # which brings it
        machine.file("/usr/local/go/bin/go", mode=0o755)
    machine.downloads |= example_downloads.BY_URL
    machine.file("/etc/os-release", "ID=ubuntu\nID_LIKE=debian\n")
    machine.programs |= {name: f"/usr/bin/{name}" for name in PROGRAMS}
    kind = request.node.callspec.params.get("kind") if hasattr(request.node, "callspec") else None
    machine.life = dataclasses.replace(machine.life, systemd=kind in WITH_SYSTEMD)
    return machine


def resource(layer: Layer, kind: str) -> type[Resource]:
    found = find(layer, kind)
    assert found is not None
    return found


def schema(layer: Layer, kind: str) -> KindSchema:
    found = Catalogue().schema(layer, kind)
    assert found is not None
    return found


def example(reading: Reading, kind: str) -> dict[Target, DesiredItems]:
    return reading(file=TOP / "examples/kinds" / f"{kind}.yaml")


def planned(machine: Machine, desired: dict[Target, DesiredItems], *, gone: str | None = None) -> Plan:
    """With `gone` every item of that kind is to be absent."""
    if gone is not None:
        desired = {target: _absent(items, gone) for target, items in desired.items()}
    return machine.plan({target: assemble(items) for target, items in desired.items() if items.kinds})


def _absent(items: DesiredItems, gone: str) -> DesiredItems:
    kinds = {
        kind: dataclasses.replace(entry, items=dict.fromkeys(entry.items, ABSENT)) if kind == gone else entry
        for kind, entry in items.kinds.items()
    }
    return dataclasses.replace(items, kinds=kinds)


def test_the_kinds_of_this_release_are_found() -> None:
    assert {*KINDS} >= {
        (Layer.DISTRO, "wsl_conf"),
        (Layer.USER, "go_env"),
        *((layer, kind) for layer in (Layer.DISTRO, Layer.USER) for kind in ("files", "directories", "symlinks")),
    }
    assert find(Layer.USER, "wsl_conf") is None
    assert find(Layer.WINDOWS, "files") is None
    assert Catalogue().schema(Layer.USER, "no such kind") is None


# ---- what is written about it


@each_kind
def test_it_bears_the_name_of_its_file_and_stands_in_its_layers(layer: Layer, kind: str) -> None:
    found = resource(layer, kind)
    assert found.kind == kind
    assert layer in found.layers
    assert inspect.getmodule(found).__name__.endswith(f".{kind}")  # type: ignore[union-attr]


@each_name
def test_its_docstring_has_a_source_and_a_sample_in_yaml(kind: str) -> None:
    found = next(resource(layer, name) for layer, name in KINDS if name == kind)
    text = inspect.getdoc(inspect.getmodule(found)) or ""
    assert re.search(r"^Source: \S", text, re.MULTILINE)
    assert re.search(rf"^ +{kind}:", text, re.MULTILINE)
    assert re.search(r"(?i)takes effect|in force", text)


@each_name
def test_mypy_holds_it_to_the_contract(kind: str) -> None:
    found = next(resource(layer, name) for layer, name in KINDS if name == kind)
    source = inspect.getsource(inspect.getmodule(found))  # type: ignore[arg-type]
    assert source.rstrip().splitlines()[-1] == f"RESOURCE: Final[type[Resource]] = {found.__name__}"


@each_name
def test_it_has_an_example(kind: str) -> None:
    assert f"  {kind}:" in (TOP / "examples/kinds" / f"{kind}.yaml").read_text(encoding="utf-8")


@each_kind
def test_every_field_is_described(layer: Layer, kind: str) -> None:
    found = schema(layer, kind)
    assert found.description
    assert [name for name, description in _described("", found.items) if not description] == []
    assert all(option.description for option in found.options.values())


def _described(name: str, entry: Schema) -> Iterator[tuple[str, str]]:
    """Fields with what is said of them; of a mapping, of what is expected there."""
    match entry:
        case Record(fields=fields):
            for key, field in fields.items():
                if isinstance(field.schema, Record | MapOf):
                    yield from _described(f"{name}.{key}", field.schema)
                else:
                    yield f"{name}.{key}", field.description
        case MapOf(of=of, keys=keys):
            yield f"{name} keys", keys.expected if keys.expected != "a name" else ""
            yield from _described(f"{name}[]", of)
        case Text(expected=expected):
            yield name, expected if expected != "text" else ""


# ---- what it does


@each_kind
def test_with_no_items_it_asks_and_sees(layer: Layer, kind: str, machine: Machine) -> None:
    empty = resource(layer, kind)(items={}, options={}, layer=layer)
    assert empty.observe(machine.sheet(empty.wanted_facts())) == {}
    assert list(empty.remarks(machine.sheet(empty.wanted_facts()))) == []


@each_name
def test_its_own_result_is_in_sync(kind: str, reading: Reading, machine: Machine) -> None:
    desired = example(reading, kind)
    first = planned(machine, desired)
    assert any(item.state is State.ADD for item in first.items) or kind == "checks"
    assert machine.apply(first) == {}
    second = planned(machine, desired)
    assert second.changes == ()
    assert {item.state for item in second.items} <= {State.IN_SYNC, State.PENDING, State.CHECK}


@each_name
def test_removing_its_own_result_leaves_nothing_to_remove(kind: str, reading: Reading, machine: Machine) -> None:
    desired = example(reading, kind)
    machine.apply(planned(machine, desired))
    first = planned(machine, desired, gone=kind)
    assert any(item.state is State.REMOVE for item in first.items) or kind == "checks"
    assert machine.apply(first) == {}
    assert planned(machine, desired, gone=kind).changes == ()


@each_name
def test_what_it_sees_and_wants_is_json(kind: str, reading: Reading, machine: Machine) -> None:
    desired = example(reading, kind)
    machine.apply(planned(machine, desired))
    for target, items in desired.items():
        for found in assemble(items):
            sheet = machine.sheet(found.wanted_facts(), target.user or "root")
            for seen in found.observe(sheet).values():
                assert isinstance(seen, Seen)
                assert json.loads(json.dumps(seen.fields)) == seen.fields
            for name, item in found.items.items():
                json.dumps(found.want(name, item).fields)


@each_name
def test_at_rest_nothing_is_pending_or_waits(kind: str, reading: Reading, machine: Machine) -> None:
    machine.life = dataclasses.replace(machine.life, at_rest=True)
    desired = example(reading, kind)
    first = planned(machine, desired)
    assert machine.apply(first) == {}
    second = planned(machine, desired)
    allowed = {State.ADD, State.IN_SYNC, State.NOT_APPLICABLE}
    assert {item.state for plan in (first, second) for item in plan.items} <= allowed
    assert all(item.state is not State.ADD for item in second.items)


@each_name
def test_a_secret_stands_in_no_text(kind: str, reading: Reading, machine: Machine) -> None:
    """Every text that may be a secret becomes one."""
    desired = example(reading, kind)
    secret = Secret(f"/{CANARY}", frozenset({"password"}))
    found = False
    for target, items in desired.items():
        for name, entry in ((name, entry) for name, entry in items.kinds.items() if name == kind):
            check = schema(target.layer, name).check
            changed = {}
            for key, value in entry.items.items():
                if value is ABSENT:
                    continue
                if isinstance(value, str) and not _refuses(check, key):
                    changed[key] = secret
                elif isinstance(value, dict) and "content" in value:
                    changed[key] = {**value, "content": secret}
            if changed:
                found = True
                one = dataclasses.replace(items, kinds={name: dataclasses.replace(entry, items=changed)})
                plan = planned(machine, {target: one})
                assert plan.changes or plan.counts()[State.BLOCKED]
                assert CANARY not in repr(plan.targets)
                assert all(
                    change.text is None
                    for change in plan.changes
                    if CANARY.encode() in b"".join(_written(change.tasks))
                )
                assert machine.apply(plan) == {}
                assert CANARY not in repr(planned(machine, {target: one}))
    assert found == (kind in TAKE_SECRETS)


def _refuses(check: object, key: str) -> bool:
    from reconciler.model.secrets import SecretHole, SecretText

    return callable(check) and bool(check(key, {"value": SecretText((SecretHole("password"),))}))


def _written(tasks: object) -> Iterator[bytes]:
    assert isinstance(tasks, tuple)
    return (task.content for task in tasks if hasattr(task, "content"))


# ---- all kinds together


def test_the_inventory_is_of_all_kinds_of_a_layer() -> None:
    assert sorted(inventory_kinds(Layer.DISTRO)) == sorted(kind for layer, kind in KINDS if layer is Layer.DISTRO)
    assert inventory_questions(Layer.USER) == frozenset(
        fact
        for kind in Catalogue().names(Layer.USER)
        for fact in resource(Layer.USER, kind)(items={}, options={}, layer=Layer.USER).wanted_facts()
    )


def test_an_unknown_kind_of_a_saved_plan_is_an_error_with_a_way_out() -> None:
    from reconciler.model.desired import DesiredKind

    with pytest.raises(DocumentError, match="there is no kind gadgets here"):
        assemble(DesiredItems(target=TARGETS[Layer.USER], kinds={"gadgets": DesiredKind(items={})}))


def test_another_package_adds_a_kind_by_an_entry_point(tmp_path: Path) -> None:
    (tmp_path / "gadgets.py").write_text(
        "from reconciler.resources.any.symlinks import Symlinks\nclass Gadgets(Symlinks):\n    kind = 'gadgets'\n",
        encoding="utf-8",
    )
    package = tmp_path / "gadgets-1.dist-info"
    package.mkdir()
    (package / "METADATA").write_text("Metadata-Version: 2.1\nName: gadgets\nVersion: 1\n", encoding="utf-8")
    (package / "entry_points.txt").write_text("[reconciler.resources]\ngadgets = gadgets:Gadgets\n", encoding="utf-8")
    code = (
        "from reconciler.model.address import Layer\n"
        "from reconciler.resources.catalogue import Catalogue, find\n"
        "print([('gadgets' in Catalogue().names(layer), find(layer, 'gadgets') is not None) for layer in Layer])"
    )
    path = os.pathsep.join([str(tmp_path), str(TOP)])
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout.strip() == "[(False, False), (True, True), (True, True)]"
