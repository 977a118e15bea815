"""Which release of the required environment counts, and how long it ran there."""

from __future__ import annotations

from typing import Any

import pytest

from tests.turnout.steps.conftest import TOML, Scene
from turnout.errors import HostKeyError
from turnout.hosts.client import HostClient
from turnout.steps.elsewhere import blessed, soaked


def release(name: str, inputs: str | None, since: float | None, state: str = "blessed") -> dict[str, Any]:
    return {
        "release": name,
        "inputs": inputs,
        "since": since,
        "state": state,
        "artifact": f"artifact of {name}",
    }


@pytest.mark.parametrize(
    "running, releases, found, replaced",
    [
        ("v1", [release("v1", "x", 10)], "v1", None),
        ("v2", [release("v2", "y", 20), release("v1", "x", 10)], "v1", 20.0),
        ("v3", [release("v3", "x", 30), release("v2", "y", 20), release("v1", "x", 10)], "v3", None),
        ("v1", [release("v2", "y", 20), release("v1", "x", 30)], "v1", None),  # rolled back to it
        ("v2", [release("v3", "z", 30), release("v2", "y", 20), release("v1", "x", 10)], "v1", 20.0),
        ("v1", [release("v2", "y", None, "failed"), release("v1", "x", 10)], "v1", None),
        ("v1", [release("v1", "y", 10)], None, None),
        ("v1", [release("v1", None, 10)], None, None),
        ("v1", [release("v1", "x", None, "reverted")], None, None),
        ("v1", [release("v1", "x", 10, "active")], None, None),
        (None, [], None, None),
    ],
)
def test_blessed(running: str | None, releases: list[Any], found: str | None, replaced: float | None) -> None:
    """The newest blessed one of the same inputs, until another one was blessed after it."""
    record = blessed({"running": running, "releases": releases}, "x")
    assert (record or {}).get("release") == found
    assert (record or {}).get("replaced") == replaced


def test_nothing_matches_without_inputs() -> None:
    """An artifact whose inputs are not known is not taken for another one of which they are not known either."""
    assert blessed({"running": "v1", "releases": [release("v1", "", 10)]}, "") is None


async def test_a_host_key_that_is_not_known_is_answered_with_the_command_for_that_environment(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is to be typed names staging, though it is production that is deployed to."""
    text = 'requires = "staging"\n[environments.staging]\npath = "/srv/staging"\nhosts = ["deploy@203.0.113.6"]\n'
    (scene.played.root / "turnout.toml").write_text(TOML + text)

    async def refuse(*_: object) -> None:
        raise HostKeyError("the host key is unknown", remedy="if they are the same: turnout host trust ENV")

    monkeypatch.setattr(HostClient, "open", refuse)
    found = await soaked(await scene.work(environment="production"))

    assert found
    assert found.since is None
    assert found.remedy == ("if they are the same: turnout host trust staging",)
