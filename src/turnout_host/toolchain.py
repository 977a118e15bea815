"""Which Node, npm and PM2 are used: those of layers, or the host's own (DESIGN 2, `layer`)."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Dict, List, Optional, Sequence, Union

from turnout_host import children
from turnout_host.errors import UsageError
from turnout_host.layout import Layout

OURS = "/.turnout/layers/"
"""In the path of whatever is Turnout's own, of this app or another."""


class Toolchain:
    """Node with npm, and PM2. A key names a layer, None means the host's own, looked for in `shell_path`.

    `shell_path` is the login shell's PATH, as text or as folders: the SSH session's own is often shorter.
    """

    def __init__(
        self,
        layout: Layout,
        node_key: Optional[str],
        pm2_key: Optional[str],
        shell_path: Union[str, Sequence[str]] = "",
    ) -> None:
        self.layout = layout
        self._node_key, self._pm2_key = node_key, pm2_key
        folders = shell_path.split(os.pathsep) if isinstance(shell_path, str) else shell_path
        self._shell = [folder for folder in folders if folder.startswith("/")]

    @property
    def node(self) -> str:
        """The Node binary. Raises UsageError when there is none."""
        if self._node_key:
            return _required(self.layout.layer(self._node_key) / "bin" / "node", "Node")
        return self._own("node")

    @property
    def pm2(self) -> List[str]:
        """The words that run PM2, with our Node where it is a JS file. Raises UsageError when there is none."""
        if self._pm2_key:
            return [
                self.node,
                _required(self.layout.layer(self._pm2_key) / "node_modules/pm2/bin/pm2", "PM2"),
            ]
        found = self._own("pm2")
        script = os.path.realpath(found)
        # a shim of a version manager is a program of its own; the package's own file wants a Node
        return [self.node, script] if package_version(script, "pm2") else [found]

    @property
    def pm2_library(self) -> str:
        """The folder of PM2's own modules; "" where only a command is known."""
        library = Path(self.pm2[-1]).parent.parent / "lib"
        return str(library) if (library / "Common.js").is_file() else ""

    @property
    def dirs(self) -> List[str]:
        """Folders that go first in PATH; those that do not exist are left out."""
        found = []
        for key, folder in ((self._node_key, "bin"), (self._pm2_key, "node_modules/.bin")):
            if key:
                found.append(str(self.layout.layer(key) / folder))
        for name, key in (("node", self._node_key), ("npm", self._node_key), ("pm2", self._pm2_key)):
            path = None if key else self._find(name)
            if path:
                found.append(os.path.dirname(path))
        return [folder for folder in dict.fromkeys(found) if os.path.isdir(folder)]

    def env(self, **more: str) -> Dict[str, str]:
        """A clean environment whose PATH begins with this toolchain."""
        return children.clean_env(self.dirs, **more)

    def _find(self, name: str) -> Optional[str]:
        return find(name, self._shell or os.environ.get("PATH", os.defpath).split(os.pathsep))

    def _own(self, name: str) -> str:
        found = self._find(name)
        if not found:
            raise UsageError(
                f"this host has no {name} in its login shell's PATH",
                remedy=['set toolchain = "shipped" in turnout.toml', f"or install {name} for this user"],
            )
        return found


def find(name: str, folders: Sequence[str]) -> Optional[str]:
    """The host's own `name` in these folders; our links into layers (`people.py`) are not, a prune takes them away."""
    for folder in folders:
        path = shutil.which(name, path=folder)
        if path and not any(OURS in one for one in (path, _target(path), os.path.realpath(path))):
            return path
    return None


def _target(path: str) -> str:
    return os.readlink(path) if os.path.islink(path) else path


def package_version(script: str, name: str) -> Optional[str]:
    """The version in the package.json of npm package `name` above a file of it; None when it is no such file."""
    for folder in list(Path(script).parents)[:4]:
        try:
            found = json.loads((folder / "package.json").read_bytes().decode("utf-8"))
        except (OSError, ValueError):
            continue
        if isinstance(found, dict) and found.get("name") == name:
            return str(found.get("version"))
    return None


def _required(path: Path, what: str) -> str:
    if not path.is_file():
        raise UsageError(
            f"the {what} layer is not whole: {path} is missing", remedy=["deploy again: it is sent anew"]
        )
    return str(path)
