"""The bake measures a release by the one before it on the same host, although its health path stays well."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.turnout_host.site import Requests, Site
from turnout_host import figures
from turnout_host.errors import Unhealthy
from turnout_host.probe import Probe
from turnout_host.proof import bake

pytestmark = pytest.mark.integration
APP = """\
const http = require('http');
const hoard = [];
http.createServer((request, response) => {
  if (request.url !== '/health') { WRONG }
  response.end('{}');
}).listen(Number(process.env.PORT), '127.0.0.1');
"""
WRONG = {
    "answers 5xx": ("response.statusCode = 503;", "answers were 5xx; of the release before, 0 of"),
    "leaks": ("hoard.push(Buffer.alloc(8e6, 1));", "a process grew to"),
    "stalls": ("const end = Date.now() + 900; while (Date.now() < end);", "its event loop stood still"),
}


@pytest.fixture
def served() -> Iterator[Site]:
    """v1 serves, and its workers were asked for a while."""
    made = Site(drain=True)
    try:
        (made.release("v1") / "server.js").write_text(APP.replace("WRONG", ""))
        made.prove("v1", made.reload("v1"))
        yield made
    finally:
        made.close()


class People(Requests):
    """They ask for another page than the health path."""

    def __init__(self, site: Site) -> None:
        super().__init__(site)
        self._probe = Probe(site.port, "/videos", 10.0)


@pytest.mark.parametrize("kind", WRONG)
def test_a_release_that_becomes_worse_in_the_bake_is_found(served: Site, kind: str) -> None:
    """Its health path answers 200 all the time."""
    wrong, words = WRONG[kind]
    (served.release("v2") / "server.js").write_text(APP.replace("WRONG", wrong))
    old = figures.of(list(served.pm2.insides().values()))
    proof = served.prove("v2", served.reload("v2"))
    health = {**served.health, "bake": 60, "timeout": 10.0}
    names, folder = ("v2", "v2-0"), served.layout.release("v2")
    with People(served), pytest.raises(Unhealthy) as caught:
        bake(served.pm2, served.probe(10.0), proof, folder, names, health, served.notes.append, old)
    assert words in caught.value.detail["reason"]


def test_a_release_that_is_as_good_stays(served: Site) -> None:
    """The same code again, under the same requests, is blessed."""
    served.release("v2")
    (served.layout.release("v2") / "server.js").write_text(APP.replace("WRONG", ""))
    old = figures.of(list(served.pm2.insides().values()))
    with People(served):
        proof = served.prove("v2", served.reload("v2"))
        names, folder, health = ("v2", "v2-0"), served.layout.release("v2"), {**served.health, "bake": 3}
        bake(served.pm2, served.probe(), proof, folder, names, health, served.notes.append, old)
    assert "v2 stayed well for 3 s" in served.notes
