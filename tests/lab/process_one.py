"""Process 1 of the lab and of each machine: runs what it is told to, reaps, and ends when the runner does.

Forked, never executed: by the time it serves, Python's own files are out of reach, so everything is imported up front.
"""

from __future__ import annotations

import os
import selectors
import signal
import socket
import sys
from collections.abc import Callable
from typing import NoReturn

from lab.channel import ClosedError, Message, close, close_all_but, receive, report

Handler = Callable[[Message], None]


class ProcessOne:
    """Serves `channel` until its other end closes; that end is the watchdog: `_exit` of a process 1 ends all below."""

    def __init__(self, channel: socket.socket) -> None:
        self.channel = channel
        self.handlers: dict[str, Handler] = {"run": self.run, "kill": self.kill}
        self.statuses: dict[int, int] = {}
        self.more_channels: dict[socket.socket, Callable[[], None]] = {}

    def serve(self) -> NoReturn:
        woken, wake = os.pipe()
        os.set_blocking(wake, False)
        os.set_blocking(woken, False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
        with selectors.DefaultSelector() as selector:
            selector.register(self.channel, selectors.EVENT_READ, self.answer)
            selector.register(woken, selectors.EVENT_READ, lambda: self.reap(woken))
            for channel, action in self.more_channels.items():
                selector.register(channel, selectors.EVENT_READ, action)
            while True:
                for key, _events in selector.select():
                    try:
                        key.data()
                    except ClosedError:
                        os._exit(0)

    def answer(self) -> None:
        message = receive(self.channel)
        try:
            self.handlers[message.what](message)
        except Exception as error:  # the runner must hear of it, whatever it is
            report(message.descriptors[-1], error=f"{message.what}: {type(error).__name__}: {error}")
            close(message.descriptors)

    def reap(self, woken: int) -> None:
        os.read(woken, 4096)
        while True:
            try:
                child, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if child == 0:
                return
            descriptor = self.statuses.pop(child, None)
            if descriptor is not None:
                report(descriptor, code=os.waitstatus_to_exitcode(status))
                close([descriptor])

    def adopt(self, child: int, message: Message) -> None:
        """The end of `child` will be reported where `message` asks for it: its last descriptor."""
        *others, status = message.descriptors
        close(others)
        self.statuses[child] = status
        report(status, pid=child)

    def run(self, message: Message) -> None:
        """Descriptors: what becomes 0, 1, 2 and so on, then the status pipe."""
        child = os.fork()
        if child == 0:
            _become(message)
        self.adopt(child, message)

    def kill(self, message: Message) -> None:
        target = -message.number("pid") if message.fields.get("group") else message.number("pid")
        os.kill(target, message.number("signal"))
        report(message.descriptors[-1], code=0)
        close(message.descriptors)

    def hand_over(self, message: Message) -> None:
        """Go on as another program, systemd; a child serves the channel from now on.

        What ran before is that program's to reap: nobody hears of its end.
        """
        if os.fork() == 0:
            signal.set_wakeup_fd(-1)
            close_all_but([0, 1, 2, *message.descriptors, self.channel.fileno()])
            report(message.descriptors[-1], serving=True)
            close(message.descriptors)
            ProcessOne(self.channel).serve()
        close_all_but([0, 1, 2])
        _forget_signals()
        arguments = message.texts("arguments")
        os.execve(arguments[0], arguments, message.mapping("environment"))


def _forget_signals() -> None:
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGCHLD, signal.SIGPIPE, signal.SIGINT):
        signal.signal(number, signal.SIG_DFL)


def _become(message: Message) -> NoReturn:
    try:
        _forget_signals()
        os.setsid()
        kept = _arrange(list(message.descriptors[:-1]))
        close_all_but(range(kept))
        environment = message.mapping("environment")
        environment |= _take_on(message.text("user"))
        os.chdir(message.text("folder"))
        arguments = message.texts("arguments")
        os.execvpe(arguments[0], arguments, environment)
    except BaseException as error:
        os.write(2, f"lab: cannot run {message.texts('arguments')[0]}: {error}\n".encode())
    finally:
        os._exit(127)


def _arrange(descriptors: list[int]) -> int:
    """Put them at 0, 1, 2, …: first above them all, so that none is overwritten on the way."""
    high = [os.dup(each) for each in descriptors]
    floor = len(descriptors)
    high = [os.dup2(each, 1000 + index, inheritable=False) for index, each in enumerate(high)]
    for index, each in enumerate(high):
        os.dup2(each, index, inheritable=True)
    return floor


def _take_on(user: str) -> dict[str, str]:
    """Become `user` as this root's own /etc knows it; the environment that goes with it."""
    if user == "root":
        os.setgroups([0])
        os.setresgid(0, 0, 0)
        os.setresuid(0, 0, 0)
        return {"HOME": "/root", "USER": "root", "LOGNAME": "root"}
    entry = next(fields for fields in _table("/etc/passwd") if fields[0] == user)
    groups = [int(fields[2]) for fields in _table("/etc/group") if user in fields[3].split(",")]
    uid, gid = int(entry[2]), int(entry[3])
    os.setgroups([gid, *groups])
    os.setresgid(gid, gid, gid)
    os.setresuid(uid, uid, uid)
    return {"HOME": entry[5], "USER": user, "LOGNAME": user}


def _table(path: str) -> list[list[str]]:
    with open(path, encoding="utf-8") as file:  # noqa: PTH123
        return [line.rstrip("\n").split(":") for line in file if ":" in line]


def give_up(error: BaseException) -> NoReturn:
    sys.stderr.write(f"lab: {type(error).__name__}: {error}\n")
    sys.stderr.flush()
    os._exit(1)
