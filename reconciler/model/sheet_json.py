"""Fact sheets as JSON: to show, to keep, to plan a machine that is not here. A sheet comes back as it was.

Bytes are `{"text": …}` where they are UTF-8, else `{"base64": …}`. Text that came from bytes which are no UTF-8 holds
lone surrogates: write the JSON with `ensure_ascii`.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping
from typing import Final, assert_never

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
from reconciler.model.json_object import JsonObject
from reconciler.model.values import Json

VERSION: Final = 1


def sheet_to_json(sheet: FactSheet) -> dict[str, Json]:
    """The same sheet gives the same JSON, whatever the order of its facts."""
    answers: list[Json] = [
        {"fact": fact_to_json(fact), "answer": _answer_to_json(answer)}
        for fact, answer in sorted(sheet.answers.items(), key=lambda entry: repr(entry[0]))
    ]
    return {"version": VERSION, "host": _host_to_json(sheet.host), "answers": answers}


def sheet_from_json(value: Json) -> FactSheet:
    """Raises ValueError, with what is wrong, where `value` is not such a sheet."""
    top = JsonObject(value, "the sheet")
    if top.number("version") != VERSION:
        raise ValueError(f"the sheet is of version {top.number('version')}, known is {VERSION}")
    entries = [JsonObject(entry, "an answer") for entry in top.list("answers")]
    pairs = [(_fact(entry.child("fact")), entry) for entry in entries]
    return FactSheet(
        host=_host(top.child("host")),
        answers={fact: _answer(fact, entry) for fact, entry in pairs},
    )


def fact_to_json(fact: Fact) -> Json:
    match fact:
        case (
            facts.PathInfo(path=path)
            | facts.FileText(path=path)
            | facts.FileDigest(path=path)
            | facts.GoBinary(path=path)
            | facts.Listing(path=path)
        ):
            return {"ask": type(fact).__name__, "path": path}
        case facts.ProgramPath(name=name):
            return {"ask": "ProgramPath", "name": name}
        case facts.CommandText(argv=argv):
            return {"ask": "CommandText", "argv": list(argv)}
        case facts.Environment(session=session, name=name):
            return {"ask": "Environment", "session": session.value, "name": name}
        case facts.Account(name=name):
            return {"ask": "Account", "name": name}
        case facts.Libc():
            return {"ask": "Libc"}
        case _:
            assert_never(fact)


def _answer_to_json(answer: Answer | Unread) -> Json:
    match answer:
        case None | str():
            return answer
        case tuple():
            return list(answer)
        case Unread(why=why):
            return {"unread": why}
        case PathState():
            return _path_to_json(answer)
        case FileState(state=state, data=data, unreadable=unreadable):
            return {
                "state": _path_to_json(state),
                "data": None if data is None else _bytes_to_json(data),
                "unreadable": unreadable,
            }
        case CommandResult(code=code, text=text):
            return {"code": code, "text": text}
        case GoBuild(package=package, module=module, version=version):
            return {"package": package, "module": module, "version": version}
        case AccountState(uid=uid, gid=gid, home=home, shell=shell):
            return {"uid": uid, "gid": gid, "home": home, "shell": shell}
        case _:
            assert_never(answer)


def _path_to_json(state: PathState) -> dict[str, Json]:
    """Only what is there."""
    row: dict[str, Json] = {
        "path": state.path,
        "type": state.type.value,
        "mode": None if state.mode is None else f"{state.mode:04o}",
        "owner": state.owner,
        "group": state.group,
        "size": state.size,
        "link": state.link,
        "behind": None if state.behind is None else _path_to_json(state.behind),
        "distrusted": state.distrusted,
    }
    return {name: value for name, value in row.items() if value is not None}


def _bytes_to_json(data: bytes) -> dict[str, Json]:
    try:
        return {"text": data.decode("utf-8")}
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(data).decode("ascii")}


def _host_to_json(host: Host) -> dict[str, Json]:
    processes: list[Json] = [{"kind": process.kind, "started": process.started} for process in host.processes]
    return {
        "user": host.user,
        "uid": host.uid,
        "home": host.home,
        "kernel": host.kernel,
        "architecture": host.architecture,
        "hostname": host.hostname,
        "boot": host.boot,
        "init_started": host.init_started,
        "wsl": host.wsl,
        "systemd": host.systemd,
        "at_rest": host.at_rest,
        "processes": processes,
    }


_FACTS: Final[Mapping[str, Callable[[JsonObject], Fact]]] = {
    "PathInfo": lambda row: facts.PathInfo(row.text("path")),
    "FileText": lambda row: facts.FileText(row.text("path")),
    "FileDigest": lambda row: facts.FileDigest(row.text("path")),
    "GoBinary": lambda row: facts.GoBinary(row.text("path")),
    "ProgramPath": lambda row: facts.ProgramPath(row.text("name")),
    "Listing": lambda row: facts.Listing(row.text("path")),
    "CommandText": lambda row: facts.CommandText(row.texts("argv")),
    "Environment": lambda row: facts.Environment(Session(row.text("session")), row.text("name")),
    "Account": lambda row: facts.Account(row.text("name")),
    "Libc": lambda row: facts.Libc(),
}


def _fact(row: JsonObject) -> Fact:
    name = row.text("ask")
    if name not in _FACTS:
        raise ValueError(f"{name} is not a fact that this version knows")
    return _FACTS[name](row)


def _answer(fact: Fact, entry: JsonObject) -> Answer | Unread:
    value = entry.raw("answer")
    if isinstance(value, dict) and value.keys() == {"unread"}:
        return Unread(entry.child("answer").text("unread"))
    match fact:
        case facts.PathInfo():
            return _path(entry.child("answer"))
        case facts.FileText():
            return _file(entry.child("answer"))
        case facts.Listing():
            return None if value is None else entry.texts("answer")
        case facts.CommandText():
            return None if value is None else _command(entry.child("answer"))
        case facts.Account():
            return None if value is None else _account(entry.child("answer"))
        case facts.GoBinary():
            return None if value is None else _go_build(entry.child("answer"))
        case facts.Environment() | facts.Libc() | facts.FileDigest() | facts.ProgramPath():
            return entry.text_or_none("answer")
        case _:
            assert_never(fact)


def _path(row: JsonObject) -> PathState:
    behind = row.child("behind") if row.has("behind") else None
    if behind and behind.has("behind"):
        raise ValueError("behind a link stands what is no link")
    return PathState(
        path=row.text("path"),
        type=PathType(row.text("type")),
        mode=int(row.text("mode"), 8) if row.has("mode") else None,
        owner=row.text_or_none("owner"),
        group=row.text_or_none("group"),
        size=row.number("size") if row.has("size") else None,
        link=row.text_or_none("link"),
        behind=_path(behind) if behind else None,
        distrusted=row.text_or_none("distrusted"),
    )


def _file(row: JsonObject) -> FileState:
    data = _bytes(row.child("data")) if row.has("data") else None
    return FileState(state=_path(row.child("state")), data=data, unreadable=row.text_or_none("unreadable"))


def _bytes(row: JsonObject) -> bytes:
    if not row.has("base64"):
        return row.text("text").encode("utf-8")
    try:
        return base64.b64decode(row.text("base64").encode("ascii"), validate=True)
    except binascii.Error as error:
        raise ValueError("data is not base64") from error


def _command(row: JsonObject) -> CommandResult:
    return CommandResult(row.number("code"), row.text("text"))


def _go_build(row: JsonObject) -> GoBuild:
    return GoBuild(package=row.text("package"), module=row.text("module"), version=row.text("version"))


def _account(row: JsonObject) -> AccountState:
    return AccountState(uid=row.number("uid"), gid=row.number("gid"), home=row.text("home"), shell=row.text("shell"))


def _host(row: JsonObject) -> Host:
    processes = tuple(_process(JsonObject(entry, "a process")) for entry in row.list("processes"))
    return Host(
        user=row.text("user"),
        uid=row.number("uid"),
        home=row.text("home"),
        kernel=row.text("kernel"),
        architecture=row.text("architecture"),
        hostname=row.text("hostname"),
        boot=row.text("boot"),
        init_started=row.number("init_started"),
        wsl=row.truth("wsl"),
        systemd=row.truth("systemd"),
        at_rest=row.truth("at_rest"),
        processes=processes,
    )


def _process(row: JsonObject) -> RunningProcess:
    return RunningProcess(kind=row.text("kind"), started=row.number("started"))
