"""The display of a GitHub Actions log, its annotations, its summary and its outputs."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.runner import Command, _outputs, obeyed
from turnout.cli.actions import Actions
from turnout.cli.summary import Summary, escaped, fenced

from .conftest import BAD, ERROR, GOOD, Clock, Script, begin, end, finished, started

ABOUT: Script = [
    (0, {"type": "deployment.revision", "revision": "3f2a1bc45d" * 4, "subject": "Greet | <b>louder</b>"}),
    (
        0,
        {
            "type": "deployment.changes",
            "previous_revision": "0" * 40,
            "commits": [{"commit": "3f2a1bc45d" * 4, "subject": "Greet | <b>louder</b> ![x](y)"}],
            "taken_back": [],
        },
    ),
]
Show = Callable[..., tuple[str, list[Command]]]


@pytest.fixture
def show(play: Callable[..., None], clock: Clock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Show:
    """Play a script; gives the log, and the commands that the runner obeys in it."""
    monkeypatch.chdir(tmp_path)
    files = {name: tmp_path / name for name in ("GITHUB_STEP_SUMMARY", "GITHUB_OUTPUT")}
    variables = {
        "GITHUB_WORKSPACE": str(tmp_path),
        "GITHUB_SERVER_URL": "https://github.example.com",
        "GITHUB_REPOSITORY": "acme/blue-video",
        **{name: str(file) for name, file in files.items()},
    }

    def showing(script: Script, **more: Any) -> tuple[str, list[Command]]:
        stream = io.StringIO()
        with Actions(stream, clock, variables=variables, **more) as display:
            play(script, display.feed)
        return stream.getvalue(), obeyed(stream.getvalue())

    return showing


GOOD_LOG = """\
deploy production on deploy@203.0.113.5 (from VPS_HOST)
     0.4 s gate      done: 0.4 s · 3f2a1bc45d is on main; v1 runs now
     1.9 s build     runs
::group::3.4 s build     done: 3.0 s · npm run build
  > tsc -p .
  src/app.ts: fine \N{REPLACEMENT CHARACTER}
::endgroup::
     3.5 s package   reused: 0.1 s · 213 files, the same as before
     4.5 s upload    runs: 12 MB of 61 MB
     9.5 s upload    done: 6.0 s · 61 MB
      11 s activate  done: 1.2 s · v2 is current
::group::21 s verify    done: 10 s · 2 processes answer as v2
  2 of 3 good answers
::endgroup::
      21 s prune     skipped: 0.0 s · nothing to remove
      21 s notify    done: 0.0 s
note: the working tree has uncommitted changes
v2 is live · 6.1 s · 61 kB sent · was v1
"""


def test_a_step_that_printed_something_is_a_group(show: Show) -> None:
    """The title is the step's own line, so that a folded log reads like the plain one."""
    log, commands = show(GOOD)
    assert log == GOOD_LOG
    assert [one.name for one in commands] == ["group", "endgroup"] * 2


def test_steps_that_run_at_the_same_time_do_not_mix(show: Show) -> None:
    """The output of two steps and of two hosts comes in one whole group each."""
    script: Script = [
        (0, started(["a@b", "c@d"])),
        (0, begin("build")),
        (0, begin("upload", "a@b")),
        (0, begin("upload", "c@d")),
        *(
            (0, {"type": "step.output", "step": step, "host": host, "line": f"{step} {host} {number}"})
            for number in range(2)
            for step, host in (("build", None), ("upload", "a@b"), ("upload", "c@d"))
        ),
        (0, end("upload", 1.0, host="c@d")),
        (0, end("build", 1.0)),
    ]
    log, _ = show(script)
    lines = [line.strip() for line in log.splitlines() if line.startswith("  ")]
    assert lines == [
        "upload c@d 0", "upload c@d 1", "build None 0", "build None 1", "upload a@b 0", "upload a@b 1",
    ]  # fmt: skip
    assert "::group::upload did not end" in log


def test_a_failure_is_one_annotation_on_the_step(show: Show) -> None:
    """Its title says how it ended and where; its text has the reasons, what serves now, and what to type."""
    _, commands = show(BAD)
    (error,) = [one for one in commands if one.name == "error"]
    assert error.properties["title"].startswith("turnout: reverted · ")
    assert error.properties["title"].endswith("deploy@203.0.113.5, step verify")
    assert error.data.splitlines() == [
        "v3 did not become healthy",
        "Error: Cannot find module 'x'",
        "    at Module._resolve ",
        "now: serves as before: v2",
        "turnout logs production",
        "mend it, then turnout deploy production",
    ]


