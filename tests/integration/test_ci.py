"""What `turnout init` writes for GitHub, GitLab and a bare repository, run as each of them would run it."""

from __future__ import annotations

import asyncio
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from tests.support.github import TOKEN, GitHub
from tests.support.processes import gone
from tests.support.runner import Ran, Runner, obeyed
from tests.support.site import API_KEY, Site

pytestmark = pytest.mark.integration
ROOT = Path(__file__).parents[2]
STEP = "Deploy"
BRANCHES = 'branches = ["main"]'
RUNNERS: list[Runner] = []


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Turnout as it is installed."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [str(Path(sys.executable).with_name("hatchling")), "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (found,) = folder.glob("*.whl")
    return found


@pytest.fixture(scope="module")
def github() -> Iterator[GitHub]:
    made = GitHub()
    try:
        yield made
    finally:
        made.close()


@pytest.fixture(scope="module")
def remote(live: Site, wheel: Path) -> Path:
    """The repository on GitHub: the app, turnout.toml, the files of `turnout init`, and the wheel that they name."""
    live.turnout("init", "--github", "--gitlab", check=0)
    shutil.copy(wheel, live.repo)
    live.git("add", "-f", ".github", ".gitlab-ci.yml", "turnout.toml", wheel.name)
    live.git("commit", "-q", "-m", "Deploy with Turnout")
    bare = live.root / "github.git"
    live.git("init", "-q", "--bare", "-b", "main", str(bare))
    live.git("remote", "add", "origin", str(bare))
    live.git("push", "-q", "origin", "main")
    return bare


@pytest.fixture
def runner(live: Site, remote: Path, github: GitHub, tmp_path: Path) -> Any:
    """Makes a runner; `inputs` are those of workflow_dispatch, none those of a push."""

    def making(**inputs: str) -> Runner:
        live.git("push", "-q", "origin", "main")
        made = Runner(
            tmp_path / f"runner{len(list(tmp_path.iterdir()))}",
            remote,
            machine(live) | github.variables,
            secrets(live) | {"GITHUB_TOKEN": TOKEN},
            inputs,
            installed=next((one.installed for one in RUNNERS if one.installed), None),
        )
        RUNNERS.append(made)
        return made

    return making


def machine(site: Site) -> dict[str, str]:
    """What is there before any step; pip gets no library from an index, the runner lends those that are here."""
    env = site._deployer_env()
    kept = {name: env[name] for name in ("HOME", "TURNOUT_CACHE", "NPM_CONFIG_CACHE")}
    return kept | {"PIP_NO_INDEX": "1", "PIP_NO_DEPS": "1", "PATH": os.environ["PATH"], "LANG": "C.UTF-8"}


def secrets(site: Site) -> dict[str, str]:
    """What people have put into GitHub's or GitLab's settings."""
    return {
        "VPS_HOST": f"127.0.0.1:{site.sshd.port}",
        "VPS_USER": site.sshd.user,
        "VPS_SSH_KEY": site.sshd.key.reveal().rstrip("\n"),
        "VPS_KNOWN_HOSTS": site.sshd.host_key_line,
    }


def silent(site: Site, ran: Ran, *folders: Path) -> None:
    """No secret is in the log or the summary, and the key is in no file of the runner."""
    body = site.sshd.key.reveal().splitlines()[1]
    for secret in (TOKEN, API_KEY, body):
        assert secret not in ran.log + ran.summary
    for folder in folders:
        assert subprocess.run(["grep", "-rqF", "--", body, str(folder)], check=False).returncode == 1


