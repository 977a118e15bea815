"""What the demo says besides its deployments."""

from pathlib import Path

import pytest

from turnout.cli import options
from turnout.cli.demo.acts import ACTS, Played
from turnout.cli.demo.author import Author
from turnout.cli.demo.keeping import line
from turnout.cli.demo.server import DemoServer
from turnout.cli.demo.site import Site
from turnout.cli.demo.stage import WIDTH, Stage
from turnout.cli.demo.traffic import Figures
from turnout.model import Outcome


@pytest.fixture
def site() -> Site:
    folder = Path("/tmp/turnout-demo-abcdefgh")
    server = DemoServer(folder / "server")
    server.port = 65535
    return Site(folder, 29999, Author(folder / "repo"), server)


def whole(stage: Stage, site: Site) -> None:
    """Everything that a stage may say."""
    stage.open(site)
    for number, act in enumerate(ACTS, start=1):
        stage.announce(number, act, "0123456789 A subject")
        played = Played(act, Outcome("succeeded", 0, act.release), traffic=Figures(10))
        stage.prove(played)
        stage.figures([played], [])
    stage.farewell()
    stage.invite(site)


def test_nothing_is_wrapped_in_a_narrow_terminal(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    """70 columns are enough, with the folder where it usually is; all of it on stderr."""
    whole(Stage(options.Shared()), site)
    out, said = capsys.readouterr()
    assert [row for row in said.splitlines() if len(row) > WIDTH] == []
    assert out == ""
    for words in ("$ turnout rollback production", "cd /tmp/turnout-demo-abcdefgh/repo && . ../demo.env"):
        assert words in said


@pytest.mark.parametrize(
    "shared, rows", [(options.Shared(quiet=True), "✓ all as expected"), (options.Shared(as_json=True), "")]
)
def test_silence(site: Site, capsys: pytest.CaptureFixture[str], shared: options.Shared, rows: str) -> None:
    """-q leaves the table and the verdict, --json nothing."""
    whole(Stage(shared), site)
    out, said = capsys.readouterr()
    assert out == ""
    assert rows in said
    assert "$ turnout" not in said
    assert bool(said) == bool(rows)


@pytest.mark.parametrize(
    "lately, said",
    [
        ({"v1": 3}, "v1 answers · 12,345 requests, 0 failed"),
        ({"v2": 3, "v1": 1}, "v1 and v2 answer · 12,345 requests, 0 failed"),
        ({}, "nobody answers · 12,345 requests, 0 failed"),
    ],
)
def test_who_answers_while_the_demo_is_kept(lately: dict[str, int], said: str) -> None:
    """During a switch, both."""
    from collections import Counter

    assert line(Figures(12345), Figures(releases=Counter(lately))) == said
