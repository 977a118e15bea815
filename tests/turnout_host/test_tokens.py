"""An older token is refused by every call that changes something, and nothing is written (DESIGN 9.4)."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from turnout_host import children
from turnout_host.calls import MUTATING
from turnout_host.host import Host
from turnout_host.protocol import HEADER, MAGIC, Channel
from turnout_host.server import Server


def frame(kind: bytes, payload: bytes) -> bytes:
    """One frame, as a deployer sends it."""
    return HEADER.pack(MAGIC, kind, len(payload)) + payload


def snapshot(folder: Path) -> dict[str, tuple[int, int]]:
    """Everything there, by size and moment of its last change."""
    found = {path: path.lstat() for path in folder.rglob("*")}
    return {str(path): (info.st_size, info.st_mtime_ns) for path, info in found.items()}


@pytest.fixture
def stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Host]:
    """A host program that woke up: its lock is still in its hand, yet somebody else took a newer token meanwhile."""
    monkeypatch.setattr(
        children, "_closing", False
    )  # a server that leaves lets this process start nothing more
    host = Host(str(tmp_path / "app"))
    host.lease.acquire(lambda: 0, {"deployment": "old"}, 0.0, lambda _: None)
    host.deployment = "old"
    (host.layout.tmp / "of-the-other-one").touch()
    text = host.layout.lease.read_text()
    host.layout.lease.write_text(text.replace('"token": 1', '"token": 2'))
    yield host
    host.lease.release()


def answers(host: Host, *frames: bytes) -> list[dict[str, object]]:
    """What a server says to these frames, until they are answered."""
    to_server, from_us = os.pipe()
    to_us, from_server = os.pipe()
    server = threading.Thread(target=Server(host, Channel(to_server, from_server)).run)
    server.start()
    try:
        os.write(from_us, b"".join(frames))
        channel = Channel(to_us, from_us)
        count = sum(b'"call"' in one for one in frames)
        return [channel.read().json() for _ in range(count)]
    finally:
        os.close(from_us)
        server.join()
        for descriptor in (to_server, to_us, from_server):
            os.close(descriptor)


@pytest.mark.parametrize("name", sorted(MUTATING))
@pytest.mark.parametrize("token", [1, 2, None])
def test_an_old_token_is_refused_everywhere(stopped: Host, name: str, token: int | None) -> None:
    """Its own, one that it never had, or none: `lease_lost`, and not a byte is written."""
    before = snapshot(stopped.layout.path)
    args = {} if token is None else {"token": token}
    request = json.dumps({"id": 7, "call": name, "args": args}).encode()
    data = [frame(b"D", b"x" * 100), frame(b"D", b"")] if name == "upload" else []

    (answer,) = answers(stopped, frame(b"J", request), *data)

    assert answer["error"]["code"] == "lease_lost", answer  # type: ignore[index]
    assert snapshot(stopped.layout.path) == before


def test_an_old_token_writes_no_line_of_the_journal(stopped: Host) -> None:
    """The last door: even where a call was let in before, the journal asks at each write."""
    with pytest.raises(Exception, match="is old"):
        stopped.journal.append("release.blessed", "old", release="v1")
    assert stopped.journal.refresh() == []
