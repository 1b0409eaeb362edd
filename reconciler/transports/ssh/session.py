"""The SSH protocol with one server: paramiko's, told what to offer, and asked what the server said."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from typing import Final

from reconciler.model.guard import key_fingerprint
from reconciler.transports.ssh.algorithms import CERTIFICATE, Algorithms
from reconciler.transports.ssh.library import paramiko
from reconciler.transports.ssh.wire import Wire

_LARGEST_PACKET: Final = 256 * 1024
"""As in OpenSSH; paramiko would take in four gigabytes."""
_LONGEST_FAREWELL: Final = 300
_OFFERS: Final = ("kex", "keys", "ciphers", None, "macs", None, "compression")
"""The lists of a KEXINIT, by paramiko's names; None: the same for the other direction."""
_MSG_CHANNEL_REQUEST: Final = bytes([98])


class Packets(paramiko.packet.Packetizer):
    """paramiko's reading of packets, bounded."""

    def start_handshake(self, timeout: float) -> None:
        """Whoever connects keeps the time: paramiko's clock is a thread that would outlive a failed connection."""

    def read_all(self, n: int, check_rekey: bool = False) -> bytes:
        if n > _LARGEST_PACKET:
            raise paramiko.SSHException(f"a packet of {n} bytes")
        return super().read_all(n, check_rekey)


class Session(paramiko.Transport):
    """`farewell` is what the server said when it hung up; `offered` what algorithms it has, by paramiko's names."""

    def __init__(self, wire: Wire, algorithms: Algorithms, *, compression: bool) -> None:
        super().__init__(wire, packetizer_class=Packets)  # type: ignore[arg-type]  # all that it asks of a socket
        self.wire = wire
        self.farewell = ""
        self.offered: Mapping[str, Sequence[str]] = {}
        options = self.get_security_options()
        options.ciphers, options.digests, options.kex = algorithms.ciphers, algorithms.macs, algorithms.kex
        options.compression = ("zlib@openssh.com", "none") if compression else ("none",)
        self._host_key_algorithms = tuple(algorithms.host_keys)
        self.banner_timeout = self.handshake_timeout = float("inf")  # see `begin`

    @property
    def preferred_keys(self) -> Sequence[str]:
        """Exactly these: paramiko would add the certificates of each, and take them for keys."""
        return self._host_key_algorithms

    def begin(self, seconds: float) -> bool:
        """Whether keys were exchanged within that time, so that there is a host key to look at."""
        self.clear_to_send_timeout = seconds
        done = threading.Event()
        self.start_client(event=done)
        return done.wait(seconds) and self.initial_kex_done and self.is_active()

    def host_key_blob(self) -> bytes:
        """As the server showed it: a key, or a certificate with the key in it."""
        key = self.host_key
        assert key
        certificate = getattr(key, "public_blob", None)
        is_certificate = (self.host_key_type or "").endswith(CERTIFICATE)
        return certificate.key_blob if is_certificate and certificate else key.asbytes()

    def tell(self, message: paramiko.Message) -> None:
        """paramiko has no public way to say something without waiting for the answer."""
        self._send_user_message(message)  # type: ignore[attr-defined]

    def execute(self, channel: paramiko.Channel, command: str) -> None:
        """As `channel.exec_command`, which would wait for the answer for ever. What is said next leaves as soon as the
        server lets it: some do at once, OpenSSH's with its answer."""
        request = paramiko.Message()
        request.add_byte(_MSG_CHANNEL_REQUEST)
        request.add_int(channel.remote_chanid)
        request.add_string("exec")
        request.add_boolean(True)
        request.add_string(command)
        self.tell(request)

    def hang_up(self) -> None:
        """From any thread. Whoever waits for the server learns of it at once."""
        self.wire.close()
        self.close()
        if self.auth_handler is not None:
            self.auth_handler.abort()
        if self.completion_event is not None:
            self.completion_event.set()

    def host_fingerprint(self) -> str:
        """Of the key itself, also where a certificate was shown."""
        assert self.host_key
        return key_fingerprint(self.host_key.asbytes())

    def signature_algorithms(self) -> tuple[str, ...]:
        """Those that the server says it takes; empty where it says nothing."""
        said: bytes = self.server_extensions.get("server-sig-algs", b"")  # type: ignore[attr-defined]
        return tuple(said.decode("ascii", "replace").split(",")) if said else ()

    def has_ended(self, seconds: float = 0.2) -> bool:
        """Waits a little, for a channel learns of the end before its session does."""
        until = time.monotonic() + seconds
        while self.is_active() and time.monotonic() < until:
            time.sleep(0.01)
        return not self.is_active()

    # What paramiko calls, and only logs.

    def _parse_disconnect(self, message: paramiko.Message) -> None:
        message.get_int()
        self.farewell = message.get_binary()[:_LONGEST_FAREWELL].decode("utf-8", "replace")

    def _parse_kex_init(self, message: paramiko.Message) -> None:
        copy = paramiko.Message(message.get_remainder())
        copy.get_bytes(16)
        lists = [copy.get_list() for _ in _OFFERS]
        self.offered = {name: names for name, names in zip(_OFFERS, lists, strict=True) if name}
        super()._parse_kex_init(message)  # type: ignore[misc]
