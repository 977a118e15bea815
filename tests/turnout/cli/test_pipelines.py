"""`turnout init --github`, `--gitlab` and `--git-hook`: valid for their readers, and careful with what is there."""

import fcntl
import io
import json
import os
import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from tests.support.site import until
from tests.support.sshd import descendants
from turnout import __version__
from turnout.cli import filling, main, pipelines

from .conftest import Terminal

ENVIRONMENT = """
[environments.{name}]
hosts = ["deploy@203.0.113.5"]
path = "/srv/{name}"
branches = {branches}
{more}
"""
ONE = [("production", ["main", "production"], "")]
TWO = [
    ("production", ["main", 'it\'s+"odd"', "rel/#1", "$(id>pwned)"], ""),
    ("staging-eu", ["staging", "main", "on", "`x`;y"], 'url = "https://st.example.com"'),
]
Environments = list[tuple[str, list[str], str]]


def lay(folder: Path, environments: Environments, source: str = "backend", node: str = 'node = "20"') -> None:
    """A repository with a turnout.toml; `folder` is where the latter lies."""
    text = f'app = "blue-video"\nsource = "{source}"\n{node}\n'
    for name, branches, more in environments:
        text += ENVIRONMENT.format(name=name, branches=json.dumps(branches), more=more)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "turnout.toml").write_text(text)


