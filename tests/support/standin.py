"""A host program of 60 lines that speaks docs/protocol.md: for tests of the link, not of what a host does."""

from __future__ import annotations

from pathlib import Path

from turnout.hosts.zipapp import PACKAGE, Zipapp, pack

SOURCE = """
import json, os, signal, struct, sys

def exactly(count):
    data = b""
    while len(data) < count:
        part = os.read(0, count - len(data))
        if not part:
            sys.exit(0)
        data += part
    return data

def read():
    magic, kind, length = struct.unpack(">4ssI", exactly(9))
    assert magic == b"TNO1"
    return kind, exactly(length)

def send(message):
    payload = json.dumps(message).encode()
    os.write(1, b"TNO1J" + struct.pack(">I", len(payload)) + payload)

def upload(number, args):
    got, largest, refused = 0, 0, False
    while True:
        kind, payload = read()
        if kind == b"J":
            answer_ping(json.loads(payload))
            continue
        if not payload:
            break
        got, largest = got + len(payload), max(largest, len(payload))
        if args["compression"] == "none" and not refused:
            refused = True
            send({"id": number, "error": {"code": "store", "message": "no such compression"}})
    if not refused:
        send({"id": number, "ok": {"stored": 1, "bytes": got, "largest": largest, "args": args}})

def answer_ping(message):
    if "ping" in message:
        send({"pong": message["ping"]})

def main():
    send({"hello": {"protocol": 1, "pid": os.getpid(), "argv": sys.argv[1:]}})
    while True:
        kind, payload = read()
        if kind == b"D":
            continue
        message = json.loads(payload)
        answer_ping(message)
        number, name, args = message.get("id"), message.get("call"), message.get("args")
        if name == "echo":
            send({"id": number, "ok": args})
        elif name == "count":
            for step in range(args["to"]):
                send({"id": number, "event": {"kind": "step", "step": step}})
            send({"id": number, "ok": {}})
        elif name == "fail":
            send({"id": number, "error": args})
        elif name == "upload":
            upload(number, args)
        elif name == "mute":
            while True:
                read()
        elif name == "die":
            os.write(2, b"out of luck")
            os._exit(3)
        elif name == "babble":
            os.write(1, b"Segmentation fault (core dumped)")
"""


def standin(folder: Path, source: str = SOURCE) -> Zipapp:
    """The packed program; `folder` holds its source."""
    package = folder / PACKAGE
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "__main__.py").write_text(source)
    return pack(package)
