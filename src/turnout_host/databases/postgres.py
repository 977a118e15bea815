"""A session with PostgreSQL in its own protocol, version 3: log in, ask, read rows as text. Standard library only.

Messages, logins and their numbers: PostgreSQL's manual, chapter "Frontend/Backend Protocol". Logins: trust, password
(over TLS only), md5, SCRAM-SHA-256 (RFC 5802 and 7677, without channel binding).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import socket
import ssl
import struct
from typing import Dict, Iterator, List, Mapping, NamedTuple, Optional, Tuple
from urllib.parse import parse_qsl, unquote, urlsplit

TIMEOUT = 5.0
"""Seconds to connect and for each answer; Prisma's own connect_timeout."""
LIMIT = 1 << 24
"""Bytes of one message that are read."""
_VERSION, _TLS = 196608, 80877103
Row = List[Optional[str]]


class Refused(Exception):
    """The server said no; `code` is its SQLSTATE."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class CannotAsk(Exception):
    """It wants something that is not spoken here; Prisma may do better."""


class Address(NamedTuple):
    """Where a URL of Prisma leads."""

    host: str
    port: int
    user: str
    password: str
    database: str
    options: Mapping[str, str]

    def __str__(self) -> str:
        """Without the login."""
        return f"{self.host}:{self.port}/{self.database}"


def address(url: str) -> Address:
    """Read `postgresql://user:password@host:port/database?schema=…`. Raises CannotAsk."""
    try:
        parts = urlsplit(url)
        port = parts.port or 5432
    except ValueError:
        raise CannotAsk("its address cannot be read") from None
    if parts.scheme not in ("postgres", "postgresql"):
        raise CannotAsk(f"`{parts.scheme[:20]}:` is not spoken here")
    options = dict(parse_qsl(parts.query))
    user = unquote(parts.username or "")
    database = unquote(parts.path.lstrip("/")) or user
    host = options.get("host") or parts.hostname or "localhost"
    return Address(host, port, user, unquote(parts.password or ""), database, options)


class Session:
    """A login. Raises OSError (no answer), Refused, CannotAsk. Use it with `with`."""

    def __init__(self, where: Address) -> None:
        self._where, self._rest = where, b""
        self._link = _connect(where)
        try:
            if not where.host.startswith("/"):
                self._secure()
            words = {"user": where.user, "database": where.database, "application_name": "turnout"}
            pairs = b"".join(f"{key}\0{value}\0".encode() for key, value in words.items())
            self._send(b"", struct.pack("!I", _VERSION) + pairs + b"\0")
            self._login()
        except BaseException:
            self._link.close()
            raise

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None:
        self._link.close()

    def rows(self, sql: str) -> List[Row]:
        """Ask; every value as text, None for NULL."""
        self._send(b"Q", sql.encode() + b"\0")
        found: List[Row] = []
        failed: Optional[Refused] = None
        for kind, body in self._messages():
            if kind == b"D":
                found.append(list(_values(body)))
            elif kind == b"E":
                failed = _refused(body)
            elif kind == b"Z":
                break
        if failed:
            raise failed
        return found

    def _secure(self) -> None:
        """TLS as the URL wants it: `sslmode` prefer unless it is named, certificates checked with sslaccept=strict."""
        mode = self._where.options.get("sslmode", "prefer")
        if mode == "disable":
            return
        self._link.sendall(struct.pack("!II", 8, _TLS))
        if self._link.recv(1) == b"S":
            context = ssl.create_default_context()
            if self._where.options.get("sslaccept") != "strict":
                context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            try:
                self._link = context.wrap_socket(self._link, server_hostname=self._where.host)
            except ssl.SSLError as error:
                raise CannotAsk(f"TLS failed: {error.reason or error}") from None
        elif mode != "prefer":
            raise CannotAsk("it does not speak TLS, which `sslmode` asks for")

    def _login(self) -> None:
        scram = _Scram(self._where.password)
        for kind, body in self._messages():
            if kind == b"E":
                raise _refused(body)
            if kind == b"Z":
                return
            if kind == b"R":
                answer = self._answer(struct.unpack("!I", body[:4])[0], body[4:], scram)
                if answer is not None:
                    self._send(b"p", answer)

    def _answer(self, wanted: int, body: bytes, scram: _Scram) -> Optional[bytes]:
        """What is sent for an Authentication message; None when nothing is."""
        if wanted == 3 and isinstance(self._link, ssl.SSLSocket):
            return self._where.password.encode() + b"\0"
        if wanted == 5:
            inner = hashlib.md5((self._where.password + self._where.user).encode()).hexdigest()  # noqa: S324 - PostgreSQL's
            return b"md5" + hashlib.md5(inner.encode() + body[:4]).hexdigest().encode() + b"\0"  # noqa: S324
        if wanted == 10 and b"SCRAM-SHA-256" in body.split(b"\0"):
            first = scram.first()
            return b"SCRAM-SHA-256\0" + struct.pack("!I", len(first)) + first
        if wanted == 11:
            return scram.final(body)
        if wanted in (0, 12):
            return None
        raise CannotAsk("it wants a login of a kind that is not spoken here")

    def _send(self, kind: bytes, body: bytes) -> None:
        self._link.sendall(kind + struct.pack("!I", len(body) + 4) + body)

    def _messages(self) -> Iterator[Tuple[bytes, bytes]]:
        while True:
            head = self._read(5)
            size = struct.unpack("!I", head[1:])[0] - 4
            if not 0 <= size <= LIMIT:
                raise CannotAsk("what answers there does not speak PostgreSQL's protocol")
            yield head[:1], self._read(size)

    def _read(self, size: int) -> bytes:
        while len(self._rest) < size:
            part = self._link.recv(1 << 16)
            if not part:
                raise ConnectionResetError("the server hung up")
            self._rest += part
        found, self._rest = self._rest[:size], self._rest[size:]
        return found


class _Scram:
    """The client's half of SCRAM-SHA-256."""

    def __init__(self, password: str) -> None:
        self._password, self._nonce = password.encode(), base64.b64encode(os.urandom(18)).decode()
        self._bare = f"n=,r={self._nonce}"

    def first(self) -> bytes:
        return f"n,,{self._bare}".encode()

    def final(self, challenge: bytes) -> bytes:
        said = challenge.decode("ascii", "replace")
        parts = dict(part.split("=", 1) for part in said.split(",") if "=" in part)
        rounds = parts.get("i", "")
        if not parts.get("r", "").startswith(self._nonce) or not rounds.isdigit() or int(rounds) > 1 << 20:
            raise CannotAsk("its login is not as SCRAM wants it")
        salted = hashlib.pbkdf2_hmac("sha256", self._password, base64.b64decode(parts["s"]), int(rounds))
        key = hmac.new(salted, b"Client Key", hashlib.sha256).digest()
        bare = f"c=biws,r={parts['r']}"
        whole = f"{self._bare},{said},{bare}".encode()
        signature = hmac.new(hashlib.sha256(key).digest(), whole, hashlib.sha256).digest()
        proof = bytes(one ^ other for one, other in zip(key, signature))
        return f"{bare},p={base64.b64encode(proof).decode()}".encode()


def _connect(where: Address) -> socket.socket:
    if where.host.startswith("/"):
        link = socket.socket(socket.AF_UNIX)
        link.settimeout(TIMEOUT)
        link.connect(f"{where.host}/.s.PGSQL.{where.port}")
        return link
    return socket.create_connection((where.host, where.port), TIMEOUT)


def _values(body: bytes) -> Iterator[Optional[str]]:
    at = 2
    for _ in range(struct.unpack("!H", body[:2])[0]):
        size = struct.unpack("!i", body[at : at + 4])[0]
        at += 4
        yield None if size < 0 else body[at : at + size].decode("utf-8", "replace")
        at += max(size, 0)


def _refused(body: bytes) -> Refused:
    fields: Dict[str, str] = {}
    for part in body.split(b"\0"):
        if part:
            fields[chr(part[0])] = part[1:].decode("utf-8", "replace")
    return Refused(fields.get("C", ""), fields.get("M", "it gave no reason"))
