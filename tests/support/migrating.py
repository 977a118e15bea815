"""Migrations in the repository of a site, and those at work on its VPS."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
from pathlib import Path

from tests.support.client import Run
from tests.support.site import Site, strays

LATER = {"upload", "stage", "dotenv", "install", "backup", "migrate", "rehearse", "activate"}


def migration(site: Site, name: str, sql: str) -> None:
    """Commit a migration."""
    site.commit({f"backend/prisma/migrations/{name}/migration.sql": sql}, name)


def drop(site: Site, name: str) -> None:
    """Take a migration out of the repository again."""
    shutil.rmtree(site.repo / f"backend/prisma/migrations/{name}")
    site.commit({}, f"Without {name}")


def before_anything(run: Run) -> None:
    """Nothing was sent or begun on the host but looks."""
    begun = {event["step"] for event in run.events if event["type"] == "step.started"}
    assert not begun & LATER, begun


def at_work(site: Site) -> list[int]:
    """The processes of a `prisma migrate deploy` there, its shell and npx too."""
    found = []
    for pid in strays(site.path):
        with contextlib.suppress(OSError):
            if b"migrate" in Path(f"/proc/{pid}/cmdline").read_bytes():
                found.append(pid)
    return found


def kill(pids: list[int]) -> None:
    """End them at once."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
