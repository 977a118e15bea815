"""Is what lies here what was laid? Every tree and every content against its digest. Only looks, sets nothing aside.

Releases, layers and store share inodes: each is hashed once, so a look at all of them reads the disk once.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Collection, Dict, Iterator, List, Tuple

from turnout_host import manifest
from turnout_host.compare import differences, hash_file
from turnout_host.errors import StoreError
from turnout_host.incoming import BEGUN
from turnout_host.layout import Layout
from turnout_host.manifest import Entry
from turnout_host.store import HURT


class Digests:
    """Hashes files, each inode once."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._known: Dict[Tuple[int, int], str] = {}
        self.bytes = 0
        """Bytes that were read and hashed."""

    def of(self, path: str) -> str:
        """The SHA-256 of a file. Raises OSError."""
        info = os.lstat(path)
        key = (info.st_dev, info.st_ino)
        if key not in self._known:
            self._known[key] = hash_file(path)
            self.bytes += info.st_size
        return self._known[key]

    def tree(self, digest: str, folder: Path, ignore: Collection[str]) -> List[str]:
        """How a folder differs from the manifest with this digest. Raises StoreError when that is missing or hurt."""
        return differences(self._listed(digest), folder, ignore, self.of)

    def _listed(self, digest: str) -> List[Entry]:
        try:
            text = self._layout.manifest(digest).read_bytes().decode("utf-8")
            if manifest.digest(text) == digest:
                return manifest.parse(text)
        except (OSError, UnicodeDecodeError):
            pass
        raise StoreError(f"the manifest {digest[:16]}… is missing or hurt")

    def hurt(self) -> Iterator[Path]:
        """Contents of the store that are not what their name says; those set aside or half here are not counted."""
        for shelf in sorted(self._layout.store.iterdir()):
            for path in sorted(shelf.iterdir()):
                if path.name.endswith((HURT, BEGUN)):
                    continue
                try:
                    if self.of(str(path)) == path.name[:64]:
                        continue
                except FileNotFoundError:  # a prune took it away meanwhile
                    continue
                except OSError:
                    pass
                yield path
