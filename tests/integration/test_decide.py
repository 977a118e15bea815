"""The gate on a live site: what is skipped, what waits, what is refused, and what urgency passes."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.client import Run
from tests.support.site import Site
from tests.support.told import told
from tests.turnout.gate.test_github import TOKEN, Fake

pytestmark = pytest.mark.integration
CLOSED = 'windows = ["not 00:00-24:00"]'
URGENT = ("--urgent", "--reason", "payments fail")
BRANCHES = 'branches = ["main"]'


@pytest.fixture(scope="module")
def staging() -> Iterator[Site]:
    """A second VPS, for an environment that production requires; nothing is deployed there yet."""
    made = Site()
    try:
        yield made
    finally:
        made.close()


@pytest.fixture(autouse=True)
def _as_it_was(live: Site) -> Iterator[None]:
    """Each test has a turnout.toml of its own."""
    before = (live.repo / "turnout.toml").read_text()
    yield
    (live.repo / "turnout.toml").write_text(before)


def rules(site: Site, *lines: str) -> None:
    """Add keys to [environments.production]."""
    file = site.repo / "turnout.toml"
    text = file.read_text()
    assert text.count(BRANCHES) == 1
    file.write_text(text.replace(BRANCHES, "\n".join([BRANCHES, *lines])))


def decide(site: Site, *arguments: str, check: int = 0, **env: str) -> dict[str, Any]:
    """`turnout decide --json`, its questions by name."""
    found = site.turnout("decide", "--json", *arguments, check=check, **env).json
    return found | {question["name"]: question for question in found["questions"]}


def started(site: Site) -> dict[str, Any]:
    """How the last deployment began, in the host's journal."""
    return [entry for entry in site.journal() if entry["type"] == "deployment.started"][-1]


def test_a_change_outside_of_the_app_is_skipped(live: Site) -> None:
    """Docs are pushed: nothing is built or sent, exit code 0, even while the window is closed."""
    (live.repo / "README.md").write_text("Words\n")
    live.git("add", "README.md")
    live.git("commit", "-q", "-m", "Only words")
    rules(live, CLOSED)

    decision, run = decide(live, "production"), live.deploy()

    assert (decision["verdict"], decision["changed"]["answer"]) == ("skip", "no")
    assert decision["reasons"] == ["nothing in backend/ changed since v1, which serves"]
    assert (run.finished["result"], run.finished["exit_code"]) == ("skipped", 0)
    assert run.finished["reason"] == decision["reasons"][0]
    assert not run.step("build")


def test_the_same_code_with_another_dotenv_is_deployed(live: Site) -> None:
    """The .env is part of what a release is."""
    live.write_dotenv(GREETING="hello")
    decision = decide(live)
    live.write_dotenv()
    assert (decision["verdict"], decision["changed"]["evidence"]) == ("deploy", ["the .env there"])


def test_a_closed_window_waits_and_urgency_passes_it_but_no_failed_check(live: Site) -> None:
    """Waiting is 10; urgent with a failed check is 10, before anything was sent; the reason is in the journal."""
    live.greet("Urgent")
    rules(live, CLOSED)
    rules_text = (live.repo / "turnout.toml").read_text()

    refused = live.deploy(check=10)
    block = told(refused, 10, "refused")
    assert block.what[0].startswith("the window of production never opens")
    assert live.current() == "v1"

    (live.repo / "turnout.toml").write_text(rules_text.replace(BRANCHES, f'{BRANCHES}\nchecks = ["false"]'))
    failed = live.deploy(*URGENT, check=10)
    block = told(failed, 10, "refused")
    assert block.what == ["a check failed: `false` exited with 1"]
    assert "passed by urgency: the window of production never opens" in failed.step("gate")["detail"]
    assert not failed.step("upload")
    assert live.serving() == {"v1"}
    begun = started(live)
    assert (begun["urgent"], begun["reason"], begun["by"]) == (True, "payments fail", failed.events[0]["by"])
    (last,) = [one for one in live.status()["deployments"] if one["deployment"] == begun["deployment"]]
    assert (last["why"], last["result"]) == ("payments fail", "refused")


def test_a_wait_names_the_moment(live: Site) -> None:
    """Frozen today: the time is that of the day after, in the environment's zone, for programs and for people."""
    live.greet("Frozen")
    today = live.hand("TZ=Pacific/Auckland date +%Y-%m-%d").strip()
    rules(live, f'freezes = ["{today}"]', 'time_zone = "Pacific/Auckland"')

    decision, shown = decide(live, check=10), live.turnout("decide", check=10)
    planned = live.turnout("plan", "--json", check=10).json["decision"]
    block = told(live.deploy(check=10), 10, "refused")

    assert (decision["verdict"], decision["window"]["until"]) == ("wait", decision["until"])
    assert live.hand(f"TZ=Pacific/Auckland date -d @{decision['until']:.0f} +%H:%M:%S") == "00:00:00\n"
    assert "━━ NO ━━▶ WAIT" in shown.err
    assert planned == {key: decision[key] for key in ("verdict", "reasons", "remedy")}
    assert block.what[0].startswith("wait until ")
    assert block.what[0].endswith(f"the window is closed: frozen {today}")
    line = (live.repo / "turnout.toml").read_text().splitlines().index(f'freezes = ["{today}"]') + 1
    assert block.where == [f"turnout.toml:{line}:1, step gate"]
    assert any("--urgent --reason" in line for line in block.do)


