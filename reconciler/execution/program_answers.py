"""What a section's answer says of programs, sessions, accounts and the machine itself."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from reconciler.execution.answer_blocks import Block, MalformedAnswerError, joined, only
from reconciler.model.facts import AccountState, CommandResult, RunningProcess, Unread

LONGEST_OUTPUT: Final = 1024 * 1024
NO_LIMIT: Final = "timeout(1) is missing there: nothing is run without a limit"

_KILLED: Final = 137
_SHORT_NUMBER: Final = re.compile(r"\d{1,10}")
_STAT_LINE: Final = re.compile(rb"(\d{1,10}) \(.*\) (\S.*)", re.DOTALL)
_SESSION, _TERMINAL, _STARTED = 3, 4, 19
"""Places in /proc/N/stat, counted from the state behind the name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who answered. `process` is the number of the shell that ran the script."""

    uid: int
    user: str
    home: str
    process: str


def identity(blocks: tuple[Block, ...]) -> Identity:
    begin = only(blocks, "begin")
    lines = _text(begin.body).split("\n") if begin else []
    if len(lines) != 5 or not _SHORT_NUMBER.fullmatch(lines[0]) or not _SHORT_NUMBER.fullmatch(lines[2]):
        raise MalformedAnswerError("it does not say who answers")
    return Identity(uid=int(lines[0]), user=lines[1], process=lines[2], home=lines[3])


@dataclass(frozen=True, slots=True, kw_only=True)
class Kernel:
    """What is the same for everybody on a machine."""

    hostname: str
    release: str
    architecture: str
    boot: str
    init_started: int
    wsl: bool
    systemd: bool


def kernel(blocks: tuple[Block, ...]) -> Kernel:
    host = only(blocks, "host")
    lines = _text(host.body).split("\n") if host else []
    names = lines[0].split(" ") if lines else []
    if len(lines) != 6 or len(names) != 3:
        raise MalformedAnswerError("it does not say what machine it is")
    init = _stat_fields(lines[2].encode("utf-8", "surrogateescape"))
    return Kernel(
        hostname=names[0],
        release=names[1],
        architecture=names[2],
        boot=lines[1],
        init_started=init[1][_STARTED] if init else 0,
        wsl=lines[3] == "yes" or "microsoft" in names[1].lower(),
        systemd=lines[4] == "yes",
    )


def commands(
    blocks: tuple[Block, ...], asked: Iterable[tuple[str, ...]]
) -> dict[tuple[str, ...], CommandResult | Unread | None]:
    """The answers stand in the order of the questions, each behind a block of its own."""
    starts = [number for number, block in enumerate(blocks) if block.word == "command"]
    argvs = tuple(asked)
    if len(starts) != len(argvs):
        raise MalformedAnswerError("not every program was tried")
    ends = [*starts[1:], len(blocks)] if starts else []
    return {
        argv: _command(blocks[start], {block.word: block for block in blocks[start + 1 : end]})
        for argv, start, end in zip(argvs, starts, ends, strict=True)
    }


def _command(start: Block, after: dict[str, Block]) -> CommandResult | Unread | None:
    if "command-missing" in after:
        return None
    if "command-no-limit" in after:
        return Unread(NO_LIMIT)
    code = after["command-code"].rest if "command-code" in after else ""
    if len(start.body) > LONGEST_OUTPUT or not _SHORT_NUMBER.fullmatch(code):
        return Unread("it printed more than 1 MiB, or did not stop")
    if int(code) == _KILLED:
        return Unread("it took longer than 5 seconds")
    return CommandResult(int(code), _text(start.body))


def login_variables(blocks: tuple[Block, ...], mark: str, names: Iterable[str]) -> dict[str, str | Unread | None]:
    """What a fresh login shell hands on; None: not set."""
    block = only(blocks, "login")
    if block is None:
        if any(True for _ in names):
            raise MalformedAnswerError("no login shell was asked")
        return {}
    refusal = _login_refusal(block, mark, {block.word for block in blocks})
    if refusal:
        return dict.fromkeys(names, Unread(refusal))
    body = b"\n" + block.body
    pieces = body[: body.rindex(b"\n" + mark.encode() + b" end\n")].split(b"\n" + mark.encode() + b" ")
    found = {_text(name): _text(value) for name, _, value in (piece.partition(b"\n") for piece in pieces[1:])}
    return {name: found.get(name) for name in names}


def _login_refusal(block: Block, mark: str, words: set[str]) -> str | None:
    if "login-no-limit" in words:
        return NO_LIMIT
    if "login-none" in words:
        return f"the shell {block.rest} lets nobody log in"
    if f"\n{mark} end\n".encode() in b"\n" + block.body:
        return None
    return f"the login shell {block.rest or '(none in passwd)'} gave no answer within 5 seconds"


def programs(blocks: tuple[Block, ...]) -> dict[str, str]:
    """Where the standard PATH has programs, by name."""
    pairs = (_text(line).split("//") for line in joined(blocks, "programs").split(b"\n"))
    return {pair[0]: "/" + pair[1].lstrip("/") for pair in pairs if len(pair) == 2}


def accounts(blocks: tuple[Block, ...]) -> dict[str, AccountState]:
    """By name, from lines of passwd; a line that is none names nobody."""
    found: dict[str, AccountState] = {}
    for line in joined(blocks, "accounts").split(b"\n"):
        parts = _text(line).split(":")
        if len(parts) == 7 and _SHORT_NUMBER.fullmatch(parts[2]) and _SHORT_NUMBER.fullmatch(parts[3]):
            state = AccountState(uid=int(parts[2]), gid=int(parts[3]), home=parts[5], shell=parts[6])
            found.setdefault(parts[0], state)
    return found


def libc(blocks: tuple[Block, ...]) -> str | None:
    block = only(blocks, "libc")
    lines = [_text(line) for line in block.lines] if block else []
    glibc = next((line for line in lines if re.fullmatch(r"glibc \d{1,3}\.\d{1,4}", line)), None)
    return glibc or ("musl" if "musl" in lines else None)


def running_processes(blocks: tuple[Block, ...]) -> tuple[RunningProcess, ...]:
    """The sessions and editor servers among the asker's own processes, the oldest first."""
    started: dict[int, int] = {}
    found: list[RunningProcess] = []
    for line in joined(blocks, "processes").split(b"\n"):
        stat = _stat_fields(line)
        if stat is None:
            continue
        number, fields = stat
        started[number] = fields[_STARTED]
        if fields[_SESSION] == number and fields[_TERMINAL] != 0:
            found.append(RunningProcess(kind="terminal", started=fields[_STARTED]))
    for number in re.findall(rb"^/proc/(\d{1,10})/cmdline$", joined(blocks, "editors"), re.MULTILINE):
        if int(number) in started:
            found.append(RunningProcess(kind="editor", started=started[int(number)]))
    return tuple(sorted(found, key=lambda process: (process.started, process.kind)))


def _stat_fields(line: bytes) -> tuple[int, list[int]] | None:
    """The process's number, and the numbers behind its name: the name may hold blanks and parentheses."""
    parts = _STAT_LINE.fullmatch(line)
    if not parts:
        return None
    fields = parts[2].split(b" ")
    if len(fields) <= _STARTED or not all(re.fullmatch(rb"-?\d{1,20}", field) for field in fields[1:]):
        return None
    return int(parts[1]), [0, *(int(field) for field in fields[1:])]


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")
