"""The first deployment on a host that has nothing but sshd and python3."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.support.site import Site

from turnout.deploy import DEPLOY

pytestmark = pytest.mark.integration


def test_a_host_with_only_sshd_and_python3_serves_v1_on_a_node_of_turnouts_own(site: Site) -> None:
    """Node, npm and PM2 come from layers; a person who logs in finds them afterwards."""
    assert "none" in site.hand("command -v node npm npx pm2 || echo none")

    run = site.deploy()

    assert run.finished["result"] == "succeeded"
    assert (run.finished["release"], run.finished["previous"]) == ("v1", None)
    assert site.answer().body["release"] == "v1"
    layers = site.layout.layers
    for pid in [site.daemon(), *(process.pid for process in site.processes())]:
        assert layers in Path(f"/proc/{pid}/exe").resolve().parents
    assert "2" in site.hand(f"pm2 jlist | grep -o '\"name\":\"{'blue-video-backend'}\"' | wc -l")
    assert DEPLOY.names[0] == "gate"
