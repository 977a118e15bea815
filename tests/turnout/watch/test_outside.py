"""The health from outside: real servers on 127.0.0.1, with good, bad and no certificates."""

from __future__ import annotations

import contextlib
import datetime as dt
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from turnout.watch import outside

DAY = 86400


class Handler(BaseHTTPRequestHandler):
    """`/health` is well, `/sick` answers 500, `/moved` redirects."""

    def do_GET(self) -> None:
        self.send_response({"/health": 200, "/moved": 301}.get(self.path, 500))
        self.send_header("Location", "https://example.com/")
        self.end_headers()

    def log_message(self, *args: object) -> None:
        """A test says nothing."""


@contextlib.contextmanager
def serving(tls: ssl.SSLContext | None = None) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if tls:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield f"{'https' if tls else 'http'}://localhost:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def certificate(folder: Path, name: str, days: float) -> tuple[ssl.SSLContext, Path]:
    """A server's context with a certificate for `name` that ends in so many days, and its file to trust."""
    key = ec.generate_private_key(ec.SECP256R1())
    now = dt.datetime.now(dt.UTC)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=90))
        .not_valid_after(now + dt.timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = made.public_bytes(serialization.Encoding.PEM)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "cert.pem").write_bytes(pem)
    (folder / "both.pem").write_bytes(private + pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "both.pem")
    return context, folder / "cert.pem"


def trusting(file: Path) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(file))


@pytest.mark.parametrize(
    "url, asked",
    [
        ("https://api.example.com", "https://api.example.com/health"),
        ("https://api.example.com/", "https://api.example.com/health"),
        ("https://api.example.com:8443/ready?full=1", "https://api.example.com:8443/ready?full=1"),
    ],
)
def test_what_is_asked(url: str, asked: str) -> None:
    """The health path, unless `url` has a path of its own."""
    assert outside.address(url, "/health") == asked


async def test_status_and_latency() -> None:
    """A good answer is well; a server error and a redirect are not, and say so."""
    with serving() as url:
        well = await outside.ask(f"{url}/health", 5)
        sick = await outside.ask(f"{url}/sick", 5)
        moved = await outside.ask(f"{url}/moved", 5)
    assert (well.ok, well.status, well.reason, well.expires) == (True, 200, "", None)
    assert well.seconds is not None
    assert (sick.ok, sick.status, sick.reason) == (False, 500, "status 500")
    assert (moved.ok, moved.reason) == (False, "status 301, a redirect to https://example.com/")


async def test_a_good_certificate_says_when_it_ends(tmp_path: Path) -> None:
    """With time left it is only shown; soon before its end it is worth a warning."""
    tls, file = certificate(tmp_path, "localhost", 5)
    with serving(tls) as url:
        found = await outside.ask(f"{url}/health", 5, trusting(file))
    assert found.ok, found
    assert found.expires is not None
    assert 4 * DAY < found.expires - time.time() <= 5 * DAY
    assert outside.warning(found, time.time()) == "the certificate ends in 5 days"
    assert outside.warning(found, found.expires - 30 * DAY) == ""


BAD = [("localhost", -1, "expired"), ("other.example.com", 90, "mismatch")]


@pytest.mark.parametrize("name, days, word", BAD)
async def test_a_bad_certificate_is_a_failure_that_still_shows_the_status(
    tmp_path: Path, name: str, days: float, word: str
) -> None:
    """Browsers would refuse it; whether the app behind it is well is told all the same."""
    tls, file = certificate(tmp_path, name, days)
    with serving(tls) as url:
        found = await outside.ask(f"{url}/health", 5, trusting(file))
    assert (found.ok, found.status) == (False, 200)
    assert word in found.certificate.lower()
    assert found.reason == found.certificate


async def test_one_that_nobody_vouches_for_is_bad(tmp_path: Path) -> None:
    """A self-signed certificate, as most servers have at first."""
    tls, _ = certificate(tmp_path, "localhost", 90)
    with serving(tls) as url:
        found = await outside.ask(f"{url}/health", 5)
    assert (found.ok, found.status) == (False, 200)
    assert "self-signed" in found.certificate.replace("self signed", "self-signed")


async def test_it_never_hangs() -> None:
    """A server that takes the connection and says nothing, or one byte at a time, ends with the time."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        found = await outside.ask(f"http://127.0.0.1:{silent.getsockname()[1]}/health", 0.3)
        secure = await outside.ask(f"https://127.0.0.1:{silent.getsockname()[1]}/health", 0.3)
    assert (found.ok, found.reason) == (False, "no whole answer within 0.3 s")
    assert (secure.ok, secure.reason) == (False, "no whole answer within 0.3 s")


async def test_what_is_not_there_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """A refused connection, and a name that is not known."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    assert (await outside.ask(f"http://127.0.0.1:{port}/", 5)).reason == "the connection was refused"

    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    found = await outside.ask("http://api.example.com/", 5)
    assert (found.ok, found.reason) == (False, "the name api.example.com is not known")


async def test_a_name_that_is_looked_up_for_ever_does_not_hold_anybody(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The resolver knows no limit; the question has one."""
    never = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [][: never.wait(20)])
    found = await outside.ask("http://api.example.com/", 0.2)
    never.set()
    assert found.reason == "no whole answer within 0.2 s"
