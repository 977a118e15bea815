"""The questions that only the build can answer: the environment's own commands, and the promised artifact."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.turnout.steps.conftest import TOML, Scene
from turnout.builder.build import Toolchain
from turnout.errors import GateRefused
from turnout.steps import checks

PACKAGE = '{"name": "api", "version": "1.0.0"}\n'


async def ran(scene: Scene, *commands: str) -> tuple[list[str], list[str]]:
    """What passed in words, and the lines of output."""
    text = (
        TOML
        + f"checks = {list(commands)!r}\n[build]\ninstall = ['mkdir node_modules && echo made > node_modules/x']\n"
    )
    scene.played.write("backend/package.json", PACKAGE)
    scene.played.commit("package")
    (scene.played.root / "turnout.toml").write_text(text)
    work = await scene.work()
    work.runs = Toolchain("20.20.2")
    lines: list[str] = []
    work.bus.listen(lambda event: lines.append(event.data["line"]) if event.type == "step.output" else None)
    async with work.stack:
        return await checks.checks(work), lines


async def test_commands_run_in_a_clean_checkout_with_its_dependencies(
    scene: Scene,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """In order, with what the install commands made, without uncommitted files and without Turnout's secrets."""
    monkeypatch.setenv("GITHUB_TOKEN", "ghs_secret")
    (scene.played.root / "backend").mkdir(exist_ok=True)
    (scene.played.root / "backend/a.ts").write_text("not committed\n")
    passed, lines = await ran(scene, "cat node_modules/x", "echo token=$GITHUB_TOKEN", "git status || pwd")
    assert passed[0] == "cat node_modules/x passed"
    assert lines[:2] == ["made", "token="]
    assert str(scene.played.root) not in lines[-1]


async def test_the_first_that_fails_refuses_with_its_last_lines(scene: Scene) -> None:
    """10, and the later ones are not run."""
    with pytest.raises(GateRefused) as caught:
        await ran(scene, "echo broken; exit 3", "echo never")
    assert caught.value.message == "a check failed: `echo broken; exit 3` exited with 3"
    assert caught.value.why == ["broken"]
    assert caught.value.remedy
    assert caught.value.where.endswith("turnout.toml:7:1")


async def test_what_a_check_writes_into_node_modules_stays_out_of_the_cache(scene: Scene) -> None:
    """Test runners keep things there; the next build gets what npm made."""
    await ran(scene, "echo changed > node_modules/x")
    _, lines = await ran(scene, "cat node_modules/x")
    assert lines == ["made"]


async def test_without_checks_nothing_is_laid_out(scene: Scene) -> None:
    """No folder, no installation."""
    assert await checks.checks(await scene.work()) == []
    assert not Path(scene.cache.root).exists()


@pytest.mark.parametrize("promised, refused", [(None, False), ("a" * 64, False), ("b" * 64, True)])
def test_the_artifact_is_the_one_that_was_promised(promised: str | None, refused: bool) -> None:
    """To the last byte; a build that is not reproducible is refused before the switch."""
    work: Any = SimpleNamespace(
        promised=promised,
        artifact=SimpleNamespace(digest="a" * 64),
        environment=SimpleNamespace(name="production", requires="staging"),
        deploy=SimpleNamespace(ref="main"),
        config=SimpleNamespace(file=Path("nowhere/turnout.toml")),
    )
    if not refused:
        return checks.same_as_promised(work)
    with pytest.raises(GateRefused) as caught:
        checks.same_as_promised(work)
    assert "turnout deploy staging --ref main" in caught.value.remedy[0]
    return None
