"""What several documents together say."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.documents.merge import over
from reconciler.model.errors import DocumentError
from reconciler.model.schema import FreeJson
from reconciler.model.tree import Mapping, Node, Origin, Scalar, Sequence
from reconciler.model.values import ABSENT, UNMANAGED


def layered(repo, *texts: str, kind: str = "gadgets") -> dict[str, object]:
    """The user's items, where each text is a rank of its own, the lowest first."""
    parts = [f"  - {{where: {{}}, user: {{{kind}: {text}}}}}" for text in texts]
    repo.write("overlays:\n" + "\n".join(parts))
    return repo.items(kind)


def test_items_merge_field_by_field(repo) -> None:
    found = layered(repo, "{a: {label: one, count: 1}, b: {label: b}}", "{a: {count: 2, on: true}}", "{c: {label: c}}")
    assert found == {"a": {"label": "one", "count": 2, "on": True}, "b": {"label": "b"}, "c": {"label": "c"}}


def test_lists_replace(repo) -> None:
    assert layered(repo, "{a: {label: x, tags: [one, two]}}", "{a: {tags: [three]}}")["a"]["tags"] == ("three",)


def test_free_objects_merge_as_deep_as_they_go(repo) -> None:
    low, high = (
        "{editor: {font: {size: 12, name: mono}, rulers: [80]}}",
        "{editor: {font: {size: 14}, rulers: [100, 120]}}",
    )
    assert layered(repo, low, high, kind="settings") == {
        "editor": {"font": {"size": 14, "name": "mono"}, "rulers": [100, 120]}
    }


def test_a_list_of_names_stands_for_items_and_merges(repo) -> None:
    assert layered(repo, "[go, git]", "[curl, go]", kind="tools") == {"go": {}, "git": {}, "curl": {}}
    assert layered(repo, "{go: {version: 1.20}}", "[go]", kind="tools") == {"go": {"version": "1.20"}}
    assert layered(repo, "[go]", "{go: {version: 1.20}}", kind="tools") == {"go": {"version": "1.20"}}
    assert layered(repo, "{go: {absent: true}}", "[go]", kind="tools") == {"go": {}}


@pytest.mark.parametrize(("word", "value"), [("absent", ABSENT), ("unmanaged", UNMANAGED)])
def test_a_reserved_value_replaces_an_item_and_a_later_field_clears_it(repo, word: str, value: object) -> None:
    low, reserved, later = "{a: {label: low, count: 3}}", f"{{a: {{{word}: true}}}}", "{a: {label: later}}"
    assert layered(repo, low, reserved) == {"a": value}
    assert layered(repo, low, reserved, later) == {"a": {"label": "later"}}
    assert layered(repo, reserved, later, reserved) == {"a": value}


def test_a_reserved_value_replaces_a_field_and_a_later_value_clears_it(repo) -> None:
    low = "{a: {label: low, count: 3}}"
    assert layered(repo, low, "{a: {count: {unmanaged: true}}}") == {"a": {"label": "low"}}
    assert layered(repo, low, "{a: {count: {absent: true}}}") == {"a": {"label": "low", "count": ABSENT}}
    assert layered(repo, low, "{a: {count: {absent: true}}}", "{a: {count: 4}}") == {"a": {"label": "low", "count": 4}}


def test_a_reserved_value_stands_for_an_item_that_is_one_value(repo) -> None:
    repo.write("""
        user: {go_env: {GOFLAGS: {absent: true}, GOPROXY: {unmanaged: true}, GOSUMDB: 'off'}}
        distro: {wsl_conf: {boot: {systemd: {unmanaged: true}, command: {absent: true}}}}
    """)
    assert repo.items("go_env") == {"GOFLAGS": ABSENT, "GOPROXY": UNMANAGED, "GOSUMDB": "off"}
    assert repo.items("wsl_conf", "distro") == {"boot.systemd": UNMANAGED, "boot.command": ABSENT}


@pytest.mark.parametrize(
    "text",
    [
        "user: {unmanaged: true}",
        "user: {gadgets: {absent: true}}",
        "distro: {wsl_conf: {boot: {unmanaged: true}}}",
        "distro: {wsl_conf: {unmanaged: true}}",
        "user: {gadgets: {a: {label: {absent: true}}}}",
        "user: {gadgets: {a: {absent: false}}}",
        "user: {gadgets: {a: {absent: true, label: x}}}",
        "user: {gadgets: {a: {absent: true, unmanaged: true}}}",
        "use: {unmanaged: true}",
        "vars: {absent: true, x: {y: ~}}",
        "workstations: {a: {unmanaged: true}}",
        "workstations: {absent: true}",
        "groups: {a: {absent: true}}",
        "overlays: {unmanaged: true}",
        "overlays: [{where: {workstation: {unmanaged: true}}}]",
        "overlays: [{unmanaged: true}]",
        "secrets: {a: {absent: true}}",
    ],
)
def test_a_reserved_value_stands_nowhere_else(repo, text: str) -> None:
    repo.write(text)
    assert repo.problems(), text


