"""The record of what was written and is not in force yet."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.model import effects
from reconciler.model.address import Target
from reconciler.model.effects import EffectRecord
from reconciler.model.facts import FactSheet, FileState, FileText, Host, PathState, PathType, RunningProcess
from reconciler.model.states import Effect

LIVE = Host(user="root", uid=0, home="/root", boot="b1", init_started=7)


def record(**more: object) -> EffectRecord:
    known: dict[str, object] = {
        "address": "lt/main:wsl_conf:boot.systemd",
        "effect": Effect.TERMINATE,
        "digest": "d",
        "boot": "b1",
        "init_started": 7,
        "started": 50,
    }
    return EffectRecord(**{**known, **more})  # type: ignore[arg-type]


RECORDS = st.builds(
    EffectRecord,
    address=st.text(),
    effect=st.sampled_from(Effect),
    digest=st.text(),
    boot=st.text(),
    init_started=st.integers(0, 2**62),
    started=st.integers(0, 2**62),
)


@given(st.lists(RECORDS, max_size=4))
def test_a_record_comes_back_as_it_was(records: list[EffectRecord]) -> None:
    """Whatever is in its texts, each takes one line: the apply script copies lines."""
    lines = [effects.line(each) for each in records]
    assert not any(character in line for line in lines for character in "\n\r\0")
    assert effects.read(f"[{','.join(lines)}]".encode()) == tuple(records)


@given(RECORDS)
def test_the_script_completes_a_record_that_the_controller_began(found: EffectRecord) -> None:
    begun = effects.fragment(found.address, found.effect, found.digest)
    completed = f'{{{begun}, "boot": {json.dumps(found.boot)}, "init_started": {found.init_started}, "started": {found.started}}}'
    assert effects.read(f"[{completed}]".encode()) == (found,)


@given(st.one_of(st.none(), st.binary(max_size=60), st.text(max_size=40).map(str.encode)))
def test_a_file_that_is_no_record_holds_none(data: bytes | None) -> None:
    assert effects.read(data) == ()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["address", "effect", "digest", "boot", "x"]), inner)
    ),
    max_leaves=8,
)


@given(JSON)
def test_json_of_another_shape_holds_none(value: object) -> None:
    assert effects.read(json.dumps(value).encode()) == ()


@pytest.mark.parametrize("field", ["address", "effect", "digest", "boot", "init_started", "started"])
def test_a_row_that_lacks_a_field_is_no_record(field: str) -> None:
    row = json.loads(effects.line(record()))
    del row[field]
    assert effects.read(json.dumps([row]).encode()) == ()


def test_neither_depth_nor_size_of_numbers_crashes() -> None:
    assert effects.read(b"[" * 100_000) == ()
    row = json.loads(effects.line(record()))
    assert effects.read(json.dumps([{**row, "started": float("inf")}]).encode()) == ()


@pytest.mark.parametrize("effect", [Effect.TERMINATE, Effect.SHUTDOWN, Effect.SIGN_IN, Effect.REBOOT])
def test_a_restart_is_waited_for_while_the_machine_lives_on(effect: Effect) -> None:
    assert record().is_pending(LIVE, "d", effect)
    assert not record().is_pending(LIVE, "other", effect)
    assert not record(boot="b2").is_pending(LIVE, "d", effect)
    assert not record(init_started=8).is_pending(LIVE, "d", effect)


@pytest.mark.parametrize(("effect", "kind"), [(Effect.NEW_SESSION, "terminal"), (Effect.EDITOR_RELOAD, "editor")])
def test_a_session_is_waited_for_while_one_is_as_old_as_the_record(effect: Effect, kind: str) -> None:
    def pending(*processes: RunningProcess) -> bool:
        host = Host(user="alice", uid=1000, home="/home/alice", boot="b1", init_started=7, processes=processes)
        return record().is_pending(host, "d", effect)

    young, same, old = (RunningProcess(kind=kind, started=ticks) for ticks in (51, 50, 49))
    assert not pending()
    assert not pending(young)
    assert pending(same)
    assert pending(young, old)
    assert not pending(RunningProcess(kind="terminal" if kind == "editor" else "editor", started=1))


def test_what_takes_effect_at_once_is_never_waited_for() -> None:
    assert not record().is_pending(LIVE, "d", Effect.NOW)


def test_only_the_records_of_this_life_are_kept() -> None:
    kept, rebooted, restarted = record(), record(boot="b2"), record(init_started=8)
    assert effects.kept([kept, rebooted, restarted], LIVE) == (kept,)


@pytest.mark.parametrize(
    ("target", "path"),
    [
        (Target("lt", "main"), "/var/lib/reconcile/effects.json"),
        (Target("lt", "main", "root"), "/var/lib/reconcile/effects.json"),
        (Target("lt", "main", "alice"), "~/.local/state/reconcile/effects.json"),
    ],
)
def test_the_records_of_a_target_are_read_from_its_state_folder(target: Target, path: str) -> None:
    state = PathState(path=path, type=PathType.FILE)
    data = f"[{effects.line(record())}]".encode()
    sheet = FactSheet(host=LIVE, answers={FileText(path): FileState(state=state, data=data)})
    assert effects.path(target) == path
    assert effects.of_sheet(sheet, target) == (record(),)


def test_a_record_that_cannot_be_read_says_nothing() -> None:
    state = PathState(path="/var/lib/reconcile/effects.json", type=PathType.UNKNOWN)
    sheet = FactSheet(host=LIVE, answers={FileText(state.path): FileState(state=state, unreadable="needs root")})
    assert effects.of_sheet(sheet, Target("lt", "main")) == ()
