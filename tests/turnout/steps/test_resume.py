"""What `resume` says of each host, and how its end is told."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from turnout.errors import RevertFailed, Unhealthy
from turnout.steps.connect import _recovered
from turnout.steps.resume import conclude, resume
from turnout.steps.work import NothingToDo, Target

OPEN = {"release": "v2", "deployment": "d1", "serving": "v2", "result": "succeeded", "reason": None}
UNDONE = {**OPEN, "serving": "v1", "result": "reverted", "reason": "it crashed"}
FAILED = {**OPEN, "serving": None, "result": "revert_failed", "reason": "it crashed"}


class Client:
    """A host whose last deployments are these."""

    async def call(self, name: str, **_: Any) -> dict[str, Any]:
        assert name == "history"
        about = {"command": "deploy", "by": "ann", "result": "succeeded"}
        return {
            "deployments": [
                {"deployment": "ours"},
                {"deployment": "d1", **about, "command": "resume"},
                {"deployment": "d0", **about},
            ]
        }


def host(recovered: dict[str, Any] | None, *swept: str) -> Target:
    """A host after its lease was taken."""
    found = Target("deploy@a", Client())  # type: ignore[arg-type]
    found.recovered, found.swept, found.state = recovered, list(swept), {"running": "v1"}
    return found


def work(*hosts: Target) -> Any:
    """The resume under way."""
    return SimpleNamespace(
        targets=list(hosts),
        notes=[],
        id="ours",
        command="resume",
        environment=SimpleNamespace(name="production"),
    )


@pytest.mark.parametrize(
    "found, said, status",
    [
        pytest.param(host(OPEN), "finished the switch to v2", "done", id="finished"),
        pytest.param(host(None, "removed unfinished v2"), "removed unfinished v2", "done", id="swept"),
        pytest.param(host(None), "the last deploy, by ann, succeeded", "skipped", id="nothing"),
    ],
)
async def test_it_says_what_was_done(found: Target, said: str, status: str) -> None:
    """Finished, swept, or nothing; then with how the last deployment ended."""
    done = await resume(work(found), found)
    assert said in done.detail
    assert done.status == status


async def test_a_switch_that_was_undone_ends_with_50_and_its_reason() -> None:
    """Whoever asked must not take it for a success."""
    found = host(UNDONE)
    with pytest.raises(Unhealthy, match="the switch to v2 that d1 left open was undone") as caught:
        await resume(work(found), found)
    assert (caught.value.exit_code, caught.value.result, caught.value.why) == (50, "reverted", ["it crashed"])
    assert caught.value.state == "v1 serves again, proved"


async def test_one_that_could_not_be_undone_ends_with_51() -> None:
    """Failed, never reverted: a person must look."""
    found = host(FAILED)
    with pytest.raises(RevertFailed) as caught:
        await resume(work(found), found)
    assert (caught.value.exit_code, caught.value.result) == (51, "failed")


async def test_nothing_to_do_is_said_once_for_all_hosts() -> None:
    """Where one host had something left open, it was not nothing."""
    with pytest.raises(NothingToDo, match="nothing was left open; v1 on deploy@a"):
        await conclude(work(host(None)))
    assert (await conclude(work(host(None), host(OPEN)))).status == "done"


@pytest.mark.parametrize(
    "ended, said",
    [
        (OPEN, "finished the switch to v2 that d1 left open; v2 serves"),
        (UNDONE, "undid the switch to v2 that d1 left open (it crashed); v1 serves"),
        (FAILED, "neither v2 nor the release before it could be proved"),
    ],
)
def test_a_deploy_says_it_in_the_same_words(ended: dict[str, Any], said: str) -> None:
    """Among its notes."""
    assert said in _recovered(ended)
