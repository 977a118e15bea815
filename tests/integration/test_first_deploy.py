"""The first deployment on a host that has nothing but sshd, python3 and the app's .env."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.site import NAME, Site

pytestmark = pytest.mark.integration


def test_a_host_with_only_sshd_and_python3_serves_v1_on_a_node_of_turnouts_own(site: Site) -> None:
    """Node, npm and PM2 come from layers, the database is migrated, logs are shared, and a person finds the tools."""
    assert site.hand("command -v node npm npx pm2 || echo none") == "none\n"

    run = site.deploy()

    end = run.finished
    assert (end["result"], end["exit_code"], end["release"], end["previous"]) == ("succeeded", 0, "v1", None)
    assert site.answer().body["release"] == "v1"
    pids = [process.pid for process in site.processes()]
    assert len(pids) == 2
    for pid in (site.daemon(), *pids):
        assert site.layout.layers in Path(f"/proc/{pid}/exe").resolve().parents
    assert site.hand("node --version").startswith("v20.")
    assert site.hand(f"pm2 pid {NAME}").split() == [str(pid) for pid in pids]

    migrated = [entry for entry in site.journal() if entry["type"] == "migration.finished"]
    assert [entry["applied"] for entry in migrated] == [
        ["20260901090000_create_videos", "20261012140000_count_views"]
    ]
    assert site.answer("/videos") == (200, [])
    assert site.database.stat().st_size > 0
    assert "listens on" in (site.path / "shared/logs/out.log").read_text()
