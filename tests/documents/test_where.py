"""Conditions over the inventory."""

from __future__ import annotations

import pytest

from reconciler.documents.load import load
from reconciler.documents.where import Place, matches
from reconciler.model.address import Target

ALICE = Target("alice-lt", "main", "alice")
CONDITIONS = [
    ("{}", True),
    ("{workstation: alice-lt}", True),
    ("{workstation: ALICE-LT}", True),
    ("{workstation: 'alice-*'}", True),
    ("{workstation: alice}", False),
    ("{workstation: [bob-lt, alice-lt]}", True),
    ("{workstation: []}", False),
    ("{groups: backend}", True),
    ("{groups: [frontend, 'back*']}", True),
    ("{groups: frontend}", False),
    ("{distro: main}", True),
    ("{distro: windows}", False),
    ("{user: alice}", True),
    ("{user: '[a-c]*'}", True),
    ("{user: bob}", False),
    ("{groups: backend, user: alice}", True),
    ("{groups: backend, user: bob}", False),
    ("{not: {user: bob}}", True),
    ("{not: {user: alice}}", False),
    ("{groups: backend, not: {workstation: alice-lt}}", False),
    ("{not: {groups: backend, user: bob}}", True),
    ("{not: {}}", False),
]


@pytest.mark.parametrize(("text", "holds"), CONDITIONS)
def test_keys_are_all_lists_are_any_and_not_turns_around(text: str, holds: bool) -> None:
    place = Place(target=ALICE, groups=("backend", "ci"))
    assert matches(load(text.encode(), "x"), place) is holds


def test_a_distro_has_no_user_and_windows_is_its_own_key() -> None:
    on_windows, on_distro = Place(target=Target("lt")), Place(target=Target("lt", "main"))
    assert matches(load(b"{distro: windows}", "x"), on_windows)
    assert not matches(load(b"{distro: main}", "x"), on_windows)
    assert not matches(load(b"{user: '*'}", "x"), on_distro)


INVENTORY = """
groups: {backend: {}}
workstations: {bob-lt: {groups: [backend], distros: {main: {}, musl: {name: Alpine}}}}
"""


@pytest.mark.parametrize(
    ("condition", "what", "fix"),
    [
        ("{workstation: bob-lr}", 'no workstation "bob-lr" is declared', "did you mean  bob-lt"),
        ("{groups: [backend, backnd]}", 'no group "backnd" is declared', "did you mean  backend"),
        ("{distro: zzz}", 'no distro "zzz" is declared', "declared: main, musl, windows"),
        ("{not: {groups: frontend}}", 'no group "frontend" is declared', "declared: backend"),
        ("{user: self}", "`self` stands for whoever calls; a condition needs a name", "write the user's name"),
    ],
)
def test_a_name_that_nothing_declares_is_an_error_with_the_nearest(repo, condition: str, what: str, fix: str) -> None:
    repo.write(f"{INVENTORY}overlays: [{{where: {condition}}}]")
    assert (repo.problem().what, repo.problem().fix) == (what, fix)
    repo.write(f"where: {condition}", "a.yaml").write(f"{INVENTORY}include: [a.yaml]")
    assert (repo.problem().what, repo.problem().fix) == (what, fix)


@pytest.mark.parametrize(
    "condition",
    ["{workstation: 'x-*'}", "{groups: 'fr?nt'}", "{distro: '[xyz]'}", "{workstation: BOB-LT, groups: Backend}"],
)
def test_globs_and_other_cases_are_no_errors(repo, condition: str) -> None:
    repo.write(f"{INVENTORY}overlays: [{{where: {condition}}}]")
    assert repo.problems() == []


@pytest.mark.parametrize(
    "condition",
    ["backend", "[backend]", "", "{group: backend}", "{groups: {}}", "{facts: x}", "{not: {not: {}}}", "{groups: ''}"],
)
def test_what_is_no_condition_is_refused(repo, condition: str) -> None:
    repo.write(f"{INVENTORY}overlays:\n  - name: x\n    where: {condition}")
    assert repo.problem().what.startswith(("overlays[0].where", "unknown key"))


def test_every_overlay_says_for_whom_it_is(repo) -> None:
    repo.write("overlays: [{user: {}}]")
    assert repo.problem().what == "overlays[0] lacks where"


def test_who_is_meant_gets_it_and_nobody_else(repo) -> None:
    repo.write(
        f"{INVENTORY}overlays: [{{where: {{workstation: bob-lt, distro: musl, user: [carol]}}, user: {{settings: {{a: x}}}}}}]"
    )
    bob = {"workstation": "bob-lt"}
    assert repo.value(**bob, distro="musl", user="carol") == "x"
    assert repo.value(**bob, distro="musl", user="dave") is None
    assert repo.value(**bob, distro="main", user="carol") is None
    assert repo.value(user="carol") is None
