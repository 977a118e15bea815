"""The time at the head of a log line, in the formats that apps of PM2 write."""

from __future__ import annotations

import os
import time

import pytest

from turnout_host.logs.stamp import stamp

UTC = 1795611620.0
"""2026-11-25 13:00:20 in UTC."""


@pytest.fixture(autouse=True)
def _zone(monkeypatch: pytest.MonkeyPatch) -> None:
    """A host in Berlin: one hour ahead of UTC in November."""
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    monkeypatch.delitem(os.environ, "TZ")  # undone before the zone is set back


LINES = [
    ("2026-11-25T14:00:20: listens on 3000", UTC),  # PM2's `time: true`, in the host's zone
    ("2026-11-25 14:00:20 +01:00: listens", UTC),  # log_date_format "YYYY-MM-DD HH:mm:ss Z"
    ("2026-11-25T13:00:20.250Z info: ready", UTC + 0.25),
    ("[2026-11-25 13:00:20,250+0000] ready", UTC + 0.25),
    ("\x1b[32m2026-11-25T13:00:20Z\x1b[39m ready", UTC),
    ('{"level":30,"time":1795611620250,"msg":"ready"}', UTC + 0.25),  # pino
    ('{"message":"ready","timestamp":"2026-11-25T13:00:20.000Z","type":"out"}', UTC),  # PM2's log_type json
    ('{"ts": 1795611620, "msg": "ready"}', UTC),
]
WITHOUT = [
    "",
    "listens on 3000",
    "    at Object.<anonymous> (/srv/api/dist/server.js:3:9)",
    "2026-13-45T99:00:00 no such day",
    "{not json",
    '{"time": true}',
    '{"time": -5}',
    "version 2026-11-25T13:00:20Z was built",
    "{" * 5000,
]


@pytest.mark.parametrize("line, moment", LINES)
def test_the_time_of_a_line(line: str, moment: float) -> None:
    """ISO dates with and without a zone, PM2's own, and JSON with seconds, milliseconds or a date."""
    assert stamp(line) == pytest.approx(moment)


@pytest.mark.parametrize("line", WITHOUT)
def test_a_line_without_a_time_has_none(line: str) -> None:
    """Nothing is guessed, and nothing is raised."""
    assert stamp(line) is None
