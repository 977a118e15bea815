"""In fork mode nobody answers for a while: who runs so, and for how long it was."""

from __future__ import annotations

import pytest

from tests.turnout_host.site import Site
from turnout_host import gap
from turnout_host.errors import HostError
from turnout_host.gap import Gap

pytestmark = pytest.mark.integration


@pytest.mark.parametrize("mode, forked", [("fork", True), ("cluster", False)])
def test_it_is_known_by_what_runs(site: Site, mode: str, forked: bool) -> None:
    """PM2 tells; before anything runs there is no gap to come."""
    site.release("v1", extra=f"{{ exec_mode: '{mode}', instances: 1 }}")
    assert not gap.forked(site.pm2)
    site.prove("v1", site.reload("v1"))
    assert gap.forked(site.pm2) == forked


def test_where_nobody_can_tell_there_is_none(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """A figure is worth no failure."""

    def fails() -> None:
        raise HostError("PM2 does not answer")

    monkeypatch.setattr(site.pm2, "processes", fails)
    assert not gap.forked(site.pm2)


def test_the_reload_of_a_fork_has_a_gap_that_is_measured(site: Site) -> None:
    """It is as long as the new process boots, at least; while the app answers there is next to none."""
    for name in ("v1", "v2"):
        site.release(name, extra="{ exec_mode: 'fork', instances: 1 }")
    site.prove("v1", site.reload("v1"))
    with Gap(site.probe()) as quiet:
        for _ in range(10):
            assert site.probe().ask().ok
    with Gap(site.probe()) as measured:
        site.prove("v2", site.reload("v2"))
    print(f"\nanswering: {quiet.seconds:g} s, in the reload: {measured.seconds:g} s")
    assert measured.seconds > quiet.seconds
