"""Manifests as they come with a request (docs/protocol.md): whole, or as a patch on one that is kept here."""

from __future__ import annotations

import base64
from typing import Dict, List, NamedTuple

from turnout_host import manifest, patching
from turnout_host.errors import StoreError
from turnout_host.host import Args, Host
from turnout_host.protocol import LIMIT


class Offered(NamedTuple):
    """One manifest of a request, checked: blob names with their bytes, and how many entries it has.

    `base` is the digest of the one that it came as a patch on, or empty.
    """

    text: str
    blobs: Dict[str, int]
    entries: int
    base: str


def offered(host: Host, args: Args) -> List[Offered]:
    """The `manifests` of a request. Raises StoreError for what is malformed or does not match its digest.

    `bases` in its detail: a patch could not be used; the same manifest sent whole may be.
    """
    return [_offered(host, Args(item)) for item in args.values.get("manifests") or []]


def based(host: Host, parts: List[Offered]) -> List[str]:
    """Of the bases those whose contents are all here: files may be patched on them, too."""
    bases = sorted({part.base for part in parts if part.base})
    return [base for base in bases if not host.store.lacking(manifest.blobs(host.store.manifest(base)))]


def _offered(host: Host, item: Args) -> Offered:
    base = item.digest("base") if item.optional("base") else ""
    try:
        text = _patched(host, item, base) if base else manifest.unpack(item.text("packed", LIMIT))
        if manifest.digest(text) != item.digest("digest"):
            raise StoreError(f"a manifest does not match its digest {item.digest('digest')[:16]}…")
    except StoreError as error:
        if base:
            error.detail["bases"] = [base]
        raise
    entries = manifest.parse(text)
    return Offered(text, manifest.blobs(entries), len(entries), base)


def _patched(host: Host, item: Args, base: str) -> str:
    data = host.store.manifest_text(base).encode("utf-8")
    try:
        patch = base64.b64decode(item.text("patch", LIMIT), validate=True)
        return str(patching.apply(data, patch, int(item.number("size")), manifest.LIMIT), "utf-8")
    except ValueError as error:
        raise StoreError(f"a manifest cannot be unpacked: {error}") from None
