"""What people are told: short, plain, and nothing in it that a channel would obey."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from turnout.notifiers import message
from turnout.notifiers.message import LONGEST, Facts, Failed

FACTS = Facts(
    app="api",
    environment="production",
    command="deploy",
    by="ann@laptop",
    hosts=("deploy@203.0.113.5",),
    revision="46b8cfc652",
    release="v43",
    previous="v42",
    seconds=12.3,
    changes=("Faster lists", "A test"),
)
FAILED = Failed(
    "v43 could not be proved, and the host went back",
    "verify, deploy@203.0.113.5",
    "v42 serves again, proved",
    ("mend the cause and deploy again", "turnout status", "a third line"),
)


def test_a_success_says_what_is_live_how_long_it_took_and_what_changed() -> None:
    """Release, host, time, the one before, the commits, who."""
    told = message.success(FACTS)

    assert told.title == "api · production: v43 is live"
    assert told.body.splitlines() == [
        "v43 is live on deploy@203.0.113.5 after 12 s, was v42.",
        "Changed:",
        "- Faster lists",
        "- A test",
        "deploy by ann@laptop, 46b8cfc652",
    ]


def test_a_failure_says_where_what_serves_and_what_to_type() -> None:
    """State and the next command, two lines of it at most; never the last lines of output, which may hold anything."""
    told = message.reverted(FACTS, FAILED)

    assert told.title == "api · production: deploy reverted"
    assert told.body.splitlines()[:4] == [
        "v43 could not be proved, and the host went back (verify, deploy@203.0.113.5), after 12 s.",
        "Now: v42 serves again, proved",
        "Next: mend the cause and deploy again",
        "Next: turnout status",
    ]
    assert "third" not in told.body


@pytest.mark.parametrize(
    "told, events",
    [
        (message.success(FACTS), ("success",)),
        (message.failure(FACTS, FAILED), ("failure",)),
        (message.reverted(FACTS, FAILED), ("reverted",)),
        (message.revert_failed(FACTS, FAILED), ("failure", "reverted")),
        (message.waiting(FACTS, "bob is at work"), ("waiting",)),
        (message.recovered(FACTS, "ended d1"), ("recovered",)),
    ],
)
def test_every_end_has_its_event(told: message.Message, events: tuple[str, ...]) -> None:
    """A revert that failed reaches those who asked for failures and those who asked for reverts."""
    assert told.events == events
    assert told.title.startswith("api · production: ")


def test_a_restore_does_not_claim_that_anything_went_live() -> None:
    """The release is the one of before; what changed is the database."""
    facts = Facts("api", "production", "restore", "ann", ("h",), changes=("the database, to that of x",))

    told = message.restored(facts)

    assert told.title == "api · production: the database was restored"
    assert told.body.splitlines() == [
        "The database on h was restored, after 0.0 s.",
        "Changed:",
        "- the database, to that of x",
        "restore by ann",
    ]


def test_a_rollback_says_what_is_taken_back() -> None:
    """The commits are those that go out."""
    facts = Facts(
        app="api", environment="p", command="rollback", by="ann", release="v1", changes=("Bad idea",)
    )

    body = message.success(facts).body

    assert "v1 is back" in body
    assert "Taken back:\n- Bad idea" in body


def test_many_commits_are_counted() -> None:
    """Five are listed."""
    facts = Facts(app="api", environment="p", command="deploy", by="ann", changes=tuple(map(str, range(8))))

    lines = message.success(facts).body.splitlines()

    assert lines[lines.index("Changed:") + 1 :][:6] == ["- 0", "- 1", "- 2", "- 3", "- 4", "- and 3 more"]


@pytest.mark.parametrize(
    "foreign",
    [
        "ping @everyone now",
        "x@everyone.com",
        "@here",
        "foo@channel",
        "<!channel> hello",
        "<@U123>",
        "[free](http://evil.example)",
        "`code`",
        "**loud**",
        "||hidden||",
        "_sly_",
    ],
)
def test_what_a_channel_would_obey_is_shown_and_not_obeyed(foreign: str) -> None:
    """The characters stay, with a space of no width where their meaning began."""
    safe = message.defused(foreign)

    assert safe.replace("\u200b", "") == foreign
    assert safe != foreign


@pytest.mark.parametrize(
    "plain", ["deploy@203.0.113.5", "https://a.example/c_d?x=1", "snake_case v1 * 2", "Fix #12: it's slow"]
)
def test_what_means_nothing_is_left_alone_so_that_it_can_be_copied(plain: str) -> None:
    """Addresses, links and commands arrive as they are."""
    assert message.defused(plain) == plain


@given(st.text(max_size=400))
def test_no_foreign_text_makes_a_line_or_a_mention(foreign: str) -> None:
    """One line, short, without control characters and mentions of all."""
    safe = message.defused(foreign)

    assert len(safe.replace("\u200b", "")) <= LONGEST
    assert len(safe.splitlines()) <= 1
    assert not re.search(r"@(everyone|here|channel)|<[!@]|\]\(|[\x00-\x1f\x7f]", safe)


@given(subject=st.text(max_size=300), by=st.text(max_size=60))
def test_foreign_text_adds_no_line_to_a_message(subject: str, by: str) -> None:
    """However a subject or a name is written, the number of lines is that of the message."""
    facts = Facts(app="api", environment="p", command="deploy", by=by, changes=(subject,))

    assert len(message.success(facts).body.splitlines()) == 4