def test_a_push_deploys_and_github_hears_of_it(live: Site, runner: Any, github: GitHub) -> None:
    """The steps as written: installed from the wheel, built, proved; groups, summary, outputs, deployment, status."""
    commit = live.greet("From ::set-output name=x::Actions ##[add-mask]y")
    job = runner()

    ran = job.run()[STEP]

    print(ran.log, ran.summary, sep="\n")
    assert ran.code == 0, ran.log
    assert job.group == "deploy-production"
    assert live.serving() == {"v2"}
    assert live.answer("/").body["greeting"].startswith("From ::set-output")
    assert ran.outputs == {"release": "v2", "result": "succeeded", "url": ""}
    assert {one.name for one in ran.commands} == {"group", "endgroup"}
    assert any(" build " in one.data for one in ran.commands if one.name == "group")
    assert f"`{commit[:10]}`" in ran.summary
    assert live.status()["by"] == "ann (GitHub Actions)"
    for part in (
        "### ✅ production: v2 is live",
        "| activate | done |",
        "#### Changes",
        "turnout rollback production",
    ):
        assert part in ran.summary, ran.summary
    (deployment,) = github.deployments
    assert (deployment["ref"], deployment["environment"], deployment["task"]) == (
        commit,
        "production",
        "deploy",
    )
    assert github.states(deployment["id"]) == ["queued", "in_progress", "success"]
    assert [(one, body["state"]) for one, body in github.commits] == [
        (commit, state) for state in ("pending", "pending", "success")
    ]
    silent(live, ran, job.folder, live.home)


def test_a_rollback_by_hand_goes_back_and_the_later_deployment_is_inactive(
    live: Site, runner: Any, github: GitHub
) -> None:
    """workflow_dispatch with `rollback`: the earlier release answers, and GitHub shows what serves now."""
    job = runner(environment="production", rollback="true", urgent="false", ref="", reason="", release="v1")

    ran = job.run()[STEP]

    assert ran.code == 0, ran.log
    assert (ran.outputs["release"], ran.outputs["result"]) == ("v1", "succeeded")
    assert live.serving() == {"v1"}
    assert "#### Taken back" in ran.summary
    before, now = github.deployments[-2:]
    assert (now["task"], github.states(now["id"])) == ("rollback", ["queued", "in_progress", "success"])
    assert github.states(before["id"])[-1] == "inactive"


def test_a_release_that_crashes_fails_the_job_and_its_words_stay_words(
    live: Site, runner: Any, github: GitHub
) -> None:
    """What a dying app prints is shown, in log and annotation, and obeyed nowhere; the old release goes on."""
    serves = live.serving()
    start = (live.repo / "backend/src/server-local.ts").read_text()
    evil = (
        "::set-output name=result::succeeded\\n  ::add-mask::v\\n::stop-commands::x\\nhey ##[set-env name=A]b"
    )
    live.commit(
        {"backend/src/server-local.ts": f'console.error("{evil}"); process.exit(3);\n{start}'},
        "Crash ::error::x",
    )

    ran = runner(environment="production").run()[STEP]
    live.commit({"backend/src/server-local.ts": start}, "Well again")

    print(ran.log)
    assert ran.code == 50, ran.log
    assert live.serving() == serves
    assert ran.outputs["result"] == "failed"
    names = {one.name for one in ran.commands}
    assert names == {"group", "endgroup", "error"}
    (error,) = [one for one in ran.commands if one.name == "error"]
    assert "::add-mask::v" in error.data
    assert "rehearse" in error.properties["title"]
    assert github.states(github.deployments[-1]["id"]) == ["queued", "in_progress", "failure"]
    assert github.commits[-1][1]["state"] == "failure"
    assert "❌" in ran.summary


def test_what_people_type_is_never_a_command(live: Site, runner: Any) -> None:
    """Inputs reach turnout as one argument each, whatever is in them; urgent and its reason are handed on."""
    reason = """"; touch pwned; $(touch pwned) `touch pwned` ' --yes"""
    job = runner(environment="production", ref="main; touch pwned", urgent="true", reason=reason)
    (job.folder / "bin/turnout").write_text(
        '#!/bin/sh\nfor word in "$@"; do printf "<%s>\\n" "$word"; done\n'
    )
    (job.folder / "bin/turnout").chmod(0o755)

    ran = job.script(job.job["steps"][-1])

    assert ran.code == 0
    words = ["deploy", "--ref=main; touch pwned", "--urgent", f"--reason={reason}", "--", "production"]
    assert ran.log.splitlines() == [f"<{word}>" for word in words]
    assert not list(job.folder.rglob("pwned"))


