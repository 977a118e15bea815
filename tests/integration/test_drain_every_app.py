"""Apps without any shutdown code lose no request: Turnout's module drains for them (docs/drain.md)."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.support import npm
from tests.support.site import Site as Deployment
from tests.turnout_host.site import Site
from turnout.cli.demo.traffic import TrafficThread

pytestmark = pytest.mark.integration
RELOADS = 20
ENOUGH = 2_000
"""Requests below which "none failed" would say little."""
PACKAGES = ("express@5", "fastify@5")
WORK = "const work = (done) => setTimeout(() => done({ release: process.env.NAME }), 20);"
APPS = {
    "http": (
        "require('http').createServer((request, response) => work((body) =>"
        " response.end(JSON.stringify(body)))).listen(process.env.PORT);"
    ),
    "express": (
        "const app = require('express')();"
        "app.get('/{*any}', (request, response) => work((body) => response.json(body)));"
        "app.listen(process.env.PORT);"
    ),
    "fastify": (
        "const app = require('fastify')();"
        "app.get('*', (request, reply) => { work((body) => reply.send(body)); });"
        "app.listen({ port: Number(process.env.PORT) });"
    ),
}


def release(site: Site, name: str, text: str) -> None:
    """A release of an app whose whole code is `text`."""
    folder = site.release(
        name, dotenv="", extra=json.dumps({"env_production": {"PORT": site.port, "NAME": name}})
    )
    (folder / "server.js").write_text(f"{WORK}\n{text}\n")
    (folder / "node_modules").symlink_to(npm.installed(*PACKAGES))


HANDLERS = """\
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
"""


def test_the_sample_without_its_shutdown_code(live: Deployment) -> None:
    """Whole deployments of the Express sample, whose own drain is taken out: users notice nothing."""
    live.change("src/server-local.ts", HANDLERS, "  void stop;\n", "No shutdown code")
    live.deploy()
    with TrafficThread(live.port, ("/health", "/"), keep_alive=16, fresh=16) as traffic:
        for number in range(3):
            live.greet(f"Quiet {number}")
            assert live.deploy().finished["result"] == "succeeded"
        figures = traffic.stop()
    print(f"\nsample: {figures.ok:,} answered, {figures.failed} failed {dict(figures.reasons)}")
    assert (figures.failed, dict(figures.reasons)) == (0, {})


@pytest.fixture
def site() -> Iterator[Site]:
    """A host with a PM2 of its own, where `drain` is on."""
    made = Site(drain=True, drain_timeout=10)
    try:
        yield made
    finally:
        made.close()


@pytest.mark.parametrize("kind", APPS)
def test_no_request_fails_over_twenty_reloads(site: Site, kind: str) -> None:
    """16 clients on keep-alive connections and 16 on new ones, in cluster mode, each request 20 ms long."""
    for number in range(2):
        release(site, f"v{number + 1}", APPS[kind])
    site.prove("v1", site.reload("v1"))

    with TrafficThread(site.port, "/", keep_alive=16, fresh=16) as traffic:
        for number in range(RELOADS):
            name = f"v{2 - number % 2}"
            site.prove(name, site.reload(name))
        figures = traffic.stop()

    print(f"\n{kind}: {figures.ok:,} answered, {figures.failed} failed {dict(figures.reasons)}")
    assert (figures.failed, dict(figures.reasons)) == (0, {})
    assert figures.ok > ENOUGH
