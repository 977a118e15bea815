"""Messages through Apprise to a web hook: what arrives, what is hidden, and that nothing does harm."""

import asyncio
import subprocess
import sys
import threading

import pytest

from tests.support.hook import Hook
from turnout.config.schema import Notify
from turnout.model import Secret
from turnout.notifiers.base import NotDelivered
from turnout.notifiers.channel import Channel, beside, hidden, resolved
from turnout.notifiers.delivery import deliver
from turnout.notifiers.message import Message

TOLD = Message(("success",), "api · production: v2 is live", "v2 is live\n- <b>bold</b> & *more*")


def channel(url: str, *events: str, **variables: str) -> Channel:
    found = {"url": url} | ({"events": events} if events else {})
    return Channel(Notify.model_validate(found), 1, variables)


async def test_title_text_and_kind_arrive_as_plain_text() -> None:
    """json:// posts them as they are: nothing is made of markup in them."""
    with Hook() as hook:
        assert await deliver(channel(hook.url), TOLD) == ""
        (post,) = hook.posts

    assert (post["title"], post["message"], post["type"]) == (TOLD.title, TOLD.body, "success")
    assert post["path"] == "/tokenABC123"


async def test_it_is_tried_once_more() -> None:
    """A hook that fails once gets the message at the second try."""
    with Hook(503) as hook:
        assert await deliver(channel(hook.url), TOLD, pause=0) == ""
        assert len(hook.posts) == 2


async def test_a_hook_that_fails_twice_is_named_with_its_reason_and_without_its_address() -> None:
    """The service and what it answered; not the token of its url."""
    with Hook(500, 500) as hook:
        said = await deliver(channel(hook.url), TOLD, pause=0)
        assert len(hook.posts) == 2

    assert said.startswith("[[notify]] 1 (JSON) could not be told: ")
    assert "500" in said
    assert "tokenABC123" not in said


async def test_nobody_waits_for_a_hook_that_hangs() -> None:
    """The limit ends the waiting; the thread is a daemon, so that the program can end."""
    with Hook(hang=True) as hook:
        said = await deliver(channel(hook.url), TOLD, limit=0.3)
        assert "no answer within" in said
        left = [thread for thread in threading.enumerate() if thread.name == "notifier"]
        assert all(thread.daemon for thread in left)


@pytest.mark.parametrize(
    "url, reason",
    [
        ("nosuch://tokenABC123", "does not understand its url"),
        ("env:TURNOUT_NOTIFY_URL", "the variable TURNOUT_NOTIFY_URL is not set"),
    ],
)
async def test_a_target_that_cannot_be_used_is_a_sentence(url: str, reason: str) -> None:
    """Never a failure, and never the url."""
    said = await deliver(channel(url), TOLD, pause=0)

    assert reason in said
    assert "tokenABC123" not in said


async def test_a_notifier_that_raises_is_a_sentence_without_its_text() -> None:
    """What a bug says could hold the address."""

    class Raising:
        name = "[[notify]] 1"

        def wants(self, _: Message) -> bool:
            return True

        async def send(self, _: Message) -> None:
            await beside(lambda: {}["json://tokenABC123"])

    assert (
        await deliver(Raising(), TOLD, pause=0) == "[[notify]] 1 could not be told: KeyError in the notifier"
    )


async def test_the_url_may_come_from_a_variable() -> None:
    """So that no token stands in the file."""
    with Hook() as hook:
        assert await deliver(channel("env:TURNOUT_HOOK", TURNOUT_HOOK=hook.url), TOLD) == ""
        assert len(hook.posts) == 1


@pytest.mark.parametrize(
    "events, wanted", [((), True), (("success",), True), (("failure", "reverted"), False)]
)
def test_only_what_was_asked_for_is_told(events: tuple[str, ...], wanted: bool) -> None:
    """Without `events` a target is told of everything."""
    assert channel("json://127.0.0.1", *events).wants(TOLD) is wanted


def test_apprise_says_nothing_on_the_screen() -> None:
    """In a program of its own, where Python prints the warnings of libraries that nobody listens to."""
    script = (
        "import asyncio, sys\n"
        "from turnout.config.schema import Notify\n"
        "from turnout.notifiers.channel import Channel\n"
        "from turnout.notifiers.delivery import deliver\n"
        "from turnout.notifiers.message import Message\n"
        "target = Notify.model_validate({'url': sys.argv[1]})\n"
        "print(asyncio.run(deliver(Channel(target, 1), Message(('success',), 'a', 'b'), pause=0)))\n"
    )
    with Hook(500, 500) as hook:
        ended = subprocess.run(
            [sys.executable, "-c", script, hook.url], capture_output=True, text=True, check=True
        )

    assert "could not be told" in ended.stdout
    assert ended.stderr == ""


@pytest.mark.parametrize(
    "reason, shown",
    [
        ("POST to /tokenABC123 failed: 404", "POST to /… failed: 404"),
        ("login of secretuser refused", "login of … refused"),
        ("Internal Server Error", "Internal Server Error"),
    ],
)
def test_words_of_the_url_are_hidden_in_a_reason(reason: str, shown: str) -> None:
    """Path, login and query may all be tokens."""
    assert hidden(reason, "json://secretuser:pass@127.0.0.1/tokenABC123?key=v%20alueXYZ") == shown


def test_a_secret_that_is_no_variable_is_taken_as_it_is() -> None:
    """Only `env:` means something else."""
    assert resolved(Secret("json://x"), {}) == "json://x"
    with pytest.raises(NotDelivered):
        resolved(Secret("env:TURNOUT_X"), {"TURNOUT_X": " "})


async def test_what_runs_beside_can_be_left_behind() -> None:
    """Cancelling the waiting does not wait for the thread."""
    release = threading.Event()
    waiting = asyncio.create_task(beside(lambda: release.wait() and None))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    release.set()
