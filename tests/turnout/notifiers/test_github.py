"""What GitHub is asked, against one on 127.0.0.1 that keeps every request."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.github import REPOSITORY, TOKEN, Asked, GitHub
from turnout.events import Bus
from turnout.notifiers import courier, github

COMMIT = "3f2a1bc45d" * 4
PAGE = f"https://github.example.com/{REPOSITORY}/actions/runs/4711"


@pytest.fixture
def fake() -> Iterator[GitHub]:
    made = GitHub()
    try:
        yield made
    finally:
        made.close()


def play(
    fake: GitHub, end: dict[str, Any], *, command: str = "deploy", gate: bool = True, **variables: str
) -> list[str]:
    """One deployment from its start to `end`; gives what could not be told."""
    carrier = github.listener(fake.variables | {"GITHUB_TOKEN": TOKEN} | variables)
    bus = Bus("20261125-103359-97d0dd8a", "production")
    bus.listen(carrier.feed)
    bus.emit("deployment.started", command=command, hosts=["a@b"], steps=[], url="https://api.example.com")
    bus.emit("step.started", step="gate")
    if gate:
        bus.emit("deployment.revision", revision=COMMIT, subject="Greet\x1b[31m louder")
        bus.emit("step.started", step="build")
        bus.emit("step.started", step="upload")
    bus.emit("deployment.finished", **{"exit_code": 0, "release": "v2", "seconds": 6.1, **end})
    return carrier.close()


def test_a_deployment_is_told_word_for_word(fake: GitHub) -> None:
    """Method, path, headers and JSON of all requests of a good deployment, in their order."""
    assert play(fake, {"result": "succeeded"}) == []

    assert [(one.method, one.path) for one in fake.asked] == [
        ("POST", "deployments"),
        ("POST", "deployments/100/statuses"),
        ("POST", f"statuses/{COMMIT}"),
        ("POST", "deployments/100/statuses"),
        ("POST", f"statuses/{COMMIT}"),
        ("POST", "deployments/100/statuses"),
        ("POST", f"statuses/{COMMIT}"),
        ("GET", "deployments"),
    ]
    for one in fake.asked:
        assert one.headers["authorization"] == f"token {TOKEN}"
        assert one.headers["accept"].startswith("application/vnd.github")
    assert fake.asked[0].body == {
        "ref": COMMIT,
        "task": "deploy",
        "auto_merge": False,
        "required_contexts": [],
        "environment": "production",
        "description": "Greet louder",
        "payload": {"turnout": "20261125-103359-97d0dd8a"},
    }
    common = {"auto_inactive": False, "log_url": PAGE}
    assert fake.statuses[100] == [
        {"state": "queued", "description": "in the gate", **common},
        {"state": "in_progress", "description": "turnout deploy is under way", **common},
        {
            "state": "success",
            "description": "v2 is live, in 6.1 s",
            "environment_url": "https://api.example.com",
            **common,
        },
    ]
    assert [body["state"] for _, body in fake.commits] == ["pending", "pending", "success"]
    assert fake.commits[-1][1] == {
        "state": "success",
        "context": "turnout/production",
        "description": "v2 is live, in 6.1 s",
        "target_url": PAGE,
    }


@pytest.mark.parametrize(
    "end, deployment, commit",
    [
        ({"result": "unchanged", "reason": "v2 is this"}, "success", "success"),
        ({"result": "skipped", "reason": "nothing under backend changed"}, "inactive", "success"),
        ({"result": "failed", "exit_code": 11}, "failure", "failure"),
        ({"result": "refused", "exit_code": 10}, "failure", "failure"),
        ({"result": "reverted", "exit_code": 50}, "failure", "failure"),
        ({"result": "failed", "exit_code": 130}, "error", "error"),
    ],
)
def test_every_end_has_its_state(fake: GitHub, end: dict[str, Any], deployment: str, commit: str) -> None:
    """However it ends, deployment and commit are told."""
    assert play(fake, end) == []
    assert fake.states(100)[-1] == deployment
    assert fake.commits[-1][1]["state"] == commit


def test_those_before_become_inactive_up_to_the_first_that_is(fake: GitHub) -> None:
    """Served, killed and never told: inactive; failed ones keep their state; other environments are left alone."""
    for states in (["inactive"], ["success", "inactive"], ["failure"], ["in_progress"], ["success"], []):
        fake.deployments.append({"id": 100 + len(fake.deployments), "environment": "production"})
        fake.statuses[fake.deployments[-1]["id"]] = [{"state": state} for state in states]
    fake.deployments.append({"id": 106, "environment": "staging"})
    fake.statuses[106] = [{"state": "success"}]

    assert play(fake, {"result": "succeeded"}) == []

    ends = {number: fake.states(number)[-1] for number in range(100, 108)}
    assert ends == {
        100: "inactive", 101: "inactive", 102: "failure", 103: "inactive", 104: "inactive", 105: "inactive",
        106: "success", 107: "success",
    }  # fmt: skip
    assert not [one for one in fake.asked if one.path == "deployments/100/statuses"]


def test_nothing_is_inactive_when_the_new_one_does_not_serve(fake: GitHub) -> None:
    """After a failure the earlier deployment is still what serves."""
    fake.deployments.append({"id": 100, "environment": "production"})
    fake.statuses[100] = [{"state": "success"}]
    play(fake, {"result": "failed", "exit_code": 50})
    assert fake.states(100) == ["success"]


def test_before_a_revision_is_known_there_is_nothing_to_tell(fake: GitHub) -> None:
    """A wrong turnout.toml makes no deployment at GitHub."""
    assert play(fake, {"result": "failed", "exit_code": 2}, gate=False) == []
    assert fake.asked == []


def test_one_failure_is_tried_again(fake: GitHub) -> None:
    """A server that stumbles once is asked twice, and nothing is said."""
    stumbles = iter([(502, {"message": "Bad gateway"})])
    fake.broken = lambda asked: next(stumbles, None)
    assert play(fake, {"result": "succeeded"}) == []
    assert fake.states(100) == ["queued", "in_progress", "success"]


def test_a_refusal_is_said_once_with_what_is_missing(fake: GitHub) -> None:
    """No permission: not tried again, and the note names the permissions; the token is in no text."""
    fake.broken = lambda asked: (403, {"message": "Resource not accessible by integration"})
    (problem,) = play(fake, {"result": "succeeded"})
    assert problem == (
        "GitHub could not be told: 403 Resource not accessible by integration; "
        "the token needs `deployments: write` and `statuses: write`"
    )
    assert [one.path for one in fake.asked].count("deployments") == 1


def test_without_deployments_the_commit_still_gets_its_status(fake: GitHub) -> None:
    """A token that may only write statuses tells the end all the same."""

    def broken(asked: Asked) -> tuple[int, Any] | None:
        return (403, {}) if asked.path.startswith("deployments") else None

    fake.broken = broken
    assert len(play(fake, {"result": "succeeded"})) == 1
    assert fake.commits[-1][1]["state"] == "success"


def test_nobody_there(fake: GitHub) -> None:
    """An address where nobody listens is a note, not a failure."""
    (problem,) = play(fake, {"result": "succeeded"}, GITHUB_API_URL="http://127.0.0.1:9")
    assert problem.startswith("GitHub could not be told: Connect")


@pytest.mark.parametrize(
    "name, value",
    [
        ("GITHUB_REPOSITORY", "acme"),
        ("GITHUB_REPOSITORY", "../../user"),
        ("GITHUB_REPOSITORY", "a/b?x"),
        ("GITHUB_API_URL", "file:///etc/passwd"),
        ("GITHUB_API_URL", "http://api.github.example.com"),
        ("GITHUB_TOKEN", "ghs_not-to-be-seen\nx"),
    ],
)
def test_wrong_variables_are_a_note(fake: GitHub, name: str, value: str) -> None:
    """A token is sent nowhere when the surroundings make no sense."""
    (problem,) = play(fake, {"result": "succeeded"}, **{name: value})
    assert name in problem
    assert "not-to-be-seen" not in problem
    assert fake.asked == []


def test_texts_are_cut_to_what_github_takes(fake: GitHub) -> None:
    """A long error message on several lines becomes one line of 140 characters."""
    play(
        fake,
        {
            "result": "failed",
            "exit_code": 11,
            "error": {"message": "no\n" * 100, "state": "serves as before"},
        },
    )
    description = fake.commits[-1][1]["description"]
    assert len(description) == github.DESCRIPTION
    assert description.startswith("failed: no no no")


def test_a_deployment_never_waits_for_a_notifier() -> None:
    """Events are taken at once while the first is still being carried; one that never ends is given up and said."""
    hold, told = threading.Event(), list[str]()

    def tell(event: Any) -> None:
        hold.wait(30)
        told.append(event.type)

    carrier = courier.Courier("Someone", tell, frozenset({"step.started"}))
    bus = Bus("d1")
    bus.listen(carrier.feed)
    for _ in range(3):
        bus.emit("step.started", step="build")
        bus.emit("step.output", step="build", line="x")
    assert carrier.close(patience=0.01) == ["Someone could not be told: no answer within 0 s"]
    hold.set()
    assert carrier.close()[:1] == ["Someone could not be told: no answer within 0 s"]
    assert told == ["step.started"] * 3
