"""What documents ask of a workstation before anything is written there."""

from __future__ import annotations

import pytest

from reconciler.documents.guards import guard
from reconciler.model.errors import UsageError

ID = "4f0c6d2a9b1e4a7f8c3d5e6f7a8b9c0d"


def test_nothing_is_asked_where_no_guard_stands(repo) -> None:
    found = repo.write("groups: {g: {}}\nworkstations: {a: {groups: [g]}, b: {guard: {}}}").open().inventory
    assert guard(found, "a") is None and guard(found, "b") is None and guard(found, "lt") is None
    with pytest.raises(UsageError):
        guard(found, "c")


def test_groups_ask_in_order_and_the_workstation_last_field_by_field_each_with_its_place(repo) -> None:
    repo.write(f"""
        groups: {{g: {{guard: {{os: debian, arch: arm64, libc: glibc}}}}, h: {{guard: {{os: ubuntu, arch: amd64}}}}}}
        workstations:
          a: {{groups: [g, h], guard: {{machine_id: {ID}, arch: x86_64}}}}
    """)
    found = guard(repo.open().inventory, "a")
    assert found is not None
    assert (found.machine_id, found.os, found.arch, found.libc) == (ID, "ubuntu", "x86_64", "glibc")
    places = {name: str(origin).removeprefix("reconcile.yaml:") for name, origin in found.origins.items()}
    assert places["machine_id"].startswith("5:") and places["arch"].startswith("5:")
    assert places["libc"].startswith("3:") and places["os"].startswith("3:")


def test_groups_of_machine_yaml_ask_too(repo) -> None:
    repo.write("groups: {g: {guard: {os: debian}}}\nworkstations: {lt: {}}").machine("groups: [g]")
    found = guard(repo.open().inventory, "lt")
    assert found is not None and found.os == "debian"


def test_one_machine_id_cannot_be_that_of_several_distros(repo) -> None:
    repo.write(f"workstations: {{a: {{guard: {{machine_id: {ID}, arch: amd64}}, distros: {{m: {{}}, n: {{}}}}}}}}")
    assert repo.problem().what == "the guard of a asks for one machine_id, and each of its distros has its own"
    assert str(repo.problem().origin) == "reconcile.yaml:2:40"
    repo.write("workstations: {a: {guard: {arch: amd64}, distros: {m: {}, n: {}}}}")
    assert repo.problems() == []
