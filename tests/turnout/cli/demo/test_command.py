"""`turnout demo` as a program."""

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from turnout.cli.demo.leftovers import processes


@pytest.fixture
def short() -> Iterator[Path]:
    """A folder with a short name, which the demo accepts as its TMPDIR, so that what it leaves behind is seen."""
    with tempfile.TemporaryDirectory(prefix="td-") as folder:
        yield Path(folder)


@contextmanager
def start(tmp: Path, *arguments: str, **env: str) -> Iterator[subprocess.Popen[str]]:
    """The program, ended with the block."""
    around = {key: value for key, value in os.environ.items() if not key.startswith(("VPS_", "TURNOUT_"))}
    with subprocess.Popen(
        [sys.executable, "-m", "turnout.cli.main", "demo", *arguments],
        env=around | {"TMPDIR": str(tmp)} | env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as demo:
        try:
            yield demo
        finally:
            if demo.poll() is None:
                demo.terminate()


def left(tmp: Path) -> list[Any]:
    """Folders and processes that are still there."""
    return [*tmp.iterdir(), *processes(tmp)]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("moment", ["deployment.started", "step.finished"])
def test_a_signal_ends_everything(short: Path, number: signal.Signals, moment: str) -> None:
    """Whenever it comes: exit code 130, one clear block, no folder, no process."""
    with start(short, "--json") as demo:
        assert demo.stdout
        assert demo.stderr
        for line in demo.stdout:
            if json.loads(line)["type"] == moment:
                break
        assert left(short)
        demo.send_signal(number)
        demo.stdout.read()
        said = demo.stderr.read()
    assert demo.returncode == 130
    assert said.splitlines()[-1].startswith("  now    all that the demo started has ended")
    assert left(short) == []


def test_a_deployment_that_cannot_begin_ends_the_demo(tmp_path: Path, short: Path) -> None:
    """Without npm nothing can be built: the block of the deployment, then 1 with the act that went wrong."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("git", "sh"):
        (programs / name).symlink_to(f"/usr/bin/{name}")
    with start(short, PATH=str(programs), TURNOUT_CACHE=str(tmp_path / "cache"), NO_COLOR="1") as demo:
        _, said = demo.communicate()
    assert demo.returncode == 1
    assert "✗ the demo did not go as it must" in said
    assert "The first release: it must end as succeeded (0) and ended as failed (11)" in said
    assert "The way back" not in said
    assert left(short) == []


@pytest.mark.integration
@pytest.mark.timeout(900)
def test_the_whole_demo(short: Path) -> None:
    """Five acts as they must be, requests all the time, none failed, and nothing left behind."""
    from tests.support.site import cache

    with start(short, "--json", TURNOUT_CACHE=str(cache())) as demo:
        out, said = demo.communicate()
    assert demo.returncode == 0, said
    events = [json.loads(line) for line in out.splitlines()]
    results = [event["result"] for event in events if event["type"] == "deployment.finished"]
    assert results == ["succeeded", "succeeded", "failed", "failed", "succeeded"]
    last = events[-1]
    assert (last["type"], last["exit_code"], last["faults"], last["failed"]) == ("demo.finished", 0, [], 0)
    assert [act["release"] for act in last["acts"]] == ["v1", "v2", "v3", "v4", "v1"]
    assert last["requests"] == sum(act["requests"] for act in last["acts"]) > 300
    assert left(short) == []
