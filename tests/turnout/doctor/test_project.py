from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from turnout.config import example
from turnout.config.schema import Config, Environment, Health, Processes
from turnout.doctor import project
from turnout.doctor.finding import Finding

Make = Callable[[dict[str, str]], Path]
CONFIG = Config(app="api", environments={"production": Environment(name="production", path="/srv/api")})


@pytest.fixture
def app(folder: Make) -> Callable[..., project.App]:
    """Makes an app of a package.json and other files."""

    def make(package: dict[str, Any] | None = None, config: Config = CONFIG, **files: str) -> project.App:
        named = {name.replace("__", "/").replace("_dot_", "."): text for name, text in files.items()}
        texts = tuple(text for name, text in named.items() if name.endswith("ts"))
        return project.App(config, folder(named), None, package or {}, texts)

    return make


def one(findings: list[Finding]) -> tuple[str, str]:
    [found] = findings
    return found.level, found.message


@pytest.mark.parametrize(
    "package,lock,unlocked",
    [
        ({"dependencies": {"a": "1"}}, {"packages": {"": {"dependencies": {"a": "1"}}}}, []),
        ({"dependencies": {"a": "2"}}, {"packages": {"": {"dependencies": {"a": "1"}}}}, ["a"]),
        ({"dependencies": {"a": "1"}}, {"packages": {"": {}}}, ["a"]),
        ({}, {"packages": {"": {"devDependencies": {"b": "1"}}}}, ["b"]),
        ({"dependencies": {"a": "1"}}, {"lockfileVersion": 1, "dependencies": {}}, []),
        ({"devDependencies": {"a": "1"}}, {"packages": {"": {"dependencies": {"a": "1"}}}}, ["a"]),
    ],
)
def test_lock_file_and_package_must_say_the_same(
    package: dict[str, Any], lock: dict[str, Any], unlocked: list[str]
) -> None:
    """The packages that differ are named; an old lock file does not say what it was made for."""
    assert project.out_of_step(package, lock) == unlocked


def test_a_lock_file_out_of_step_is_a_problem(app: Callable[..., project.App]) -> None:
    """`npm ci` would refuse it in the build."""
    lock = json.dumps({"packages": {"": {}}})
    made = app({"dependencies": {"a": "1"}}, **{"package-lock_dot_json": lock})
    assert one(project.lock(made)) == ("problem", "package-lock.json and package.json are out of step: a")
    made = app({"dependencies": {"a": "1"}}, **{"package-lock_dot_json": "<<<<<<< HEAD"})
    assert one(project.lock(made))[0] == "problem"


def test_without_a_lock_file_npm_ci_cannot_work(app: Callable[..., project.App], tmp_path: Path) -> None:
    """One that is only not committed has another remedy than one that was never made."""
    made = app()
    assert project.lock(made)[0].remedy[0].startswith("npm install --package-lock-only")
    (tmp_path / "package-lock.json").write_text("{}")
    committed = project.App(CONFIG, made.folder, tmp_path)
    assert project.lock(committed)[0].remedy == (
        "it is there, but not committed: git add package-lock.json && git commit",
    )


@pytest.mark.parametrize("scripts,level", [({"build": "tsc"}, "ok"), ({}, "problem"), (None, "problem")])
def test_the_scripts_that_the_build_names_must_exist(
    app: Callable[..., project.App], scripts: Any, level: str
) -> None:
    """`npm run build` without a script would fail only after the whole installation."""
    assert one(project.scripts(app({"scripts": scripts})))[0] == level


@pytest.mark.parametrize(
    "spec,engines,own,level",
    [
        ("20", ">=18", "20.1.0", "ok"),
        ("20", None, "18.0.0", "ok"),
        (None, ">=18", "20.1.0", "ok"),
        (None, None, "20.1.0", "warning"),
        ("20", ">=22", "20.1.0", "warning"),
        (None, "whatever", "20.1.0", "problem"),
        ("20", ">=22", None, "ok"),
    ],
)
def test_turnout_toml_and_package_json_must_agree_on_node(
    app: Callable[..., project.App], spec: str | None, engines: str | None, own: str | None, level: str
) -> None:
    """Nothing that says which Node, or two things that contradict, is told; a range that is none is a problem."""
    package = {"engines": {"node": engines}} if engines else {}
    made = app(package, CONFIG.model_copy(update={"node": spec}))
    assert one(project.node(made, own))[0] == level


