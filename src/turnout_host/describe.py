"""The manifest of a tree that is here already: a layer that was made by commands."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Collection, Dict, Optional

from turnout_host import manifest
from turnout_host.compare import hash_file
from turnout_host.errors import StoreError


def describe(folder: Path, ignore: Collection[str] = ()) -> Optional[str]:
    """The text of its manifest, without the paths `ignore`; None when it holds what a manifest cannot say."""
    lines: Dict[bytes, str] = {}
    root = str(folder)
    try:
        for where, folders, files in os.walk(root):
            inside = os.path.relpath(where, root)
            paths = {name: os.path.normpath(f"{inside}/{name}") for name in [*folders, *files]}
            folders[:] = [name for name in folders if paths[name] not in ignore]
            for path in paths.values():
                if path not in ignore:
                    lines[path.encode("utf-8")] = _line(root, path)
        text = "".join(lines[path] for path in sorted(lines))
        manifest.parse(text)
    except (StoreError, UnicodeEncodeError):
        return None
    return text


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
