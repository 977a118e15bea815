from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from turnout.builder import disk
from turnout.builder.cache import IN_USE, SIZE, Cache, place
from turnout.errors import BuildError

MAKER = """
import asyncio, sys
from pathlib import Path
from turnout.builder.cache import SIZE, Cache

async def maker(folder):
    with open(sys.argv[2], "a") as file:
        file.write("made\\n")
    (folder / "whole").touch()
    print("making", flush=True)
    sys.stdin.readline()

print((asyncio.run(Cache(Path(sys.argv[1])).make("layers", "k", maker))).reused, flush=True)
"""


@pytest.fixture
def cache(tmp_path):
    return Cache(tmp_path / "cache")


@pytest.fixture
def deployer(cache, tmp_path):
    """Starts other deployers, real processes, that make the same entry; ends them afterwards."""
    started = []

    def start():
        argv = [sys.executable, "-c", MAKER, str(cache.root), str(tmp_path / "log")]
        started.append(subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()


async def _fill(folder: Path) -> None:
    (folder / "file").write_text("x")


@pytest.mark.parametrize(
    "env, expected",
    [
        ({"TURNOUT_CACHE": "/c", "XDG_CACHE_HOME": "/x"}, Path("/c")),
        ({"XDG_CACHE_HOME": "/x"}, Path("/x/turnout")),
        ({"XDG_CACHE_HOME": "relative"}, Path.home() / ".cache/turnout"),
        ({"TURNOUT_CACHE": ""}, Path.home() / ".cache/turnout"),
    ],
)
def test_where_it_lies(env, expected):
    """DESIGN 7; the XDG specification ignores relative folders."""
    assert place(env) == expected


async def test_an_entry_is_made_once(cache):
    """The second time it is there, complete, and nothing is run; nothing else is left."""
    assert cache.entry("layers", "k") is None
    made = await cache.make("layers", "k", _fill)
    again = await cache.make("layers", "k", _fill)
    assert (made.reused, again.reused) == (False, True)
    assert made.folder == again.folder == cache.entry("layers", "k")
    assert (made.folder / "file").read_text() == "x"
    assert _names(cache.root / "tmp") == _names(cache.root / "locks") == []
    assert cache.root.stat().st_mode & 0o077 == 0


async def test_a_maker_that_fails_leaves_nothing(cache):
    """No entry, no temporary folder, no lock; and the next one may try."""

    async def fail(folder: Path) -> None:
        (folder / "half").touch()
        raise BuildError("no")

    with pytest.raises(BuildError):
        await cache.make("layers", "k", fail)
    assert cache.entry("layers", "k") is None
    assert _names(cache.root / "tmp") == _names(cache.root / "locks") == []
    assert not (await cache.make("layers", "k", _fill)).reused


async def test_a_maker_that_is_cancelled_leaves_nothing(cache):
    """Ctrl-C in the middle of a build is no failure of the next."""
    begun = asyncio.Event()

    async def hang(folder: Path) -> None:
        begun.set()
        await asyncio.Event().wait()

    task = asyncio.create_task(cache.make("layers", "k", hang))
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert _names(cache.root / "tmp") == _names(cache.root / "locks") == []


async def test_cancelling_at_the_last_moment_is_all_or_nothing(cache, monkeypatch):
    """While the entry gets its name nothing is removed: it is whole, or it is not there."""
    syncing, go, sync = threading.Event(), threading.Event(), disk.sync

    def slow(folder: Path) -> None:
        syncing.set()
        assert go.wait(60)
        sync(folder)

    monkeypatch.setattr(disk, "sync", slow)
    task = asyncio.create_task(cache.make("layers", "k", _fill))
    await asyncio.to_thread(syncing.wait)
    for _ in range(3):
        task.cancel()
        await asyncio.sleep(0)
    assert not task.done()
    go.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (cache.entry("layers", "k") / "file").exists()
    assert _names(cache.root / "tmp") == _names(cache.root / "locks") == []


async def test_tasks_of_one_process_make_it_once(cache):
    """Two hosts that need the same layer at once."""
    calls = []

    async def count(folder: Path) -> None:
        calls.append(folder)
        await asyncio.sleep(0)

    made = await asyncio.gather(*(cache.make("layers", "k", count) for _ in range(5)))
    assert len(calls) == 1
    assert sorted(one.reused for one in made) == [False, True, True, True, True]


def test_two_deployers_make_it_once(cache, deployer, tmp_path):
    """The second process waits for the first, and takes what it made."""
    first = deployer()
    assert first.stdout.readline() == "making\n"
    second = deployer()
    first.stdin.write("\n")
    first.stdin.flush()
    assert first.stdout.read() == "False\n"
    assert second.communicate("\n")[0] == "True\n"
    assert (tmp_path / "log").read_text() == "made\n"


def test_a_killed_maker_leaves_only_what_is_swept(cache, deployer):
    """Its lock dies with it: the next one makes the entry, and sweep removes the folder."""
    first = deployer()
    assert first.stdout.readline() == "making\n"
    assert cache.sweep() == 0  # a living maker's folder is left alone
    assert any(cache.root.glob("tmp/*/whole"))
    first.send_signal(signal.SIGKILL)
    first.wait()
    assert cache.entry("layers", "k") is None
    second = deployer()
    assert second.stdout.readline() == "making\n"
    assert second.communicate("\n")[0] == "False\n"
    cache.sweep()
    assert _names(cache.root / "tmp") == []
    assert cache.entry("layers", "k")


def _aged(cache: Cache, key: str, age: float, size: int = 1 << 20) -> Path:
    path = cache.root / "layers" / key
    path.mkdir(parents=True)
    (path / "data").write_bytes(os.urandom(size))
    os.utime(path, (time.time() - age,) * 2)
    return path


def test_sweep_removes_the_oldest_first(cache):
    """Entries go by their last use until the rest fits; what was just used stays, whatever its size."""
    now, old = _aged(cache, "now", 0), _aged(cache, "old", IN_USE * 3)
    used = _aged(cache, "used", IN_USE * 9)
    older = _aged(cache, "older", IN_USE * 5)
    assert cache.entry("layers", "used")
    assert cache.sweep(int(3.5 * (1 << 20))) >= 1 << 20
    assert [path.exists() for path in (now, old, used, older)] == [True, True, True, False]
    cache.sweep(0)
    assert [path.exists() for path in (now, old, used)] == [True, False, True]


def test_sweep_removes_read_only_folders(cache):
    """Layers may be read-only."""
    path = _aged(cache, "old", IN_USE * 2)
    path.chmod(0o555)
    cache.sweep(0)
    assert not path.exists()
    assert _names(cache.root / "tmp") == []


def test_sweep_of_nothing(cache):
    """A cache that was never used is fine."""
    assert cache.sweep() == 0


@pytest.mark.parametrize("name", ["../x", "a/b", "", ".hidden", "A"])
async def test_odd_names_are_refused(cache, name):
    """Keys never lead out of the cache."""
    with pytest.raises(ValueError, match="not a name"):
        await cache.make("layers", name, _fill)


async def test_a_cache_that_cannot_be_written_says_so(tmp_path, monkeypatch):
    """A read-only or full disk ends in one clear block with the way out."""

    def full(folder: Path) -> None:
        raise OSError(28, "No space left on device", str(folder))

    monkeypatch.setattr(disk, "sync", full)
    with pytest.raises(BuildError, match="cannot be written") as failed:
        await Cache(tmp_path).make("layers", "k", _fill)
    assert "No space left" in failed.value.why[0]
    assert "TURNOUT_CACHE" in failed.value.remedy[0]
    assert _names(tmp_path / "layers") == _names(tmp_path / "tmp") == []


def test_notes_are_kept(cache):
    """A short answer survives, replaced by a newer one."""
    assert cache.note("node") is None
    cache.remember("node", "20.1.0")
    cache.remember("node", "20.2.0")
    assert cache.note("node") == "20.2.0"
    assert _names(cache.root / "notes") == ["node"]


def _names(folder):
    return sorted(path.name for path in folder.iterdir())


async def test_sizes_are_noted_once(cache):
    """A sweep after each deployment reads a number an entry, and walks through none."""
    made = await cache.make("layers", "noted", _fill)
    assert int((made.folder / SIZE).read_text()) > 0
    (made.folder / SIZE).write_text(str(1 << 40))
    os.utime(made.folder, (0, 0))
    assert cache.sweep(1 << 39) == 1 << 40
    assert not made.folder.exists()
