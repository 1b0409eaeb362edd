"""A machine as a document would say it: planned again it is in sync, and what cannot be said has a reason."""

from __future__ import annotations

import os
import tempfile
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.documents.desire import Known, Source, open_documents
from reconciler.documents.inventory import Here
from reconciler.documents.reader import Caller
from reconciler.model.address import Layer, Target
from reconciler.model.derived_facts import DERIVED_FACTS
from reconciler.model.description import DescribedKind, Description
from reconciler.model.desired import DesiredItems
from reconciler.model.resource import Want
from reconciler.model.schema import KindSchema, MapOf, Text
from reconciler.model.states import State
from reconciler.model.values import UNMANAGED
from reconciler.planning.describe import describe
from reconciler.planning.inputs import Inputs, TargetInput
from reconciler.planning.plan import plan
from reconciler.rendering.document import document_yaml
from reconciler.resources.assemble import assemble, inventory_kinds, inventory_questions
from reconciler.resources.catalogue import Catalogue

if TYPE_CHECKING:
    from tests.planning.conftest import Toys
    from tests.planning.simulated_machine import Machine

DISTRO = Target("lt", "main")
ALICE = Target("lt", "main", "alice")
GO_ENV = "/home/alice/.config/go/env"
WSL_CONF = "/etc/wsl.conf"


def described(machine: Machine, target: Target, *, elevated: bool = True) -> dict[str, DescribedKind]:
    sheet = machine.sheet(inventory_questions(target.layer), target.user or "root", elevated=elevated)
    return {kind.kind: kind for kind in describe(target, inventory_kinds(target.layer), sheet)}


def said(kind: DescribedKind) -> dict[str, object]:
    return {".".join(item.path): item.value for item in kind.items if item.reason is None}


def reasons(kind: DescribedKind) -> dict[str, str]:
    return {".".join(item.path): item.reason for item in kind.items if item.reason is not None}


def test_an_empty_machine_has_nothing_to_say(machine: Machine) -> None:
    assert described(machine, DISTRO) == {}
    assert described(machine, ALICE) == {}


def test_settings_are_said_in_the_documents_own_terms(machine: Machine) -> None:
    machine.file(WSL_CONF, "[boot]\nsystemd = TRUE\n[filesystem]\numask = 18\n[AutoMount]\nROOT = /mnt\n")
    found = described(machine, DISTRO)["wsl_conf"]
    assert said(found) == {"boot.systemd": True, "filesystem.umask": "0022", "automount.root": "/mnt/"}
    assert reasons(found) == {}


def test_what_a_document_would_refuse_is_left_alone_with_the_reason(machine: Machine) -> None:
    machine.file(GO_ENV, "GOPATH=/home/alice/go\nGOBIN=relative\nGOFLAGS={{ x }}\nGOPROXY=direct\r\nNO NAME=x\n")
    found = described(machine, ALICE)["go_env"]
    assert said(found) == {"GOPATH": "/home/alice/go"}
    assert reasons(found).keys() == {"GOBIN", "GOFLAGS", "GOPROXY", "NO NAME"}
    assert [item.sayable for item in found.items if item.path == ("NO NAME",)] == [False]
    assert reasons(found)["GOFLAGS"] == "it looks like a template"
    assert reasons(found)["GOPROXY"] == "it holds characters that a document may not"


def test_what_is_remarkable_is_said_beside(machine: Machine) -> None:
    machine.file(WSL_CONF, "[net]\ngenerateResolvConf=false\n")
    found = described(machine, DISTRO)["wsl_conf"]
    assert found.items == ()
    assert any("net" in remark for remark in found.remarks)


def test_what_cannot_be_read_is_said(machine: Machine) -> None:
    machine.file(WSL_CONF, "[boot]\nsystemd=true\n", mode=0o600)
    machine.secretive.add(WSL_CONF)
    found = described(machine, DISTRO, elevated=False)["wsl_conf"]
    assert (found.items, found.remarks) == ((), ("/etc/wsl.conf could not be read: needs root",))


def test_what_is_pending_is_said_as_it_is_on_disk(machine: Machine) -> None:
    machine.file(WSL_CONF, "[boot]\nsystemd=true\n")
    assert not machine.life.systemd
    assert said(described(machine, DISTRO)["wsl_conf"]) == {"boot.systemd": True}


def test_what_would_not_be_in_sync_is_left_alone(machine: Machine, toys: Toys) -> None:
    """A kind whose own words are not what it sees; nothing is promised of it."""

    class Sloppy(type(toys.lines({}))):  # type: ignore[misc]
        kind = "toy_sloppy"

        def want(self, name: str, item: object) -> Want:
            return Want(fields={"value": str(item).strip()}, shares=(self.path,))

    machine.file(toys.SHARED, "a=1\nb= 2 \n")
    schema = KindSchema(items=MapOf(of=Text()))
    sheet = machine.sheet(toys.lines({}).wanted_facts())
    (found,) = describe(DISTRO, {"toy_sloppy": (Sloppy, schema)}, sheet)
    assert said(found) == {"a": "1"}
    assert reasons(found) == {"b": "it would not be in sync: change"}


@pytest.mark.parametrize("name", ["{{ x }}", "a{%", "b\udcff"])
def test_what_no_key_may_be_is_only_told(machine: Machine, toys: Toys, name: str) -> None:
    machine.file(toys.SHARED, f"{name}=1\n".encode("utf-8", "surrogateescape"))
    schema = KindSchema(items=MapOf(of=Text()))
    sheet = machine.sheet(toys.lines({}).wanted_facts())
    (found,) = describe(DISTRO, {"toy_lines": (type(toys.lines({})), schema)}, sheet)
    assert [(item.path, item.sayable) for item in found.items] == [((name,), False)]


