"""`turnout verify`: what is not as it was left is found, named with its remedy, and mended by following that."""

from __future__ import annotations

import os
import shlex
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.left import nothing_left
from tests.support.site import Site, until

pytestmark = pytest.mark.integration


def findings(site: Site, check: int | None = 23) -> list[dict[str, Any]]:
    """What `turnout verify --json` finds."""
    (host,) = site.turnout("verify", "--json", check=check).json["hosts"]
    return list(host["findings"])


def follow(site: Site, line: str) -> None:
    """Type a remedy, as a person would: here, or there by ssh."""
    words = shlex.split(line.split("    ", maxsplit=1)[0])
    if words[0] == "turnout":
        assert site.turnout(*words[1:]).code == 0, line
        return
    assert words[0] == "ssh", line
    script = words[words.index(f"{site.sshd.user}@127.0.0.1") + 1 :]
    site.hand(" ".join(script))


def test_a_well_host_has_nothing_to_find(live: Site) -> None:
    """All releases, layers and contents are read, and nothing is written: not a line of the journal."""
    before = live.layout.journal.read_bytes()
    run = live.turnout("verify", check=0)
    assert "all is well" in run.err
    assert live.layout.journal.read_bytes() == before
    (host,) = live.turnout("verify", "--json", check=0).json["hosts"]
    assert host["checked"]["releases"] == len(list(live.layout.releases.iterdir()))
    assert host["checked"]["bytes"] > 50_000_000
    nothing_left(live)


def edit(file: Path) -> None:
    """What a hand, or a dying disk, does to a file in place."""
    file.chmod(0o644)
    with file.open("ab") as opened:
        opened.write(b"// by hand\n")


def a_file(site: Site) -> None:
    edit(site.layout.release(str(site.current())) / "dist/config/greeting.js")


def a_module(site: Site) -> None:
    (layer,) = {link.resolve() for link in site.layout.releases.glob("*/node_modules")}
    edit(layer / "express/package.json")


def a_link(site: Site) -> None:
    folder = site.layout.release(str(site.current()))
    folder.chmod(0o755)
    (folder / "logs").unlink()
    (folder / "logs").mkdir()


def a_mode(site: Site) -> None:
    (site.layout.release(str(site.current())) / ".env").chmod(0o644)


def no_current(site: Site) -> None:
    site.layout.current.unlink()


def a_torn_line(site: Site) -> None:
    with site.layout.journal.open("ab") as file:
        file.write(b'{"seq":')


def a_temp_file(site: Site) -> None:
    (site.layout.tmp / "left").touch()


def a_dead_daemon(site: Site) -> None:
    os.kill(site.daemon(), signal.SIGKILL)
    until(lambda: not site.daemon())


HURTS: list[tuple[Callable[[Site], None], str, str]] = [
    (a_file, "release", "changed: dist/config/greeting.js"),
    (a_module, "layer", "changed: node_modules/express/package.json"),
    (a_link, "link", "does not lead to shared/logs"),
    (a_mode, "dotenv", "others can read the .env"),
    (no_current, "current", "is missing"),
    (a_torn_line, "journal", "half written"),
    (a_temp_file, "leftover", "a dead run left it"),
    (a_dead_daemon, "process", "PM2 runs no process"),
]


@pytest.mark.parametrize("hurt, what, why", HURTS, ids=[one[0].__name__ for one in HURTS])
def test_each_hurt_is_found_and_its_remedy_mends_it(
    live: Site, hurt: Callable[[Site], None], what: str, why: str
) -> None:
    """The remedies are typed as they are shown, all of them; then all that serves is well again."""
    hurt(live)

    found = findings(live)

    assert any(one["what"] == what and why in one["why"] for one in found), found
    assert all(one["remedy"] for one in found), found
    for line in dict.fromkeys(line for one in found for line in one["remedy"]):
        if line.startswith(("turnout deploy", "turnout resume", "ssh")):
            follow(live, line)
    serving = str(live.current())
    left = [
        one for one in findings(live, check=None) if f"/{serving}" in one["where"] or one["what"] != "release"
    ]
    assert left == [], left
    assert live.serving() == {serving}