def test_a_wrong_turnout_toml_is_an_annotation_on_its_line(live: Site, runner: Any) -> None:
    """The line that is to blame, as a path in the repository; outputs are written all the same."""
    toml = (live.repo / "turnout.toml").read_text()
    (live.repo / "turnout.toml").write_text(toml.replace("branches =", "brunches ="))
    live.git("commit", "-qam", "A slip of the pen")
    line = toml.splitlines().index('branches = ["main"]') + 1

    ran = runner(environment="production").run()[STEP]
    (live.repo / "turnout.toml").write_text(toml)
    live.git("commit", "-qam", "Mended")

    (error,) = [one for one in ran.commands if one.name == "error"]
    assert ran.code == 2
    assert (error.properties["file"], error.properties["line"]) == ("turnout.toml", str(line))
    assert "unknown key `brunches`" in error.data
    assert ran.outputs == {"release": "", "result": "failed", "url": ""}


def rules(site: Site, *lines: str) -> str:
    """Commit keys of [environments.production]; the text from before."""
    file = site.repo / "turnout.toml"
    before = file.read_text()
    file.write_text(before.replace(BRANCHES, "\n".join([BRANCHES, *lines])))
    site.git("commit", "-qam", "Rules")
    return before


def test_a_closed_window_is_an_annotation_on_its_line_and_the_urgent_form_passes_it(
    live: Site, runner: Any, github: GitHub
) -> None:
    """The form's urgent and reason reach the real --urgent --reason, and the host's journal keeps them."""
    before = rules(live, 'windows = ["not 00:00-24:00"]')
    line = (live.repo / "turnout.toml").read_text().splitlines().index('windows = ["not 00:00-24:00"]') + 1
    live.greet("Urgent")
    serves = live.serving()

    refused = runner().run()[STEP]
    assert live.serving() == serves
    reason = "payments fail; $(exit 9)"
    passed = runner(environment="production", ref="main", urgent="true", reason=reason).run()[STEP]
    alone = runner(environment="production", ref="main", urgent="true", reason="").run()[STEP]
    (live.repo / "turnout.toml").write_text(before)
    live.git("commit", "-qam", "Open")

    (error,) = [one for one in refused.commands if one.name == "error"]
    assert refused.code == 10
    assert (error.properties["file"], error.properties["line"]) == ("turnout.toml", str(line))
    assert error.data.startswith("the window of production never opens")
    assert refused.outputs["result"] == "refused"
    assert (passed.code, passed.outputs["result"]) == (0, "succeeded"), passed.log
    assert live.answer("/").body["greeting"] == "Urgent"
    begun = [entry for entry in live.journal() if entry["type"] == "deployment.started"][-1]
    assert (begun["urgent"], begun["reason"], begun["by"]) == (True, reason, "ann (GitHub Actions)")
    assert alone.code == 2
    assert "--urgent and --reason go together" in alone.log


def test_a_cancelled_job_ends_by_itself_and_says_what_serves(live: Site, runner: Any, github: GitHub) -> None:
    """SIGINT, then SIGTERM: 130, the state, an annotation, outputs; GitHub is told, and no process is left."""
    started = live.root / "started"
    os.mkfifo(started)
    pids: list[str] = []
    before = rules(live, f'checks = ["echo $$ > {started}; exec sleep 250"]')
    live.greet("Cancelled")
    serves = live.current()

    ran = runner().run(lambda: pids.append(started.read_text()))[STEP]
    (live.repo / "turnout.toml").write_text(before)
    live.git("commit", "-qam", "No checks")

    (error,) = [one for one in ran.commands if one.name == "error"]
    assert ran.code == 130, ran.log
    assert f"now: serves as before: {serves} on " in error.data
    assert ran.outputs["result"] == "failed"
    assert "❌" in ran.summary
    assert github.states(github.deployments[-1]["id"]) == ["queued", "in_progress", "error"]
    assert github.commits[-1][1]["state"] == "error"
    assert live.current() == serves
    asyncio.run(asyncio.wait_for(gone(int(pids[0])), 10))
    end = [entry for entry in live.journal() if entry["type"] == "deployment.finished"][-1]
    assert end["exit_code"] == 130


