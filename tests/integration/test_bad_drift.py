"""A hand was at `current` or at a release: named, never overwritten without a word, and never passed on."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from tests.support.left import nothing_left
from tests.support.site import Site
from tests.support.told import told
from turnout.cli.demo.traffic import TrafficThread

pytestmark = pytest.mark.integration
FILE = "dist/utils/drain.js"
"""A file of the package that no test's commit changes."""
MARK = "// mended by hand"


FOREIGN = [
    pytest.param(
        "cp -rL {current} {path}/copy; rm {current}; mv {path}/copy {current}", "real folder", id="folder"
    ),
    pytest.param("mkdir -p {path}/else; ln -sfn {path}/else {current}", "{path}/else", id="link elsewhere"),
    pytest.param("ln -sfn {path}/releases/v99 {current}", "nothing", id="link to nothing"),
    pytest.param("rm {current}; echo v1 > {current}", "real folder", id="file"),
]


@pytest.mark.parametrize("command", ["deploy", "rollback"])
@pytest.mark.parametrize("script, words", FOREIGN)
def test_a_current_that_is_not_ours_is_refused_and_left_alone(
    live: Site, script: str, words: str, command: str
) -> None:
    """Drift, by name: what a person put there stays as it is, and the running processes serve on."""
    current, before, serving = live.path / "current", str(live.current()), live.serving()
    places = {"current": str(current), "path": str(live.path)}
    live.hand(script.format(**places))
    found = picture(current)
    try:
        run = live.turnout(command, "--json", check=23)

        block = told(run, 23, "refused")
        assert picture(current) == found
        assert live.serving() == serving
        nothing_left(live, run)
    finally:
        live.hand(f"rm -rf {current}; ln -s {live.path}/releases/{before} {current}")
    assert "drift" in block.text
    assert words.format(**places) in block.text
    assert str(current) in block.text


def picture(path: Path) -> dict[str, str]:
    """All that is at a path: kinds, contents, and where links lead."""
    if path.is_symlink():
        return {"": f"link to {path.readlink()}"}
    if path.is_file():
        return {"": path.read_text()}
    files = [file for file in path.rglob("*") if file.is_file() and "node_modules" not in file.parts]
    return {str(file): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def test_a_hand_that_led_current_to_a_blessed_release_is_noticed_and_followed(live: Site) -> None:
    """The next deployment goes on from there and says so; no request fails, whatever PM2 still runs."""
    first = str(live.current())
    live.greet("Second")
    second = str(live.deploy().finished["release"])
    live.hand(f"ln -sfn {live.path}/releases/{first} {live.path}/current")
    live.greet("Third")

    with TrafficThread(live.port, "/health", keep_alive=4, fresh=4) as traffic:
        run = live.deploy()

    end, figures = run.finished, traffic.mark()
    assert (end["result"], end["previous"]) == ("succeeded", first)
    assert any("hand" in note and first in note and second in note for note in end["notes"]), end
    assert (figures.failed, dict(figures.reasons)) == (0, {})
    assert set(figures.releases) == {second, end["release"]}
    assert live.serving() == {end["release"]}
    nothing_left(live, run)


def test_an_edited_file_stops_a_deployment_and_never_reaches_another_release(live: Site) -> None:
    """Named with 23; left behind with --accept-drift though releases share contents; no target of a rollback."""
    edited = str(live.current())
    folder = live.path / "releases" / edited
    clean = (folder / FILE).read_text()
    live.hand(f"chmod u+w {folder}/{FILE}; echo '{MARK}' >> {folder}/{FILE}")
    live.greet("After the edit")

    refused = live.deploy(check=23)

    block = told(refused, 23, "refused")
    assert f"changed: {FILE}" in block.what[0]
    assert str(folder) in block.where[0]
    assert any("--accept-drift" in line for line in block.do)
    assert live.serving() == {edited}
    nothing_left(live, refused)

    run = live.deploy("--accept-drift")

    end = run.finished
    assert end["result"] == "succeeded"
    assert any(FILE in note for note in end["notes"]), end
    assert (live.path / "current" / FILE).read_text() == clean
    assert MARK in (folder / FILE).read_text()

    back = live.rollback(edited, check=12)

    block = told(back, 12)
    assert f"changed: {FILE}" in block.text
    assert str(folder) in block.where[0]
    assert live.serving() == {end["release"]}
    assert live.current() == end["release"]
    nothing_left(live, refused, run, back)
