"""Which release of the required environment counts, and how long it ran there."""

from __future__ import annotations

from typing import Any

import pytest

from turnout.steps.elsewhere import blessed


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
