"""The check itself: each point of DESIGN 9, broken on purpose, is seen; a well host has none."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from tests.faults.rig import Before, Rig, check_invariants
from tests.support.client import Run
from tests.support.site import API_KEY
from turnout.cli.demo.traffic import Figures
from turnout_host.lease import Lease

pytestmark = pytest.mark.integration
SHOWN = {"type": "deployment.finished", "result": "succeeded", "release": "v99"}
WELL = Figures(ok=10, releases=Counter({"v1": 10}))


def test_a_well_host_has_no_problem(rig: Rig) -> None:
    """Or the matrix could not be green."""
    assert check_invariants(rig, Before.of(rig), WELL) == []


@pytest.mark.parametrize(
    "seen, run",
    [
        pytest.param(Figures(ok=9, failed=1), None, id="1: a failed request"),
        pytest.param(Figures(ok=9, releases=Counter({"v7": 1})), None, id="1: a release that never was"),
        pytest.param(WELL, Run(("deploy",), 0, json.dumps(SHOWN), ""), id="5: shown and not journalled"),
        pytest.param(WELL, Run(("deploy",), 1, "", f"the key is {API_KEY}"), id="8: a secret that was shown"),
    ],
)
def test_what_was_seen_and_shown_is_checked(
    rig: Rig, seen: Figures, run: Run | None, request: pytest.FixtureRequest
) -> None:
    """The clients' side, and what people were told."""
    (problem,) = check_invariants(rig, Before.of(rig), seen, *([run] if run else []))
    assert problem[0] == request.node.callspec.id[0]


@contextmanager
def changed(file: Path, more: bytes) -> Iterator[None]:
    """A file with something added, then as it was; a hard link stays one."""
    was, mode = file.read_bytes(), file.stat().st_mode
    file.chmod(0o600)
    try:
        with file.open("ab") as opened:
            opened.write(more)
        yield
    finally:
        with file.open("r+b") as opened:
            opened.truncate(len(was))
        file.chmod(mode)


@contextmanager
def new(file: Path) -> Iterator[None]:
    """A file or folder that should not be there."""
    file.write_text("left over")
    try:
        yield
    finally:
        file.unlink()


@contextmanager
def held(rig: Rig) -> Iterator[None]:
    """A lease that nobody gives back."""
    lease = Lease(rig.layout)
    lease.acquire(lambda: 0, {"deployment": "d", "by": "a test"}, 0, lambda _: None)
    try:
        yield
    finally:
        lease.release()


@contextmanager
def led_astray(rig: Rig) -> Iterator[None]:
    """`current` leads nowhere."""
    link, was = rig.layout.current, rig.layout.current.readlink()
    link.unlink()
    link.symlink_to(rig.root / "nowhere")
    try:
        yield
    finally:
        link.unlink()
        link.symlink_to(was)


def entry(**fields: object) -> bytes:
    """One line of the journal."""
    return json.dumps({"seq": 9999, "ts": 1.0, "token": 99, "deployment": "d", **fields}).encode() + b"\n"


OLD = entry(type="x") + entry(type="x", token=1)
BREAKS: list[tuple[str, Callable[[Rig], AbstractContextManager[None]]]] = [
    ("2", lambda rig: changed(rig.layout.release("v1") / "dist/server-local.js", b"// edited\n")),
    ("2", led_astray),
    ("4", lambda rig: changed(rig.layout.journal, OLD)),
    ("6", lambda rig: changed(rig.layout.dotenv, b"MORE=1\n")),
    ("7", lambda rig: new(rig.layout.tmp / "left")),
    ("7", held),
    ("8", lambda rig: changed(rig.layout.notes, f'{{"deployment":"d","text":"{API_KEY}"}}\n'.encode())),
]


@pytest.mark.parametrize("point, broken", BREAKS)
def test_each_point_that_is_broken_is_seen(
    rig: Rig, point: str, broken: Callable[[Rig], AbstractContextManager[None]]
) -> None:
    """And once it is mended, nothing is."""
    before = Before.of(rig)
    with broken(rig):
        problems = check_invariants(rig, before, WELL)
    assert any(problem[0] == point for problem in problems), problems
    assert check_invariants(rig, before, WELL) == []


def test_a_status_that_hides_a_difference_is_seen(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """Third point: journal and processes differ. A status that says so is the truth; one that does not is a lie."""
    before, lie = Before.of(rig), json.dumps({"hosts": [{"release": "v1", "needs_a_look": []}]})
    with changed(rig.layout.journal, entry(type="release.blessed", release="v8")):
        assert rig.status(check=None)["needs_a_look"]
        monkeypatch.setattr(rig, "turnout", lambda *words: Run(words, 0, lie, ""))
        assert any(problem[0] == "3" for problem in check_invariants(rig, before, WELL))
