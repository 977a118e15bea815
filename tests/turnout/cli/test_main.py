"""The program as a whole: exit codes, blocks, and what it loads."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from turnout import __version__, runner
from turnout.cli import main, running
from turnout.cli.options import Shared
from turnout.cli.rollback import checked, split
from turnout.errors import Cancelled, LoginError, UsageError
from turnout.events import Bus
from turnout.model import DeployOptions, Outcome, RollbackOptions
from turnout.plan import Plan

FILE = 'app = "api"\n[environments.production]\nhosts = ["deploy@host.invalid"]\npath = "/srv/api"\n'
PROGRAM = str(Path(sys.executable).with_name("turnout"))
HEAVY = {"rich", "pydantic", "asyncssh", "asyncio", "zstandard", "turnout.config", "turnout.runner"}


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a turnout.toml, and a cache of its own."""
    (tmp_path / "turnout.toml").write_text(FILE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TURNOUT_CACHE", str(tmp_path / "cache"))
    return tmp_path


@pytest.mark.parametrize(
    "arguments", [["--help"], ["deploy", "--help"], ["--version"], ["host", "trust", "-h"]]
)
def test_help_loads_nothing_heavy(arguments: list[str]) -> None:
    """Help and version come up fast because what is heavy is not imported for them (issue 2: under 0.3 s)."""
    unwanted = (
        HEAVY if len(arguments) == 1 else HEAVY - {"pydantic"}
    )  # typer itself may use it for parameters
    code = f"""
import sys
from turnout.cli.main import run
code = run({arguments!r})
print(sorted({unwanted!r} & set(sys.modules)), file=sys.stderr)
sys.exit(code)
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stderr.splitlines()[-1] == "[]"
    assert done.stdout


def test_every_command_takes_the_global_options() -> None:
    """-c, --json, --yes, --no-color, -v and -q are accepted after each command."""
    from turnout.cli.app import COMMANDS

    mine = [words for words in COMMANDS if words not in {"doctor", "demo"}]
    for words in mine:
        done = subprocess.run(
            [sys.executable, "-m", "turnout.cli.main", *words.split(), "--help"],
            capture_output=True, text=True, timeout=60, check=True,
        )  # fmt: skip
        for option in ("--config", "--json", "--yes", "--no-color", "--verbose", "--quiet"):
            assert option in done.stdout, words


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    """--version goes to stdout."""
    assert main.run(["--version"]) == 0
    assert capsys.readouterr().out == f"turnout {__version__}\n"


@pytest.mark.parametrize(
    "arguments", [["deplay"], ["deploy", "--rex"], ["deploy", "--ref"], ["rollback", "production", "41"]]
)
def test_wrong_arguments_are_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """A wrong command line is usage: exit code 2, said on stderr."""
    assert main.run(arguments) == 2
    captured = capsys.readouterr()
    assert captured.err
    assert not captured.out


@pytest.mark.parametrize("command", ["deploy", "rollback", "status", "releases", "health"])
def test_a_wrong_file_is_one_block(command: str, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every command refuses a wrong file with the same block and 2."""
    (here / "turnout.toml").write_text(FILE + 'brunches = ["main"]\n')
    assert main.run([command]) == 2
    assert capsys.readouterr().err == (
        "✗ unknown key `brunches` in [environments.production]\n"
        "  where  turnout.toml:5:1\n"
        "  why    did you mean `branches`?\n"
        "  now    nothing was done\n"
        "  do     mend turnout.toml, then the same command again\n"
    )


def test_json_ends_with_finished_even_when_nothing_began(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A program that reads --json is always told the end, also for a wrong file."""
    (here / "turnout.toml").write_text("app = 7\n")
    assert main.run(["deploy", "--json"]) == 2
    captured = capsys.readouterr()
    last = json.loads(captured.out.splitlines()[-1])
    assert (last["type"], last["result"], last["exit_code"]) == ("deployment.finished", "failed", 2)
    assert last["error"]["where"].startswith("turnout.toml:")
    assert captured.err.startswith("✗ ")


def test_options_reach_the_runner(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is typed is what the runner gets, and its outcome is the exit code."""
    seen: list[object] = []

    async def carry_out(
        plan: Plan, config: object, environment: object, reach: object, options: object, bus: Bus
    ) -> Outcome:
        seen.extend([plan.name, options, bus.environment])
        return Outcome("reverted", 50)

    monkeypatch.setattr(runner, "run", carry_out)
    assert (
        main.run(
            ["deploy", "production", "--ref", "v2", "--accept-drift", "--restart-pm2", "--update-runtime"]
        )
        == 50
    )
    assert main.run(["rollback", "v41", "-q"]) == 50
    assert main.run(["rollback", "production"]) == 50
    assert seen == [
        "deploy", DeployOptions("v2", True, True, True), "production",
        "rollback", RollbackOptions("v41"), "production",
        "rollback", RollbackOptions(None), "production",
    ]  # fmt: skip


def test_the_unexpected_is_one_block_and_a_log(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A fault of ours is exit code 1, one block on the screen, and the traceback in a private file."""

    async def deploy(*_: object) -> Outcome:
        raise ZeroDivisionError("by me")

    monkeypatch.setattr(runner, "run", deploy)
    assert main.run(["deploy", "--json"]) == 1
    captured = capsys.readouterr()
    (log,) = (here / "cache" / "logs").iterdir()
    assert str(log) in captured.err
    assert "Traceback" not in captured.err
    assert "test_main.py" in log.read_text()
    assert log.stat().st_mode & 0o777 == 0o600
    assert json.loads(captured.out)["exit_code"] == 1


def test_the_unexpected_outside_of_a_deployment(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Other commands end the same way, even when no log can be written."""
    monkeypatch.setattr(running, "target", lambda _shared: 1 / 0)
    monkeypatch.setenv("TURNOUT_CACHE", "/dev/null/x")
    assert main.run(["status"]) == 1
    assert "no log could be written" in capsys.readouterr().err


def test_an_expected_failure_keeps_its_code(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The error's own code is the exit code."""

    def refuse(_shared: Shared) -> None:
        raise LoginError("deploy@a refused every key", remedy="ssh-copy-id deploy@a")

    monkeypatch.setattr(running, "target", refuse)
    assert main.run(["health"]) == 22
    assert "ssh-copy-id deploy@a" in capsys.readouterr().err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_cancels_and_cleans_up(number: int) -> None:
    """Ctrl-C and a CI's SIGTERM let the work clean up, then it is 130."""
    cleaned: list[str] = []

    async def work() -> None:
        import asyncio

        os.kill(os.getpid(), number)
        try:
            await asyncio.Event().wait()
        finally:
            cleaned.append("yes")

    with pytest.raises(Cancelled) as caught:
        running.run(work())
    assert caught.value.exit_code == 130
    assert cleaned == ["yes"]


def test_an_outcome_after_a_signal_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """A runner that ends by itself when it is cancelled gives its own outcome."""
    import asyncio

    async def deploy(*_: object) -> Outcome:
        os.kill(os.getpid(), signal.SIGINT)
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            return Outcome("failed", 130)
        return Outcome("succeeded", 0)

    monkeypatch.setattr(runner, "run", deploy)
    assert main.run(["deploy", "-q"]) == 130


@pytest.mark.parametrize(
    "given, meant",
    [
        ((None, None), (None, None)),
        (("v41", None), (None, "v41")),
        (("production", "v41"), ("production", "v41")),
        (("staging", None), ("staging", None)),
    ],
)
def test_which_release(given: tuple[str | None, str | None], meant: tuple[str | None, str | None]) -> None:
    """`rollback v41` names a release, `rollback staging` an environment."""
    assert split(*given) == meant


def test_not_a_release() -> None:
    """What is no release is refused before anything is reached."""
    with pytest.raises(UsageError):
        checked("v0")


def test_names_of_deployments() -> None:
    """Two deployments never share a name."""
    assert running.new_deployment() != running.new_deployment()


@pytest.mark.parametrize(
    "numbers, ends",
    [
        ((signal.SIGINT, signal.SIGTERM, signal.SIGHUP), "told"),
        ((signal.SIGTERM, signal.SIGINT), "told"),
        ((signal.SIGINT, signal.SIGINT), "cut short"),
    ],
)
def test_the_next_signal_of_a_ci_does_not_disturb_the_cleaning_up(
    numbers: tuple[int, ...], ends: str
) -> None:
    """SIGINT, then SIGTERM: the hosts are still told, and the outcome counts; a second Ctrl-C cuts that short."""

    async def work() -> str:
        import asyncio

        os.kill(os.getpid(), numbers[0])
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            for number in numbers[1:]:
                os.kill(os.getpid(), number)
            for _ in range(10):
                await asyncio.sleep(0.001)
        return "told"

    if ends == "told":
        assert running.run(work()) == "told"
    else:
        with pytest.raises(Cancelled):
            running.run(work())


GONE = """
import sys
from turnout import runner
from turnout.cli import main
from turnout.model import Outcome

async def deploy(plan, config, environment, reach, options, bus):
    import asyncio
    for number in range(5):
        bus.emit("step.started", step="build")
        bus.emit("step.finished", step="build", status="done", seconds=0.1, detail="well")
        await asyncio.sleep(0)
    open("carried-out", "w").close()
    bus.emit("deployment.finished", result="succeeded", exit_code=0, release="v2", previous="v1", seconds=1.0, notes=[])
    return Outcome("succeeded", 0)

runner.run = deploy
main.main()
"""


@pytest.mark.parametrize(
    "more, variables, stream",
    [
        ([], {}, "stderr"),
        (["-v"], {"GITHUB_ACTIONS": "true"}, "stderr"),
        (["--json"], {}, "stdout"),
        ([], {}, "full"),
    ],
)
def test_a_deployment_goes_on_when_nobody_reads(
    here: Path, more: list[str], variables: dict[str, str], stream: str
) -> None:
    """A pipe that was closed (`| head`), or a full disk below the log: carried out, and the exit code is its own."""
    reading, writing = os.pipe()
    os.close(reading)
    with open("/dev/full", "w") as full:  # noqa: PTH123 - a device
        streams = {"stderr": full} if stream == "full" else {stream: writing}
        done = subprocess.run(
            [sys.executable, "-c", GONE, "deploy", *more],
            cwd=here, env=os.environ | variables, timeout=60, check=False,
            **({"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL} | streams),
        )  # fmt: skip
    os.close(writing)
    assert done.returncode == 0
    assert (here / "carried-out").exists()


@pytest.mark.parametrize(
    "arguments, code", [(["decide", "nowhere"], 2), (["init", "--host", "deploy@203.0.113.5", "--force"], 1)]
)
def test_other_commands_end_when_nobody_reads(here: Path, arguments: list[str], code: int) -> None:
    """No traceback, no log of a crash; a failure keeps its code."""
    reading, writing = os.pipe()
    os.close(reading)
    (here / "package.json").write_text('{"name": "api"}')
    done = subprocess.run([PROGRAM, *arguments], cwd=here, stderr=writing, timeout=60, check=False)
    os.close(writing)
    assert done.returncode == code
    assert not (here / "cache/logs").exists()


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-"])
def test_streams_that_were_closed_from_the_start_do_no_harm(here: Path, closed: str) -> None:
    """As a shell can start a program; the exit code is the command's own."""
    command = f"exec {PROGRAM} decide nowhere {closed}"
    assert subprocess.run(["sh", "-c", command], cwd=here, timeout=60, check=False).returncode == 2
