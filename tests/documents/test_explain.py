"""Who says what of an address."""

from __future__ import annotations

from datetime import date

from reconciler.documents.explain import explain
from reconciler.model.address import Address
from reconciler.model.values import ABSENT, UNMANAGED


def chain(
    repo, item: str = "a", kind: str = "settings", layer: str = "user", **place: str
) -> list[tuple[str, str, object, str | None]]:
    documents = repo.open()
    target = repo.target(layer, **place)
    value = documents.desired([target])[target].kinds[kind].items.get(item)
    found = explain(documents, Address(target, kind, item), value)
    assert found.value == value
    return [(entry.rank, str(entry.origin), entry.value, entry.ignored) for entry in found.chain]


def test_every_place_that_speaks_is_there_from_low_to_high_rank(repo) -> None:
    repo.write("user: {settings: {a: playbook}}", "playbooks/one@1.yaml").write(
        "user: {settings: {a: included}}", "team/a.yaml"
    )
    repo.write("""
        use: [one@1]
        include: [team/*.yaml]
        overlays:
          - {name: by name, where: {}, user: {settings: {a: overlay}}}
          - {where: {}, user: {settings: {b: other}}}
          - {where: {}, user: {settings: {a: last}}}
        user: {settings: {a: plain}}
    """)
    assert chain(repo) == [
        ("one@1", "playbooks/one@1.yaml:2:19", "playbook", None),
        ("team/a.yaml", "team/a.yaml:2:19", "included", None),
        ("reconcile.yaml", "reconcile.yaml:9:19", "plain", None),
        ("reconcile.yaml, overlay by name", "reconcile.yaml:6:50", "overlay", None),
        ("reconcile.yaml, overlay number 3", "reconcile.yaml:8:35", "last", None),
    ]


def test_what_does_not_count_says_why(repo) -> None:
    repo.today = date(2026, 11, 22)
    repo.write(
        "where: {groups: g}\nuser: {settings: {a: 1}}\noverlays: [{where: {}, user: {settings: {a: 2}}}]", "low.yaml"
    )
    repo.write("""
        include: [low.yaml]
        groups: {g: {}}
        overlays:
          - {name: for bob, where: {user: bob}, user: {settings: {a: 3}}}
          - {name: over, where: {}, until: 2026-11-21, user: {settings: {a: 4}}}
        user: {settings: {a: 5}}
    """)
    assert [(rank, ignored) for rank, _, _, ignored in chain(repo)] == [
        ("low.yaml", "its where: means others"),
        ("low.yaml, overlay number 1", "its where: means others"),
        ("reconcile.yaml", None),
        ("reconcile.yaml, overlay for bob", "its where: means others"),
        ("reconcile.yaml, overlay over", "its until: is over"),
    ]


def test_a_playbook_that_counts_already_says_so(repo) -> None:
    repo.write("user: {settings: {a: 1}}", "playbooks/one@1.yaml").write("use: [one@1]", "a.yaml")
    repo.write("use: [one@1]\ninclude: [a.yaml]")
    assert [ignored for _, _, _, ignored in chain(repo)] == [None, "it counts already, at its first use"]


def test_values_are_shown_as_written(repo) -> None:
    repo.write("""
        secrets: {token: {}}
        user:
          settings: {a: '{{ secrets.token }}', b: {absent: true}, c: {unmanaged: true}, d: {e: [1, on, null]}}
          tools: [go]
        distro: {wsl_conf: {boot: {systemd: true}}}
    """)
    values = {item: chain(repo, item)[0][2] for item in "abcd"}
    assert values == {"a": "{{ secrets.token }}", "b": ABSENT, "c": UNMANAGED, "d": {"e": [1, "on", None]}}
    assert chain(repo, "go", "tools") == [("reconcile.yaml", "reconcile.yaml:6:11", {}, None)]
    assert chain(repo, "boot.systemd", "wsl_conf", "distro")[0][1:3] == ("reconcile.yaml:7:28", True)
