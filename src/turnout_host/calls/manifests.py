"""Manifests as they come with a request (docs/protocol.md): whole, or as a patch on one that is kept here."""

from __future__ import annotations

import base64
import io
from typing import Dict, List, NamedTuple, Set, Tuple

from turnout_host import manifest, patching
from turnout_host.errors import StoreError
from turnout_host.host import Args, Host
from turnout_host.protocol import LIMIT


class Offered:
    """The manifests of a request, checked: the contents that they need (see `manifest.blobs`), how many entries.

    `digests` are theirs, `bases` those of the manifests that they came as patches on.
    """

    def __init__(self) -> None:
        self.blobs: Dict[bytes, int] = {}
        self.entries = 0
        self.digests: Set[str] = set()
        self.bases: Set[str] = set()

    def add(self, text: bytes, digest: str, base: str) -> None:
        """Take one in. Raises StoreError for what is malformed."""
        manifest.blobs(manifest.parse(io.BytesIO(text)), self.blobs)
        self.entries += text.count(b"\n")
        self.digests.add(digest)
        self.bases |= {base} if base else set()


class Lacking(NamedTuple):
    """What is not here of them: `marks` has a 1 for it and a 0 for what is, in the order of `blobs`.

    A hundred thousand names would be too much for a small host, and for a slow link.
    """

    marks: str
    bytes: int
    begun: Dict[str, int]


def offered(host: Host, args: Args, keep: bool) -> Offered:
    """The `manifests` of a request, put away one by one if they are to be kept; the request is without them then.

    Raises StoreError for what is malformed or does not match its digest. `bases` in its detail: a patch could not
    be used; the same manifest sent whole may be.
    """
    found, items = Offered(), list(args.values.pop("manifests", None) or [])
    while items:
        text, digest, base = _unpacked(host, Args(items.pop(0)))
        found.add(text, digest, base)
        if keep:
            host.store.keep_text(text)
    return found


def lacking(host: Host, wanted: Dict[bytes, int]) -> Lacking:
    """Look for contents in the store."""
    marks, size, begun = bytearray(), 0, {}
    for key, bytes_ in wanted.items():
        name = manifest.name(key)
        here = host.store.has(name)
        marks += b"0" if here else b"1"
        if not here:
            size += bytes_
            there = host.store.begun(name)
            begun.update({name: there} if there else {})
    return Lacking(marks.decode("ascii"), size, begun)


def based(host: Host, parts: Offered) -> List[str]:
    """Of the bases those whose contents are all here: files may be patched on them, too."""
    return [base for base in sorted(parts.bases) if host.store.whole(host.store.manifest(base))]


def _unpacked(host: Host, item: Args) -> Tuple[bytes, str, str]:
    """Its text, its digest, and that of its base if it came as a patch."""
    digest, base = item.digest("digest"), item.digest("base") if item.optional("base") else ""
    try:
        text = _patched(host, item, base) if base else manifest.unpack(item.text("packed", LIMIT))
        if manifest.digest(text) != digest:
            raise StoreError(f"a manifest does not match its digest {digest[:16]}…")
        return text, digest, base
    except StoreError as error:
        if base:
            error.detail["bases"] = [base]
        raise


def _patched(host: Host, item: Args, base: str) -> bytes:
    try:
        patch, size = base64.b64decode(item.text("patch", LIMIT), validate=True), int(item.number("size"))
        made = patching.apply(host.store.manifest_text(base), patch, size, manifest.LIMIT)
        return bytes(made)  # the base is no longer held by now
    except ValueError as error:
        raise StoreError(f"a manifest cannot be unpacked: {error}") from None
