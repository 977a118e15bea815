"""Success is never said on PM2's word (FACTS: `pm2 reload` exits 0 with green ticks whatever happens)."""

from __future__ import annotations

import json
import shutil

import pytest

from tests.support.site import Site

pytestmark = pytest.mark.integration
TICKS = """\
if (process.argv.includes('startOrReload')) {{
  console.log('[PM2] Applying action reloadProcessId on app [blue-video-backend](ids: [ 0, 1 ])');
  console.log('[PM2] [blue-video-backend](0) \\u2713');
  console.log('[PM2] [blue-video-backend](1) \\u2713');
  process.exit(0);
}}
require({real});
"""
"""A PM2 that says that it reloaded and did not; everything else is the real one's."""
IDLE = (
    "if (!process.env.TURNOUT_REHEARSAL) { setInterval(() => {}, 1000); return; }\n  server.listen(env.port"
)
"""An app that rehearses well, and under PM2 stays online without listening."""


def lying_pm2(site: Site) -> None:
    """Let the host have Node, npm and PM2 of its own, the last of which lies."""
    shutil.rmtree(site.sshd.home / ".local")  # the links to our layers, which come first in a login's PATH
    for name in ("node", "npm"):
        (site.tools / name).symlink_to(str(shutil.which(name)))
    real = next(site.layout.layers.glob("pm2-*")) / "node_modules/pm2"
    package = site.root / "lib/pm2"
    (package / "bin").mkdir(parents=True)
    shutil.copy(real / "package.json", package)
    (package / "bin/pm2").write_text(TICKS.format(real=json.dumps(str(real / "bin/pm2"))))
    (package / "bin/pm2").chmod(0o755)
    (site.tools / "pm2").symlink_to(package / "bin/pm2")


def test_ticks_of_a_pm2_that_did_not_reload_are_no_success(live: Site) -> None:
    """The processes are still those of v1, whatever PM2 says: never succeeded, and v1 goes on serving."""
    lying_pm2(live)
    live.write_toml(top='toolchain = "host"', more='start_period = "3s"')
    live.greet("A release that nobody will see")

    run = live.deploy(check=None)

    assert run.finished["result"] == "reverted", run
    assert run.code == 50
    assert (live.current(), live.serving()) == ("v1", {"v1"})


def test_processes_that_are_online_and_answer_nobody_are_no_success(live: Site) -> None:
    """PM2 lists the new release as online, and the app is down: the host goes back by itself, and v1 answers again."""
    live.write_toml(more='start_period = "3s"\ntimeout = "1s"')
    live.change("src/server-local.ts", "server.listen(env.port", IDLE, "Online and idle")

    run = live.deploy(check=None)

    assert run.finished["result"] == "reverted", run
    assert run.code == 50
    assert run.step("rehearse")["status"] == "done"
    assert live.serving() == {"v1"}
    status = live.status()
    assert (status["release"], status["needs_a_look"]) == ("v1", [])


def test_a_first_release_that_pm2_never_started_leaves_nothing_behind(site: Site) -> None:
    """There is no way back from a first one: it is stopped, `current` is removed, and nothing serves, as before."""
    site.change("src/server-local.ts", "server.listen(env.port", IDLE, "Online and idle")
    site.write_toml(more='start_period = "3s"\ntimeout = "1s"')

    run = site.deploy(check=None)

    assert run.code == 50
    assert run.finished["result"] in {"reverted", "failed"}
    assert "nothing serves" in run.err
    assert site.current() is None
    assert site.processes() == []
