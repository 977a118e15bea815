"""The lease: one holder, a token that only grows, orphans that are waited for."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from turnout_host import lease as module
from turnout_host.errors import LeaseHeld, LeaseLost
from turnout_host.layout import Layout
from turnout_host.lease import Lease

WHO = {"deployment": "d-1", "by": "ada@laptop"}
HOLD = """
import sys, subprocess
from turnout_host.layout import Layout
from turnout_host.lease import Lease
lease = Lease(Layout(sys.argv[1]))
lease.acquire(lambda: 0, {"deployment": "d-0", "by": "bob@desk"}, 0, lambda holder: None)
if sys.argv[2] == "orphan":
    lease.orphan("finishing a migration")
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def layout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Layout:
    monkeypatch.setattr(module, "GRACE", 0.2)
    made = Layout(str(tmp_path / "app"))
    made.prepare()
    return made


@pytest.fixture
def holder(layout: Layout, request: pytest.FixtureRequest) -> Iterator[subprocess.Popen[bytes]]:
    """Another process that holds the lease; `living` or `orphan`."""
    words = [sys.executable, "-c", HOLD, str(layout.path), getattr(request, "param", "living")]
    process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert process.stdout
        assert process.stdout.readline() == b"held\n"
        yield process
    finally:
        process.kill()
        process.wait()
        assert process.stdout
        process.stdout.close()


def take(layout: Layout, newest: int = 0, wait: float = 0.0) -> Lease:
    lease = Lease(layout)
    lease.acquire(lambda: newest, WHO, wait, lambda _: None)
    return lease


def test_the_token_grows_with_each_holder(layout: Layout) -> None:
    """A later holder always has a higher token."""
    tokens = []
    for _ in range(3):
        lease = take(layout)
        tokens.append(lease.token)
        lease.release()
    assert tokens == [1, 2, 3]


def test_a_lost_lease_file_cannot_turn_the_token_back(layout: Layout) -> None:
    """The journal's newest token counts too."""
    layout.lease.write_text("{torn")
    assert take(layout, newest=41).token == 42


def test_a_living_holder_is_named_and_refused(layout: Layout, holder: subprocess.Popen[bytes]) -> None:
    """The refusal says whose deployment it is and since when."""
    with pytest.raises(LeaseHeld) as refused:
        take(layout, wait=60.0)
    assert refused.value.detail["holder"]["by"] == "bob@desk"
    assert refused.value.detail["holder"]["since"] > 0
    assert holder.poll() is None


def test_the_kernel_frees_the_lease_of_a_killed_holder(
    layout: Layout, holder: subprocess.Popen[bytes]
) -> None:
    """Kill -9 leaves nothing to clean up."""
    holder.kill()
    holder.wait()
    assert take(layout).token == 2


@pytest.mark.parametrize("holder", ["orphan"], indirect=True)
def test_an_orphan_is_waited_for(layout: Layout, holder: subprocess.Popen[bytes]) -> None:
    """A migration without its deployer may end; who waits is told for what."""
    told: list[object] = []

    def waiting(found: dict[str, object]) -> None:
        told.append(found["work"])
        assert holder.stdin
        holder.stdin.close()  # now it ends

    lease = Lease(layout)
    lease.acquire(lambda: 0, WHO, 30.0, waiting)
    assert told == ["finishing a migration"]
    assert lease.token == 2


def test_our_own_earlier_link_is_waited_for(layout: Layout, holder: subprocess.Popen[bytes]) -> None:
    """A link that only we lost yet: the host's end of it holds the lease until it hears nothing for 15 s."""
    told: list[object] = []

    def waiting(found: dict[str, object]) -> None:
        told.append(found["deployment"])
        assert holder.stdin
        holder.stdin.close()

    lease = Lease(layout)
    lease.acquire(lambda: 0, WHO | {"deployment": "d-0"}, 30.0, waiting)
    assert (told, lease.token) == (["d-0"], 2)


def test_an_old_token_is_refused(layout: Layout) -> None:
    """Whoever comes back with the token of an earlier lease is turned away."""
    first = take(layout)
    old = first.token
    first.release()
    second = take(layout)
    with pytest.raises(LeaseLost):
        second.check(old)
    with pytest.raises(LeaseLost):
        first.check()
    assert second.check(second.token) == second.token


def test_an_inherited_descriptor_holds_the_lease_on(layout: Layout) -> None:
    """A pointsman keeps the lease when the host program that started it is gone."""
    lease = take(layout)
    child = subprocess.Popen(
        [sys.executable, "-c", "import sys; sys.stdin.read()"],
        stdin=subprocess.PIPE,
        pass_fds=(lease.descriptor,),
    )
    try:
        lease.release()
        assert Lease(layout).holder() is not None
    finally:
        child.communicate()
    assert Lease(layout).holder() is None


def test_a_shorter_text_leaves_no_rest_of_a_longer_one(layout: Layout) -> None:
    """The file is always one readable object."""
    lease = Lease(layout)
    lease.acquire(lambda: 0, {"deployment": "d" * 300, "by": "x"}, 0, lambda _: None)
    lease.release()
    take(layout)
    assert json.loads(layout.lease.read_text())["deployment"] == "d-1"


def test_a_lease_whose_file_was_removed_is_lost_once_somebody_took_a_new_one(layout: Layout) -> None:
    """Both locks are held then, and the tokens may even be the same; a file that is only gone harms nobody."""
    first = take(layout)
    layout.lease.unlink()
    assert first.check() == 1
    second = take(layout)
    with pytest.raises(LeaseLost, match="somebody else took a new one"):
        first.check()
    assert second.check() == 1
    first.release()
    second.release()
