"""Dotenvs on this machine, read by the host program's own reader, which is the only one."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from turnout.errors import TurnoutError
from turnout.hosts.zipapp import packed
from turnout.model import Secret


def parse(text: Secret) -> dict[str, Secret]:
    """Keys and values, as the app will read them. Text and values go through pipes only."""
    with tempfile.TemporaryDirectory(prefix="turnout-") as folder:
        program = Path(folder) / "turnout_host.pyz"
        program.write_bytes(packed().content)
        done = subprocess.run(
            [sys.executable, "-I", str(program), "parse-dotenv"],
            input=text.reveal().encode("utf-8", "surrogateescape"),
            capture_output=True,
            check=False,
        )
    if done.returncode:
        raise TurnoutError(
            "a dotenv could not be read", why=done.stderr.decode("utf-8", "replace").splitlines()[-3:]
        )
    return {key: Secret(value) for key, value in json.loads(done.stdout).items()}