# ---- dirty machines


GO_LINES = st.one_of(
    st.sampled_from(
        [
            "GOPROXY=https://proxy.golang.org,direct",
            "GOPROXY=https://user:pw@x.example",
            "GOBIN=relative",
            "GOPATH=~/go",
            "GOFLAGS=-mod=mod",
            "GOFLAGS=-toolexec=/x",
            "GOROOT=/usr/lib/go",
            "GOTOOLCHAIN=local",
            'CC="gcc"',
            "# comment",
            "lower=x",
            "GONOSUCH=1",
            "A B=c",
            "GOPRIVATE=*.corp",
            "GOSUMDB=",
            "GOPROXY={{ 7*7 }}",
            "GOFLAGS=\x00",
            "=x",
            "",
        ]
    ),
    st.text(alphabet=st.characters(codec="utf-8"), max_size=12),
)
WSL_LINES = st.one_of(
    st.sampled_from(
        [
            "[boot]",
            "[net]",
            "[automount]",
            "[user]",
            "[bad",
            "systemd=true",
            "systemd = yes",
            'command="echo # hi"',
            "command=a \\",
            "default=alice",
            "default=nobody-here",
            "umask=022",
            "[filesystem]",
            "umask=99999999999",
            "root=/mnt",
            'options="metadata,umask=22"',
            "; note",
            "# note",
            "initTimeout=5",
            "=x",
            "command={{ x }}",
            "\ufeff",
            "cgroups=v3",
        ]
    ),
    st.text(alphabet=st.characters(codec="utf-8"), max_size=12),
)
TEXTS = st.tuples(st.sampled_from(["\n", "\n", "\r\n"]), st.booleans())


def joined(lines: list[str], how: tuple[str, bool]) -> bytes:
    end, finished = how
    return (end.join(lines) + (end if finished else "")).encode("utf-8", "surrogateescape")


@settings(max_examples=300, deadline=None)
@given(go=st.lists(GO_LINES, max_size=8), wsl=st.lists(WSL_LINES, max_size=8), how=TEXTS)
def test_whatever_is_in_the_files_the_next_plan_is_in_sync(
    machines: type[Machine], go: list[str], wsl: list[str], how: tuple[str, bool]
) -> None:
    machine = machines()
    machine.file(GO_ENV, joined(go, how))
    machine.file(WSL_CONF, joined(wsl, how))
    for target in (DISTRO, ALICE):
        for kind in described(machine, target).values():
            (resource, _) = inventory_kinds(target.layer)[kind.kind]
            found = machine.plan({target: [resource(items=said(kind), options={}, layer=target.layer)]})
            assert {item.state for item in found.items} <= {State.IN_SYNC, State.PENDING}
            assert found.changes == ()
            assert all(reasons(kind).values())


def desired_of(text: str) -> dict[Target, DesiredItems]:
    """What documents make of a reconcile.yaml, read as the command does."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name).resolve()
        (folder / "reconcile.yaml").write_text(text, encoding="utf-8")
        caller = Caller(name="alice", uid=os.geteuid(), gid=os.getegid(), home=name, config=folder / "config")
        source = Source(
            start=folder,
            file=None,
            extra={},
            caller=caller,
            here=Here(hostname="lt", user="alice"),
            today=date(2026, 1, 1),
            version="0.4.0",
        )
        opened = open_documents(source, Catalogue(), frozenset(DERIVED_FACTS), set())
        known = {target: Known(facts={}, home="/home/alice") for target in (DISTRO, ALICE)}
        return opened.desired([DISTRO, ALICE], known)


@settings(max_examples=40, deadline=None)
@given(go=st.lists(GO_LINES, max_size=8), wsl=st.lists(WSL_LINES, max_size=8), how=TEXTS)
def test_the_written_document_is_read_and_planned_in_sync(
    machines: type[Machine], go: list[str], wsl: list[str], how: tuple[str, bool]
) -> None:
    machine = machines()
    machine.file(GO_ENV, joined(go, how))
    machine.file(WSL_CONF, joined(wsl, how))
    every = [kind for target in (DISTRO, ALICE) for kind in described(machine, target).values()]
    kinds = list(every)
    desired = desired_of(document_yaml(Description(kinds=tuple(kinds))))
    entries = []
    for target, items in desired.items():
        resources = assemble(items)
        wanted = {fact for resource in resources for fact in resource.wanted_facts()}
        sheet = machine.sheet(wanted, target.user or "root")
        entries.append(TargetInput(target=target, desired=items, resources=resources, sheet=sheet))
    found = plan(Inputs(workstation="lt", targets=tuple(entries)), bytes(32))
    assert {item.state for item in found.items} <= {State.IN_SYNC, State.PENDING}
    expected = {(kind.kind, name) for kind in kinds for name in said(kind)}
    assert {(item.address.kind, item.address.item) for item in found.items} == expected
    withdrawn = {
        (kind, name)
        for items in desired.values()
        for kind, entry in items.kinds.items()
        for name, item in entry.items.items()
        if item is UNMANAGED
    }
    sayable = {
        (kind.kind, ".".join(item.path)) for kind in kinds for item in kind.items if item.reason and item.sayable
    }
    assert withdrawn == sayable


@pytest.mark.parametrize("layer", [Layer.DISTRO, Layer.USER])
def test_kinds_without_an_inventory_see_nothing_untold(machine: Machine, layer: Layer) -> None:
    machine.file("/etc/motd", "x")
    for name in ("files", "directories", "symlinks"):
        (resource, _) = inventory_kinds(layer)[name]
        empty = resource(items={}, options={}, layer=layer)
        assert empty.wanted_facts() == frozenset()
        assert empty.observe(machine.sheet(())) == {}
