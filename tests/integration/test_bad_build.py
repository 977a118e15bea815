"""A revision that does not build: 11 with the last lines, and the host is as if nothing had been tried."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.support.left import nothing_left
from tests.support.site import GREETING, Site
from tests.support.told import Told, told

pytestmark = pytest.mark.integration


@pytest.fixture(autouse=True)
def mended(live: Site) -> Iterator[None]:
    """The next test begins from the sample as it is."""
    good = live.git("rev-parse", "HEAD").strip()
    yield
    live.git("reset", "-q", "--hard", good)
    live.write_toml()


def failed(site: Site) -> Told:
    """A deployment whose build fails; v1 serves on with the same processes."""
    pids, releases = {process.pid for process in site.processes()}, sorted(site.layout.releases.iterdir())

    run = site.deploy(check=11)

    block = told(run, 11)
    assert not run.step("upload")
    assert site.serving() == {"v1"}
    assert {process.pid for process in site.processes()} == pids
    assert sorted(site.layout.releases.iterdir()) == releases
    assert "v1" in block.now[0]
    nothing_left(site, run)
    return block


def test_a_wrong_type_ends_the_build_with_the_compilers_own_words(live: Site) -> None:
    """The command, and its last lines with file and reason."""
    live.commit({GREETING: "export const greeting: number = 'no number';\n"}, "A wrong type")

    block = failed(live)

    assert "npm run build" in block.what[0]
    assert "src/config/greeting.ts" in "\n".join(block.why)
    assert "TS2322" in "\n".join(block.why)


def test_a_command_that_fails_is_shown_with_status_and_last_lines(live: Site) -> None:
    """The user's own command runs as written, and what it said last is shown."""
    live.write_toml(more="[build]\ncommands = ['echo the last words; exit 3']")

    block = failed(live)

    assert "echo the last words; exit 3" in block.text
    assert "the last words" in block.why
    assert "3" in block.what[0]


def test_a_lock_file_that_does_not_fit_is_refused_by_npm(live: Site) -> None:
    """A dependency that was added by hand to package.json alone: npm ci says so, not a crash on the host."""
    file = live.repo / "backend/package.json"
    package = json.loads(file.read_text())
    package["dependencies"]["left-pad"] = "1.3.0"
    live.commit({"backend/package.json": json.dumps(package, indent=2)}, "No lock for it")

    block = failed(live)

    assert "npm ci" in block.what[0]
    assert "left-pad" in "\n".join(block.why)