def test_gitlab_runs_its_script(live: Site, remote: Path, wheel: Path, tmp_path: Path) -> None:
    """The job's script, as GitLab's shell runs it in a clone of one commit's branch, deploys what was pushed."""
    commit = live.greet("From GitLab")
    live.git("push", "-q", "origin", "main")
    work = tmp_path / "project"
    subprocess.run(["git", "clone", "-q", "--single-branch", str(remote), str(work)], check=True)
    subprocess.run(["git", "checkout", "-q", "--detach", commit], cwd=work, check=True)
    whole = YAML(typ="safe").load((work / ".gitlab-ci.yml").read_text())
    job = {**whole[".turnout"], **whole["deploy production"]}
    given = {name: one["value"] for name, one in whole["variables"].items()}
    given |= whole[".turnout"]["variables"] | whole["deploy production"]["variables"]
    env = (
        machine(live)
        | secrets(live)
        | given
        | {"CI": "true", "GITLAB_CI": "true", "CI_PROJECT_DIR": str(work)}
    )
    env["NPM_CONFIG_CACHE"], env["TURNOUT_CACHE"] = (
        machine(live)["NPM_CONFIG_CACHE"],
        machine(live)["TURNOUT_CACHE"],
    )
    venv = tmp_path / "turnout"
    lines = [line.replace("/tmp/turnout", str(venv)) for line in (*job["before_script"], *job["script"])]
    lend = f'echo {shlex.quote(purelib())} > "$(echo {venv}/lib/python3*/site-packages)/lent.pth"'
    script = "set -eo pipefail\n" + "\n".join([*lines[:-1], lend, lines[-1]])

    done = subprocess.run(
        ["bash"], input=script, cwd=work, env=env, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done
    assert live.answer("/").body["greeting"] == "From GitLab"
    assert obeyed(done.stdout + done.stderr) == []
    assert job["resource_group"] == "production"
    assert job["interruptible"] is False


def purelib() -> str:
    import sysconfig

    return sysconfig.get_path("purelib")


@pytest.fixture(scope="module")
def server(live: Site) -> Path:
    """A bare repository on the server, with turnout.toml in its folder and the hook."""
    bare = live.root / "srv/app.git"
    live.git("init", "-q", "--bare", "-b", "main", str(bare))
    shutil.copy(live.repo / "turnout.toml", bare)
    done = subprocess.run(
        [str(Path(sys.executable).with_name("turnout")), "init", "--git-hook"],
        cwd=bare, env=live._deployer_env(), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done
    live.git("remote", "add", "server", str(bare))
    return bare


def push(site: Site, *refs: str) -> str:
    """Push to the server; what came back."""
    done = subprocess.run(
        ["git", "push", "server", *refs], cwd=site.repo, env=site._deployer_env(),
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done
    return done.stderr


def test_a_push_to_ones_own_server_deploys(live: Site, server: Path) -> None:
    """The pusher sees the deployment; only branches of an environment deploy, and a failure is said with its code."""
    live.greet("From the hook")
    told = push(live, "main")

    print(told)
    assert live.answer("/").body["greeting"] == "From the hook"
    assert "remote:" in told
    assert "is live" in told

    live.git("branch", "-f", "feature")
    live.git("tag", "-f", "t1")
    assert "remote: " not in push(live, "feature", "t1").replace("remote: \n", "")

    (server / "turnout.toml").write_text(
        (server / "turnout.toml").read_text().replace('["main"]', '["other"]')
    )
    live.greet("Not allowed")
    told = push(live, "main")
    (server / "turnout.toml").write_text((live.repo / "turnout.toml").read_text())

    assert "main was received, but it does not serve on production (exit code 10)" in told
    assert live.answer("/").body["greeting"] == "From the hook"


def test_the_hooks_exit_code_is_that_of_the_deployment(live: Site, server: Path) -> None:
    """Run as git runs it, with GIT_DIR set: 0 when nothing is to do or a branch was removed, else turnout's own."""
    live.git("reset", "-q", "--hard", "HEAD^")
    assert "nothing to do" in push(live, "+main")
    head = live.git("rev-parse", "main").strip()

    def hook(line: str, **env: str) -> int:
        return subprocess.run(
            ["hooks/post-receive"], cwd=server, input=line, env=live._deployer_env() | {"GIT_DIR": "."} | env,
            capture_output=True, text=True, check=False,
        ).returncode  # fmt: skip

    assert hook(f"{'0' * 40} {head} refs/heads/main\n") == 0
    assert hook(f"{head} {'0' * 40} refs/heads/main\n") == 0
    assert hook(f"{'0' * 40} {head} refs/heads/main\n", VPS_KNOWN_HOSTS="127.0.0.1 ssh-ed25519 AAAA") in {
        2,
        21,
    }
