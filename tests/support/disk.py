"""A file system of its own at the app's path: small, full, or read-only. Needs root."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator

import pytest

from tests.support.site import Site, until

PLENTY = {"size": "2g", "nr_inodes": "200k"}


@contextlib.contextmanager
def on_its_own(site: Site) -> Iterator[None]:
    """The site's path is a file system in memory; skips the test where none can be mounted. It goes with the site."""
    try:
        if os.geteuid() != 0:
            pytest.skip("only root can mount a disk")
        mounted = mount(site, **PLENTY)
        if mounted.returncode:
            pytest.skip(f"no disk can be mounted here: {mounted.stderr.strip()}")
        (site.path / "shared").mkdir()
        site.write_dotenv()
        yield
    finally:
        until(lambda: unmounted(site))
        site.close()


def mount(site: Site, *words: str, **limits: str) -> subprocess.CompletedProcess[str]:
    """Mount a file system with these limits at the app's path."""
    options = ",".join([*words, *(f"{key}={value}" for key, value in limits.items())])
    return _mount("-t", "tmpfs", "-o", options, "tmpfs", str(site.path))


def unmounted(site: Site) -> bool:
    """End all that runs there and take the disk away; it is busy while a process that was killed is still going."""
    site.end()
    while site.path.is_mount() and subprocess.run(["umount", str(site.path)], check=False).returncode == 0:
        continue
    return not site.path.is_mount()


def leave(site: Site, megabytes: int | None = None, inodes: int | None = None) -> None:
    """Give the disk new limits, this much above what is used; plenty of what is not named."""
    seen = os.statvfs(site.path)
    limits = dict(PLENTY)
    if megabytes is not None:
        limits["size"] = str((seen.f_blocks - seen.f_bfree) * seen.f_frsize + (megabytes << 20))
    if inodes is not None:
        limits["nr_inodes"] = str(seen.f_files - seen.f_ffree + inodes)
    done = mount(site, "remount", **limits)
    assert done.returncode == 0, done


@contextlib.contextmanager
def read_only(site: Site) -> Iterator[None]:
    """Nothing there can be written by a path any more; what is open (a log, the lease) stays so.

    The disk is mounted once more over itself: the kernel refuses to make one read-only in which a file is open.
    """
    path = str(site.path)
    for words in (["--bind", path, path], ["-o", "remount,bind,ro", path]):
        done = _mount(*words)
        assert done.returncode == 0, done
    try:
        yield
    finally:
        _mount("-o", "remount,bind,rw", path)


def _mount(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["mount", *words], capture_output=True, text=True, check=False)
