from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
import yaml

from reconciler.model.address import Address, Target
from reconciler.model.facts import PathType
from reconciler.model.plan import Change, FieldDiff, ItemPlan, Plan, TargetPlan
from reconciler.model.secrets import Secret, SecretHole, SecretText
from reconciler.model.states import State
from reconciler.model.tasks import (
    Base,
    Download,
    MakeDirectory,
    MakeLink,
    Remove,
    RemoveUnpacked,
    RunCommand,
    SetMode,
    Task,
    Unpack,
    WriteBlob,
    WriteFile,
)
from reconciler.model.values import Json
from reconciler.rendering.plan_json import plan_document, plan_json

LT = Target("lt", "main")
MISSING = Base(type=PathType.MISSING)


def every_text(document: Json) -> Iterator[str]:
    match document:
        case str():
            yield document
        case dict():
            for key, entry in document.items():
                yield key
                yield from every_text(entry)
        case list():
            for entry in document:
                yield from every_text(entry)


def plan_of(*items: ItemPlan, tasks: tuple[Task, ...] = ()) -> Plan:
    addresses = tuple(item.address for item in items)
    change = Change(id="lt/main:x", target=LT, thing="x", addresses=addresses, tasks=tasks)
    return Plan(workstation="lt", targets=(TargetPlan(target=LT, items=items),), changes=(change,))


def item(name: str, state: State = State.CHANGE, **more: object) -> ItemPlan:
    return ItemPlan(address=Address(LT, "go_env", name), state=state, **more)  # type: ignore[arg-type]


def workstation(plan: Plan) -> dict[str, Json]:
    document = plan_document([plan])["workstations"]
    assert isinstance(document, list) and isinstance(document[0], dict)
    return document[0]


def tasks_of(plan: Plan) -> list[dict[str, Json]]:
    changes = workstation(plan)["changes"]
    return [task for change in changes for task in change["tasks"]]  # type: ignore


def items_of(plan: Plan) -> list[dict[str, Json]]:
    return [entry for target in workstation(plan)["targets"] for entry in target["items"]]  # type: ignore


def test_a_plan_as_data_looks_as_it_did(laptop: Plan, golden: Callable[[str, str], None]) -> None:
    golden("laptop.json", plan_json([laptop]))


def test_the_document_names_its_format_and_its_summary(laptop: Plan) -> None:
    document = plan_document([laptop])
    assert document["format"] == 1
    assert str(document["summary"]).startswith("Plan: 6 to add, 6 to change")
    assert document["counts"]["add"] == 6  # type: ignore[index, call-overload]


def test_json_and_yaml_read_back_the_same(laptop: Plan) -> None:
    document = plan_document([laptop])
    assert json.loads(plan_json([laptop])) == document
    assert yaml.safe_load(yaml.safe_dump(document, sort_keys=False)) == document


def test_every_item_has_the_same_keys_in_the_same_order(laptop: Plan) -> None:
    assert len({tuple(entry) for entry in items_of(laptop)}) == 1


def test_no_secret_is_in_the_document(laptop: Plan) -> None:
    text = plan_json([laptop])
    assert "canary" not in text
    (secret,) = (entry for entry in items_of(laptop) if entry["item"] == "variables.HTTPS_PROXY")
    assert secret["before"] == {"value": None} and secret["after"] == {"value": None}
    assert secret["secret_fields"] == ["value"]
    assert secret["diffs"] == [{"name": "value", "before": None, "after": None, "secret": True}]


def test_contents_with_a_secret_are_named_holes_without_size_or_digest() -> None:
    write = WriteFile(
        path="/x", content=b"canary", base=Base(type=PathType.FILE, digest="d1"), secrets=frozenset({"b", "a"})
    )
    (task,) = tasks_of(plan_of(tasks=(write,)))
    assert task["content"] == {"secret": ["a", "b"]}
    assert task["sha256"] is None and task["size"] is None
    assert task["base"]["sha256"] is None  # type: ignore[index, call-overload]


@pytest.mark.parametrize(
    "secret",
    [Secret("canary-value", frozenset({"token"})), SecretText(("x", SecretHole("token")))],
    ids=["value", "text"],
)
def test_a_change_of_a_secret_item_is_hidden_even_when_its_task_does_not_say_so(secret: Secret | SecretText) -> None:
    written = item("TOKEN", after={"value": secret})
    task = WriteFile(path="/x", content=b"canary-value", base=MISSING)
    assert tasks_of(plan_of(written, tasks=(task,)))[0]["content"] == {"secret": ["token"]}


