"""Calls about SSH keys: which ones Turnout rotated, and one key added to or removed from authorized_keys.

They are no deployment, so they take no token: each takes the lease for itself, for a moment, and is refused while
somebody deploys.
"""

from __future__ import annotations

import contextlib
from typing import Iterator

from turnout_host import authorized
from turnout_host.calls.common import Answer
from turnout_host.errors import SurveyError, UsageError
from turnout_host.host import Args, Host, Say


def call_keys(host: Host, args: Args, say: Say) -> Answer:
    """What the journal says of keys, and whether the file has them: fingerprints only."""
    host.journal.refresh()
    file = authorized.path()
    data = file.read_bytes() if file.is_file() else b""
    found = [dict(record, there=authorized.has(data, key)) for key, record in host.journal.state.keys.items()]
    return {"file": str(file), "keys": found}


def call_authorize(host: Host, args: Args, say: Say) -> Answer:
    """Add a key behind that of fingerprint `like`, with its options; one that is there already is left alone."""
    key, like = args.text("key"), args.text("like")
    mark = authorized.fingerprint(key.encode("utf-8"))
    if not authorized.KEY.match(key) or mark is None:
        raise UsageError("key must be a line of ssh-ed25519 with a comment")
    file = authorized.path()
    with _lease(host, args.text("by")):
        data = authorized.read(file)
        if not authorized.has(data, like):
            why = f"{file} does not have the key {like}: sshd takes it from somewhere else"
            raise SurveyError(why, where=str(file), remedy=["change the keys there by hand"])
        there = authorized.has(data, mark)
        if not there:
            host.journal.append("key.added", None, fingerprint=mark, replaces=like, by=args.text("by"))
            authorized.write(file, authorized.add(data, key, like), data)
        return {"added": not there, "file": str(file), "options": authorized.options(data, like)}


def call_deauthorize(host: Host, args: Args, say: Say) -> Answer:
    """Remove keys by their fingerprints; `keep` must be there and stays, so that a way in is left."""
    gone, keep, file = args.texts("fingerprints"), args.text("keep"), authorized.path()
    if keep in gone or not gone:
        raise UsageError("fingerprints must name other keys than `keep`")
    with _lease(host, args.text("by")):
        data = authorized.read(file)
        if not authorized.has(data, keep):
            raise SurveyError(f"{file} does not have the key {keep}, which is to stay", where=str(file))
        left, count = data, 0
        for mark in gone:
            left, lines = authorized.remove(left, mark)
            count += lines
        if left != data:
            authorized.write(file, left, data)
            host.keys_before = (data, left)
        for mark in gone:
            host.journal.append("key.removed", None, fingerprint=mark, by=args.text("by"))
        return {"removed": count}


def call_reauthorize(host: Host, args: Args, say: Say) -> Answer:
    """Put back what this connection removed last, byte for byte: the way back when the other key does not log in."""
    file = authorized.path()
    if host.keys_before is None:
        raise UsageError("this connection has removed no key")
    with _lease(host, args.text("by")):
        was, now = host.keys_before
        authorized.write(file, was, now)
        for mark in sorted(authorized.marks(was) - authorized.marks(now)):
            host.journal.append("key.added", None, fingerprint=mark, replaces=None, by=args.text("by"))
        host.keys_before = None
        return {"file": str(file)}


@contextlib.contextmanager
def _lease(host: Host, by: str) -> Iterator[None]:
    """Hold the lease for a moment, unless this connection holds it anyway."""
    if host.lease.descriptor >= 0:
        yield
        return
    who = {"deployment": "rotate-key", "by": by, "work": "changing a key"}
    host.lease.acquire(
        lambda: (host.journal.refresh(), host.journal.state.token)[1], who, 0.0, lambda _: None
    )
    try:
        yield
    finally:
        host.lease.release()
