"""Tasks as data: what is sent to a machine, with contents as text or base64 and secrets as names."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from typing import assert_never

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
from reconciler.rendering.plain import document_text

Document = dict[str, Json]


def task_document(task: Task, hidden: frozenset[str] | None) -> Document:
    """`hidden` are the names of the secrets in the task's change, None where its bytes may be seen.

    Of bytes with a secret in them there is neither size nor digest: a short secret can be guessed from those.
    """
    match task:
        case WriteFile():
            base = _base(task.base, hidden)
            checked = {"validate": _words(task.validate)} if task.validate else {}
            return {"task": "write_file", **_place(task), **_content(task.content, hidden), **checked, "base": base}
        case WriteBlob():
            return {
                "task": "write_blob",
                **_place(task),
                **_download(task.content),
                "base": _base(task.base, hidden),
            }
        case Unpack():
            parts = {**_download(task.archive), "strip": task.strip}
            return {"task": "unpack", **_place(task), **parts, "base": _base(task.base, hidden)}
        case RemoveUnpacked():
            return {"task": "remove_unpacked", "path": document_text(task.path), "base": _base(task.base, hidden)}
        case MakeDirectory():
            return {"task": "make_directory", **_place(task)}
        case MakeLink():
            link = {"path": document_text(task.path), "target": document_text(task.target)}
            return {"task": "make_link", **link, "base": _base(task.base, hidden)}
        case Remove():
            return {"task": "remove", "path": document_text(task.path), "base": _base(task.base, hidden)}
        case SetMode():
            return {"task": "set_mode", **_place(task), "base": _base(task.base, hidden)}
        case RunCommand():
            return {
                "task": "run_command",
                "argv": _words(task.words),
                "stdin": _bytes(task.stdin, hidden) if task.stdin else None,
                "timeout_seconds": task.timeout_seconds,
                "back": None if task.back is None else _words(task.back),
            }
        case _:
            assert_never(task)


def _words(words: tuple[str, ...]) -> list[Json]:
    return [document_text(word) for word in words]


def _download(download: Download) -> Document:
    return {"url": document_text(download.url), "sha256": download.digest, "by_target": download.by_target}


def _place(task: WriteFile | WriteBlob | Unpack | MakeDirectory | SetMode) -> Document:
    return {
        "path": document_text(task.path),
        "mode": _mode(task.mode),
        "owner": _name(task.owner),
        "group": _name(task.group),
    }


def _content(content: bytes, hidden: frozenset[str] | None) -> Document:
    return {
        "content": _bytes(content, hidden),
        "sha256": hashlib.sha256(content).hexdigest() if hidden is None else None,
        "size": len(content) if hidden is None else None,
    }


def _bytes(content: bytes, hidden: frozenset[str] | None) -> Document:
    if hidden is not None:
        return {"secret": [document_text(name) for name in sorted(hidden)]}
    try:
        return {"text": content.decode("utf-8")}
    except UnicodeDecodeError:
        return {"base64": b64encode(content).decode("ascii")}


def _base(base: Base, hidden: frozenset[str] | None) -> Document:
    return {
        "type": base.type.value,
        "sha256": base.digest if hidden is None else None,
        "mode": _mode(base.mode),
        "owner": _name(base.owner),
        "group": _name(base.group),
        "link": _name(base.link),
    }


def _mode(mode: int | None) -> str | None:
    return None if mode is None else f"{mode:04o}"


def _name(name: str | None) -> str | None:
    return None if name is None else document_text(name)