@pytest.fixture
def top(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    subprocess.run(["git", "init", "-q", "-b", "main", str(tmp_path)], check=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def load(file: Path) -> dict[str, Any]:
    return dict(YAML(typ="safe").load(file.read_text()))


def valid(file: Path, schema: str) -> None:
    """Check it with the schema that check-jsonschema carries; nothing is fetched."""
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", f"vendor.{schema}", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


CASES = [
    (ONE, "backend", 'node = "20"'),
    (ONE, ".", ""),
    (TWO, "services/a.b+c", 'node = ">=20 <23"'),
]


@pytest.mark.parametrize("environments, source, node", CASES)
def test_github_takes_the_workflow(top: Path, environments: Environments, source: str, node: str) -> None:
    """By GitHub's schema; its triggers, its group, and what it may do are as the file says."""
    lay(top, environments, source, node)
    assert main.run(["init", "--github"]) == 0
    file = top / pipelines.WORKFLOW
    valid(file, "github-workflows")
    flow = load(file)
    (job,) = flow["jobs"].values()
    names = [name for name, _, _ in environments]
    assert flow["on"]["workflow_dispatch"]["inputs"]["environment"]["options"] == names
    assert set(flow["on"]["workflow_dispatch"]["inputs"]) == {
        "environment", "ref", "urgent", "reason", "rollback", "release",
    }  # fmt: skip
    assert flow["concurrency"]["cancel-in-progress"] is False
    assert flow["concurrency"]["group"].removeprefix("deploy-") == job["environment"]["name"]
    assert flow["permissions"] == {
        "contents": "read", "deployments": "write", "statuses": "write", "checks": "read",
    }  # fmt: skip
    assert job["environment"]["deployment"] is False
    paths = flow["on"]["push"].get("paths")
    escaped = source.replace("+", "\\+")
    assert paths == (None if source == "." else [f"{escaped}/**", "turnout.toml"])
    for step in job["steps"]:
        assert "${{" not in step.get("run", "")


def test_a_branch_is_a_pattern_that_fits_only_itself_and_an_environment_of_its_own(top: Path) -> None:
    """Names with marks of patterns and quotes; one that two environments have deploys to the first."""
    lay(top, TWO)
    main.run(["init", "--github"])
    flow = load(top / pipelines.WORKFLOW)
    assert flow["on"]["push"]["branches"] == [
        "main", "it's\\+\"odd\"", "rel/#1", "$(id>pwned)", "staging", "on", "`x`;y",
    ]  # fmt: skip
    expression = flow["concurrency"]["group"]
    assert "(github.ref_name == 'it''s+\"odd\"' && 'production')" in expression
    assert expression.endswith("|| 'staging-eu' }}")


@pytest.mark.parametrize("environments, source, node", CASES)
def test_gitlab_takes_the_pipeline(top: Path, environments: Environments, source: str, node: str) -> None:
    """By GitLab's schema; a job for each environment, one at a time, never interrupted."""
    lay(top, environments, source, node)
    assert main.run(["init", "--gitlab"]) == 0
    valid(top / pipelines.GITLAB, "gitlab-ci")
    whole = load(top / pipelines.GITLAB)
    for name, branches, _ in environments:
        job = whole[f"deploy {name}"]
        assert (job["resource_group"], job["environment"]["name"], job["variables"]["TO"]) == (
            name,
            name,
            name,
        )
        assert job["rules"][-1]["if"] == f'$CI_PIPELINE_SOURCE == "web" && $ENVIRONMENT == "{name}"'
        assert len(job["rules"]) <= len(branches) + 1
    assert whole[".turnout"]["interruptible"] is False


def test_a_pipeline_that_is_there_gets_one_beside_it(top: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """GitLab has one file at the top: ours goes beside it, and the line to add is said."""
    lay(top, ONE)
    (top / ".gitlab-ci.yml").write_text("test:\n  script: [npm test]\n")
    assert main.run(["init", "--gitlab"]) == 0
    assert (top / ".gitlab-ci.yml").read_text().startswith("test:")
    valid(top / pipelines.GITLAB_BESIDE, "gitlab-ci")
    assert "include: [{local: .gitlab/deploy-backend.yml}]" in capsys.readouterr().err


def test_turnout_toml_in_a_folder_of_its_own(top: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The commands run where it lies, under the name that was given; the files go to the top."""
    lay(top / "deploy", ONE)
    (top / "deploy/turnout.toml").rename(top / "deploy/live.toml")
    monkeypatch.chdir(top / "deploy")
    assert main.run(["init", "--github", "--gitlab", "-c", "live.toml"]) == 0
    flow, pipeline = load(top / pipelines.WORKFLOW), load(top / pipelines.GITLAB)
    valid(top / pipelines.WORKFLOW, "github-workflows")
    valid(top / pipelines.GITLAB, "gitlab-ci")
    assert flow["jobs"]["deploy"]["defaults"]["run"]["working-directory"] == "deploy"
    assert "turnout deploy -c live.toml --ref" in flow["jobs"]["deploy"]["steps"][-1]["run"]
    assert flow["on"]["push"]["paths"] == ["backend/**", "deploy/live.toml"]
    assert pipeline[".turnout"]["before_script"][0] == "cd deploy"


def test_an_environment_that_another_one_is_asked_for_needs_both_keys(
    top: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The gate asks staging over SSH, from the same job, with the same secrets."""
    lay(top, [("staging", ["next"], ""), ("production", ["main"], 'requires = "staging"')])
    assert main.run(["init", "--github"]) == 0
    assert "production asks staging: VPS_KNOWN_HOSTS needs a line of both" in capsys.readouterr().err


def test_both_at_once_and_without_a_turnout_toml(top: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """On a fresh repository init writes turnout.toml first; --json tells all of it in one object."""
    (top / "package.json").write_text('{"name": "api"}')
    assert main.run(["init", "--github", "--gitlab", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert Path(told["file"]).name == "turnout.toml"
    assert [(Path(one["file"]).name, one["written"]) for one in told["files"]] == [
        ("deploy-backend.yml", True), (".gitlab-ci.yml", True),
    ]  # fmt: skip


@pytest.mark.parametrize("answer, code", [("y\n", 0), ("\n", 2), ("no\n", 2)])
def test_nothing_is_replaced_without_a_yes(
    top: Path, monkeypatch: pytest.MonkeyPatch, answer: str, code: int
) -> None:
    """At a terminal it is asked; anything but yes leaves the file as it is."""
    lay(top, ONE)
    file = top / pipelines.WORKFLOW
    file.parent.mkdir(parents=True)
    file.write_text("mine\n")
    stdin = Terminal(answer)
    monkeypatch.setattr(sys, "stdin", stdin)
    monkeypatch.setattr(sys, "stderr", Terminal())
    assert main.run(["init", "--github"]) == code
    assert (file.read_text() == "mine\n") == (code != 0)


def test_without_a_terminal_it_is_refused_and_force_or_yes_replaces(
    top: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """All or nothing: the other file is not written either; what is just like ours is left alone."""
    lay(top, ONE)
    file = top / pipelines.WORKFLOW
    file.parent.mkdir(parents=True)
    monkeypatch.setattr(sys, "stdin", io.StringIO("y\n"))
    for way in ("--force", "--yes"):
        file.write_text("mine\n")
        (top / pipelines.GITLAB).unlink(missing_ok=True)
        assert main.run(["init", "--github", "--gitlab"]) == 2
        assert file.read_text() == "mine\n"
        assert not (top / pipelines.GITLAB).exists()
        assert main.run(["init", "--github", "--gitlab", way]) == 0
        assert file.read_text() != "mine\n"
    written = file.stat().st_mtime_ns
    capsys.readouterr()
    assert main.run(["init", "--github"]) == 0
    assert file.stat().st_mtime_ns == written
    assert "just like this" in capsys.readouterr().err


def test_a_hook_wants_a_bare_repository(
    top: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """In a working tree it is refused with the way; in the bare one it is executable and right for every shell."""
    lay(top, TWO)
    assert main.run(["init", "--git-hook"]) == 2
    assert "git init --bare" in capsys.readouterr().err
    bare = top / "app.git"
    subprocess.run(["git", "init", "-q", "--bare", str(bare)], check=True)
    monkeypatch.chdir(bare)
    assert main.run(["init", "--git-hook"]) == 2
    assert "turnout.toml" in capsys.readouterr().err
    lay(bare, TWO)
    assert main.run(["init", "--git-hook"]) == 0
    hook = bare / "hooks/post-receive"
    assert os.access(hook, os.X_OK)
    for shell in ("sh", "bash"):
        subprocess.run([shell, "-n", str(hook)], check=True)


@pytest.mark.parametrize("shell", ["sh", "bash"])
def test_the_hook_deploys_each_branch_to_its_environment(
    top: Path, monkeypatch: pytest.MonkeyPatch, shell: str
) -> None:
    """Refs come from stdin; names that a shell would obey stay names; the worst exit code is the hook's."""
    bare = top / "app.git"
    subprocess.run(["git", "init", "-q", "--bare", str(bare)], check=True)
    monkeypatch.chdir(bare)
    lay(bare, TWO)
    program = top / "turnout"
    program.write_text(
        '#!/bin/sh\necho "$*" >> "$OUT"\n[ -z "${GIT_DIR:-}" ] || exit 99\n[ "$4" != staging-eu ] || exit 30\n'
    )
    program.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(top / "python"))
    assert main.run(["init", "--git-hook"]) == 0
    old, new, none = "1" * 40, "2" * 40, "0" * 40
    branches = ["main", 'it\'s+"odd"', "$(id>pwned)", "`x`;y", "feature"]
    lines = [f"{old} {new} refs/heads/{branch}" for branch in branches]
    lines += [f"{old} {none} refs/heads/main", f"{none} {new} refs/tags/main", f"{none} {new} refs/notes/x"]
    done = subprocess.run(
        [shell, "hooks/post-receive"], input="\n".join(lines) + "\n", cwd=bare, text=True, check=False,
        env={**os.environ, "OUT": str(top / "out"), "GIT_DIR": ".", "GIT_QUARANTINE_PATH": "x"}, capture_output=True,
    )  # fmt: skip
    assert (top / "out").read_text().splitlines() == [
        "deploy --ref=refs/heads/main -- production",
        'deploy --ref=refs/heads/it\'s+"odd" -- production',
        "deploy --ref=refs/heads/$(id>pwned) -- production",
        "deploy --ref=refs/heads/`x`;y -- staging-eu",
    ]
    assert done.returncode == 30
    assert "`x`;y was received, but it does not serve on staging-eu (exit code 30)" in done.stderr
    assert not list(top.rglob("pwned"))


def test_one_push_deploys_at_a_time(top: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A hook whose repository is being deployed from waits for that to end, and then deploys."""
    bare = top / "app.git"
    subprocess.run(["git", "init", "-q", "--bare", str(bare)], check=True)
    monkeypatch.chdir(bare)
    lay(bare, ONE)
    program = top / "turnout"
    program.write_text('#!/bin/sh\necho "$*" >> "$OUT"\n')
    program.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(top / "python"))
    assert main.run(["init", "--git-hook"]) == 0
    with (bare / "turnout.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        env = {**os.environ, "OUT": str(top / "out")}
        hook = subprocess.Popen(["hooks/post-receive"], cwd=bare, env=env, stdin=subprocess.PIPE, text=True)
        try:
            until(lambda: any(_waits(pid) for pid in descendants(hook.pid)))
            assert not (top / "out").exists()
            fcntl.flock(lock, fcntl.LOCK_UN)
            hook.communicate(f"{'1' * 40} {'2' * 40} refs/heads/main\n", timeout=60)
        finally:
            hook.kill()
    assert hook.returncode == 0
    assert (top / "out").read_text() == "deploy --ref=refs/heads/main -- production\n"


def _waits(pid: int) -> bool:
    """Whether it is a flock that the kernel lets wait."""
    try:
        return Path(f"/proc/{pid}/comm").read_text() == "flock\n" and bool(
            re.search(rf"-> .* {pid} ", Path("/proc/locks").read_text())
        )
    except OSError:
        return False


@pytest.mark.parametrize(
    "came, asked, stand_in",
    [
        (None, f"turnout=={__version__}", False),
        (
            {"url": "https://example.com/t.whl", "archive_info": {}},
            "turnout @ https://example.com/t.whl",
            False,
        ),
        (
            {"url": "https://example.com/t", "vcs_info": {"vcs": "git", "commit_id": "3f2a1bc45d"}},
            "turnout @ git+https://example.com/t@3f2a1bc45d",
            False,
        ),
        ({"url": "file:///home/ann/turnout", "dir_info": {"editable": True}}, filling.STAND_IN, True),
        (
            {"url": "ssh://git@example.com/t", "vcs_info": {"vcs": "git", "commit_id": "3f"}},
            filling.STAND_IN,
            True,
        ),
    ],
)
def test_ci_installs_turnout_from_where_this_one_came(
    monkeypatch: pytest.MonkeyPatch, came: object, asked: str, stand_in: bool
) -> None:
    """From an index: the same version; from an address: that; from a folder here: a stand-in that says so."""

    class Distribution:
        def read_text(self, name: str) -> str | None:
            assert name == "direct_url.json"
            return None if came is None else json.dumps(came)

    monkeypatch.setattr(metadata, "distribution", lambda name: Distribution())
    found = filling.requirement()
    assert (found[0], found[2]) == (asked, stand_in)
