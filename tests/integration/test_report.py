"""`turnout report` on a real host: what really was deployed, in figures, as a screen, an object and a page."""

from __future__ import annotations

import pytest

from tests.support.site import API_KEY, Site

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def busy(live: Site) -> Site:
    """Two that arrived, one that did not build, one that had nothing to do, and a rollback."""
    live.greet("Two")
    live.deploy()
    live.deploy()
    live.commit({"backend/src/broken.ts": "const x: number = 'x';\n"}, "<b>A broken one</b>")
    live.deploy(check=11)
    live.rollback()
    return live


def test_the_object_has_what_happened(busy: Site) -> None:
    """Results, rates, times by step and phase, bytes, lead times from git, and what the host uses."""
    found = busy.turnout("report", "--json", check=0).json

    assert (found["app"], found["environment"]) == ("blue-video-backend", "production")
    assert found["results"] == {"succeeded": 3, "unchanged": 1, "failed": 1}
    assert found["failure_rate"] == pytest.approx(1 / 3)
    assert found["change_failure_rate"] == pytest.approx(1 / 2)
    assert found["time_to_recover"]["count"] == 2
    assert found["lead_time"]["count"] == 2
    assert 0 < found["lead_time"]["last"] < 3600
    for phase in ("build", "upload", "deploy", "health"):
        assert found["phases"][phase]["seconds"]["count"] == 2
        assert found["phases"][phase]["within"] is True
    assert found["steps"]["verify"]["last"] >= 0.5
    assert found["bytes_sent"]["high"] > 10 * found["bytes_sent"]["last"] > 0
    (used,) = found["resources"].values()
    assert used["processes"] == 2
    assert min(used[part] for part in ("memory", "releases", "layers")) > 0
    assert min(used["store"], used["logs"]) >= 0  # what releases and layers share with the store counts there


def test_fewer_deployments_can_be_asked_for(busy: Site) -> None:
    """Only the last two that count: the failed one and the rollback."""
    found = busy.turnout("report", "--json", "--last", "2", check=0).json

    assert [row["result"] for row in found["deployments"]] == ["failed", "succeeded"]
    assert found["lead_time"] is None


def test_the_page_is_one_file_and_holds_no_secret(busy: Site) -> None:
    """Written where it was asked for; a commit's subject is only text in it."""
    file = busy.root / "report.html"

    run = busy.turnout("report", "--html", str(file), check=0)

    page = file.read_text()
    assert str(file) in run.err
    assert page.startswith("<!doctype html>")
    assert "<b>A broken" not in page
    assert "Greet with Two" in page
    assert API_KEY not in page + run.err
    assert "<script" not in page
    assert "http" not in page.replace('http-equiv="Content-Security-Policy"', "")


def test_the_screen_has_the_budgets(busy: Site) -> None:
    """Every phase, with its median and the budget."""
    run = busy.turnout("report", check=0)

    assert "3 succeeded" in run.err
    for words in ("2-3 min", "30 s", "1-2 min", "15 s", "within", "on disk"):
        assert words in run.err


def test_a_page_that_cannot_be_written_is_said(busy: Site) -> None:
    """2, and no traceback."""
    run = busy.turnout("report", "--html", str(busy.root / "none/report.html"), check=2)

    assert "cannot be written" in run.err
    assert "Traceback" not in run.err
