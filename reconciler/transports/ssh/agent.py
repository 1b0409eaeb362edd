"""The ssh-agent: which keys it holds, and signatures with them. One conversation a run, shared by all threads.

Source: draft-ietf-sshm-ssh-agent; OpenSSH PROTOCOL.agent.
"""

from __future__ import annotations

import socket
import struct
import threading
from dataclasses import dataclass
from typing import Final

from reconciler.transports.ssh.openssh_format import split_string, string

_REQUEST_IDENTITIES, _IDENTITIES = 11, 12
_SIGN_REQUEST, _SIGNATURE = 13, 14
_FLAGS: Final = {"rsa-sha2-256": 2, "rsa-sha2-512": 4}
_LARGEST_ANSWER: Final = 256 * 1024
_MOST_KEYS: Final = 2048
_LIST_SECONDS: Final = 5.0
_SIGN_SECONDS: Final = 60.0
"""A person may have to confirm it, or to touch a token."""


class AgentError(Exception):
    """The agent is not there, or does not do what it is asked for."""


@dataclass(frozen=True, slots=True)
class AgentKey:
    """`blob` may be a certificate."""

    blob: bytes
    comment: str


class Agent:
    """Behind the socket at `path`. Nothing is asked before `keys` is called."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None
        self._keys: tuple[AgentKey, ...] | AgentError | None = None

    def keys(self) -> tuple[AgentKey, ...]:
        """AgentError: there is no such agent; it is not asked again."""
        with self._lock:
            if self._keys is None:
                try:
                    self._keys = self._list()
                except AgentError as error:
                    self._keys = error
            if isinstance(self._keys, AgentError):
                raise self._keys
            return self._keys

    def sign(self, blob: bytes, data: bytes, algorithm: str) -> bytes:
        flags = struct.pack(">I", _FLAGS.get(algorithm, 0))
        with self._lock:
            answer = self._ask(bytes([_SIGN_REQUEST]) + string(blob) + string(data) + flags, _SIGN_SECONDS)
        if answer[:1] != bytes([_SIGNATURE]):
            raise AgentError("the agent does not sign with it")
        return split_string(answer[1:])[0]

    def close(self) -> None:
        with self._lock:
            self._hang_up()

    def _list(self) -> tuple[AgentKey, ...]:
        answer = self._ask(bytes([_REQUEST_IDENTITIES]), _LIST_SECONDS)
        if answer[:1] != bytes([_IDENTITIES]) or len(answer) < 5:
            raise AgentError("the agent does not list its keys")
        (count,), rest = struct.unpack(">I", answer[1:5]), answer[5:]
        keys = []
        try:
            for _ in range(min(count, _MOST_KEYS)):
                blob, rest = split_string(rest)
                comment, rest = split_string(rest)
                keys.append(AgentKey(blob, comment.decode("utf-8", "replace")))
        except ValueError:
            raise AgentError("the agent's list of keys is cut off") from None
        return tuple(keys)

    def _ask(self, question: bytes, seconds: float) -> bytes:
        try:
            if self._socket is None:
                self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
                self._socket.settimeout(_LIST_SECONDS)
                self._socket.connect(self.path)
            self._socket.settimeout(seconds)
            self._socket.sendall(string(question))
            (length,) = struct.unpack(">I", self._receive(4))
            if length > _LARGEST_ANSWER:
                raise OSError("it answers too much")
            return self._receive(length)
        except OSError as error:
            self._hang_up()
            raise AgentError(f"the agent at {self.path} does not answer: {error.strerror or error}") from error

    def _receive(self, length: int) -> bytes:
        assert self._socket
        data = b""
        while len(data) < length:
            chunk = self._socket.recv(length - len(data))
            if not chunk:
                raise OSError("it hung up")
            data += chunk
        return data

    def _hang_up(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None
