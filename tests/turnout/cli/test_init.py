"""`turnout init`, on real folders with real git."""

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from turnout.cli import detect, main
from turnout.config import load
from turnout.model import Address

SAMPLE = Path(__file__).parents[3] / "examples" / "blue-video-backend"
Make = Callable[[dict[str, str]], Path]


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Make:
    """Lay files into a folder and go there."""

    def making(files: dict[str, str]) -> Path:
        for name, text in files.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(text)
        monkeypatch.chdir(tmp_path)
        return tmp_path

    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    return making


def git(folder: Path, *arguments: str) -> None:
    identity = ["-c", "user.name=t", "-c", "user.email=t@t.invalid"]
    subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True)


def test_the_sample(make: Make, capsys: pytest.CaptureFixture[str]) -> None:
    """The spec's app in backend/ gets a short file that loads, and every choice is explained on the screen."""
    top = make({})
    shutil.copytree(SAMPLE, top / "backend", ignore=shutil.ignore_patterns("node_modules", "dist"))
    git(top, "init", "-b", "main")
    git(top, "add", "-A")
    git(top, "commit", "-m", "x")
    git(top, "branch", "production")
    assert main.run(["init", "--host", "deploy@203.0.113.5:22022", "--path", "/srv/api"]) == 0
    config = load(None, top)
    assert (config.app, config.source, config.node) == ("blue-video-backend", "backend", None)
    production = config.environment(None)
    assert production.hosts == (Address("203.0.113.5", "deploy", 22022),)
    assert production.path == "/srv/api"
    assert production.branches == ("main", "production")
    assert config.build.install[-1].endswith("prisma generate")
    said = capsys.readouterr().err
    for part in (
        "its name in ecosystem.config.js",
        "2 instances, port 3000",
        "engines say >=20",
        "next       turnout doctor",
    ):
        assert part in said
    assert sorted(path.name for path in top.iterdir()) == [".git", "backend", "turnout.toml"]


def test_an_app_without_anything(make: Make, capsys: pytest.CaptureFixture[str]) -> None:
    """Without Prisma, build, lock file, ecosystem file and git, the file still loads; what is missing is said."""
    top = make({"package.json": '{"name": "@acme/My App"}', ".nvmrc": "v20.11.1\n"})
    assert main.run(["init", "staging", "--yes"]) == 0
    text = (top / "turnout.toml").read_text()
    config = load(None, top)
    assert (config.app, config.source, config.node) == ("my-app", ".", "20.11.1")
    assert config.environment("staging").hosts == (Address("host.invalid", "deploy"),)
    assert text.count("CHANGE THIS") == 2
    assert config.build.install == ("npm ci",)
    assert config.build.commands == config.migrate.commands == ()
    assert config.dependencies.commands == ("npm ci --omit=dev",)
    said = capsys.readouterr().err
    for part in (
        "change     hosts and path",
        "no git repository",
        "ecosystem.config.js",
        "package-lock.json",
        "prisma",
    ):
        assert part in said


def test_what_is_unusual_is_written_down(make: Make) -> None:
    """Another ecosystem file, script, health path and branch are found, and folders to share."""
    top = make(
        {
            "api/package.json": json.dumps({"scripts": {"build": "x"}, "engines": {"node": ">=22"}}),
            "api/pm2.config.js": "module.exports = [{ name: 'Tube_API', script: 'src/server.js', instances: 4 }];",
            "api/src/server.js": "app.get('/healthz', ok);",
            "api/uploads/.keep": "",
            "api/package-lock.json": "{}",
        }
    )
    git(top, "init", "-b", "trunk")
    assert main.run(["init", "--yes"]) == 0
    config = load(None, top)
    assert (config.app, config.source) == ("tube_api", "api")
    assert config.processes.config == "pm2.config.js"
    assert config.package.include == ("src", "package.json", "package-lock.json", "pm2.config.js")
    assert config.health.path == "/healthz"
    assert config.release.shared == ("logs", "uploads")
    assert config.environment(None).branches == ("trunk",)


def test_source_is_the_path_in_the_repository(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """Typed inside the app's folder, `source` still is its path from the top of the repository."""
    top = make({"services/api/package.json": "{}"})
    git(top, "init", "-b", "main")
    monkeypatch.chdir(top / "services" / "api")
    assert detect.find(Path.cwd()).source == "services/api"


def test_an_ecosystem_file_is_read_without_node(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where node is missing, name, script, instances and port are read by eye."""
    top = make({"package.json": "{}", "ecosystem.config.js": (SAMPLE / "ecosystem.config.js").read_text()})
    monkeypatch.setenv("PATH", "/nonexistent")
    found = detect.find(top)
    assert (found.app, found.script) == ("blue-video-backend", "./dist/server-local.js")
    assert "2 instances, port 3000" in found.why["processes"]


@pytest.mark.parametrize(
    "arguments, where",
    [
        (["--host", "-oProxyCommand=id"], "--host"),
        (["--host", "a;b"], "--host"),
        (["--path", "../x"], "--path"),
        (["--path", "/"], "--path"),
        (["a;b"], "ENVIRONMENT"),
    ],
)
def test_tricks_are_refused(
    make: Make, arguments: list[str], where: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A wrong value is refused by its name, and no file is written."""
    top = make({"package.json": "{}"})
    assert main.run(["init", *arguments]) == 2
    assert f"where  {where}" in capsys.readouterr().err
    assert not (top / "turnout.toml").exists()


def test_a_file_that_is_there_is_kept(make: Make, capsys: pytest.CaptureFixture[str]) -> None:
    """What is there is never overwritten, unless told to."""
    top = make({"package.json": "{}", "turnout.toml": "mine"})
    assert main.run(["init", "--yes"]) == 2
    assert "--force" in capsys.readouterr().err
    assert (top / "turnout.toml").read_text() == "mine"
    assert main.run(["init", "--yes", "--force", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["choices"]["source"] == "package.json is here"
    assert load(None, top).app


@pytest.mark.parametrize(
    "files", [{}, {"a/package.json": "{}", "b/package.json": "{}"}, {"package.json": "{"}]
)
def test_no_app_here(make: Make, files: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    """Without an app, or with several, or with a broken package.json, nothing is written."""
    top = make(files)
    assert main.run(["init"]) == 2
    assert capsys.readouterr().err
    assert not (top / "turnout.toml").exists()
