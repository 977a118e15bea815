"""Releases that are sick: in the rehearsal nobody sees them; under PM2 the host goes back by itself.

One commit holds all kinds; which one it is, MISBEHAVE in the .env says, so that they are built once.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.left import nothing_left
from tests.support.site import Site
from tests.support.told import told
from turnout.cli.demo.traffic import TrafficThread

pytestmark = pytest.mark.integration
HEALTH = 'start_period = "3s"\ntimeout = "1s"'
MISBEHAVE = """\
const [where, what] = (process.env.MISBEHAVE ?? 'nowhere:').split(':');

/** What this release does wrong; `workers:…` behaves in the rehearsal. */
export const wrong = where === 'workers' && process.env.TURNOUT_REHEARSAL ? '' : what;
"""
IMPORT = "import { wrong } from '{}utils/misbehave';\n"
EDITS = [
    ("server-local.ts", "import { createApp }", IMPORT.replace("{}", "./", 1) + "import { createApp }"),
    (
        "server-local.ts",
        "  const database = await",
        "  if (wrong === 'crash') throw new Error('no camera');\n  const database = await",
    ),
    (
        "server-local.ts",
        "  server.listen(env.port,",
        (
            "  if (wrong === 'deaf') return void setInterval(() => {}, 1000);\n"
            "  server.listen(wrong === 'stubborn' ? Number(process.env.STUBBORN) : env.port,"
        ),
    ),
    ("controllers/health.ts", "import { version }", IMPORT.replace("{}", "../", 1) + "import { version }"),
    (
        "controllers/health.ts",
        "export function",
        "const one = wrong === 'one' && process.env.NODE_APP_INSTANCE === '1';\nlet asked = 0;\n\nexport function",
    ),
    (
        "controllers/health.ts",
        "healthy ? 200 : 503",
        "wrong === 'sick' || (wrong === 'flaps' && asked++ % 2) || one ? 500 : healthy ? 200 : 503",
    ),
    ("controllers/health.ts", "release: env.release", "release: wrong === 'liar' ? 'v999' : env.release"),
    (
        "routes/index.ts",
        "response.json({ greeting })",
        "response.json({ greeting, release: context.env.release })",
    ),
]
"""`GET /` names the release, too: requests of users must not change how /health flaps."""
KINDS = [
    pytest.param("crash", "no camera", id="crashes at boot"),
    pytest.param("deaf", "3 s", id="never listens"),
    pytest.param("sick", "status 500", id="answers 500"),
    pytest.param("liar", "v999", id="answers for another release"),
    pytest.param("flaps", "now well, now not", id="flaps"),
]


def misbehaving(site: Site) -> None:
    """Commit a release that does what MISBEHAVE says, and do not wait long for any."""
    for name, old, new in EDITS:
        file = site.repo / "backend/src" / name
        text = file.read_text()
        assert text.count(old) == 1, (name, old)
        file.write_text(text.replace(old, new))
    site.commit({"backend/src/utils/misbehave.ts": MISBEHAVE}, "A release of many kinds")
    site.write_toml(more=HEALTH)


@pytest.fixture(scope="module")
def victim(live: Site) -> Site:
    """A good release serves, and the next one can be of any kind."""
    misbehaving(live)
    live.deploy()
    return live


@pytest.fixture
def users(victim: Site) -> Iterator[TrafficThread]:
    """Eight people who look at the first page all the time."""
    with TrafficThread(victim.port, "/", keep_alive=4, fresh=4) as traffic:
        yield traffic


@pytest.mark.parametrize("kind, words", KINDS)
def test_a_release_that_is_sick_in_the_rehearsal_is_never_seen(
    victim: Site, users: TrafficThread, kind: str, words: str
) -> None:
    """50, failed: no process was touched, and every request was answered by the old release."""
    before, pids = str(victim.current()), {process.pid for process in victim.processes()}
    victim.write_dotenv(MISBEHAVE=f"everywhere:{kind}")

    run = victim.deploy(check=50)

    block, figures = told(run, 50), users.stop()
    assert words in block.text
    assert run.step("rehearse")["status"] == "failed"
    assert not run.step("activate")
    assert before in block.now[0]
    assert (figures.failed, dict(figures.reasons), set(figures.releases)) == (0, {}, {before})
    assert victim.serving() == {before}
    assert {process.pid for process in victim.processes()} == pids
    nothing_left(victim, run)


ONE = pytest.param("one", "status 500", id="one of two workers answers 500")
UNDER_PM2 = {"deaf": "does not listen under PM2", "crash": "dies while it boots"}
"""What is said of those that PM2 itself would let take all the old workers down; the others are as in the rehearsal."""


@pytest.mark.parametrize("kind, words", [*KINDS, ONE])
def test_a_release_that_is_sick_only_under_pm2_is_reverted(
    victim: Site, users: TrafficThread, kind: str, words: str
) -> None:
    """50, reverted: the old release serves again, proved, and no request failed."""
    before = str(victim.current())
    victim.write_dotenv(MISBEHAVE=f"workers:{kind}")

    run = victim.deploy(check=50)

    block, figures = told(run, 50, "reverted"), users.stop()
    assert UNDER_PM2.get(kind, words) in block.text
    assert run.step("rehearse")["status"] == "done"
    assert block.now == [f"{before} serves again, proved"]
    assert victim.serving() == {before}
    assert victim.current() == before
    assert [process.status for process in victim.processes()] == ["online", "online"]
    print(f"\n{kind}: {figures.failed} of {figures.requests} requests failed {dict(figures.reasons)}")
    assert (figures.failed, dict(figures.reasons)) == (0, {})
    status = victim.status()
    assert (status["release"], status["needs_a_look"]) == (before, [])
    nothing_left(victim, run)


def test_an_app_that_ignores_port_is_told_so_and_the_way_out_works(victim: Site) -> None:
    """50 names port_env and offers rehearse = false; with that it is deployed, and the result says so."""
    before = victim.serving()
    victim.write_dotenv(MISBEHAVE="everywhere:stubborn", STUBBORN=str(victim.port))

    run = victim.deploy(check=50)

    block = told(run, 50)
    assert "PORT" in block.what[0]
    assert "port_env" in "\n".join(block.do)
    assert "rehearse = false" in "\n".join(block.do)
    assert victim.serving() == before
    nothing_left(victim, run)

    victim.write_toml(more=f"{HEALTH}\nrehearse = false")
    end = victim.deploy().finished
    victim.write_toml(more=HEALTH)

    assert any("not rehearsed" in note for note in end["notes"])
    assert victim.serving() == {end["release"]}


def test_a_sick_first_release_leaves_nothing_and_the_next_one_works(site: Site) -> None:
    """There is no way back: whether it fails in the rehearsal or under PM2, nothing serves, as before."""
    misbehaving(site)
    site.write_dotenv(MISBEHAVE="everywhere:stubborn", STUBBORN=str(site.port))
    failed = site.deploy(check=50)
    site.write_dotenv(MISBEHAVE="workers:sick")
    reverted = site.deploy(check=50)

    assert f"port {site.port}" in told(failed, 50).what[0]
    block = told(reverted, 50, "reverted")
    assert block.now[0].startswith("nothing serves, as before")
    assert "status 500" in block.text
    assert site.current() is None
    assert not (site.path / "current").is_symlink()
    assert site.processes() == []
    assert not site.answers()
    nothing_left(site, failed, reverted)

    site.write_dotenv()
    end = site.deploy().finished

    assert (end["result"], end["previous"]) == ("succeeded", None)
    assert site.serving() == {end["release"]}
