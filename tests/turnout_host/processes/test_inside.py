"""Turnout's module in the workers: what it tells, whom it proves, and what it leaves alone (docs/drain.md)."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.turnout_host.site import Site, until
from turnout_host import proc
from turnout_host.errors import Unhealthy
from turnout_host.processes import drain

pytestmark = pytest.mark.integration
ONE_SICK = """\
const http = require('http');
const sick = process.env.NODE_APP_INSTANCE === '1';
http.createServer((request, response) => {
  response.statusCode = sick ? 500 : 200;
  response.end('{}');
}).listen(Number(process.env.PORT), '127.0.0.1');
"""


@pytest.fixture
def site() -> Iterator[Site]:
    """An app on a host whose workers load the module."""
    made = Site(drain=True)
    try:
        yield made
    finally:
        made.close()


def pids(site: Site) -> list[int]:
    return sorted(process.pid for process in site.pm2.processes() if process.pid)


def test_every_worker_is_proved_by_its_own_answer(site):
    """The body names nobody, and still each worker was asked: its release, its port, its health."""
    site.release("v1", mode="anonymous")
    proof = site.prove("v1", site.reload("v1"))
    assert (proof.by, proof.answered) == ("answer", pids(site))
    told = site.pm2.insides()
    assert {inside.script for inside in told.values()} == {str(site.layout.release("v1") / "server.js")}
    assert [inside.ports for inside in told.values()] == [[site.port]] * 2
    assert all(inside.requests >= 1 and inside.rss > 0 for inside in told.values())


def test_one_sick_worker_of_two_is_found(site):
    """On the common port it looks like flapping, or like nothing at all; asked by itself it is named."""
    (site.release("v1", extra="{ instances: 2 }") / "server.js").write_text(ONE_SICK)
    since = site.reload("v1")
    with pytest.raises(Unhealthy, match=r"500") as caught:
        site.prove("v1", since, passes=1)
    assert "asked by itself" in caught.value.detail["reason"]


def test_only_workers_load_it(site):
    """Neither the daemon nor what the app starts has it, and the app's own node_args stay."""
    folder = site.release("v1", extra="{ node_args: '--max-old-space-size=200' }")
    (folder / "server.js").write_text(
        "require('fs').writeFileSync(__dirname + '/args.json', JSON.stringify(process.execArgv));"
        + (folder / "server.js").read_text()
    )
    site.prove("v1", site.reload("v1"))
    assert json.loads((folder / "args.json").read_text()) == ["--max-old-space-size=200"]
    module = str(drain.path(site.layout))
    daemon = Path(f"/proc/{site.pm2.daemon()}/cmdline").read_bytes().decode()
    assert module not in daemon
    assert sorted(path.stem for path in drain.run_folder(site.layout).glob("*.s")) == [
        str(one) for one in pids(site)
    ]


def test_it_can_be_switched_off_and_on_again(site):
    """`drain` follows turnout.toml with the next reload, in both directions."""
    for name in ("v1", "v2", "v3"):
        site.release(name)
        site.settings["drain"] = name != "v2"
        site.prove(name, site.reload(name))
        assert bool(site.pm2.insides()) == (name != "v2")


def test_sockets_of_killed_workers_are_swept(site):
    """A worker that was killed leaves its sockets; the next reload takes them away."""
    site.release("v1")
    site.prove("v1", site.reload("v1"))
    folder = drain.run_folder(site.layout)
    (killed, _) = pids(site)
    os.kill(killed, 9)
    until(lambda: not proc.alive(killed) and len(pids(site)) == 2)
    assert (folder / f"{killed}.s").exists()
    site.prove("v1", site.reload("v1"))
    assert not (folder / f"{killed}.s").exists()


def test_another_process_cannot_answer_for_a_worker(site):
    """Whoever puts a socket there is known by the kernel, not by its name."""
    site.release("v1")
    site.prove("v1", site.reload("v1"))
    (first, second) = pids(site)
    folder = drain.run_folder(site.layout)
    (folder / f"{first}.s").unlink()
    (folder / f"{first}.s").symlink_to(folder / f"{second}.s")
    assert site.pm2.workers.ask(first) is None
    assert site.pm2.workers.ask(second) is not None


def test_a_long_path_is_no_hindrance():
    """A socket's name has at most 107 characters, the app's path may have more."""
    long = Site(drain=True)
    try:
        folder = long.root / ("x" * 120)
        long.layout.path.rename(folder)
        long.move(folder)
        long.release("v1")
        assert long.prove("v1", long.reload("v1")).by == "answer"
        assert len(long.pm2.insides()) == 2
    finally:
        long.close()


OWN_CODE = """\
const server = require('http').createServer((request, response) => response.end('{}'));
server.listen(Number(process.env.PORT), '127.0.0.1');
process.on('SIGINT', () => {
  require('fs').writeFileSync(__dirname + '/last-words', 'closed by itself');
  server.close(() => process.exit(0));
});
"""


def test_an_app_that_shuts_itself_down_does_so(site):
    """Its own handler of SIGINT runs at once, and it ends when it says."""
    folder = site.release("v1")
    (folder / "server.js").write_text(OWN_CODE)
    site.release("v2")
    site.prove("v1", site.reload("v1"))
    kept = socket.create_connection(("127.0.0.1", site.port))
    with kept:
        kept.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        kept.recv(4096)
        site.prove("v2", site.reload("v2"))
    assert (folder / "last-words").read_text() == "closed by itself"


def test_a_script_of_the_dependencies_is_no_other_release(site):
    """`node_modules/.bin/…` lies in a layer that releases share; its worker is proved all the same."""
    layer = site.layout.layers / "dependencies"
    layer.mkdir()
    folder = site.release("v1", extra="{ script: './node_modules/serve.js' }")
    (layer / "serve.js").write_text((folder / "server.js").read_text().replace("__dirname", "process.cwd()"))
    (folder / "node_modules").symlink_to(layer)
    proof = site.prove("v1", site.reload("v1"))
    assert proof.answered == pids(site)
