"""One list of deployments from the journals of several hosts."""

from __future__ import annotations

from typing import Any

from turnout.report.history import merged


def row(deployment: str, started: float, **more: Any) -> dict[str, Any]:
    facts = {
        "deployment": deployment,
        "started": started,
        "finished": started + 5,
        "seconds": 6.0,
        "by": "ann@laptop",
        "release": "v2",
        "previous": "v1",
        "result": "succeeded",
        "step": None,
        "reason": None,
        "steps": {"build": 2.0, "upload": 1.0},
        "bytes_sent": 1000,
    }
    return facts | more


def test_newest_first() -> None:
    """Also where a host missed one."""
    found = merged({"a": [row("d2", 200), row("d1", 100)], "b": [row("d2", 201), row("d3", 300)]})
    assert [one["deployment"] for one in found] == ["d3", "d2", "d1"]


def test_times_are_the_longest_and_bytes_the_sum() -> None:
    """Steps ran on all hosts at once; each host got its own bytes."""
    slow = {"seconds": 9.0, "steps": {"build": 2.0, "upload": 4.0}, "finished": 300.0}
    (one,) = merged({"a": [row("d", 100)], "b": [row("d", 99, release="v7", **slow)]})
    assert (one["seconds"], one["steps"], one["bytes_sent"]) == (9.0, {"build": 2.0, "upload": 4.0}, 2000)
    assert (one["started"], one["finished"]) == (99, 300.0)
    assert one["hosts"]["b"]["release"] == "v7"


def test_the_worst_end_is_that_of_all() -> None:
    """One host that reverted makes it reverted, with its reason; one at work makes a good one not over yet."""
    bad = row("d", 100, result="reverted", reason="500")
    (one,) = merged({"a": [row("d", 100)], "b": [bad]})
    assert (one["result"], one["reason"]) == ("reverted", "500")
    (one,) = merged({"a": [row("d", 100)], "b": [row("d", 100, result=None)]})
    assert one["result"] is None


def test_what_is_not_known_is_null() -> None:
    """Journals of older deployers have neither steps nor bytes."""
    (one,) = merged({"a": [row("d", 100, steps=None, bytes_sent=None, seconds=None, finished=None)]})
    assert (one["steps"], one["bytes_sent"], one["seconds"], one["finished"]) == (None, None, None, None)
