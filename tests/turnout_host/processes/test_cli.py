"""PM2's command line, with a stand-in that ends as it is told."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from turnout_host.errors import HostError
from turnout_host.layout import Layout
from turnout_host.processes.cli import Cli
from turnout_host.toolchain import Toolchain


def cli(folder: Path, body: str) -> Cli:
    program = folder / "bin/pm2"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\necho '[PM2] begun'\n{body}\n")
    program.chmod(0o755)
    layout = Layout(str(folder))
    toolchain = Toolchain(layout, None, None, [str(program.parent), *os.environ["PATH"].split(os.pathsep)])
    return Cli(layout, {}, toolchain, str(folder / "pm2"))


@pytest.mark.parametrize(
    "body, timeout, how",
    [("exec sleep 60", 0.3, "did not end within 0 s"), ("kill -9 $$", 60.0, "was ended by signal 9")],
)
def test_a_command_that_does_not_end_by_itself_is_told_as_what_it_is(
    tmp_path: Path, body: str, timeout: float, how: str
) -> None:
    """Too slow, or killed by somebody."""
    with pytest.raises(HostError, match=f"pm2 save {how}"):
        cli(tmp_path, body).run(["save"], timeout)


def test_its_exit_status_says_nothing(tmp_path: Path) -> None:
    """PM2 ends with 1 where all went well, and with 0 where nothing did (FACTS)."""
    assert cli(tmp_path, "exit 1").run(["save"]) == ["[PM2] begun"]