@pytest.mark.parametrize(
    "package,migration,level",
    [
        ({"dependencies": {"prisma": "6", "@prisma/client": "6"}}, True, "ok"),
        ({"devDependencies": {"prisma": "6"}, "dependencies": {"@prisma/client": "6"}}, True, "ok"),
        ({"dependencies": {"@prisma/client": "6"}}, True, "problem"),
        ({"dependencies": {"prisma": "6"}, "devDependencies": {"@prisma/client": "6"}}, True, "warning"),
        ({"dependencies": {"prisma": "6"}}, False, "warning"),
    ],
)
def test_what_prisma_needs(
    app: Callable[..., project.App], package: dict[str, Any], migration: bool, level: str
) -> None:
    """A schema, the command line, the client, and migrations."""
    files = {"package_dot_json": json.dumps(package), "prisma__schema_dot_prisma": "generator client {}"}
    if migration:
        files["prisma__migrations__1_a__migration_dot_sql"] = "select 1"
    assert one(project.prisma(app(package, **files)))[0] == level


def test_an_app_without_prisma_is_fine(app: Callable[..., project.App]) -> None:
    """Nothing is asked of it."""
    assert one(project.prisma(app({}, package_dot_json="{}"))) == ("ok", "not used")


@pytest.mark.parametrize(
    "package,source,level",
    [
        ({"dependencies": {"dotenv": "16"}}, "", "ok"),
        ({"dependencies": {"@nestjs/config": "4"}}, "", "ok"),
        ({"devDependencies": {"dotenv": "16"}}, "", "warning"),
        ({}, "", "warning"),
        ({}, "process.loadEnvFile()", "ok"),
        ({"scripts": {"start": "node --env-file=.env dist/x.js"}}, "", "ok"),
    ],
)
def test_the_app_must_load_its_dotenv(
    app: Callable[..., project.App], package: dict[str, Any], source: str, level: str
) -> None:
    """Turnout hands no value of it to PM2 (DESIGN 5)."""
    assert one(project.dotenv(app(package, src__a_dot_ts=source)))[0] == level


def test_a_committed_dotenv_is_told(app: Callable[..., project.App]) -> None:
    """Its secrets are in every clone; none of them is repeated here."""
    [found] = project.dotenv(app({"dependencies": {"dotenv": "16"}}, _dot_env="KEY=hunter2"))
    assert found.level == "warning"
    assert "hunter2" not in repr(found)


def test_the_keys_of_the_example_are_those_that_the_survey_asks_for(app: Callable[..., project.App]) -> None:
    """Comments and lines that are none are left out; `export` is allowed."""
    made = app(None, _dot_env_dot_example="# PORT=1\nA=1\nexport B=\n no sign\nC = 3\n2D=1\n")
    assert example.keys(made.folder) == ["A", "B", "C"]
    assert one(project.example(made)) == ("ok", "3 keys")


def test_without_an_example_missing_keys_show_late(app: Callable[..., project.App]) -> None:
    """A warning, and no keys to ask for."""
    assert one(project.example(app()))[0] == "warning"
    assert example.keys(app().folder) == []


@pytest.mark.parametrize(
    "path,source,level",
    [
        ("/health", "app.get('/health', x)", "ok"),
        ("/api/health", "router.get('/health', x)", "ok"),
        ("/health", '@Controller("health")', "ok"),
        ("/health", "app.get('/healthz', x)", "warning"),
        ("/health?full=1", "get(`/health`)", "ok"),
        ("/", "", "ok"),
    ],
)
def test_the_health_path_is_somewhere_in_the_source(
    app: Callable[..., project.App], path: str, source: str, level: str
) -> None:
    """Its last part at least; routers are mounted below prefixes."""
    config = CONFIG.model_copy(update={"health": Health(path=path)})
    assert one(project.health(app({}, config, src__a_dot_ts=source)))[0] == level


@pytest.mark.parametrize(
    "package,source,told",
    [
        ({}, "process.on('SIGINT', stop)", False),
        ({"dependencies": {"@godaddy/terminus": "4"}}, "x", False),
        ({}, "app.enableShutdownHooks()", False),
        ({}, "app.listen(3000)", True),
    ],
)
def test_an_app_that_does_not_drain_is_told_of_it(
    app: Callable[..., project.App], package: dict[str, Any], source: str, told: bool
) -> None:
    """FACTS: PM2's reload drops requests of an app without a handler of SIGINT, unless Turnout drains for it."""
    config = CONFIG.model_copy(update={"processes": Processes(drain=False)})
    found = project.drain(app(package, config, src__a_dot_ts=source))
    assert [one.level for one in found] == ["warning"] * told
    assert project.drain(app(package, src__a_dot_ts=source)) == []
