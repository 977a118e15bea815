"""The host loses power and comes back."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from pathlib import Path

import pytest

from tests.support.site import Site, strays, until
from turnout_host.lease import Lease

pytestmark = pytest.mark.integration


def power_cut(site: Site) -> None:
    """All that runs for the app ends at once: PM2, its workers, host program and pointsman."""
    for _ in range(3):
        pids = [*strays(site.path), *strays(site.pm2_home), site.daemon()]
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL) if pid else None
    until(lambda: Lease(site.layout).holder() is None)
    until(lambda: not site.daemon())


def boot(site: Site) -> None:
    """What the crontab's line does, in cron's small environment."""
    words = ["python3", "-I", str(site.layout.bin / "turnout_host.pyz"), "boot", str(site.path)]
    env = {"HOME": str(site.sshd.home), "PATH": "/usr/bin:/bin", "TURNOUT_BOOT": "none"}
    subprocess.run(words, env=env, check=True, timeout=120)


def answers(site: Site) -> bool:
    """Does anybody listen?"""
    try:
        return site.answer().status == 200
    except OSError:
        return False


def test_the_app_serves_again_after_a_boot(live: Site) -> None:
    """Nobody is there but cron."""
    power_cut(live)
    with pytest.raises(ConnectionRefusedError):
        live.answer()
    boot(live)
    until(lambda: answers(live))
    assert live.serving() == {live.current()}
    assert live.status()["needs_a_look"] == []


def test_a_switch_that_the_power_cut_is_ended_by_the_boot(live: Site) -> None:
    """The journal says how far it was; the boot carries it on to its end."""
    live.write_toml(bake="30s")
    live.greet("The power went")
    process = live.start("deploy", "--json")
    try:
        assert process.stdout
        for line in process.stdout:
            if "proved by" in line:
                break
        process.kill()
        power_cut(live)
    finally:
        process.kill()
        process.communicate()
    # the bake was asked for with 30 s; the boot need not take as long here
    text = live.layout.journal.read_text()
    Path(live.layout.journal).write_text(text.replace('"bake":30.0', '"bake":0.2'))

    boot(live)

    status = live.status()
    assert status["open"] is None
    assert status["needs_a_look"] == []
    assert live.answer("/").body["greeting"] == "The power went"
    assert live.journal()[-1]["type"] == "activation.ended"
