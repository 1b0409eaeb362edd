"""The way from the runner's network into the lab's: one door per machine, which counts and can be made to misbehave."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import threading
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from enum import Enum
from typing import TypeVar

Answer = TypeVar("Answer")

CHUNK = 65_536
CHUNKS_ON_THE_WAY = 64
CALL_SECONDS = 60.0
SSH_PORT = 22
RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class Direction(Enum):
    TO_MACHINE = "to machine"
    FROM_MACHINE = "from machine"


class Relay:
    """The thread all doors of one lab run in; it ends with the runner."""

    def __init__(self, dial: Callable[[], socket.socket]) -> None:
        self.dial = dial
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, name="lab relay", daemon=True)
        self.thread.start()

    def call(self, work: Coroutine[None, None, Answer]) -> Answer:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(CALL_SECONDS)

    def close(self) -> None:
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(CALL_SECONDS)
        self.loop.close()


@dataclass(slots=True)
class _Faults:
    bytes_per_second: float | None = None
    delay_seconds: float = 0.0
    bytes_left: int | None = None
    counted: Direction | None = None


class Door:
    """`host:port` outside, port 22 of `address` inside."""

    def __init__(self, relay: Relay, host: str, address: str) -> None:
        self.relay, self.host, self.address = relay, host, address
        self.connections = 0
        self.bytes = dict.fromkeys(Direction, 0)
        self._faults = _Faults()
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._answering = asyncio.Event()
        self._answering.set()
        self._open: set[asyncio.Task[None]] = set()
        self._listener: socket.socket | None = None
        self._accepting: asyncio.Task[None] | None = None
        self.port = 0
        relay.call(self._listen())

    # What tests switch, at any time and from any thread.

    def cut(self) -> None:
        """Reset every connection now; new ones are served."""
        self.relay.call(self._cut())

    def cut_after(self, count: int, direction: Direction | None = None) -> None:
        """Reset every connection once `count` more bytes went through (one way only, or both together)."""
        self.relay.call(self._set(bytes_left=count, counted=direction))

    def slow(self, bytes_per_second: float) -> None:
        """Each way of each connection."""
        self.relay.call(self._set(bytes_per_second=bytes_per_second))

    def delay(self, seconds: float) -> None:
        """Each way."""
        self.relay.call(self._set(delay_seconds=seconds))

    def freeze(self) -> None:
        """Connections stay open, new ones are accepted, and nothing moves: a peer that is half open."""
        self.relay.call(self._switch(self._flowing, on=False))

    def thaw(self) -> None:
        self.relay.call(self._switch(self._flowing, on=True))

    def blackhole(self) -> None:
        """New connections are accepted and never answered."""
        self.relay.call(self._switch(self._answering, on=False))

    def refuse(self) -> None:
        """New connections are refused; those that are open stay."""
        self.relay.call(self._stop_listening())

    def heal(self) -> None:
        """No fault any more. What is open goes on, a blackholed connection is reset."""
        self.relay.call(self._heal())

    def close(self) -> None:
        self.relay.call(self._close())

    # In the relay's thread.

    async def _listen(self) -> None:
        if self._listener is not None:
            return
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((self.host, self.port))
        listener.listen(512)
        listener.setblocking(False)
        self.port = listener.getsockname()[1]
        self._listener = listener
        self._accepting = self.relay.loop.create_task(self._accept(listener))

    async def _stop_listening(self) -> None:
        if self._accepting is not None and self._listener is not None:
            self._accepting.cancel()
            await asyncio.wait([self._accepting])
            self._listener.close()
        self._listener = self._accepting = None

    async def _accept(self, listener: socket.socket) -> None:
        while True:
            client, _address = await self.relay.loop.sock_accept(listener)
            self.connections += 1
            task = self.relay.loop.create_task(self._serve(client))
            self._open.add(task)
            task.add_done_callback(self._open.discard)

    async def _serve(self, client: socket.socket) -> None:
        sockets = [client]
        try:
            if not self._answering.is_set():
                await self._answering.wait()
                raise ConnectionResetError
            await self._flowing.wait()
            machine = self.relay.dial()
            sockets.append(machine)
            for each in sockets:
                each.setblocking(False)
                each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            await self.relay.loop.sock_connect(machine, (self.address, SSH_PORT))
            async with asyncio.TaskGroup() as pumps:
                for direction, source, sink in (
                    (Direction.TO_MACHINE, client, machine),
                    (Direction.FROM_MACHINE, machine, client),
                ):
                    pumps.create_task(self._pump(direction, source, sink))
        except BaseException:  # however it ends, the other side hears of it as a reset
            for each in sockets:
                with contextlib.suppress(OSError):
                    each.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
        finally:
            for each in sockets:
                each.close()

    async def _pump(self, direction: Direction, source: socket.socket, sink: socket.socket) -> None:
        on_the_way: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(CHUNKS_ON_THE_WAY)
        async with asyncio.TaskGroup() as both:
            both.create_task(self._take(source, on_the_way))
            both.create_task(self._give(direction, sink, on_the_way))

    async def _take(self, source: socket.socket, on_the_way: asyncio.Queue[tuple[float, bytes]]) -> None:
        data = b"-"
        while data:
            await self._flowing.wait()
            data = await self.relay.loop.sock_recv(source, CHUNK)
            await on_the_way.put((self.relay.loop.time(), data))

    async def _give(
        self, direction: Direction, sink: socket.socket, on_the_way: asyncio.Queue[tuple[float, bytes]]
    ) -> None:
        while True:
            taken, data = await on_the_way.get()
            await asyncio.sleep(max(0.0, taken + self._faults.delay_seconds - self.relay.loop.time()))
            await self._flowing.wait()
            if not data:
                sink.shutdown(socket.SHUT_WR)
                return
            while data:
                rate = self._faults.bytes_per_second
                piece = data[: max(1, int(rate / 20))] if rate else data
                await self._send(direction, sink, piece)
                data = data[len(piece) :]
                if rate:
                    await asyncio.sleep(len(piece) / rate)

    async def _send(self, direction: Direction, sink: socket.socket, data: bytes) -> None:
        await self._flowing.wait()
        faults = self._faults
        if faults.bytes_left is None or faults.counted not in (None, direction):
            await self.relay.loop.sock_sendall(sink, data)
            self.bytes[direction] += len(data)
            return
        data = data[: faults.bytes_left]
        faults.bytes_left -= len(data)
        await self.relay.loop.sock_sendall(sink, data)
        self.bytes[direction] += len(data)
        if faults.bytes_left == 0:
            faults.bytes_left = None
            self.relay.loop.create_task(self._cut())
            await asyncio.Event().wait()

    async def _cut(self) -> None:
        tasks = list(self._open)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    async def _set(self, **values: object) -> None:
        for name, value in values.items():
            setattr(self._faults, name, value)

    async def _switch(self, event: asyncio.Event, *, on: bool) -> None:
        if on:
            event.set()
        else:
            event.clear()

    async def _heal(self) -> None:
        self._faults = _Faults()
        self._flowing.set()
        self._answering.set()
        await self._listen()

    async def _close(self) -> None:
        await self._stop_listening()
        await self._cut()
