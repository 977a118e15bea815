"""The manifest of a tree that is here already: a layer that was made by commands."""

from __future__ import annotations

import io
import os
import stat
from pathlib import Path
from typing import Collection, Optional

from turnout_host import manifest
from turnout_host.compare import hash_file, walked
from turnout_host.errors import StoreError


def describe(folder: Path, ignore: Collection[str] = ()) -> Optional[bytes]:
    """The text of its manifest, without the paths `ignore`; None when it holds what a manifest cannot say."""
    root, text = str(folder), io.BytesIO()
    try:
        for path in walked(root, lambda _: True, ignore):
            text.write(_line(root, path).encode("utf-8"))
        text.seek(0)
        manifest.blobs(manifest.parse(text))
    except (StoreError, UnicodeEncodeError):
        return None
    return text.getvalue()


def _line(root: str, path: str) -> str:
    full = f"{root}/{path}"
    info = os.lstat(full)
    if stat.S_ISLNK(info.st_mode):
        return f"l\t{os.readlink(full)}\t{path}\n"
    if stat.S_ISDIR(info.st_mode):
        return f"d\t{path}\n"
    if not stat.S_ISREG(info.st_mode):
        raise StoreError(f"neither file, folder nor link: {path!r}")
    mode = "755" if info.st_mode & 0o100 else "644"
    return f"f\t{mode}\t{hash_file(full)}\t{info.st_size}\t{path}\n"
