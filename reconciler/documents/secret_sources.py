"""Where a machine keeps its secrets: a variable of the environment, a file, or what a program prints."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from reconciler.documents.reader import Caller, read_regular
from reconciler.documents.sections import scalars
from reconciler.model import tree
from reconciler.model.errors import DocumentError, Problem
from reconciler.model.tree import Node

COMMAND_TIMEOUT_SECONDS: Final = 30


def value_of(
    name: str,
    source: tree.Mapping,
    caller: Caller,
    environment: Mapping[str, str],
    for_programs: Mapping[str, str],
) -> str | None:
    """The secret's text, one final line end cut off; None where its variable is not set. DocumentError: it cannot be read.

    Files are read and programs run with the caller's own rights, also under sudo. Programs see `for_programs` of the
    environment: a helper for one secret need not know the others.
    """
    ((kind, node),) = source.entries
    try:
        text = _READERS[kind.text](node, caller, for_programs if kind.text == "command" else environment)
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        raise DocumentError([Problem(f"secret {name} cannot be read: {_reason(error)}", node.origin)]) from None
    return text.removesuffix("\n").removesuffix("\r") if text is not None else None


def _variable(node: Node, caller: Caller, environment: Mapping[str, str]) -> str | None:
    return environment.get(_text(node))


def _file(node: Node, caller: Caller, environment: Mapping[str, str]) -> str:
    name = _text(node)
    path = Path(caller.home, name[2:]) if name.startswith("~/") else caller.config / name
    with caller.acting():
        return read_regular(path, name, node.origin).decode()


def _command(node: Node, caller: Caller, environment: Mapping[str, str]) -> str:
    """A child of its own user from the start: with only the effective user changed it could become root again."""
    is_other = os.geteuid() != caller.uid
    done = subprocess.run(
        [scalar.text for scalar in scalars(node)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=True,
        timeout=COMMAND_TIMEOUT_SECONDS,
        cwd=caller.home,
        env={**environment, "HOME": caller.home, "USER": caller.name, "LOGNAME": caller.name},
        user=caller.uid if is_other else None,
        group=caller.gid if is_other else None,
        extra_groups=[] if is_other else None,
    )
    return done.stdout.decode()


_READERS: Final = {"env": _variable, "file": _file, "command": _command}


def _text(node: Node) -> str:
    assert isinstance(node, tree.Scalar)
    return node.text


def _reason(error: Exception) -> str:
    """Never what the program printed: it may be the secret."""
    match error:
        case subprocess.TimeoutExpired():
            return f"its program took more than {COMMAND_TIMEOUT_SECONDS} s"
        case subprocess.CalledProcessError():
            return f"its program ended with {error.returncode}"
        case OSError():
            return f"{error.strerror}: {error.filename}"
        case UnicodeDecodeError():
            return "it is not UTF-8 text"
        case _:
            return "its name cannot be used"
