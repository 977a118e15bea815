"""People are told how deployments end, through Apprise's json:// to a web hook, and no notifier ever does harm."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.hook import Hook
from tests.support.left import ours
from tests.support.site import API_KEY, Site, until
from turnout_host.lease import Lease

pytestmark = pytest.mark.integration
WIDE = "\u200b"
"""What stands behind a mention, so that no channel obeys it."""


@pytest.fixture
def hook() -> Iterator[Hook]:
    """One that takes everything."""
    with Hook() as made:
        yield made


def told(hook: Hook, site: Site, kind: str) -> dict[str, Any]:
    """The one message that came; nothing secret is in it."""
    (post,) = hook.posts
    assert post["type"] == kind, post
    for secret in (API_KEY, "tokenABC123", "PRIVATE KEY", str(site.database)):
        assert secret not in post["title"] + post["message"]
    return post


def listening(site: Site, *urls: str, bake: str = "0.5s", events: str = "") -> None:
    """Let the file name these targets."""
    tables = "".join(f'\n[[notify]]\nurl = "{url}"\n{events}\n' for url in urls)
    site.write_toml(bake=bake, more=tables)


def cut_in_the_bake(site: Site) -> None:
    """Start a deployment and kill its deployer when the new release was proved and bakes."""
    process = site.start("deploy", "--json")
    try:
        assert process.stdout
        assert any("proved by" in line for line in process.stdout)
    finally:
        process.send_signal(signal.SIGKILL)
        process.communicate()


def test_a_success_is_told_with_what_changed_and_how_long_it_took(live: Site, hook: Hook) -> None:
    """The commits since the running release; a mention in one of them is shown and not obeyed."""
    listening(live, "env:TURNOUT_HOOK")
    live.greet("Told")
    live.commit({"backend/README.md": "x"}, "Wake @everyone <!channel> up")

    end = live.deploy(TURNOUT_HOOK=hook.url).finished

    post = told(hook, live, "success")
    lines = post["message"].splitlines()
    assert post["title"] == f"blue-video-backend · production: {end['release']} is live"
    assert lines[0].startswith(f"{end['release']} is live on ")
    assert " s, was v" in lines[0]
    assert lines[1:4] == ["Changed:", f"- Wake @{WIDE}everyone <{WIDE}!channel> up", "- Greet with Told"]
    assert end["notes"] == []


def test_nothing_to_do_is_not_told(live: Site, hook: Hook) -> None:
    """Nobody wants to know that nothing happened."""
    listening(live, hook.url)

    assert live.deploy().finished["result"] == "unchanged"
    assert hook.posts == []


def test_a_failed_build_is_told_with_the_state_and_the_next_command(live: Site, hook: Hook) -> None:
    """What it printed is not part of the message: it may hold anything."""
    listening(live, hook.url)
    live.commit({"backend/src/broken.ts": f"const x: number = '{API_KEY}';\n"}, "A broken one")

    run = live.deploy(check=11)

    post = told(hook, live, "failure")
    assert post["title"].endswith("production: deploy failed")
    assert "Now: serves as before: v" in post["message"]
    assert "Next: " + run.finished["error"]["remedy"][0] in post["message"]
    assert "- A broken one" in post["message"]
    live.git("rm", "-q", "backend/src/broken.ts")
    live.commit({}, "Without it")


def test_a_revert_is_told_as_one(live: Site, hook: Hook) -> None:
    """The new release was sick under PM2: the message says that the old one serves again."""
    before = live.current()
    listening(live, hook.url, events='events = ["reverted"]')
    sick = "process.env.TURNOUT_REHEARSAL ? 200 : 500"
    live.change("src/controllers/health.ts", "healthy ? 200 : 503", sick, "A sick one")

    live.deploy(check=50)

    post = told(hook, live, "warning")
    assert post["title"].endswith("production: deploy reverted")
    assert f"Now: {before} serves again, proved" in post["message"]
    live.change("src/controllers/health.ts", sick, "healthy ? 200 : 503", "A well one")


def test_a_rollback_is_told_with_what_it_takes_back(live: Site, hook: Hook) -> None:
    """The commits that go out."""
    listening(live, hook.url)

    end = live.rollback("v1").finished

    post = told(hook, live, "success")
    assert post["title"].endswith(f"production: {end['release']} is back")
    assert "Taken back:" in post["message"]
    assert "- Greet with Told" in post["message"]


def test_waiting_for_an_orphan_is_told(live: Site, hook: Hook) -> None:
    """The deployer died in the bake: the next deploy waits for the pointsman, and says so."""
    listening(live, hook.url, bake="3s", events='events = ["waiting"]')
    live.greet("Waited for")
    cut_in_the_bake(live)

    assert live.deploy().finished["result"] == "unchanged"

    post = told(hook, live, "info")
    assert post["title"].endswith("production: deploy waits")
    assert "is at work on " in post["message"]


def test_ending_a_dead_run_is_told(live: Site, hook: Hook) -> None:
    """Deployer, host program and pointsman died: the next contact ends the switch, and people learn of it."""
    listening(live, hook.url, bake="3s", events='events = ["recovered"]')
    live.greet("Recovered")
    cut_in_the_bake(live)
    for pid in ours(live):
        os.kill(pid, signal.SIGKILL)
    until(lambda: Lease(live.layout).holder() is None)

    assert live.deploy().finished["result"] == "unchanged"

    post = told(hook, live, "info")
    assert post["title"].endswith("production: an earlier deployment was ended")
    assert f"{live.current()} serves" in post["message"]


def test_no_notifier_fails_a_deploy_and_each_failure_is_a_note(live: Site, hook: Hook) -> None:
    """One hangs, one refuses twice, one nobody understands, of one the variable is missing; the fifth is told."""
    live.greet("In spite of all")
    with Hook(hang=True) as hangs, Hook(500, 500) as refuses:
        unknown = "nosuch://tokenABC123"
        listening(live, hangs.url, refuses.url, unknown, "env:TURNOUT_HOOK", hook.url)
        run = live.deploy()
        assert (len(hangs.posts), len(refuses.posts)) == (2, 2)

    assert run.finished["result"] == "succeeded"
    assert told(hook, live, "success")
    notes = "\n".join(run.finished["notes"])
    for number in range(1, 5):
        assert f"[[notify]] {number} " in notes
    assert "TURNOUT_HOOK is not set" in notes
    assert "tokenABC123" not in run.out + run.err


def test_a_change_of_the_dotenv_is_told_by_its_keys_and_a_pin_is_not_told(live: Site, hook: Hook) -> None:
    """Names only, never a value; a pin makes nothing live."""
    listening(live, hook.url)

    assert live.turnout("pin", str(live.current()), check=0)
    assert hook.posts == []
    assert live.turnout("env", "set", "GREETED", stdin="by-nobody\n", check=0)

    post = told(hook, live, "success")
    assert post["title"].endswith(f"production: {live.current()} is live")
    assert post["message"].splitlines()[1:3] == ["Changed:", "- .env: GREETED"]
    assert "by-nobody" not in post["message"]
