"""What surrounds the figures: the machine, its versions, and what the best plain compression would have sent."""

from __future__ import annotations

import os
import platform
import re
import subprocess
import tarfile
from importlib.metadata import version
from pathlib import Path
from typing import BinaryIO, cast

import zstandard

from tests.support.site import Site
from tests.support.sshd import SSHD
from tests.turnout_host.site import PM2_VERSION


def machine() -> dict[str, str]:
    """Names and what they are here."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "processor": f"{_cpu()}, {os.cpu_count()} cores",
        "memory": f"{memory:.0f} GiB",
        "system": f"{platform.system()} {platform.release()}",
        "load when it began": f"{os.getloadavg()[0]:.1f}",
        "Turnout": _said("git", "rev-parse", "--short=10", "HEAD"),
        "Python": platform.python_version(),
        "asyncssh": version("asyncssh"),
        "Node": _said("node", "--version"),
        "npm": _said("npm", "--version"),
        "PM2": PM2_VERSION,
        "OpenSSH": _said(str(SSHD), "-V"),
        "rsync": _said("rsync", "--version"),
    }


def _cpu() -> str:
    found = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    return found[1] if found else platform.machine()


def _said(*argv: str) -> str:
    """The first line that a program prints, cut at its first comma: the rest is about its making."""
    done = subprocess.run(argv, capture_output=True, text=True, check=False, cwd=Path(__file__).parent)
    return (done.stdout or done.stderr).partition("\n")[0].partition(",")[0].strip()


class Counter:
    """A file that only counts."""

    def __init__(self) -> None:
        self.count = 0

    def write(self, data: bytes) -> int:
        """Take it."""
        self.count += len(data)
        return len(data)


def zstd9(site: Site) -> int:
    """Bytes of all that a first deployment laid out on the host, as one tar by zstd -9."""
    counter = Counter()
    packer = zstandard.ZstdCompressor(level=9)
    with (
        packer.stream_writer(cast("BinaryIO", counter), closefd=False) as packed,
        tarfile.open(fileobj=packed, mode="w|") as tar,
    ):
        for folder in (site.layout.layers, site.layout.release("v1")):
            tar.add(folder)
    return counter.count
