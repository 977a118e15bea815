"""--trace FILE: one JSON file for Chrome's trace viewer and for OpenTelemetry."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from turnout.cli.trace import Trace
from turnout.errors import UsageError

from .conftest import BAD, GOOD, HOST, Script

CALLS: dict[str, Any] = {
    "type": "host.calls",
    "host": HOST,
    "calls": [{"call": "facts", "ts": 101.0, "seconds": 0.2}, {"call": "state", "ts": 101.1, "seconds": 0.2}],
    "in_sequence": 1,
}


@pytest.fixture
def traced(play: Callable[..., None], tmp_path: Path) -> Callable[[Script], dict[str, Any]]:
    """What the file holds after a recorded deployment."""

    def run(script: Script) -> dict[str, Any]:
        file = tmp_path / "trace.json"
        play([*script[:-1], (0, CALLS), script[-1]], Trace(file).feed)
        return dict(json.loads(file.read_text()))

    return run


def test_the_viewer_gets_every_step_and_call(traced: Callable[[Script], dict[str, Any]]) -> None:
    """Microseconds, in rows by who was at work; what overlaps stands in rows of its own."""
    events = traced(GOOD)["traceEvents"]
    slices = [event for event in events if event["ph"] == "X"]
    names = {event["tid"]: event["args"]["name"] for event in events if event["ph"] == "M"}

    assert [(names[one["tid"]], one["dur"]) for one in slices if one["name"] == "build"] == [
        ("deployer", 3_000_000)
    ]
    assert {names[one["tid"]] for one in slices} == {"deployment", "deployer", HOST, f"calls to {HOST}"}
    for one in slices:
        for other in slices:
            apart = one["ts"] + one["dur"] <= other["ts"] or other["ts"] + other["dur"] <= one["ts"]
            assert one is other or one["tid"] != other["tid"] or apart


def attributes(span: dict[str, Any]) -> dict[str, Any]:
    return {one["key"]: next(iter(one["value"].values())) for one in span["attributes"]}


def test_a_collector_gets_spans_in_the_words_of_opentelemetry(
    traced: Callable[[Script], dict[str, Any]],
) -> None:
    """One trace: the deployment, and below it steps and calls, with `cicd.pipeline.…` attributes."""
    (scope,) = traced(GOOD)["resourceSpans"][0]["scopeSpans"]
    root, *spans = scope["spans"]

    assert attributes(root)["cicd.pipeline.name"] == "deploy production"
    assert attributes(root)["cicd.pipeline.result"] == "success"
    assert {span["parentSpanId"] for span in spans} == {root["spanId"]}
    assert len({span["spanId"] for span in scope["spans"]}) == len(scope["spans"])
    assert all(len(span["traceId"]) == 32 and len(span["spanId"]) == 16 for span in scope["spans"])
    build = next(span for span in spans if span["name"] == "build")
    assert attributes(build)["cicd.pipeline.task.type"] == "build"
    assert int(build["endTimeUnixNano"]) - int(build["startTimeUnixNano"]) == 3_000_000_000


def test_a_failure_is_one_in_the_trace_too(traced: Callable[[Script], dict[str, Any]]) -> None:
    """The step that failed and the deployment have the status of an error."""
    root, *spans = traced(BAD)["resourceSpans"][0]["scopeSpans"][0]["spans"]

    assert [span["name"] for span in spans if span["status"]["code"] == 2] == ["verify"]
    assert root["status"]["code"] == 2


def test_a_file_that_cannot_be_written_is_refused_before_anything_is_done(tmp_path: Path) -> None:
    """2, with the name of the file."""
    with pytest.raises(UsageError) as refused:
        Trace(tmp_path / "not-there" / "trace.json")

    assert refused.value.where == str(tmp_path / "not-there" / "trace.json")
