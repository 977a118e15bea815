from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import pytest

from turnout.builder import commands
from turnout.errors import BuildError
from turnout_host.migrations import schema


def _ended(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


async def _gone(pid: int) -> bool:
    """A killed process takes a moment to go; a minute means that nobody killed it."""
    for _ in range(6000):
        if _ended(pid):
            return True
        await asyncio.sleep(0.01)
    return False


async def test_a_command_runs_as_it_is_written(tmp_path):
    """Pipes, quotes and variables are the shell's; both streams come line by line, in its folder."""
    lines: list[str] = []
    command = 'echo "a  $X" | sed s/a/b/; echo err >&2; pwd; printf last'
    finished = await commands.run(command, tmp_path, os.environ | {"X": "1"}, lines.append)
    assert lines == ["b  1", "err", str(tmp_path), "last"] == finished.tail


async def test_a_failing_command_tells_its_last_lines(tmp_path):
    """Exit 11 with the command, its status, and 40 lines at most."""
    with pytest.raises(BuildError, match="`seq 100; exit 3` exited with 3") as failed:
        await commands.run("seq 100; exit 3", tmp_path, os.environ)
    assert failed.value.why == [str(number) for number in range(61, 101)]
    assert failed.value.exit_code == 11


async def test_npms_page_of_help_does_not_push_the_reason_out(tmp_path):
    """Behind a usage error npm prints more lines than are kept; what comes after it is kept again."""
    text = [
        "npm error Missing: left-pad@1.3.0 from lock file",
        "npm error Usage:",
        *["npm error   --option"] * 60,
    ]
    script = "; ".join(f"echo '{line}'" for line in [*text, "then this"])

    ended = await commands.execute(["/bin/sh", "-c", script], tmp_path, os.environ)

    assert ended.tail == [text[0], "then this"]


async def test_a_command_that_was_killed_says_by_what(tmp_path):
    """Out of memory looks like this."""
    with pytest.raises(BuildError, match="was ended by signal 9"):
        await commands.run("kill -9 $$", tmp_path, os.environ)


async def test_lines_may_be_very_long_or_not_text(tmp_path):
    """A bundle in one line, a progress bar, bytes that are no UTF-8."""
    lines: list[str] = []
    await commands.run(
        "head -c 3000000 /dev/zero | tr '\\0' x; printf '\\n\\377\\r\\n'", tmp_path, os.environ, lines.append
    )
    assert [len(line) for line in lines] == [commands.LINE, 1]


async def test_standard_input_is_empty(tmp_path):
    """A command that asks a question gets no answer instead of waiting for ever."""
    finished = await commands.run("read answer || echo none", tmp_path, os.environ)
    assert finished.tail == ["none"]


async def test_cancelling_kills_the_whole_group(tmp_path):
    """Ctrl-C leaves nothing running, children of children neither."""
    heard: asyncio.Queue[str] = asyncio.Queue()
    task = asyncio.create_task(
        commands.run(
            "sleep 600 & echo $!; sh -c 'echo $$; sleep 600; true'", tmp_path, os.environ, heard.put_nowait
        )
    )
    pids = [int(await heard.get()) for _ in range(2)]
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert [await _gone(pid) for pid in pids] == [True, True]


async def test_what_a_command_leaves_behind_is_ended(tmp_path):
    """A daemon that a build started in the background neither stays nor holds the build up."""
    lines: list[str] = []
    await commands.run("sleep 600 & echo $!", tmp_path, os.environ, lines.append)
    assert await _gone(int(lines[0]))


async def test_something_that_holds_on_to_the_output_is_not_waited_for(tmp_path, monkeypatch):
    """A process that left the group keeps the pipe; the command is over all the same."""
    monkeypatch.setattr(commands, "DRAIN", 0.1)
    lines: list[str] = []
    command = "mkfifo f; setsid sh -c 'echo $$ >f; exec sleep 600' & cat f"
    await commands.run(command, tmp_path, os.environ, lines.append)
    assert not _ended(int(lines[0]))
    os.kill(int(lines[0]), signal.SIGKILL)


CALLER = {
    "PATH": "/usr/bin",
    "HOME": "/home/me",
    "VPS_SSH_KEY": "k",
    "VPS_HOST": "h",
    "TURNOUT_X": "t",
    "GITHUB_TOKEN": "g",
    "GITHUB_OUTPUT": "o",
    "NPM_TOKEN": "n",
    "NODE_ENV": "production",
    "npm_config_omit": "dev",
    "npm_config_registry": "r",
    "npm_lifecycle_event": "deploy",
}


def test_own_secrets_stay_here():
    """The caller's environment without Turnout's own secrets, and without what would omit devDependencies."""
    env = commands.environment([Path("/app/node_modules/.bin"), Path("/node/bin")], base=CALLER)
    kept = {key for key in CALLER if key in env}
    assert kept == {"PATH", "HOME", "NPM_TOKEN", "npm_config_registry"}
    assert env["PATH"] == "/app/node_modules/.bin:/node/bin:/usr/bin"
    assert env["npm_config_fund"] == "false"


def test_what_the_user_names_stays():
    """`[build] env` is the user's own decision."""
    env = commands.environment([], ["NODE_ENV", "GITHUB_TOKEN", "npm_config_audit"], CALLER)
    assert (env["NODE_ENV"], env["GITHUB_TOKEN"]) == ("production", "g")
    assert "npm_config_audit" not in env


def test_a_database_url_only_where_there_is_none():
    """FACTS: `prisma generate` wants a value, and opens nothing."""
    assert commands.environment([], base={})["DATABASE_URL"].startswith("file:")
    assert commands.environment([], base={"DATABASE_URL": "mine"})["DATABASE_URL"] == "mine"


@pytest.mark.parametrize(
    "provider,begins",
    [
        ("sqlite", "file:"),
        ("postgresql", "postgresql://"),
        ("cockroachdb", "postgresql://"),
        ("mysql", "mysql://"),
    ],
)
def test_the_database_url_is_of_the_schemas_kind(tmp_path: Path, provider: str, begins: str) -> None:
    """Else Prisma cannot read the schema, and wants an engine that the app does not need (docs/facts.md)."""
    (tmp_path / "prisma").mkdir()
    (tmp_path / "prisma/schema.prisma").write_text(
        f'generator client {{\n  provider = "prisma-client-js"\n}}\ndatasource db {{\n  provider = "{provider}"\n}}\n'
    )
    assert commands.environment([], base={}, source=tmp_path)["DATABASE_URL"].startswith(begins)
    assert schema.placeholder(tmp_path) == commands.environment([], base={}, source=tmp_path)["DATABASE_URL"]
