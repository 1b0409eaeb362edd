"""Changes as lines: the programs that run, and with -v every task in the order in which it is sent."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, assert_never

from reconciler.model.address import Target
from reconciler.model.plan import Change, Plan, TextDiff
from reconciler.model.tasks import (
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
from reconciler.rendering.hunks import hunk_lines
from reconciler.rendering.layout import Line, Look, Span, Style, indented, prose
from reconciler.rendering.secrecy import hidden_changes
from reconciler.rendering.values import SECRET

_NAMED_NEEDS: Final = 3
_SHOWN_COMMANDS: Final = 4
"""So many programs of one kind are shown without -v."""


def command_lines(changes: Sequence[Change], look: Look, indent: int) -> Iterator[Line]:
    """The programs that these changes run: what they do is no value that could be shown."""
    commands = [command_text(task.words) for change in changes for task in change.tasks if isinstance(task, RunCommand)]
    shown = commands if look.verbose or len(commands) <= _SHOWN_COMMANDS + 1 else commands[:_SHOWN_COMMANDS]
    for command in shown:
        yield from prose(indented(indent, Span("runs ", Style.FAINT)), command, look, hang=indent + 4)
    if len(shown) < len(commands):
        more = f"{look.ellipsis} {len(commands) - len(shown)} more programs; -v shows all"
        yield indented(indent, Span(more, Style.FAINT))


def command_text(argv: Sequence[str]) -> str:
    """The words; of a script that a shell is given as a word, `…`: it is one of ours, and `--format script` has it whole."""
    return " ".join("…" if "\n" in word else shlex.quote(word) for word in argv)


def needed_text(change: Change, changes: Mapping[str, Change]) -> str:
    """`after /etc/fstab, /opt/gobin`: the things that come first; nothing where only parts of the same items do."""
    first = [changes[need] for need in change.needs if need in changes]
    others = [other for other in first if not set(other.addresses) & set(change.addresses)]
    things = list(dict.fromkeys(_thing(other, change.target) for other in others))
    more = len(things) - _NAMED_NEEDS
    if more > 1:
        things = [*things[:_NAMED_NEEDS], f"{more} more"]
    return f"after {', '.join(things)}" if things else ""


def _thing(change: Change, near: Target) -> str:
    return change.thing if change.target == near else f"{change.thing} on {change.target}"


def change_lines(plan: Plan, look: Look) -> Iterator[Line]:
    """Every change with its tasks and the text it leaves, in the order of the plan."""
    hidden = hidden_changes(plan)
    digits = len(str(len(plan.changes)))
    for number, change in enumerate(plan.changes, start=1):
        place = Span(f"  {change.target}", Style.FAINT)
        yield indented(2, Span(f"{number:>{digits}} ", Style.FAINT), Span(change.thing), place)
        for task in change.tasks:
            yield from prose(indented(digits + 7), _task_text(task), look, hang=digits + 9)
        if change.id in hidden:
            yield indented(digits + 9, Span(SECRET, Style.FAINT))
        elif change.text and not _is_told(change.text, plan):
            yield from hunk_lines(change.text.before, change.text.after, look, digits + 9)


def _is_told(text: TextDiff, plan: Plan) -> bool:
    """Whether an item shows the very text of the file already."""
    return any((diff.before, diff.after) == (text.before, text.after) for item in plan.items for diff in item.diffs)


def _task_text(task: Task) -> str:
    match task:
        case WriteFile():
            return f"write {task.path}{_rights(task)}"
        case WriteBlob():
            return f"write {task.path} from {_download(task.content)}{_rights(task)}"
        case Unpack():
            return f"unpack {_download(task.archive)} into {task.path}{_rights(task)}"
        case RemoveUnpacked():
            return f"remove {task.path} and all that was unpacked there"
        case MakeDirectory():
            return f"make the directory {task.path}{_rights(task)}"
        case MakeLink():
            return f"link {task.path} to {task.target}"
        case Remove():
            return f"remove {task.path}"
        case SetMode():
            return f"set {task.path}{_rights(task)}"
        case RunCommand():
            return f"run {command_text(task.words)}"
        case _:
            assert_never(task)


def _download(download: Download) -> str:
    by = ", fetched by the machine" if download.by_target else ""
    return f"{download.url} (sha256 {download.digest[:12]}{by})"


def _rights(task: WriteFile | WriteBlob | Unpack | MakeDirectory | SetMode) -> str:
    """`, mode 0644, owner root:dev`; nothing is said of what stays as it was."""
    mode = f", mode {task.mode:04o}" if task.mode is not None else ""
    owner = ":".join(name for name in (task.owner, task.group) if name)
    return f"{mode}, owner {owner}" if owner else mode
