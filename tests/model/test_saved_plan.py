"""A plan as a file: it comes back as it was, or not at all."""

from __future__ import annotations

import hashlib
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.model.address import Address, Target
from reconciler.model.desired import DesiredItems, DesiredKind, Withheld
from reconciler.model.errors import DocumentError
from reconciler.model.guard import Guard
from reconciler.model.remote import Remote
from reconciler.model.saved_plan import SavedPlan, from_text, to_text
from reconciler.model.secrets import SecretHole, SecretText
from reconciler.model.tree import Origin
from reconciler.model.values import ABSENT, UNMANAGED, RepoFile

WORDS = st.text(alphabet=st.characters(exclude_characters="/:"), min_size=1, max_size=6)
TARGETS = st.one_of(
    st.builds(Target, WORDS),
    st.builds(Target, WORDS, WORDS.filter(lambda word: word != "windows")),
    st.builds(Target, WORDS, WORDS.filter(lambda word: word != "windows"), WORDS),
)
ADDRESSES = st.builds(Address, TARGETS, WORDS, st.text(min_size=1, max_size=8))
HOLES = st.builds(SecretHole, st.text(max_size=5), st.sampled_from([None, "quote", "tojson", "urlencode"]))
LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False),
    st.text(),
    st.just(ABSENT),
    st.just(UNMANAGED),
    st.builds(RepoFile, st.text(max_size=5), st.binary(max_size=9)),
    st.builds(SecretText, st.lists(st.one_of(st.text(max_size=4), HOLES), max_size=3).map(tuple)),
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=6,
)
ITEMS = st.builds(
    DesiredItems,
    target=TARGETS,
    kinds=st.dictionaries(
        WORDS,
        st.builds(
            DesiredKind,
            items=st.dictionaries(st.text(max_size=5), VALUES, max_size=3),
            options=st.dictionaries(WORDS, VALUES, max_size=2),
        ),
        max_size=2,
    ),
    origins=st.dictionaries(
        ADDRESSES, st.builds(Origin, st.text(max_size=5), st.integers(1), st.integers(1)), max_size=2
    ),
    withheld=st.dictionaries(
        ADDRESSES, st.builds(Withheld, st.text(), st.booleans(), st.none() | st.text()), max_size=2
    ),
    notes=st.lists(st.text(max_size=5), max_size=2).map(tuple),
)
REMOTES = st.builds(
    Remote,
    host=st.sampled_from(["build-07", "10.0.0.7", "::1", "fe80::1%eth0", "HOST.example.com"]),
    user=st.sampled_from([None, "ops", "Jane.Doe"]),
    port=st.none() | st.integers(1, 65535),
    identity_file=st.sampled_from([None, "~/.ssh/a key", "/keys/ü"]),
    proxy_jump=st.sampled_from([None, "none", "ops@jump:2222,[::1]:22", "ssh://jump"]),
    client=st.sampled_from(["paramiko", "openssh"]),
    origin=st.none() | st.builds(Origin, st.text(max_size=5), st.integers(1), st.integers(1)),
)


@st.composite
def guards(draw: st.DrawFn) -> Guard:
    """Only what is asked has a place."""
    names = draw(st.sets(st.sampled_from(["machine_id", "host_key", "os", "arch", "libc"])))
    asked = {name: draw(st.text(max_size=5)) for name in names}
    placed = draw(st.sets(st.sampled_from(sorted(names)))) if names else set()
    return Guard(**asked, origins={name: Origin("a.yaml", draw(st.integers(1)), 1) for name in placed})


PLANS = st.builds(
    SavedPlan,
    tool=st.text(max_size=5),
    root=st.none() | st.text(max_size=5),
    here=TARGETS,
    desired=st.lists(ITEMS, max_size=2).map(tuple),
    changes=st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=3),
    unknown=st.frozensets(ADDRESSES, max_size=2),
    remotes=st.dictionaries(TARGETS, REMOTES, max_size=2),
    guards=st.dictionaries(TARGETS, guards(), max_size=2),
)

SMALL = SavedPlan(
    tool="0.4.0",
    root=None,
    here=Target("lt", "main"),
    desired=(
        DesiredItems(
            target=Target("lt", "main"),
            kinds={"files": DesiredKind(items={"/etc/x": {"content": SecretText(("pä ", SecretHole("password")))}})},
            origins={Address(Target("lt", "main"), "files", "/etc/x"): Origin("a.yaml", 3, 5)},
        ),
    ),
    changes={"lt/main:/etc/x": "ab12"},
    remotes={Target("lt", "main"): Remote(host="build-07", user="ops", port=2222, origin=Origin("a.yaml", 7, 3))},
    guards={Target("lt", "main"): Guard(machine_id="4f0c", origins={"machine_id": Origin("a.yaml", 8, 3)})},
)


@settings(max_examples=300)
@given(PLANS)
def test_a_plan_comes_back_as_it_was(saved: SavedPlan) -> None:
    text = to_text(saved)
    assert from_text(text, "p.json") == saved
    assert text.isascii()
    assert to_text(saved) == text


def test_a_tuple_and_a_list_stay_apart() -> None:
    items = {"a": [1, [2]], "b": (1, (2,)), "c": ["list"], "d": ("absent",)}
    desired = DesiredItems(target=Target("lt"), kinds={"k": DesiredKind(items=items)})
    saved = SavedPlan(tool="0", root=None, here=Target("lt"), desired=(desired,), changes={})
    found = from_text(to_text(saved), "p.json").desired[0].kinds["k"].items
    assert {name: type(value) for name, value in found.items()} == {"a": list, "b": tuple, "c": list, "d": tuple}
    assert found == items


