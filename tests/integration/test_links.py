"""Links that are cut during a switch, and programs that die in it: what people are told is what the host did."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.support.left import nothing_left, ours
from tests.support.proxy import Proxy
from tests.support.site import Site, until
from turnout_host.lease import Lease

pytestmark = pytest.mark.integration


@pytest_asyncio.fixture
async def proxy(live: Site) -> AsyncIterator[Proxy]:
    """A link to the VPS that can be hurt."""
    async with Proxy(live.sshd.port) as made:
        yield made


def over(site: Site, proxy: Proxy) -> dict[str, str]:
    """The surroundings that lead a deployer through the proxy."""
    return {
        "VPS_HOST": "127.0.0.1",
        "VPS_PORT": str(proxy.port),
        "VPS_USER": site.sshd.user,
        "VPS_KNOWN_HOSTS": site.sshd.host_key_line.replace(str(site.sshd.port), str(proxy.port)),
    }


async def reach(process: subprocess.Popen[str], *words: str) -> None:
    """Read events until one holds all these words."""
    assert process.stdout
    while line := await asyncio.to_thread(process.stdout.readline):
        assert '"deployment.finished"' not in line, line
        if all(word in line for word in words):
            return
    raise AssertionError(words)


async def finished(process: subprocess.Popen[str]) -> dict[str, Any]:
    """The last event of a deployment that ends by itself; its exit code is the process's."""
    out, err = await asyncio.to_thread(process.communicate)
    end = dict(json.loads(out.splitlines()[-1]))
    assert process.returncode == end["exit_code"], (end, err)
    return end


async def test_a_link_cut_in_the_bake_changes_nothing_but_the_link(live: Site, proxy: Proxy) -> None:
    """The deployer comes back over a new link, reads on, prunes under a new lease, and tells the journal."""
    live.write_toml(bake="4s")
    live.greet("Cut in the bake")
    process = live.start("deploy", "--json", **over(live, proxy))
    try:
        await reach(process, "proved by")
        proxy.cut()
        end = await finished(process)
    finally:
        process.kill()
        live.write_toml()

    assert (end["result"], end["exit_code"]) == ("succeeded", 0), end
    assert live.serving() == {end["release"]}
    last = live.journal()[-1]
    assert (last["type"], last["result"]) == ("deployment.finished", "succeeded")
    assert not any("pruned" in note for note in end["notes"])
    nothing_left(live)


async def test_a_link_cut_while_the_switch_is_asked_for_is_followed_up(live: Site, proxy: Proxy) -> None:
    """The request arrived, its answer did not: the host switches, and nobody is told that nothing was done."""
    live.greet("Cut while asking")
    process = live.start("deploy", "--json", **over(live, proxy))
    try:
        await reach(process, "step.started", '"activate"')
        proxy.mute()
        deployment = live.journal()[-1]["deployment"]
        asked = lambda: any(  # noqa: E731
            entry["type"] == "activation.asked" and entry["deployment"] == deployment
            for entry in live.journal()
        )
        await asyncio.to_thread(until, asked)
        proxy.cut()
        end = await finished(process)
    finally:
        process.kill()

    assert (end["result"], end["exit_code"]) == ("succeeded", 0), end
    assert live.serving() == {end["release"]}
    nothing_left(live)


async def test_a_request_that_never_arrived_is_told_as_such(live: Site, proxy: Proxy) -> None:
    """Cut before the request: 20, what served serves on, and the same command again ends well."""
    live.greet("Cut before asking")
    before = live.serving()
    process = live.start("deploy", "--json", **over(live, proxy))
    try:
        await reach(process, "step.started", '"rehearse"')
        proxy.cut()
        end = await finished(process)
    finally:
        process.kill()

    assert (end["result"], end["exit_code"]) == ("failed", 20), end
    assert "serves as before" in end["error"]["state"]
    assert live.serving() == before
    assert live.deploy().finished["result"] == "succeeded"
    nothing_left(live)


@pytest.fixture
def baking(live: Site) -> Iterator[subprocess.Popen[str]]:
    """A deployment in its bake; ended afterwards."""
    live.write_toml(bake="4s")
    live.greet(f"Baking {len(live.journal())}")
    process = live.start("deploy", "--json")
    try:
        asyncio.run(reach(process, "proved by"))
        yield process
    finally:
        process.kill()
        process.communicate()
        live.write_toml()


def test_a_killed_parent_leaves_one_worker_at_work(live: Site, baking: subprocess.Popen[str]) -> None:
    """A new pointsman is started; its worker waits for the old one and then finds nothing to do."""
    (pointsman,) = [pid for pid in ours(live) if is_pointsman(pid)]
    os.kill(pointsman, signal.SIGKILL)

    out, _ = baking.communicate()

    end = json.loads(out.splitlines()[-1])
    assert (end["result"], end["exit_code"]) == ("succeeded", 0)
    nothing_left(live)
    written = [entry["type"] for entry in live.journal() if entry["deployment"] == end["deployment"]]
    for once in ("activation.switched", "activation.proved", "release.blessed", "activation.ended"):
        assert written.count(once) == 1, written


def is_pointsman(pid: int) -> bool:
    """The parent: its own parent is the host program, its child the worker."""
    return b"pointsman" in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")


def test_the_same_command_right_after_a_kill_waits_and_ends_well(
    live: Site, baking: subprocess.Popen[str]
) -> None:
    """The killed deployer's host program lets go at once, and the pointsman is waited for, not refused with 30."""
    baking.send_signal(signal.SIGKILL)

    run = live.deploy()

    assert run.finished["result"] == "unchanged"
    assert live.serving() == {run.finished["release"]}
    nothing_left(live)


def test_a_migration_holds_the_lease_until_it_has_ended(live: Site) -> None:
    """Deployer and host program are killed in a migration: the next deploy waits for it, and nothing runs twice."""
    flag = live.root / "go on"
    live.write_toml(more=f'[migrate]\ncommands = ["sh {live.root}/slow.sh"]\n')
    (live.root / "slow.sh").write_text(
        f'npx --no-install prisma migrate deploy && echo ran >> "{live.root}/ran"\n'
        f'until [ -e "{flag}" ]; do sleep 0.1; done\n'
    )
    name = "20261103120000_slowly"
    sql = 'CREATE TABLE "Slow" ("id" INTEGER NOT NULL PRIMARY KEY);\n'
    live.commit({f"backend/prisma/migrations/{name}/migration.sql": sql}, "A slow migration")
    process = live.start("deploy", "--json")
    try:
        until((live.root / "ran").exists, 60)
        process.send_signal(signal.SIGKILL)
        for pid in ours(live):
            os.kill(pid, signal.SIGKILL)
        assert Lease(live.layout).holder() is not None

        second = live.start("deploy", "--json")
        try:
            asyncio.run(reach(second, "waiting for"))
            flag.touch()
            out, _ = second.communicate()
        finally:
            second.kill()
    finally:
        flag.touch()
        process.kill()
        process.communicate()
        live.write_toml()
    assert json.loads(out.splitlines()[-1])["result"] == "succeeded"
    nothing_left(live)
