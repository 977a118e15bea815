"""A whole demo, from the empty folder to its removal. Whatever ends it, nothing is left behind."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from turnout.cli import block, jsonlines
from turnout.cli.demo.keeping import keep
from turnout.cli.demo.scenario import Scenario
from turnout.cli.demo.site import Site
from turnout.cli.demo.stage import Stage
from turnout.errors import TurnoutError

GRACE = 0.5
"""Seconds that requests get when everything ends."""


async def whole(stage: Stage, stay: bool) -> int:
    """Play, show the figures, perhaps stay. Gives 0 only if every act ended as it must and no request failed."""
    site = Site.make()
    try:
        with _cache(site.cache):
            return await _in(site, stage, stay)
    finally:
        stage.say(("", ""), ("dim", f"removing {site.folder}"))
        # not interruptible: Ctrl-C only cancels tasks while the loop runs, and this does not let it
        site.remove()


async def _in(site: Site, stage: Stage, stay: bool) -> int:
    scenario = Scenario(site, stage)
    try:
        await site.open()
        stage.open(site)
        await scenario.play()
        if not stay or scenario.faults:
            await scenario.stop()
        faults = scenario.faults
        _tell(stage, scenario, faults)
        if stay and not faults:
            stage.invite(site)
            await keep(scenario.traffic, stage.silent)
        elif not faults:
            stage.farewell()
        return TurnoutError.exit_code if faults else 0
    finally:
        try:
            await scenario.stop(GRACE)
        finally:
            await site.server.close()


def _tell(stage: Stage, scenario: Scenario, faults: list[str]) -> None:
    stage.figures(scenario.played, faults)
    if faults:
        block.show(block.Block("the demo did not go as it must", why=tuple(faults)))
    if stage.shared.as_json:
        jsonlines.write(_summary(scenario, faults))


def _summary(scenario: Scenario, faults: list[str]) -> dict[str, object]:
    """The last line of --json."""
    traffic = [one.traffic for one in scenario.played]
    return {
        "v": 1,
        "type": "demo.finished",
        "exit_code": TurnoutError.exit_code if faults else 0,
        "faults": faults,
        "requests": sum(one.requests for one in traffic),
        "failed": sum(one.failed for one in traffic),
        "acts": [
            {
                "act": one.act.name,
                "result": one.outcome.result,
                "release": one.outcome.release,
                "seconds": round(one.outcome.seconds, 3),
                "bytes_sent": one.outcome.bytes_sent,
                "requests": one.traffic.requests,
                "failed": one.traffic.failed,
            }
            for one in scenario.played
        ],
    }


@contextmanager
def _cache(folder: str) -> Iterator[None]:
    """Turnout keeps its builds in `folder` for a while."""
    before = os.environ.get("TURNOUT_CACHE")
    os.environ["TURNOUT_CACHE"] = folder
    try:
        yield
    finally:
        if before is None:
            del os.environ["TURNOUT_CACHE"]
        else:
            os.environ["TURNOUT_CACHE"] = before
