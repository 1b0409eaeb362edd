"""Whatever a host, a file or a pull request says: nothing of it acts on a terminal."""

from __future__ import annotations

import unicodedata

from hypothesis import example, given, settings
from hypothesis import strategies as st

from reconciler.model.address import Address, Target
from reconciler.model.facts import PathType
from reconciler.model.plan import Change, FieldDiff, Finding, ItemPlan, Plan, Severity, TargetPlan, TextDiff
from reconciler.model.states import Effect, Risk, State, TargetState
from reconciler.model.tasks import Base, MakeLink, RunCommand, Task, WriteFile
from reconciler.model.tree import Origin
from reconciler.rendering.plan_json import plan_json
from reconciler.rendering.text import plan_text

# Half of all characters are ones that do something, so that every field gets them.
CHARACTERS = st.one_of(
    st.sampled_from("\x1b\x07\x9b\x9d\r\n\t\x00\x7f\u202e\u2066\u200b\ufeff\u2028\udcff\ud800\xad\U000e0041`"),
    st.characters(codec=None),
)
WORDS = st.text(CHARACTERS, min_size=1, max_size=12)
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), WORDS),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(WORDS, inner, max_size=3)),
    max_leaves=6,
)
TARGETS = st.builds(Target, WORDS, WORDS, st.one_of(st.none(), WORDS))
ADDRESSES = st.builds(Address, TARGETS, WORDS, WORDS)
ORIGINS = st.builds(Origin, WORDS, st.integers(1, 99), st.integers(1, 99))
MAYBE = st.one_of(st.none(), WORDS)
SEVERAL = st.lists(WORDS, max_size=2).map(tuple)
DIFFS = st.builds(FieldDiff, name=st.one_of(st.just("value"), WORDS), before=VALUES, after=VALUES, secret=st.booleans())
ITEMS = st.builds(
    ItemPlan,
    address=ADDRESSES,
    state=st.sampled_from(State),
    why=MAYBE,
    fix=MAYBE,
    origin=st.one_of(st.none(), ORIGINS),
    diffs=st.lists(DIFFS, max_size=2).map(tuple),
    effect=st.sampled_from(Effect),
    risks=st.frozensets(st.sampled_from(Risk)),
    notes=SEVERAL,
    change=st.just("one"),
)
BASE = Base(type=PathType.FILE)
TASKS: st.SearchStrategy[Task] = st.one_of(
    st.builds(WriteFile, path=WORDS, content=st.binary(max_size=9), base=st.just(BASE), owner=MAYBE),
    st.builds(MakeLink, path=WORDS, target=WORDS, base=st.just(BASE)),
    st.builds(RunCommand, argv=SEVERAL, stdin=st.binary(max_size=9)),
)
CHANGES = st.builds(
    Change,
    id=st.sampled_from(["one", "two"]),
    target=TARGETS,
    thing=WORDS,
    addresses=st.just(()),
    tasks=st.lists(TASKS, max_size=2).map(tuple),
    needs=st.just(("two",)),
    text=st.one_of(st.none(), st.builds(TextDiff, path=WORDS, before=MAYBE, after=MAYBE)),
)
FINDINGS = st.builds(
    Finding,
    rule=WORDS,
    severity=st.sampled_from(Severity),
    what=WORDS,
    addresses=st.lists(ADDRESSES, max_size=1).map(tuple),
    origins=st.lists(ORIGINS, max_size=1).map(tuple),
    ways_out=SEVERAL,
)
TARGET_PLANS = st.builds(
    TargetPlan,
    target=TARGETS,
    state=st.sampled_from(TargetState),
    why=MAYBE,
    items=st.lists(ITEMS, max_size=2).map(tuple),
    notes=SEVERAL,
)
PLANS = st.builds(
    Plan,
    workstation=WORDS,
    targets=st.lists(TARGET_PLANS, max_size=2).map(tuple),
    changes=st.lists(CHANGES, max_size=2).map(tuple),
    findings=st.lists(FINDINGS, max_size=1).map(tuple),
    needs=SEVERAL,
    notes=SEVERAL,
)

LONE = TextDiff(path="a", before=None, after="\ud800")
"""A surrogate that stands for no byte: it cannot be encoded, not even with surrogateescape."""


@settings(max_examples=150, deadline=None)
@given(st.lists(PLANS, max_size=2), st.sampled_from([20, 80, 120]), st.booleans(), st.booleans())
def test_no_character_of_any_field_acts_on_a_terminal(
    plans: list[Plan], width: int, verbose: bool, unicode: bool
) -> None:
    text = plan_text(plans, width=width, verbose=verbose, unicode=unicode)
    acting = {character for character in text if unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp")}
    assert acting <= {"\n"}
    assert unicode or text.isascii()


@settings(max_examples=100, deadline=None)
@example(
    Plan(workstation="a", changes=(Change(id="one", target=Target("a"), thing="b", addresses=(), tasks=(), text=LONE),))
)
@given(PLANS)
def test_json_is_ascii_whatever_a_field_holds(plan: Plan) -> None:
    assert {character for character in plan_json([plan]) if not " " <= character <= "~"} <= {"\n"}
