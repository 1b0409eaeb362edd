"""Messages between the runner and a process 1: one JSON object with the file descriptors that go with it."""

from __future__ import annotations

import array as _needed_by_send_fds  # imported there only when called: too late in a machine  # noqa: F401
import contextlib
import json
import os
import socket
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

LARGEST_MESSAGE = 65_536
MOST_DESCRIPTORS = 8


class ClosedError(Exception):
    """The other end is gone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    what: str
    fields: dict[str, object] = field(default_factory=dict)
    descriptors: Sequence[int] = ()

    def text(self, name: str) -> str:
        return str(self.fields[name])

    def number(self, name: str) -> int:
        value = self.fields[name]
        assert isinstance(value, int)
        return value

    def texts(self, name: str) -> list[str]:
        value = self.fields[name]
        assert isinstance(value, list)
        return [str(each) for each in value]

    def mapping(self, name: str) -> dict[str, str]:
        value = self.fields[name]
        assert isinstance(value, dict)
        return {str(key): str(each) for key, each in value.items()}


def pair() -> tuple[socket.socket, socket.socket]:
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)


def send(channel: socket.socket, message: Message) -> None:
    data = json.dumps({"what": message.what, **message.fields}).encode()
    try:
        socket.send_fds(channel, [data], list(message.descriptors))
    except (BrokenPipeError, ConnectionResetError) as error:
        raise ClosedError from error


def receive(channel: socket.socket) -> Message:
    try:
        data, descriptors, _flags, _address = socket.recv_fds(channel, LARGEST_MESSAGE, MOST_DESCRIPTORS)
    except ConnectionResetError as error:
        raise ClosedError from error
    if not data:
        raise ClosedError
    fields = json.loads(data)
    return Message(what=fields.pop("what"), fields=fields, descriptors=descriptors)


def report(descriptor: int, **fields: object) -> None:
    """One line on a status pipe; nobody may be reading any more."""
    with contextlib.suppress(BrokenPipeError):
        os.write(descriptor, json.dumps(fields).encode() + b"\n")


def close(descriptors: Iterable[int]) -> None:
    for descriptor in descriptors:
        with contextlib.suppress(OSError):
            os.close(descriptor)


def close_all_but(kept: Iterable[int]) -> None:
    """What a forked child must do first: an inherited end of a channel would keep its watchdog asleep."""
    start = 0
    for descriptor in sorted({*kept}):
        if start < descriptor:  # Python 3.11 takes closerange(0, 0) for "all"
            os.closerange(start, descriptor)
        start = descriptor + 1
    os.closerange(start, 65_536)