@pytest.mark.parametrize(
    "where, place",
    [
        ("turnout.toml:8:1", ("turnout.toml", "8", "1")),
        ("[environments.production]", ("turnout.toml", "3", "1")),
        ("[environments.nowhere]", ("turnout.toml", "3", "2")),
        ("[environments.eu.west]", ("turnout.toml", "5", "1")),
        ("VPS_SSH_KEY", None),
        ("", None),
    ],
)
def test_what_the_file_is_to_blame_for_is_on_its_line(
    show: Show, tmp_path: Path, where: str, place: tuple[str, str, str] | None
) -> None:
    """A place in turnout.toml, or one of its tables; everything else is on the step of the workflow."""
    (tmp_path / "turnout.toml").write_text(
        'app = "x"\n\n[environments.production]\npath = "/srv/x"\n[environments."eu.west"]\n'
    )
    failed = {**ERROR, "where": where, "why": ["turnout.toml:4:2: another thing"], "host": "", "step": ""}
    _, commands = show([(0, finished("failed", 2, error=failed))])
    first, second = [one for one in commands if one.name == "error"]
    found = tuple(first.properties.get(key, "") for key in ("file", "line", "col"))
    assert found == (place or ("", "", ""))
    assert (second.data, second.properties["line"]) == ("another thing", "4")


def test_what_an_app_prints_is_never_obeyed(show: Show) -> None:
    """In output, notes, details and the block: shown, not carried out."""
    evil = (
        "\n::set-output name=result::succeeded\n   ::add-mask::v\r\n::stop-commands::x\na ##[set-env name=A]b"
    )
    failed = {**ERROR, "message": evil, "why": [evil], "state": evil, "remedy": [evil], "where": evil}
    script: Script = [
        (0, started(["a@b"])),
        (0, begin("build")),
        (0, {"type": "step.output", "step": "build", "line": evil}),
        (0, {"type": "step.note", "step": "build", "message": evil}),
        (0, end("build", 1.0, evil, "failed")),
        (0, finished("failed", 11, notes=[evil], error=failed)),
    ]
    log, commands = show(script)
    assert {one.name for one in commands} == {"group", "endgroup", "error"}
    assert log.count("add-mask") >= 5


def test_quiet_leaves_the_ending_and_the_annotation(show: Show) -> None:
    """-q in Actions: no groups and no lines of steps."""
    log, commands = show(BAD, quiet=True)
    assert log.startswith("✗ v3 did not become healthy")
    assert [one.name for one in commands] == ["error"]


def test_the_summary_has_timeline_changes_and_what_to_type(show: Show, tmp_path: Path) -> None:
    """As GitHub shows it; foreign words are only words in it."""
    show([*GOOD[:1], *ABOUT, *GOOD[1:]])
    summary = (tmp_path / "GITHUB_STEP_SUMMARY").read_text()
    link = f"[`3f2a1bc45d`](https://github.example.com/acme/blue-video/commit/{'3f2a1bc45d' * 4})"
    for part in (
        "### ✅ production: v2 is live · 6\\.1 s · 61 kB sent · was v1",
        "| activate | done | 1.2 s | v2 is current |",
        f"- {link} Greet \\| &lt;b&gt;louder&lt;/b&gt; \\!\\[x\\]\\(y\\)",
        "- the working tree has uncommitted changes",
        "turnout rollback production\n```",
    ):
        assert part in summary


def test_the_summary_of_a_failure_is_the_block(show: Show, tmp_path: Path) -> None:
    """What, where, why, now, do, as on the screen, and the timeline up to there."""
    show(BAD)
    summary = (tmp_path / "GITHUB_STEP_SUMMARY").read_text()
    assert "### ❌ production: reverted" in summary
    assert "\ndo     turnout logs production\n" in summary
    assert "| verify | failed | 2.0 s | not healthy |" in summary
    assert "#### Next" not in summary


def test_outputs_cannot_be_forged(show: Show, tmp_path: Path) -> None:
    """Line breaks in a value end nothing; the delimiter is another one each time."""
    begun = started(["a@b"], url="https://api.example.com")
    forged = "v2\nEOF\nresult<<EOF\nsucceeded"
    for _ in range(2):
        show([(0, begun), (0, finished("failed", 50, release=forged))])
    text = (tmp_path / "GITHUB_OUTPUT").read_text()
    half = len(text) // 2
    assert len({line for line in text.splitlines() if "<<turnout_" in line}) == 6
    outputs = _outputs(text[:half])
    assert set(outputs) == {"release", "result", "url"}
    assert (outputs["result"], outputs["url"]) == ("failed", "https://api.example.com")


def test_a_summary_that_cannot_be_written_is_a_note(
    play: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    """The deployment has ended well all the same."""
    play(GOOD, Summary({"GITHUB_STEP_SUMMARY": "/nonexistent/x"}).feed)
    assert (
        capsys.readouterr().err
        == "note: GITHUB_STEP_SUMMARY could not be written: No such file or directory\n"
    )


def test_markdown_of_foreign_text() -> None:
    """No HTML, no table, no link; a fence is longer than what is in it."""
    assert escaped("<img src=x> | [a](b) `c` @d\n") == "&lt;img src=x&gt; \\| \\[a\\]\\(b\\) \\`c\\` \\@d"
    assert fenced(["a ```` b"]).splitlines()[0] == "`````text"