@pytest.mark.parametrize(
    "text",
    ["user: ", "user: {gadgets: ~}", "user: {gadgets: {a: null}}", "user: {gadgets: {a: {label: }}}", "user: {go_env: {GOPROXY: ~}}",
     "user: {gadgets: {a: {label: x, tags: [~]}}}", "vars: {a: null}", "vars: {a: [~]}", "vars: ~", "version: 1\nuse: ~"],
)  # fmt: skip
def test_null_is_refused(repo, text: str) -> None:
    repo.write(text)
    assert repo.problems(), text


def test_null_is_json_where_json_is_free(repo) -> None:
    repo.write("user: {settings: {a: null, b: [~, {c: }]}}")
    repo.file("reconcile.yaml", "version: 1\nuser: {settings: {a: null, b: [~]}}\n")
    assert repo.items("settings") == {"a": None, "b": [None]}


def test_what_is_required_is_asked_for_after_merging(repo) -> None:
    assert layered(repo, "{a: {count: 1}}", "{a: {label: x}}") == {"a": {"count": 1, "label": "x"}}
    with pytest.raises(DocumentError, match="a lacks label"):
        layered(repo, "{a: {count: 1}}")


def test_options_replace_and_may_be_withdrawn(repo) -> None:
    repo.write("distro: {wsl_conf: {repair: true}}")
    assert repo.desired("distro").kinds["wsl_conf"].options == {"repair": True}
    repo.write(
        "distro: {wsl_conf: {repair: true}}\noverlays: [{where: {}, distro: {wsl_conf: {repair: {unmanaged: true}}}}]"
    )
    assert repo.desired("distro").kinds["wsl_conf"].options == {}


def test_the_origin_of_an_item_is_the_highest_place_that_speaks_of_it(repo) -> None:
    repo.write("user: {settings: {a: 1}}", "a.yaml")
    repo.write("include: [a.yaml]\nuser:\n  settings:\n    a: 2")
    ((address, origin),) = repo.desired().origins.items()
    assert (str(address), str(origin)) == ("lt/main/alice:settings:a", "reconcile.yaml:5:5")


@pytest.mark.parametrize(("today", "counts"), [("2026-11-20", True), ("2026-11-21", True), ("2026-11-22", False)])
def test_until_is_the_last_day(repo, today: str, counts: bool) -> None:
    repo.today = date.fromisoformat(today)
    repo.write("overlays: [{name: a while, where: {}, until: 2026-11-21, user: {settings: {a: 1}}}]")
    assert repo.value() == (1 if counts else None)
    note = "reconcile.yaml, overlay a while ended on 2026-11-21 and no longer counts"
    assert repo.desired().notes == (() if counts else (note,))


def test_an_ended_overlay_is_noted_only_where_it_would_count(repo) -> None:
    repo.write(
        "overlays: [{where: {user: bob}, until: 2020-01-01, user: {settings: {a: 1}}}, {where: {}, until: 2020-01-01, distro: {}}]"
    )
    assert repo.desired().notes == ()
    assert len(repo.desired(user="bob").notes) == 1
    assert len(repo.desired("distro").notes) == 1


def test_the_variables_of_an_ended_overlay_do_not_count(repo) -> None:
    repo.write(
        "vars: {x: now}\noverlays: [{where: {}, until: 2020-01-01, vars: {x: then}}]\nuser: {settings: {a: '{{ vars.x }}'}}"
    )
    assert repo.value() == "now"


@pytest.mark.parametrize(
    "until",
    ["2026-13-01", "2026-02-30", "0000-00-00", "tomorrow", "21.11.2026", "'{{ vars.x }}'", "2026-11-21T00:00", ""],
)
def test_until_is_a_day_of_the_calendar(repo, until: str) -> None:
    repo.write(f"overlays:\n  - where: {{}}\n    until: {until}")
    assert str(repo.problem().origin).startswith("reconcile.yaml:4:")


# ── laws of merging ──────────────────────────────────────────────────────────────────────────────────────────────────

ORIGIN = Origin("x", 1, 1)
scalars = st.sampled_from(["1", "2", "on"]).map(lambda text: Scalar(text, ORIGIN))
reserved = st.sampled_from(["absent", "unmanaged"]).map(
    lambda word: Mapping(((Scalar(word, ORIGIN), Scalar("true", ORIGIN)),), ORIGIN)
)


def _mapping(inner: dict[str, Node]) -> Mapping:
    return Mapping(tuple((Scalar(key, ORIGIN), value) for key, value in inner.items()), ORIGIN)


def _nodes(inner: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
    lists = st.lists(inner, max_size=3).map(lambda items: Sequence(tuple(items), ORIGIN))
    return lists | st.dictionaries(st.sampled_from("abc"), inner, max_size=3).map(_mapping)


trees = st.recursive(scalars | reserved, _nodes, max_leaves=12)


@given(trees)
def test_the_same_twice_is_the_same_once(node: Node) -> None:
    assert over(FreeJson(), node, node) == node


@given(trees, trees)
def test_every_leaf_of_the_higher_one_is_there(low: Node, high: Node) -> None:
    def has(found: Node, part: Node) -> bool:
        if isinstance(part, Mapping) and part.entries and isinstance(found, Mapping):
            return all((inner := found.get(key.text)) is not None and has(inner, value) for key, value in part)
        return True if isinstance(part, Mapping) and not part.entries else found == part

    assert has(over(FreeJson(), low, high), high)