def test_a_secret_in_sync_is_found_in_the_file_of_another_change() -> None:
    kept = item("TOKEN", State.IN_SYNC, after={"value": Secret("canary-value", frozenset({"token"}))})
    task = WriteFile(path="/x", content=b"A=1\nTOKEN=canary-value\n", base=MISSING)
    run = RunCommand(argv=("tee",), stdin=b"canary-value")
    plan = plan_of(item("A"), tasks=(task, run))
    plan = replace(plan, targets=(TargetPlan(target=LT, items=(item("A"), kept)),))
    assert "canary" not in plan_json([plan])
    assert [entry.get("content") or entry["stdin"] for entry in tasks_of(plan)] == [{"secret": ["token"]}] * 2


def test_the_observed_side_of_a_secret_is_hidden_without_any_difference() -> None:
    secret = Secret("canary-value", frozenset({"token"}))
    kept = item("TOKEN", State.IN_SYNC, before={"value": "canary-value", "mode": "0600"}, after={"value": secret})
    (shown,) = items_of(plan_of(kept))
    assert shown["before"] == {"value": None, "mode": "0600"} and shown["after"] == {"value": None}


def test_contents_are_text_or_base64_with_size_and_digest() -> None:
    text, binary = "größer\r\n".encode(), b"\xff\x00"
    tasks = tasks_of(plan_of(tasks=tuple(WriteFile(path="/x", content=data, base=MISSING) for data in (text, binary))))
    assert tasks[0]["content"] == {"text": "größer\r\n"}
    assert tasks[1]["content"] == {"base64": base64.b64encode(binary).decode()}
    assert tasks[0]["sha256"] == hashlib.sha256(text).hexdigest() and tasks[0]["size"] == len(text)


def test_every_task_is_data() -> None:
    tasks = (
        WriteFile(path="/f", content=b"", base=MISSING, mode=0o644, owner="root", validate=("visudo", "-cf")),
        MakeDirectory(path="/d", mode=0o1777),
        MakeLink(path="/l", target="/d", base=MISSING),
        Remove(path="/r", base=Base(type=PathType.LINK, link="/d")),
        SetMode(path="/d", base=MISSING, mode=0o750, group="dev"),
        RunCommand(argv=("mount",), more=("/d",), stdin=b"\xff"),
        WriteBlob(path="/b", content=Download(url="https://x.example/b", digest="ab"), base=MISSING),
        Unpack(path="/u", archive=Download(url="https://x.example/u", digest="cd"), base=MISSING, strip=1),
        RemoveUnpacked(path="/u", base=MISSING),
    )
    shown = tasks_of(plan_of(tasks=tasks))
    assert [task["task"] for task in shown] == [
        "write_file",
        "make_directory",
        "make_link",
        "remove",
        "set_mode",
        "run_command",
        "write_blob",
        "unpack",
        "remove_unpacked",
    ]
    assert [task.get("mode") for task in shown] == ["0644", "1777", None, None, "0750", None, None, "0755", None]
    assert shown[5]["argv"] == ["mount", "/d"] and shown[5]["stdin"] == {"base64": "/w=="}
    assert shown[6]["url"] == "https://x.example/b" and shown[7]["sha256"] == "cd"
    inside = {"content", "archive", "secrets", "more"}
    assert {name for task in tasks for name in type(task).__slots__} - inside <= {key for task in shown for key in task}


def test_what_is_no_unicode_is_written_as_bytes_and_stays_valid() -> None:
    name = b"caf\xe9\xff".decode("utf-8", "surrogateescape")
    diff = FieldDiff(name=name, before=[name], after={name: name})
    document = plan_document([plan_of(item(name, why=name, diffs=(diff,), before={name: name}))])
    for text in every_text(document):
        text.encode("utf-8")
    assert "caf\\xe9\\xff" in set(every_text(document))


def test_json_holds_no_control_or_direction_character() -> None:
    text = plan_json([plan_of(item("a\x1b[2J\u202e\x9b", why="\u2028\x7f"))])
    assert text.isascii()
    assert not [character for character in text if ord(character) < 32 and character != "\n"]


def test_numbers_that_json_lacks_are_words() -> None:
    assert '"after": "inf"' in plan_json(
        [plan_of(item("X", diffs=(FieldDiff(name="v", before=1, after=float("inf")),)))]
    )
