"""Bad releases that the rehearsal refuses: nobody outside ever sees them."""

from __future__ import annotations

import pytest

from tests.turnout_host.site import Site, until
from turnout_host.errors import Unhealthy
from turnout_host.rehearsal import rehearse

SERVE = "require('http').createServer((request, response) => { BODY }).listen(process.env.PORT);"
BAD = {
    "a missing variable": (
        "if (!process.env.PAYMENT_KEY) throw new Error('PAYMENT_KEY is not set');",
        "it ended while it booted",
        "PAYMENT_KEY is not set",
    ),
    "another Node": (
        "require('node:turnout-of-node-99');",
        "it ended while it booted",
        "node:turnout-of-node-99",
    ),
    "a native module of another platform": (
        "require('fs').writeFileSync('x.node', 'not for here'); process.dlopen(module, './x.node');",
        "it ended while it booted",
        "x.node",
    ),
    "a redirect to a login": (
        SERVE.replace("BODY", "response.writeHead(302, { Location: '/login' }).end();"),
        "status 302, a redirect: the health path must answer by itself",
        "",
    ),
    "one byte a second": (
        SERVE.replace("BODY", "response.writeHead(200); setInterval(() => response.write('.'), 1000);"),
        "no whole answer within 0.5 s",
        "",
    ),
}


def rehearsed(site: Site) -> dict[str, object]:
    health = {**site.health, "start_period": 1.5, "timeout": 0.5}
    return rehearse(site.layout, "v2", "v2-0", site.toolchain, site.settings, health, {}, site.notes.append)


@pytest.mark.parametrize("kind", BAD)
def test_it_is_refused_with_its_reason(site: Site, kind: str) -> None:
    """The message has what went wrong, in the app's own words where it had any."""
    text, reason, said = BAD[kind]
    (site.release("v2") / "server.js").write_text(text)
    with pytest.raises(Unhealthy) as caught:
        rehearsed(site)
    assert reason in caught.value.detail["reason"]
    assert said in "\n".join(caught.value.detail["tail"])


CATCH_ALL = SERVE.replace("BODY", "response.end('<h1>Welcome</h1>');")
APART = SERVE.replace("BODY", "response.writeHead(request.url === '/health' ? 200 : 404).end();")


@pytest.mark.parametrize("old, refused", [(APART, True), (CATCH_ALL, False), ("", False)])
def test_a_catch_all_is_no_health_path(site: Site, old: str, refused: bool) -> None:
    """It is refused where the release that serves still had a health path of its own; else people are told."""
    (site.release("v1") / "server.js").write_text(old)
    (site.release("v2") / "server.js").write_text(CATCH_ALL)
    if old:
        site.start(site.toolchain.node, str(site.layout.release("v1") / "server.js"), PORT=str(site.port))
        until(lambda: site.probe().ask().ok)
    words = "GET /health gets the same answer as an address that does not exist"
    if refused:
        with pytest.raises(Unhealthy, match=words):
            rehearsed(site)
    else:
        rehearsed(site)
        assert any(words in note for note in site.notes)


@pytest.mark.parametrize("mode, told", [("fork", True), ("cluster", False)])
def test_the_gap_of_fork_mode_is_said_beforehand(site: Site, mode: str, told: bool) -> None:
    """As long as the boot that was measured, and how to have none."""
    site.release("v2", extra=f"{{ exec_mode: '{mode}' }}")
    found = rehearsed(site)
    assert (found["gap_seconds"] > found["boot_seconds"]) == told
    assert any("nobody answers for about" in note and "cluster" in note for note in site.notes) == told
