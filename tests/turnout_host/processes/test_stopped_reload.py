"""A reload that can only end badly is stopped before PM2 ends the old workers one after another (docs/drain.md)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.turnout_host.site import Requests, Site
from turnout_host.errors import Unhealthy

pytestmark = pytest.mark.integration
DEAF = "setInterval(() => {}, 1000);"
SLOW = "setTimeout(() => { BODY }, 2500);"


@pytest.fixture
def served() -> Iterator[Site]:
    """v1 serves on two workers that drain."""
    made = Site(drain=True)
    try:
        made.release("v1")
        made.prove("v1", made.reload("v1"))
        yield made
    finally:
        made.close()


def sick(site: Site, text: str) -> None:
    (site.release("v2") / "server.js").write_text(text)


@pytest.mark.parametrize(
    "text, reason",
    [(DEAF, "does not listen under PM2"), ("throw new Error('no camera')", "dies while it boots")],
)
def test_no_request_fails_though_the_new_release_serves_nobody(served: Site, text: str, reason: str) -> None:
    """The other worker is still the old one; the way back then loses nothing either."""
    sick(served, text)
    with Requests(served) as requests, pytest.MonkeyPatch.context() as patch:
        patch.setattr("turnout_host.processes.wrapper.LISTEN_AT_LEAST", 4.0)
        with pytest.raises(Unhealthy, match=reason):
            served.reload("v2")
        served.prove("v1", served.reload("v1"))
    assert requests.failed == []
    assert len(requests.ok) > 100


@pytest.mark.parametrize("text", [DEAF, "throw new Error('no camera')"], ids=["never listens", "crashes"])
def test_a_single_worker_is_rescued(text: str) -> None:
    """With one worker the old one is all that serves: it lasts until the way back listens."""
    site = Site(drain=True)
    try:
        site.release("v1", extra="{ instances: 1 }")
        site.prove("v1", site.reload("v1"))
        (site.release("v2", extra="{ instances: 1 }") / "server.js").write_text(text)
        with Requests(site) as requests, pytest.MonkeyPatch.context() as patch:
            patch.setattr("turnout_host.processes.wrapper.LISTEN_AT_LEAST", 4.0)
            with pytest.raises(Unhealthy):
                site.reload("v2")
            site.prove("v1", site.reload("v1"))
        assert requests.failed == []
        rescued = any("serves nobody" in note for note in site.notes)
        assert rescued or text != DEAF  # one that crashes is started anew by PM2 itself
    finally:
        site.close()


def test_a_boot_longer_than_the_apps_listen_timeout_is_waited_for(served: Site) -> None:
    """PM2's usual 3 s, or fewer in the app's file, would end the old worker before the new one listens."""
    folder = served.release("v2", extra="{ listen_timeout: 500 }")
    server = folder / "server.js"
    server.write_text(SLOW.replace("BODY", server.read_text()))
    with Requests(served) as requests:
        served.prove("v2", served.reload("v2", 2.5))
    assert requests.failed == []
    assert {answer.body["release"] for answer in requests.ok} == {"v1", "v2"}


def test_an_old_worker_that_ignores_the_end_is_killed_without_a_lost_request(served: Site) -> None:
    """A release that ignores SIGINT and SIGTERM takes nothing new while PM2 waits, and is killed by it then."""
    folder = served.release("v2")
    server = folder / "server.js"
    ignores = "for (const one of ['SIGINT', 'SIGTERM']) process.on(one, () => {});\n"
    server.write_text(ignores + server.read_text().replace("process.on('SIGINT'", "process.on('SIGUSR2'"))
    served.prove("v2", served.reload("v2"))
    served.release("v3")
    with Requests(served) as requests:
        served.prove("v3", served.reload("v3"))
    assert requests.failed == []
