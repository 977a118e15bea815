"""Links in `~/.local/bin`, so that a person's own `node` and `pm2` work where the host has none (DESIGN 5)."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Optional

from turnout_host.layout import Layout
from turnout_host.toolchain import OURS

NAMES = ("node", "npm", "npx", "pm2")


def link(layout: Layout, node: Optional[str], pm2: Optional[str], shell_path: str) -> None:
    """Make or renew the links into the layers; a program of the host's own is never hidden by one."""
    folder = Path.home() / ".local" / "bin"
    for name in NAMES:
        key = pm2 if name == "pm2" else node
        if key is None:
            continue
        target = layout.layer(key) / ("node_modules/.bin/pm2" if name == "pm2" else f"bin/{name}")
        there = shutil.which(name, path=shell_path)
        mine = folder / name
        if (there and Path(there) != mine) or not target.exists():
            continue
        if os.path.lexists(str(mine)) and not _ours(mine):
            continue
        folder.mkdir(parents=True, exist_ok=True)
        temp = folder / f".{name}.{os.getpid()}"
        os.symlink(str(target), str(temp))
        os.replace(str(temp), str(mine))


def _ours(path: Path) -> bool:
    return path.is_symlink() and OURS in os.readlink(str(path))
