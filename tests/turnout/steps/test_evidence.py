"""What the gate finds out of git and of a host's journal; the repository is real, the host a few answers."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.turnout.source.conftest import Played
from tests.turnout.steps.conftest import TOML, Scene
from turnout.steps import evidence


async def test_only_what_lies_elsewhere_changed(scene: Scene) -> None:
    """A commit that leaves the app's folder as it was changes nothing; the host is asked whether it is well."""
    found = await scene.running()
    assert (found.differs, found.newer) == ("", False)
    assert "comes before it" in found.age
    assert sorted(scene.client.asked) == ["health", "survey"]


async def test_files_are_named_and_the_host_is_not_asked(scene: Scene) -> None:
    """Three of them, and how many more."""
    for name in "bcdef":
        scene.played.write(f"backend/{name}.ts")
    scene.played.commit("five")
    found = await scene.running()
    assert found.differs.startswith("5 files since v1 (")
    assert found.differs.endswith(": backend/b.ts, backend/c.ts, backend/d.ts and 2 more")
    assert scene.client.asked == []


@pytest.mark.parametrize(
    "changes, said",
    [
        ({"inputs": None}, "an earlier Turnout"),
        ({"inputs": "other"}, "how it is built"),
        ({"revision": None, "inputs": None}, "nothing is known of its revision"),
        ({"turnout": "0.0.1"}, "another version of Turnout"),
        ({"processes": {}}, "of the processes"),
        ({"migrated": "unknown"}, "the database was restored"),
        ({"state": "reverted"}, "should serve"),
        ({"dotenv": {"base_digest": "d0"}}, "the .env there"),
        ({"revision": "0" * 40, "inputs": "other"}, "not in this clone"),
    ],
)
async def test_other_reasons_to_deploy_the_same_code(
    scene: Scene, changes: dict[str, Any], said: str
) -> None:
    """Nothing under `source` changed, and yet something would."""
    assert said in (await scene.running(**changes)).differs


@pytest.mark.parametrize(
    "call, answer, said",
    [
        ("health", {"needs_a_look": ["the health check fails"]}, "the health check fails"),
        ("survey", {"findings": [{"why": "drift: a file", "fatal": True}]}, "drift: a file"),
    ],
)
async def test_a_host_that_is_not_well_is_something_to_do(
    scene: Scene, call: str, answer: dict[str, Any], said: str
) -> None:
    """The deployment goes on, and its own survey says the rest."""
    scene.client.changes[call] = answer
    assert (await scene.running()).differs == said


@pytest.mark.parametrize(
    "old, new",
    [
        ('app = "api"', 'app = "api"\nnode = "20"'),
        ('app = "api"', 'app = "api"\nbuild.commands = ["npm run other"]'),
        ('app = "api"', 'app = "api"\nbuild.env = ["PATH"]'),
        ('app = "api"', 'app = "api"\npackage.include = ["dist"]'),
        ('app = "api"', 'app = "api"\ndependencies.commands = ["npm ci"]'),
        ('app = "api"', 'app = "api"\nmigrate.commands = ["true"]'),
    ],
)
async def test_settings_that_decide_the_artifact_are_part_of_its_inputs(
    scene: Scene, old: str, new: str
) -> None:
    """Each of them makes another artifact out of the same code."""
    before = (await scene.work()).inputs
    (scene.played.root / "turnout.toml").write_text(TOML.replace(old, new))
    assert (await scene.work()).inputs != before


async def test_settings_of_one_environment_are_not(scene: Scene) -> None:
    """Staging and production have the same artifact, so `requires` can compare them; nor is the branch's name."""
    before = (await scene.work()).inputs
    (scene.played.root / "turnout.toml").write_text(
        TOML + 'windows = ["not Fri"]\nprocess_env = "x"\n[health]\nbake = "1s"\n'
    )
    assert (await scene.work(scene.first)).inputs == before


async def test_an_older_revision(scene: Scene) -> None:
    """v1 runs the newest commit; the one before it would go back, and v1 itself is named when it was that."""
    found = await scene.running(scene.first, revision=scene.second, inputs="other")
    assert found.newer
    assert found.age.endswith("which comes after it")
    assert found.back is None
    assert (await scene.running(scene.first, turnout="0.0.1", inputs="other")).back == "v1"
    assert (await scene.running(scene.second, turnout="0.0.1")).back == "v1"


async def test_history_that_was_rewritten_is_not_older(scene: Scene) -> None:
    """What runs is on no branch any more: somebody reset it on purpose."""
    scene.played.git("reset", "-q", "--hard", scene.first)
    found = await scene.running(revision=scene.second, inputs="other")
    assert not found.newer
    assert "on no branch any more" in found.age


async def test_a_late_job_of_an_older_push(scene: Scene, tmp_path: Path) -> None:
    """Its clone does not have what runs, but origin has more than the clone: what runs is newer."""
    clone = Played(tmp_path / "clone")
    scene.played.git("clone", "-q", str(scene.played.root), str(clone.root))
    scene.played.write("backend/a.ts", "new\n")
    newest = scene.played.commit("three")
    (clone.root / "turnout.toml").write_text(TOML)
    late = Scene.__new__(Scene)
    late.__dict__.update(scene.__dict__, played=clone)
    found = await late.running(revision=newest, inputs="other")
    assert found.newer
    assert "origin has newer commits" in found.age


async def test_a_promoted_artifact_keeps_the_inputs_that_it_was_built_from(scene: Scene) -> None:
    """Another machine's variables or turnout.toml decided it, so `requires` asks for what staging's journal knows."""
    work = await scene.work()
    ours = work.inputs
    for record, inputs in (({"inputs": "theirs"}, "theirs"), ({}, ours)):
        work.origin = SimpleNamespace(record=record)  # type: ignore[assignment]
        await evidence.revision(work)
        assert work.inputs == inputs
