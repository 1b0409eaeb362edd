from __future__ import annotations

import json
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.model import facts
from reconciler.model.facts import (
    AccountState,
    Answer,
    CommandResult,
    Fact,
    FactSheet,
    FileState,
    GoBuild,
    Host,
    PathState,
    PathType,
    RunningProcess,
    Session,
    Unread,
)
from reconciler.model.sheet_json import sheet_from_json, sheet_to_json
from reconciler.model.values import Json

texts = st.text(max_size=12) | st.binary(max_size=8).map(lambda data: data.decode("utf-8", "surrogateescape"))
numbers = st.integers(0, 2**40)
few = st.one_of(st.none(), texts)

plain_states = st.builds(
    PathState,
    path=texts,
    type=st.sampled_from(PathType),
    mode=st.none() | st.integers(0, 0o7777),
    owner=few,
    group=few,
    size=st.none() | numbers,
    link=few,
    behind=st.none(),
    distrusted=few,
)
states = (
    st.builds(
        lambda state, behind, link: PathState(path=state.path, type=PathType.LINK, link=link, behind=behind),
        plain_states,
        plain_states,
        few,
    )
    | plain_states
)
files = st.builds(FileState, state=states, data=st.none() | st.binary(max_size=40), unreadable=few)
accounts = st.builds(AccountState, uid=numbers, gid=numbers, home=texts, shell=texts)
hosts = st.builds(
    Host,
    user=texts,
    uid=numbers,
    home=texts,
    kernel=texts,
    architecture=texts,
    hostname=texts,
    boot=texts,
    init_started=numbers,
    wsl=st.booleans(),
    systemd=st.booleans(),
    at_rest=st.booleans(),
    processes=st.lists(st.builds(RunningProcess, kind=texts, started=numbers), max_size=3).map(tuple),
)


def either(*answers: st.SearchStrategy[Answer]) -> st.SearchStrategy[Answer | Unread]:
    return st.one_of(*answers, st.builds(Unread, texts))


ANSWERS: dict[type, tuple[st.SearchStrategy[Fact], st.SearchStrategy[Answer | Unread]]] = {
    facts.PathInfo: (st.builds(facts.PathInfo, texts), either(states)),
    facts.FileText: (st.builds(facts.FileText, texts), either(files)),
    facts.FileDigest: (st.builds(facts.FileDigest, texts), either(st.none(), texts)),
    facts.GoBinary: (
        st.builds(facts.GoBinary, texts),
        either(st.none(), st.builds(GoBuild, package=texts, module=texts, version=texts)),
    ),
    facts.ProgramPath: (st.builds(facts.ProgramPath, texts), either(st.none(), texts)),
    facts.Listing: (st.builds(facts.Listing, texts), either(st.none(), st.lists(texts, max_size=4).map(tuple))),
    facts.CommandText: (
        st.builds(facts.CommandText, st.lists(texts, max_size=3).map(tuple)),
        either(st.none(), st.builds(CommandResult, st.integers(-1, 255), texts)),
    ),
    facts.Environment: (st.builds(facts.Environment, st.sampled_from(Session), texts), either(st.none(), texts)),
    facts.Account: (st.builds(facts.Account, texts), either(st.none(), accounts)),
    facts.Libc: (st.builds(facts.Libc), either(st.none(), texts)),
}
pairs = st.one_of(*(st.tuples(fact, answer) for fact, answer in ANSWERS.values()))
sheets = st.builds(
    lambda host, entries: FactSheet(host=host, answers=dict(entries)), hosts, st.lists(pairs, max_size=6)
)


def test_every_fact_takes_part() -> None:
    assert set(ANSWERS) == set(get_args(Fact))


@settings(max_examples=400, deadline=None)
@given(sheets)
def test_a_sheet_comes_back_as_it_was(sheet: FactSheet) -> None:
    text = json.dumps(sheet_to_json(sheet))
    text.encode("ascii")
    assert sheet_from_json(json.loads(text)) == sheet


@given(sheets)
def test_the_order_of_facts_makes_no_difference(sheet: FactSheet) -> None:
    reversed_sheet = FactSheet(host=sheet.host, answers=dict(reversed(list(sheet.answers.items()))))
    assert json.dumps(sheet_to_json(reversed_sheet)) == json.dumps(sheet_to_json(sheet))


def test_bytes_are_text_where_they_are_utf8() -> None:
    state = PathState(path="/x", type=PathType.FILE)
    answers: dict[Fact, Answer | Unread] = {
        facts.FileText("/text"): FileState(state=state, data="ü\r\n\0".encode()),
        facts.FileText("/bytes"): FileState(state=state, data=b"\xff"),
    }
    value = json.dumps(sheet_to_json(FactSheet(host=Host(user="a", uid=1, home="/"), answers=answers)))
    assert '"data": {"text": "\\u00fc\\r\\n\\u0000"}' in value
    assert '"data": {"base64": "/w=="}' in value


SHEET = sheet_to_json(
    FactSheet(
        host=Host(user="alice", uid=1000, home="/home/alice"),
        answers={
            facts.FileText("/x"): FileState(state=PathState(path="/x", type=PathType.FILE, mode=0o644), data=b"\xff"),
            facts.PathInfo("/l"): PathState(
                path="/l", type=PathType.LINK, behind=PathState(path="/x", type=PathType.MISSING)
            ),
            facts.Listing("/y"): ("a", "b"),
            facts.CommandText(("id",)): CommandResult(0, "x"),
            facts.Account("alice"): AccountState(uid=1, gid=1, home="/", shell="/bin/sh"),
        },
    )
)


WRONG: list[tuple[Json, str]] = [
    (None, "the sheet is not an object"),
    ({}, "version is not a whole number"),
    ({**SHEET, "version": 2}, "version 2"),
    ({**SHEET, "host": 7}, "host is not an object"),
    ({**SHEET, "answers": [{"fact": {"ask": "Weather"}, "answer": None}]}, "Weather is not a fact"),
    ({**SHEET, "answers": [{"fact": {"ask": "Libc"}}]}, "answer is missing"),
    ({**SHEET, "answers": [{"fact": {"ask": "Libc"}, "answer": 7}]}, "answer is not text"),
]


@pytest.mark.parametrize(("value", "why"), WRONG)
def test_what_is_no_sheet_is_refused_with_the_reason(value: Json, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        sheet_from_json(value)


def places(value: Json, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    found: list[tuple[str | int, ...]] = [path]
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in entries:
        found += places(child, (*path, key))
    return found


def replaced(value: Json, path: tuple[str | int, ...], new: Json) -> Json:
    copy = json.loads(json.dumps(value))
    if not path:
        return new
    at = copy
    for key in path[:-1]:
        at = at[key]
    at[path[-1]] = new
    result: Json = copy
    return result


@pytest.mark.parametrize("new", [None, 7, -1, "x", "", [], {}, [7], {"unread": 7}, True, 10**30, 1.5, {"behind": {}}])
def test_no_value_in_the_wrong_place_is_more_than_a_value_error(new: Json) -> None:
    for path in places(SHEET):
        try:
            sheet_from_json(replaced(SHEET, path, new))
        except ValueError as error:
            assert str(error)
