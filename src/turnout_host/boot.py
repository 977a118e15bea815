"""The entry that starts the app again when the host boots; what it then does is in `recovery.py`.

The entry is an `@reboot` line in the user's crontab, or a `systemctl --user` unit where the user lingers (DESIGN 6).
`TURNOUT_BOOT=none` in the login's environment keeps Turnout's hands off both (the demo's host has neither).
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Optional

from turnout_host import disk
from turnout_host.errors import HostError
from turnout_host.layout import Layout
from turnout_host.toolchain import Toolchain

NAME = "turnout_host.pyz"
"""A name in `.turnout/bin` that stays the same from version to version."""

NO_CRONTAB = (re.compile("no crontab"), re.compile("can't open '[^/']+': No such file or directory"))
"""What cron's and busybox's `crontab -l` say to a user who has none."""


def save(layout: Layout, toolchain: Toolchain) -> None:
    """Write what should run after a boot, and make the entry if it is missing. Raises OSError, HostError."""
    value = {
        "program": str(_program(layout)),
        "path": str(layout.path),
        "node": toolchain.node,
        "pm2": toolchain.pm2,
    }
    disk.write(layout.boot, json.dumps(value, indent=1).encode("utf-8"), 0o600, layout.tmp)
    if possible() == "cron":
        _crontab(layout)
    elif possible() == "systemd":
        _unit(layout)


def possible() -> Optional[str]:
    """Where a boot entry can be made: `cron`, `systemd`, or None."""
    if os.environ.get("TURNOUT_BOOT") == "none":
        return None
    if shutil.which("crontab") and _runs("pgrep", "-x", "cron|crond"):
        return "cron"
    user = os.environ.get("USER") or os.environ.get("LOGNAME") or ""
    if shutil.which("systemctl") and Path("/var/lib/systemd/linger", user).is_file() and user:
        return "systemd"
    return None


def installed(layout: Layout) -> bool:
    """Is our entry in place?"""
    where = possible()
    if where == "cron":
        with contextlib.suppress(HostError):
            return _line(layout) in _read_crontab().splitlines()
    return where == "systemd" and _unit_path(layout).is_file()


def _command(layout: Layout) -> str:
    words = [sys.executable, "-I", str(layout.bin / NAME), "boot", str(layout.path)]
    return " ".join(shlex.quote(word) for word in words)


def _program(layout: Layout) -> Path:
    """Lead NAME to the zipapp that runs now: it blessed the release. We may have been started by that very link."""
    link = layout.bin / NAME
    disk.link(link, os.path.realpath(sys.argv[0]), layout.tmp)
    return link


def _line(layout: Layout) -> str:
    return f"@reboot {_command(layout)}".replace("%", r"\%") + " >/dev/null 2>&1"


def _crontab(layout: Layout) -> None:
    line, now = _line(layout), _read_crontab()
    if line in now.splitlines():
        return
    ours = f" boot {shlex.quote(str(layout.path))}".replace("%", r"\%") + " >"
    others = [
        other
        for other in now.splitlines()
        if not (other.startswith("@reboot") and ours in other and "turnout_host" in other)
    ]
    text = "\n".join([*others, line]) + "\n"
    subprocess.run(
        ["crontab", "-"],
        input=text.encode("utf-8", "surrogateescape"),
        check=True,
        timeout=20,
        env=dict(os.environ),
    )


def _read_crontab() -> str:
    """The user's crontab. Raises HostError unless it was read or there surely is none: a write would replace it all."""
    found = subprocess.run(
        ["crontab", "-l"], capture_output=True, check=False, timeout=20, env=dict(os.environ, LC_ALL="C")
    )
    if found.returncode == 0:
        return found.stdout.decode("utf-8", "surrogateescape")
    said = found.stderr.decode("utf-8", "replace").strip()
    if any(sign.search(said) for sign in NO_CRONTAB):
        return ""
    raise HostError(
        f"the crontab was left alone, since `crontab -l` failed: {said or f'status {found.returncode}'}",
        remedy=["crontab -l", "then deploy again: it adds the line that starts the app after a boot"],
    )


def _unit_path(layout: Layout) -> Path:
    name = "turnout-" + "-".join(part for part in layout.path.parts if part != "/").replace(" ", "_")
    return Path.home() / ".config/systemd/user" / f"{name}.service"


def _unit(layout: Layout) -> None:
    path, words = _unit_path(layout), [sys.executable, "-I", str(layout.bin / NAME), "boot", str(layout.path)]
    start = " ".join(
        '"' + word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%") + '"' for word in words
    )
    text = (
        f"[Unit]\nDescription=Turnout: start {layout.path} after a boot\n\n"
        f"[Service]\nType=oneshot\nRemainAfterExit=yes\nKillMode=process\nExecStart={start}\n\n[Install]\nWantedBy=default.target\n"
    )
    if path.is_file() and path.read_text() == text:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    disk.write(path, text.encode("utf-8"), 0o644, path.parent)
    for arguments in (["daemon-reload"], ["enable", path.name]):
        subprocess.run(
            ["systemctl", "--user", *arguments],
            check=True,
            timeout=20,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )


def _runs(*argv: str) -> bool:
    try:
        return (
            subprocess.run(
                argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False, timeout=5
            ).returncode
            == 0
        )
    except (OSError, subprocess.SubprocessError):
        return False
