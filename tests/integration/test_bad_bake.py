"""Releases that are well at first and sick within the bake: measured by the release before, they are reverted.

One commit holds all kinds; which one it is, SICKNESS in the .env says. It breaks out when the file SICK_WHEN is there,
which the test makes the moment that the bake begins: so the bake may be long, and none is waited out.
"""

from __future__ import annotations

import re

import pytest

from tests.support.client import Run
from tests.support.left import nothing_left
from tests.support.site import Site
from tests.support.told import told
from turnout.cli.demo.traffic import Figures, TrafficThread

pytestmark = pytest.mark.integration
BAKE = "60s"
CLIENTS = 2
"""Of each kind: people who keep their connection, and people who do not."""
PATIENCE = 5.0
"""Seconds that they wait for an answer."""
WORKERS = 2
SICKNESS = """\
import { existsSync } from 'node:fs';

const { SICKNESS = '', SICK_WHEN = '', NODE_APP_INSTANCE } = process.env;
const hoard: Buffer[] = [];
let ill = false;
let asked = 0;

/** Whether this answer is to be an error: one of four of the first page; the health path stays well. */
export const fails = (): boolean => ill && SICKNESS === 'errors' && asked++ % 4 === 0;

const acts: Record<string, () => void> = {
  crash: () => { if (NODE_APP_INSTANCE === '0') throw new Error('no film left'); },
  leak: () => { if (hoard.length < 30) hoard.push(Buffer.alloc(25e6, 1)); },
  stall: () => { if (NODE_APP_INSTANCE === '0') for (const end = Date.now() + 1500; Date.now() < end; ); },
};

setInterval(() => {
  ill ||= SICK_WHEN !== '' && existsSync(SICK_WHEN);
  if (ill) acts[SICKNESS]?.();
}, 100).unref();
"""
HOME = "router.get('/', (_request, response) => void response.json({ greeting }));"
SICK_HOME = (
    "router.get('/', (_request, response) =>\n"
    "    void response.status(fails() ? 500 : 200).json({ greeting, release: context.env.release }));"
)
KINDS = [
    pytest.param("crash", r"backend \d ended", id="crashes"),
    pytest.param("leak", r"a process grew to \d+ MB; the release before needed \d+ MB", id="leaks"),
    pytest.param("stall", "stood still for .* twice; the release before for .* at most", id="stalls"),
    pytest.param("errors", r"of \d+ answers were 5xx; of the release before, 0 of \d+", id="answers 5xx"),
]


@pytest.fixture(scope="module")
def victim(live: Site) -> Site:
    """A good release serves, and the next one can be of any kind."""
    file = live.repo / "backend/src/routes/index.ts"
    text = file.read_text()
    assert text.count(HOME) == 1
    import_line = "import { fails } from '../utils/sickness';\n"
    file.write_text(import_line + text.replace(HOME, SICK_HOME))
    live.commit({"backend/src/utils/sickness.ts": SICKNESS}, "A release of many kinds")
    live.deploy()
    live.write_toml(bake=BAKE)
    return live


def sickened(site: Site, kind: str) -> Run:
    """A deployment of a release that falls ill when its bake begins."""
    when = site.root / "sick"
    when.unlink(missing_ok=True)
    site.write_dotenv(SICKNESS=kind, SICK_WHEN=str(when))
    with site.start("deploy", "--json") as process:
        try:
            assert process.stdout
            lines = []
            for line in process.stdout:
                lines.append(line)
                if '"baking for ' in line:
                    when.touch()
            return Run(("deploy", kind), process.wait(), "".join(lines), process.stderr.read())
        finally:
            process.kill()


def allowed(kind: str, sick: str, seen: Figures) -> tuple[int, set[str]]:
    """How many requests may have failed, and with which reasons, as far as no switch can help it.

    What a process had in hand when it crashed is lost (a connection that Node's primary had just handed over to it
    even stays open, and is never answered), and an error that the sick release gave was given.
    """
    if kind == "crash":
        lost = {"connection reset", "connection closed before the answer", f"no answer within {PATIENCE:g} s"}
        return 2 * CLIENTS, lost
    if kind == "errors":
        return seen.releases[sick] // 3 + WORKERS, {"answered 500"}
    return 0, set()


@pytest.mark.parametrize("kind, words", KINDS)
def test_a_release_that_falls_ill_in_its_bake_is_reverted(victim: Site, kind: str, words: str) -> None:
    """50, reverted, measured by the old one's own figures; nothing fails but what the sick process itself broke."""
    before = str(victim.current())
    with TrafficThread(victim.port, "/", keep_alive=CLIENTS, fresh=CLIENTS, patience=PATIENCE) as users:
        run = sickened(victim, kind)
        seen = users.stop()

    block = told(run, 50, "reverted")
    sick = run.finished["release"]
    most, reasons = allowed(kind, sick, seen)
    print(f"\n{kind}: {seen.failed} of {seen.requests} failed {dict(seen.reasons)}; {block.why[0]}")
    assert re.search(words, block.text), block
    assert block.now == [f"{before} serves again, proved"]
    assert seen.failed <= most
    assert set(seen.reasons) <= reasons
    assert set(seen.releases) == {before, sick}, "the sick release was well at first, under load"
    assert victim.serving() == {before}
    assert [process.status for process in victim.processes()] == ["online", "online"]
    nothing_left(victim, run)
