"""What paramiko takes for its socket: it never waits until something is sent, and takes in only so much from strangers."""

from __future__ import annotations

import threading
from typing import Final

from reconciler.transports.ssh.streams import Stream

ROOM: Final = 256 * 1024
"""How much waits to be sent before those who send of their own accord hold back."""
_MOST_WAITING: Final = 8 * 1024 * 1024
_STRANGERS_BYTES: Final = 256 * 1024
_OPENING_BYTES: Final = 300
_PATIENCE_SECONDS: Final = 0.1
_CHUNK: Final = 65536


class Wire:
    """Over a stream. A peer that reads nothing must not hold up the thread that would find out."""

    def __init__(self, stream: Stream) -> None:
        self._stream, self._lock = stream, threading.Lock()
        self._backlog = bytearray()
        self._is_flushing = False
        self._receive_seconds = _PATIENCE_SECONDS
        self._strangers_left: int | None = _STRANGERS_BYTES
        self.opening = b""
        """The first that the peer said."""
        self.is_flooded = False
        self._closed = False  # paramiko asks for it by this name

    @property
    def has_room(self) -> bool:
        return len(self._backlog) < ROOM

    def trust(self) -> None:
        """The peer has proved who it is: it may say as much as it likes."""
        self._strangers_left = None

    def settimeout(self, seconds: float) -> None:
        self._receive_seconds = seconds

    def recv(self, size: int) -> bytes:
        """Empty where the peer has ended. TimeoutError: nothing came."""
        data = self._stream.receive(size, self._receive_seconds)
        if self._strangers_left is not None:
            self.opening += data[: _OPENING_BYTES - len(self.opening)]
            self._strangers_left -= len(data)
            if self._strangers_left < 0:
                self.is_flooded = True
                raise EOFError("too much before it proved who it is")
        return data

    def send(self, data: bytes) -> int:
        with self._lock:
            taken = 0 if self._backlog else self._stream.send(data)
            if taken < len(data):
                self._backlog += memoryview(data)[taken:]
                self._flush_later()
        return len(data)

    def _flush_later(self) -> None:
        if len(self._backlog) > _MOST_WAITING:
            raise EOFError("the peer makes us say much and reads nothing")
        if not self._is_flushing:
            self._is_flushing = True
            threading.Thread(target=self._flush, name="ssh-flush", daemon=True).start()

    def _flush(self) -> None:
        while True:
            with self._lock:
                if self._closed or not self._backlog:
                    self._is_flushing = False
                    return
                try:
                    taken = self._stream.send(memoryview(self._backlog)[:_CHUNK].tobytes())
                except (OSError, EOFError):  # whoever receives finds out too
                    self._backlog.clear()
                    continue
                del self._backlog[:taken]
            if not taken:
                self._stream.wait_for_room(_PATIENCE_SECONDS)

    def close(self) -> None:
        """Ends the waiting of every thread."""
        self._closed = True
        self._stream.close()
