"""Is what lies here what was laid? Every tree and every content against its digest. Only looks, sets nothing aside.

Releases, layers and store share inodes: each is hashed once, so a look at all of them reads the disk once.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Collection, Dict, Iterator, List

from turnout_host.compare import differences, hash_file
from turnout_host.errors import StoreError
from turnout_host.incoming import BEGUN
from turnout_host.layout import Layout
from turnout_host.manifest import Entry
from turnout_host.store import HURT, listed, opened


class Digests:
    """Hashes files, each inode once."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._known: Dict[int, bytes] = {}
        self.bytes = 0
        """Bytes that were read and hashed."""

    def of(self, path: str) -> str:
        """The SHA-256 of a file. Raises OSError."""
        info = os.lstat(path)
        # one number, and bytes: there are hundreds of thousands of them
        inode = info.st_dev << 64 | info.st_ino
        if inode not in self._known:
            self._known[inode] = bytes.fromhex(hash_file(path))
            self.bytes += info.st_size
        return self._known[inode].hex()

    def tree(self, digest: str, folder: Path, ignore: Collection[str]) -> List[str]:
        """How a folder differs from the manifest with this digest. Raises StoreError when that is missing or hurt."""
        return differences(self._listed(digest), folder, ignore, self.of)

    def _listed(self, digest: str) -> Iterator[Entry]:
        try:
            file = opened(self._layout.manifest(digest), digest)
        except OSError:
            file = None
        if file is not None:
            return listed(file)
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
