"""An adoption on real PM2, by the host program's own calls: where names cannot be exchanged, and in fork mode."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from typing import Any

import pytest

from tests.turnout_host.site import Site, pm2_folder, until
from turnout_host import facts, proc, relocate
from turnout_host.calls import adopting
from turnout_host.errors import Unhealthy
from turnout_host.host import Args, Host

FORK = "{ exec_mode: 'fork', instances: 1 }"


class Old:
    """A real `current/` with data, run by PM2 as a person would start it."""

    def __init__(self, site: Site, extra: str) -> None:
        self.site, self.said = site, []  # type: ignore[var-annotated]
        site.release("v1", extra=extra).rename(site.layout.current)
        (site.layout.current / "logs").unlink()
        (site.layout.current / "uploads").mkdir()
        (site.layout.current / "uploads/cat").write_text("cat")
        site.hand("start", "ecosystem.config.js", "--env", "production", cwd=site.layout.current)
        until(lambda: site.probe().ask().ok)
        self.host = Host(str(site.layout.path))
        self.host.lease.acquire(lambda: 0, {"deployment": "d"}, 0.0, lambda _: None)
        self.host.deployment = "d"

    def call(self, what: Any) -> dict[str, Any]:
        asked = {
            "by": "ann",
            "processes": self.site.settings,
            "health": self.site.health,
            "known": ["server.js", "release.json", "ecosystem.config.js"],
            "include": ["server.js"],
            "shared": ["logs", "uploads"],
            "ignore": [],
        }
        answer: dict[str, Any] = what(self.host, Args(asked), self.said.append)
        return answer

    def pids(self) -> set[int]:
        return {process.pid for process in self.site.pm2.processes() if process.pid}


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """A host with PM2 in its PATH."""
    made = Site()
    path = f"{pm2_folder() / 'node_modules/.bin'}:{os.environ['PATH']}"
    monkeypatch.setattr(facts, "_env", {"PATH": path, "PM2_HOME": made.home})
    try:
        yield made
    finally:
        made.close()


@pytest.mark.parametrize("extra", ["{}", FORK], ids=["cluster", "fork"])
def test_where_names_cannot_be_exchanged_it_takes_two_renames_and_says_so(
    site: Site, monkeypatch: pytest.MonkeyPatch, extra: str
) -> None:
    """Every process is v1 afterwards, the data is in shared/, and nothing was lost on the way."""
    monkeypatch.setattr(relocate, "swap", lambda *_: False)
    old = Old(site, extra)
    before = old.pids()

    seen = old.call(adopting.call_adoption)
    assert (seen["release"], seen["reload"]) == ("v1", "uploads moves")
    assert not any(found["fatal"] for found in seen["findings"]), seen
    assert {one["mode"] for one in seen["processes"]} == {"fork" if extra == FORK else "cluster"}
    assert old.call(adopting.call_adopt)["gap"]
    done = old.call(adopting.call_prove_adopted)

    assert done["reloaded"]
    assert set(done["pids"]).isdisjoint(before)
    first = site.layout.release("v1")
    assert {proc.cwd(pid) for pid in old.pids()} == {str(first)}
    assert (site.layout.current.resolve(), (first / "uploads/cat").read_text()) == (first, "cat")
    assert (site.layout.shared / "uploads").is_dir()
    assert not old.call(adopting.call_adoption)["needed"]


def test_a_reload_that_fails_says_how_to_start_what_ran_before(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Processes that work in a backup are led to v1; if that cannot be proved, the line to type names the backup."""
    old, backup = Old(site, "{}"), site.layout.backups / "backup-20241023-120000"
    shutil.copytree(site.layout.current, backup, symlinks=True)
    site.hand("delete", "app")
    site.hand("start", "ecosystem.config.js", "--env", "production", cwd=backup)
    until(lambda: site.probe().ask().ok)
    old.call(adopting.call_adopt)

    def fail(*_: Any) -> Any:
        raise Unhealthy("it is sick")

    monkeypatch.setattr(adopting, "prove", fail)
    with pytest.raises(Unhealthy) as caught:
        old.call(adopting.call_prove_adopted)

    assert caught.value.detail["remedy"][-1] == (
        f"or start what ran before: cd {backup} && pm2 delete app; pm2 start ecosystem.config.js --env production"
    )
    assert old.call(adopting.call_adoption)["needed"]
