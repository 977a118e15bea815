"""Calls about what this host has that a deployer or another host needs: no build and no upload where it is here."""

from __future__ import annotations

import base64
import zlib
from typing import Iterator

from turnout_host import manifest
from turnout_host.calls.common import Answer, record_of
from turnout_host.errors import StoreError
from turnout_host.host import Args, Host, Say

PIECE = 1 << 18
LEVEL = 3
ROLES = ("node", "pm2")


def call_known(host: Host, args: Args, say: Say) -> Answer:
    """Are all contents of a release still here and sound? Its manifest, too. What is hurt is set aside."""
    digest = str(record_of(host, args)["manifest"])
    hurt = host.store.unsound(map(manifest.name, manifest.blobs(host.store.manifest(digest))))
    return {"whole": not hurt, "hurt": hurt, "manifest": _packed(host, digest)}


def call_offer(host: Host, args: Args, say: Say) -> Answer:
    """The record of a release, its manifest, and those of the layers that it runs on, where they can be given."""
    record = record_of(host, args)
    runs = record.get("toolchain") or {}
    keys = [record.get("dependencies"), *(runs.get(role) for role in ROLES)]
    made = {str(key): host.journal.state.layers.get(str(key)) for key in keys if key}
    return {
        "record": record,
        "manifest": _packed(host, str(record["manifest"])),
        "layers": {
            key: _packed(host, digest) for key, digest in made.items() if digest and _here(host, digest)
        },
    }


def call_give(host: Host, args: Args, say: Say) -> Answer:
    """Contents by blob name, as events: the records of an upload, as one zlib stream in base64."""
    squeezer, count = zlib.compressobj(LEVEL), 0
    for name in args.texts("names"):
        for part in _record(host, name):
            _say(say, squeezer.compress(part))
        count += 1
    _say(say, squeezer.flush())
    return {"given": count}


def _record(host: Host, name: str) -> Iterator[bytes]:
    try:
        with host.layout.blob(name).open("rb") as file:
            size = file.seek(0, 2)
            file.seek(0)
            yield name.ljust(66).encode("ascii") + size.to_bytes(8, "big")
            while size:
                part = file.read(min(PIECE, size))
                if not part:
                    break
                size -= len(part)
                yield part
    except FileNotFoundError:
        size = -1
    if size:
        raise StoreError(f"the contents {name[:16]}… are not here any more, or are hurt")


def _here(host: Host, digest: str) -> bool:
    """Not of a layer that was made here by commands: it has a manifest, but its contents never were in the store."""
    return host.store.whole(host.store.manifest(digest))


def _say(say: Say, data: bytes) -> None:
    if data:
        say({"kind": "data", "data": base64.b64encode(data).decode("ascii")})


def _packed(host: Host, digest: str) -> str:
    """A kept manifest as it travels; StoreError when it is missing or hurt."""
    return base64.b64encode(zlib.compress(host.store.manifest_text(digest), 6)).decode("ascii")
