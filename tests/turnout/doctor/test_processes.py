from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from turnout.config.schema import Config, Environment
from turnout.doctor import processes
from turnout.doctor.finding import Finding

Make = Callable[[dict[str, str]], Path]
INCLUDE = ("dist", "prisma", "*.json", "lib/**")
CONFIG = Config(app="api", environments={"production": Environment(name="production", path="/srv/api")})


async def look(folder: Path, working: Path | None = None) -> list[Finding]:
    return await processes.look(CONFIG, folder, working, lambda _: [])


@pytest.mark.parametrize(
    "app,mode",
    [
        ({}, "fork"),
        ({"instances": 2}, "cluster"),
        ({"instances": 1}, "cluster"),
        ({"instances": "max"}, "cluster"),
        ({"instances": -1}, "cluster"),
        ({"instances": -2}, "fork"),
        ({"instances": 2, "exec_mode": "fork"}, "fork"),
        ({"exec_mode": "cluster_mode"}, "cluster"),
        ({"instances": 2, "interpreter": "python3"}, "fork"),
        ({"instances": 2, "interpreter": "/opt/node/bin/node"}, "cluster"),
    ],
)
def test_the_mode_is_what_pm2_makes_of_it(app: dict[str, Any], mode: str) -> None:
    """PM2 7.0.4's own rules, as the host program has them."""
    assert processes.mode(app) == mode


@pytest.mark.parametrize(
    "script,inside",
    [
        ("./dist/server.js", "dist/server.js"),
        ("dist/server.js", "dist/server.js"),
        ("server.js", "server.js"),
        ("/app/dist/server.js", "dist/server.js"),
        ("/usr/bin/python3", None),
        ("../other/server.js", None),
        ("npm", None),
    ],
)
def test_a_script_is_looked_for_only_in_the_app(script: str, inside: str | None) -> None:
    """Programs from elsewhere are not ours to send."""
    assert processes.inside(script, Path("/app")) == inside


@pytest.mark.parametrize(
    "path,sent",
    [
        ("dist/server.js", True),
        ("lib/a/b.js", True),
        ("package.json", True),
        ("src/server.js", False),
        ("distance/x.js", False),
    ],
)
def test_what_is_started_must_be_sent(path: str, sent: bool) -> None:
    """A pattern covers the path itself or a folder above it."""
    assert processes.covered(path, INCLUDE) is sent
    found = processes.scripts([{"script": path}], Path("/app"), INCLUDE)
    assert [finding.level for finding in found] == ([] if sent else ["problem"])


def test_with_several_apps_one_must_be_ours() -> None:
    """A single app answers for health whatever its name; of several, the first does where none has ours."""
    one, two = {"name": "web", "script": "a.js"}, {"name": "api", "script": "b.js"}
    assert processes.named("api", [one]) == []
    assert processes.named("api", [one, two]) == []
    assert [found.level for found in processes.named("shop", [one, two])] == ["warning"]


async def test_a_fork_app_is_told_of_its_gap(folder: Make) -> None:
    """FACTS: about 0.5 s at each deployment."""
    text = "module.exports = [{ name: 'api', script: 'dist/x.js' }, { name: 'w', script: 'dist/w.js', instances: 2 }]"
    [found] = await look(folder({"ecosystem.config.js": text}))
    assert (found.level, found.message) == (
        "warning",
        "api in fork mode: a gap of about 0.5 s at each deployment",
    )


@pytest.mark.parametrize(
    "text",
    [
        "module.exports = { apps: [{ name: 'api', cwd: __dirname, script: './dist/x.js', instances: 2 }] }",
        "module.exports = { apps: { name: 'api', script: __dirname + '/dist/x.js', instances: 2 } }",
        "console.log('hi'); exports.apps = [{ name: 'api', script: 'dist/x.js', exec_mode: 'cluster', instances: 2 }]",
    ],
)
async def test_every_shape_of_the_file_is_read(folder: Make, text: str) -> None:
    """As the wrapper on the host reads it."""
    [found] = await look(folder({"ecosystem.config.js": text}))
    assert (found.level, found.message) == ("ok", "api in cluster mode, 2 instances")


async def test_what_the_file_holds_in_env_is_never_seen(folder: Make) -> None:
    """Not in a finding, not in a failure."""
    text = "module.exports = { apps: [{ name: 'api', script: 'x.js', env: { KEY: 'hunter2' } }] }"
    assert "hunter2" not in repr(await look(folder({"ecosystem.config.js": text})))


async def test_packages_of_the_working_folder_are_at_hand(folder: Make, tmp_path: Path) -> None:
    """Many files load their dotenv; in a clean tree there is no node_modules."""
    text = "require('dotenv'); module.exports = { apps: [{ script: 'dist/x.js', instances: 'max' }] }"
    app = folder({"ecosystem.config.js": text})
    [found] = await look(app)
    assert (found.level, "Cannot find module 'dotenv'" in found.why[0]) == ("warning", True)
    modules = tmp_path / "working/node_modules/dotenv"
    modules.mkdir(parents=True)
    (modules / "index.js").write_text("")
    [found] = await look(app, tmp_path / "working")
    assert found.message == "x in cluster mode, instances: max"


@pytest.mark.parametrize(
    "text", ["module.exports = { apps: [] }", "module.exports = { apps: [{}] }", "syntax error"]
)
async def test_a_file_that_says_nothing_is_a_warning(folder: Make, text: str) -> None:
    """The host reads it again, with all packages, before anything is switched."""
    [found] = await look(folder({"ecosystem.config.js": text}))
    assert (found.level, bool(found.why[0])) == ("warning", True)


async def test_without_the_file_nothing_can_be_started(folder: Make) -> None:
    """PM2 needs one."""
    [found] = await look(folder({"package.json": "{}"}))
    assert found.level == "problem"
