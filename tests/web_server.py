"""A web server on this machine that also does what servers should not."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


@dataclass
class WebServer:
    """`held` is what it has by path. `-> URL` redirects. What it does wrong is told by the first part of a path:

    `/truncated` ends in the middle, `/chunks` does so without having said how much there is, `/drip` sends a byte now
    and then, `/silent` says nothing, `/garbage` speaks another language, `/endless` never ends.
    """

    address: str
    held: dict[str, bytes] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    """Every request line's target."""
    stop: threading.Event = field(default_factory=threading.Event)


@contextmanager
def web_server(certificate: tuple[Path, Path] | None = None) -> Iterator[WebServer]:
    """With a certificate and its key, over https."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    scheme = "http"
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        scheme = "https"
    web = WebServer(f"{scheme}://127.0.0.1:{server.server_port}")
    server.web = web  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield web
    finally:
        web.stop.set()
        server.shutdown()
        thread.join()
        server.server_close()


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        web: WebServer = self.server.web  # type: ignore[attr-defined]
        web.asked.append(self.path)
        with suppress(BrokenPipeError, ConnectionResetError):
            self._answer(web)

    def _answer(self, web: WebServer) -> None:
        data = web.held.get(self.path)
        match self.path.split("/")[1]:
            case "truncated":
                self._head(200, length=1000)
                self.wfile.write(b"x" * 400)
            case "chunks":
                self.protocol_version = "HTTP/1.1"
                self._head(200, chunked=True)
                self.wfile.write(b"64\r\n" + b"x" * 50)
            case "drip":
                self._head(200)
                while not web.stop.wait(0.02):
                    self.wfile.write(b"x")
            case "silent":
                web.stop.wait(20)
            case "garbage":
                self.wfile.write(b"220 an FTP server\r\n")
            case "endless":
                self._head(200)
                while not web.stop.is_set():
                    self.wfile.write(bytes(100_000))
            case _ if data is not None and data.startswith(b"-> "):
                self._head(302, location=data[3:].decode())
            case _:
                self._head(404 if data is None else 200, length=len(data or b""))
                self.wfile.write(data or b"")

    def _head(
        self, code: int, *, length: int | None = None, location: str | None = None, chunked: bool = False
    ) -> None:
        self.send_response(code)
        if length is not None:
            self.send_header("Content-Length", str(length))
        if location is not None:
            self.send_header("Location", location)
        if chunked:
            self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()

    def log_message(self, *_: object) -> None: ...


def certificate(folder: Path) -> tuple[Path, Path]:
    """One for 127.0.0.1 that signs itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    chain, secret = folder / "certificate.pem", folder / "key.pem"
    chain.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return chain, secret