def test_every_flipped_byte_is_refused() -> None:
    """Each byte, in each of three ways; blanks, too."""
    data = to_text(SMALL).encode()
    for place in range(len(data)):
        for bit in (1, 4, 32):
            flipped = bytearray(data)
            flipped[place] ^= bit
            with pytest.raises(DocumentError):
                from_text(flipped.decode("utf-8", "replace"), "p.json")


@given(place=st.integers(0, 10_000), new=st.text(max_size=3), length=st.integers(0, 3))
def test_every_edit_by_hand_is_refused(place: int, new: str, length: int) -> None:
    text = to_text(SMALL)
    place %= len(text)
    edited = text[:place] + new + text[place + length :]
    if edited == text:
        return
    with pytest.raises(DocumentError):
        from_text(edited, "p.json")


def test_what_is_damaged_says_so_and_what_to_do() -> None:
    with pytest.raises(DocumentError) as error:
        from_text(to_text(SMALL).replace("0.4.0", "0.5.0"), "p.json")
    (problem,) = error.value.problems
    assert problem.what == "p.json is damaged or was changed by hand"
    assert problem.fix == "make it anew with `reconcile plan -o FILE`"


@pytest.mark.parametrize("text", ["", "{}", "[]", "null", "7", '"x"', "version: 1\n", "\0", "{" * 50_000, "[" * 50_000])
def test_what_is_no_plan_says_so(text: str) -> None:
    with pytest.raises(DocumentError, match=r"p\.json is no saved plan"):
        from_text(text, "p.json")


def forged(change: dict[str, object]) -> str:
    """A plan that somebody wrote, with the right digest."""
    body = json.loads(to_text(SMALL))
    del body["sha256"]
    body |= change
    digest = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
    return json.dumps({"sha256": digest, **body}, indent=1, ensure_ascii=True) + "\n"


def test_another_format_is_named() -> None:
    with pytest.raises(DocumentError, match="has format 3; this version reads 2"):
        from_text(forged({"format": 3}), "p.json")


def test_a_forgery_with_the_right_digest_is_read() -> None:
    """The digest finds damage; what is applied is what the fingerprints allow."""
    assert from_text(forged({"tool": "9"}), "p.json").tool == "9"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=5,
)
REMOTE_FIELDS = ["host", "user", "port", "identity_file", "proxy_jump", "client", "origin", "command"]
GUARD_FIELDS = ["machine_id", "host_key", "os", "arch", "libc", "mood"]
TARGET_BODY = {"target": "lt/main", "kinds": {}, "origins": {}, "withheld": {}, "notes": []}


@settings(max_examples=400)
@given(
    change=st.one_of(
        st.dictionaries(
            st.sampled_from(["tool", "root", "here", "targets", "changes", "unknown", "format", "remotes", "guards"]),
            JSON,
            min_size=1,
        ),
        st.dictionaries(st.sampled_from(REMOTE_FIELDS), JSON, min_size=1).map(
            lambda body: {"remotes": {"lt/main": json.loads(to_text(SMALL))["remotes"]["lt/main"] | body}}
        ),
        st.dictionaries(st.sampled_from(GUARD_FIELDS), JSON, min_size=1).map(
            lambda body: {"guards": {"lt/main": body}}
        ),
        st.dictionaries(st.sampled_from(list(TARGET_BODY)), JSON, min_size=1).map(
            lambda body: {"targets": [TARGET_BODY | body]}
        ),
        st.dictionaries(st.sampled_from(["items", "options"]), st.dictionaries(st.text(max_size=2), JSON)).map(
            lambda kind: {"targets": [TARGET_BODY | {"kinds": {"files": {"items": {}, "options": {}} | kind}}]}
        ),
    )
)
def test_a_forgery_of_another_shape_is_refused_not_a_crash(change: dict[str, object]) -> None:
    try:
        saved = from_text(forged(change), "p.json")
    except DocumentError:
        return
    assert all(isinstance(text, str) for text in (saved.tool, *saved.changes, *saved.changes.values()))
    assert saved.root is None or isinstance(saved.root, str)


def test_the_file_holds_no_secret() -> None:
    assert "password" in to_text(SMALL)
    assert '"secret"' in to_text(SMALL)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("host", "-oProxyCommand=touch ran"),
        ("host", "a;touch ran"),
        ("host", "$(touch ran)"),
        ("user", "-l root"),
        ("user", "`id`"),
        ("port", 0),
        ("port", 65536),
        ("port", "22"),
        ("identity_file", "relative"),
        ("identity_file", "-F/tmp/x"),
        ("proxy_jump", "a b"),
        ("proxy_jump", "-oProxyCommand=x"),
        ("client", "telnet"),
        ("host", None),
    ],
)
def test_a_forged_way_to_a_machine_is_none(field: str, value: object) -> None:
    """It goes into the user's own ssh_config, which may hand it to a shell."""
    remote = json.loads(to_text(SMALL))["remotes"]["lt/main"] | {field: value}
    with pytest.raises(DocumentError, match="is no saved plan"):
        from_text(forged({"remotes": {"lt/main": remote}}), "p.json")


@pytest.mark.parametrize(
    "guard", [{"machine_id": "x"}, {"machine_id": ["x"]}, {"mood": ["x", None]}, {"os": [1, None]}, []]
)
def test_a_forged_guard_is_none(guard: object) -> None:
    with pytest.raises(DocumentError, match="is no saved plan"):
        from_text(forged({"guards": {"lt/main": guard}}), "p.json")


def test_a_plan_without_ways_and_guards_is_one_of_another_format() -> None:
    for name in ("remotes", "guards"):
        body = json.loads(to_text(SMALL))
        del body["sha256"], body[name]
        digest = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
        with pytest.raises(DocumentError, match="is no saved plan"):
            from_text(json.dumps({"sha256": digest, **body}, indent=1) + "\n", "p.json")