def test_checks_see_a_clean_checkout_with_its_dependencies(live: Site) -> None:
    """node_modules is there, no build is, and nobody's uncommitted file; then it is deployed, and says what passed."""
    live.greet("Checked")
    (live.repo / "backend/left-over.txt").write_text("not committed")
    rules(live, 'checks = ["test -x node_modules/.bin/tsc && test ! -e dist", "test ! -e left-over.txt"]')

    run = live.deploy(*URGENT)

    (live.repo / "backend/left-over.txt").unlink()
    assert run.finished["result"] == "succeeded"
    assert run.step("build")["detail"].count(" passed; ") == 2
    assert "urgent: payments fail" in run.step("gate")["detail"]


def test_an_older_revision_does_not_overwrite_a_newer_one(live: Site) -> None:
    """What runs comes after it: refused, with the rollback to type; the branch is asked before any host."""
    first = live.git("rev-list", "--max-parents=0", "HEAD").strip()
    block = told(live.deploy("--ref", first, check=10), 10, "refused")
    assert "is older than what runs" in block.what[0]
    assert any("turnout rollback production v1" in line for line in block.do)

    live.git("checkout", "-q", "-b", "feature")
    live.greet("Feature")
    journal = live.journal()
    block = told(live.deploy(check=10), 10, "refused")
    live.git("checkout", "-q", "main")
    assert "is on none of the branches of production" in block.what[0]
    assert live.journal() == journal


def test_github_checks_that_are_not_finished_wait_and_pass_when_they_are(live: Site) -> None:
    """Asked by name for this very revision with the repository's token, which is never shown."""
    commit = live.greet("GitHub")
    rules(live, 'github_checks = ["test"]')
    assert decide(live, check=10, GITHUB_TOKEN="")["verdict"] == "refuse"
    fake = Fake()
    thread = threading.Thread(target=fake.server.serve_forever, args=(0.01,))
    thread.start()
    try:
        answers: list[tuple[Run, str | None]] = []
        for status, conclusion, code in (
            ("in_progress", None, 10),
            ("completed", "failure", 10),
            ("completed", "success", 0),
        ):
            path = f"/api/v3/repos/acme/api/commits/{commit}/check-runs?test"
            fake.answers[path] = {
                "check_runs": [{"name": "test", "status": status, "conclusion": conclusion}]
            }
            run = live.turnout("decide", "--json", check=code, **fake.variables)
            answers.append((run, run.json["verdict"]))
        deployed = live.deploy("--ref", "HEAD", **fake.variables)
    finally:
        fake.server.shutdown()
        thread.join()
        fake.server.server_close()
    assert [word for _, word in answers] == ["wait", "refuse", "deploy"]
    assert "1 of 1 checks passed" in deployed.step("gate")["detail"]
    assert all(TOKEN not in run.out + run.err for run in (*(run for run, _ in answers), deployed))


def test_production_requires_staging(live: Site, staging: Site) -> None:
    """Refused until this very artifact was blessed there; then it soaks, which urgency passes."""
    with (staging.sshd.folder / "authorized_keys").open("a") as file:
        file.write((live.sshd.folder / "client_key.pub").read_text())
    live.greet("Staged")
    rules(live, 'requires = "staging"', 'soak = "1h"')
    file = live.repo / "turnout.toml"
    place = f'hosts = ["{staging.sshd.address}"]\npath = "{staging.path}"'
    file.write_text(
        f'{file.read_text()}\n[environments.staging]\n{place}\nprocess_env = "production"\n{BRANCHES}\n'
    )
    both = {"VPS_KNOWN_HOSTS": live.sshd.host_key_line + staging.sshd.host_key_line}

    first = decide(live, "production", check=10, **both)
    assert (first["verdict"], first["reasons"]) == (
        "refuse",
        ["production requires staging: it was never blessed there"],
    )
    planned = live.turnout("plan", "production", "--json", check=10, **both).json["decision"]
    assert planned == {key: first[key] for key in ("verdict", "reasons", "remedy")}
    live.deploy("staging", **both)
    second = decide(live, "production", check=10, **both)
    blessed = staging.journal()
    (since,) = [entry["ts"] for entry in blessed if entry["type"] == "release.blessed"]
    assert (second["verdict"], second["until"]) == ("wait", pytest.approx(since + 3600, abs=0.01))

    run = live.deploy("production", *URGENT, **both)

    assert run.finished["result"] == "succeeded"
    assert "passed by urgency: it has run on staging for" in run.step("gate")["detail"]
    artifacts = [
        [one for one in site.journal() if one["type"] == "release.staged"][-1] for site in (live, staging)
    ]
    assert artifacts[0]["artifact"] == artifacts[1]["artifact"]
    assert artifacts[0]["inputs"] == artifacts[1]["inputs"]
    assert staging.journal() == blessed, "it was only looked at"
