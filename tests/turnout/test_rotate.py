"""The order of a key rotation: wherever it fails, the key that this machine has still logs in everywhere."""

from __future__ import annotations

import asyncio
import itertools
from typing import Any

import pytest

from turnout import rotate
from turnout.config import Environment, Reach
from turnout.errors import LoginError, SurveyRefused, TurnoutError, Unreachable
from turnout.hosts.keyfile import Pair
from turnout.model import Address, Secret
from turnout.rotate import Rotation

OLD, NEW = (Pair(Secret(name), f"ssh-ed25519 {name} c", f"SHA256:{name}") for name in ("old", "new"))
HOSTS = (Address("a", "deploy"), Address("b", "deploy"))


class Estate:
    """Hosts as sets of fingerprints. The operation with number `fails` is cut, before or after it had its effect."""

    def __init__(self, fails: int = -1, late: bool = False) -> None:
        self.keys: dict[Address, set[str]] = {address: {OLD.fingerprint} for address in HOSTS}
        self.here = OLD.fingerprint
        self.count, self.fails, self.late = itertools.count(), fails, late
        self.log: list[str] = []

    def step(self, what: str, act: Any) -> Any:
        """Do it, unless it is its turn to fail."""
        self.log.append(what)
        number = next(self.count)
        if number == self.fails and not self.late:
            raise Unreachable(f"cut at {what}")
        done = act()
        if number == self.fails:
            raise Unreachable(f"cut after {what}")
        return done

    async def connect(self, _: Environment, reach: Reach, address: Address) -> Client:
        """Log in with the only key of `reach`."""
        assert reach.key
        mark = f"SHA256:{reach.key.reveal()}"
        return self.step(f"login {mark} {address.host}", lambda: self._login(address, mark))

    def _login(self, address: Address, mark: str) -> Client:
        if mark not in self.keys[address]:
            raise LoginError(f"{address} refuses {mark}")
        return Client(self, address)

    def place(self) -> None:
        self.here = NEW.fingerprint

    def rotation(self, say: Any = lambda _: None) -> Rotation:
        environment = Environment(name="production", path="/srv/api")
        return Rotation(environment, Reach(HOSTS), OLD, NEW, "ann@laptop", self.place, say)


class Client:
    """The host program, as far as keys go."""

    def __init__(self, estate: Estate, address: Address) -> None:
        self.estate, self.address, self.before = estate, address, set[str]()

    async def call(self, name: str, **args: Any) -> dict[str, Any]:
        return self.estate.step(f"{name} {self.address.host}", lambda: getattr(self, name)(**args))

    def keys(self) -> dict[str, Any]:
        return {"keys": []}

    def authorize(self, key: str, like: str, by: str) -> dict[str, Any]:
        mine = self.estate.keys[self.address]
        if like not in mine:
            raise SurveyRefused(f"no {like}")
        mine.add(f"SHA256:{key.split()[1]}")
        return {"added": True, "file": "/home/a/.ssh/authorized_keys", "options": ""}

    def deauthorize(self, fingerprints: list[str], keep: str, by: str) -> dict[str, Any]:
        mine = self.estate.keys[self.address]
        if keep not in mine:
            raise SurveyRefused(f"no {keep}")
        self.before = set(mine)
        mine -= set(fingerprints)
        return {"removed": 1}

    def reauthorize(self, by: str) -> dict[str, Any]:
        self.estate.keys[self.address] |= self.before
        return {"file": ""}

    async def close(self) -> None:
        pass


@pytest.fixture
def whole(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Makes estates that the rotation connects to."""

    def make(*args: Any) -> Estate:
        estate = Estate(*args)
        monkeypatch.setattr(rotate, "connect", estate.connect)
        return estate

    return make


async def test_a_whole_rotation_leaves_only_the_new_key(whole: Any) -> None:
    """Every host takes it before any loses the old one; hosts lose it one after another."""
    estate = whole()

    await estate.rotation().run()

    assert set(map(frozenset, estate.keys.values())) == {frozenset({NEW.fingerprint})}
    assert estate.here == NEW.fingerprint
    first = estate.log.index("deauthorize a")
    assert {"authorize b", "login SHA256:new b"} <= set(estate.log[:first])
    assert estate.log.index("login SHA256:old a", first) < estate.log.index("deauthorize b")


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("fails", range(20))
async def test_whatever_is_cut_the_key_that_is_here_logs_in_everywhere(
    whole: Any, fails: int, late: bool
) -> None:
    """The link is lost at the N-th operation, before or after its effect."""
    log = (await _log(whole)).log
    refused = [
        at for at, what in enumerate(log) if "login SHA256:old" in what and at > log.index("deauthorize a")
    ]
    """A refusal of the old key is what is wanted: there is no answer after it that could be lost."""
    estate = whole(fails, late)
    rotation = estate.rotation()

    if fails < len(log) and not (late and fails in refused):
        with pytest.raises(TurnoutError) as raised:
            await rotation.run()
        assert raised.value.state
    else:
        await rotation.run()

    for address, keys in estate.keys.items():
        assert estate.here in keys, (address, estate.log)
    if estate.here == OLD.fingerprint:
        left = {str(address) for address, keys in estate.keys.items() if NEW.fingerprint in keys}
        assert left <= set(rotation.left)


async def _log(whole: Any) -> Estate:
    estate: Estate = whole()
    await estate.rotation().run()
    return estate


async def test_a_key_that_stops_to_log_in_brings_the_old_one_back(whole: Any) -> None:
    """The new key works until the old one goes: the host has both again, and the other host was not touched."""
    length = (await _log(whole)).log.index("deauthorize a")
    estate = whole(length + 1)

    with pytest.raises(Unreachable) as raised:
        await estate.rotation().run()

    assert estate.keys[HOSTS[0]] == {OLD.fingerprint, NEW.fingerprint} == estate.keys[HOSTS[1]]
    assert "put back" in " ".join(raised.value.why)
    assert "deauthorize b" not in estate.log


async def test_a_file_that_cannot_be_written_is_a_failure_like_another(whole: Any) -> None:
    """Nothing is left on any host."""
    estate = whole()
    rotation = estate.rotation()

    def full() -> None:
        raise OSError(28, "No space left on device", "/home/a/.ssh/id")

    rotation.place = full
    with pytest.raises(TurnoutError, match="could not be put in its place"):
        await rotation.run()

    assert set(map(frozenset, estate.keys.values())) == {frozenset({OLD.fingerprint})}


@pytest.mark.parametrize(
    "keys, gone",
    [
        ([], ["old"]),
        ([("old", None)], ["old"]),
        ([("old", "a"), ("a", "b"), ("new", "old")], ["old", "a", "b"]),
        ([("old", "a"), ("a", "old")], ["old", "a"]),
    ],
)
def test_every_rotation_that_was_cut_off_leaves_one_more_to_remove(
    keys: list[tuple[str, str | None]], gone: list[str]
) -> None:
    """What the old key was to replace, and what that was to replace."""
    noted = [{"fingerprint": key, "replaces": before} for key, before in keys]
    assert rotate.replaced(noted, "old") == gone


@pytest.mark.parametrize(
    "noted, has, begun",
    [
        ({}, {"old", "new"}, False),
        ({"new": "old"}, {"old", "new"}, True),
        ({"new": "old"}, {"old"}, False),
        ({"new": "another"}, {"old", "new"}, False),
        ({"new": None}, {"old", "new"}, False),
        ({"new": None}, {"new"}, True),
    ],
)
async def test_a_key_that_is_there_is_ended_only_if_it_is_of_this_rotation(
    whole: Any, monkeypatch: pytest.MonkeyPatch, noted: dict[str, str | None], has: set[str], begun: bool
) -> None:
    """A key that somebody else has must not be taken for the new one, or the old one would go for nothing."""
    estate = whole()
    estate.keys[HOSTS[0]] = {OLD.fingerprint, NEW.fingerprint}
    estate.keys[HOSTS[1]] = {f"SHA256:{key}" for key in has}
    mark = {key: value and f"SHA256:{value}" for key, value in noted.items()}

    def keys(client: Client) -> dict[str, Any]:
        told = {"new": OLD.fingerprint} if client.address is HOSTS[0] else mark
        return {"keys": [{"fingerprint": f"SHA256:{key}", "replaces": old} for key, old in told.items()]}

    monkeypatch.setattr(Client, "keys", keys)
    rotation = estate.rotation()

    assert await rotation.begun() is begun
    if begun:
        await rotation.finish()
        assert set(map(frozenset, estate.keys.values())) == {frozenset({NEW.fingerprint})}


async def test_a_key_that_was_not_taken_back_for_certain_is_kept(
    whole: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C again, while hosts are told: they may still have the new key, and only its file can prove whose it is."""
    estate, asked = whole(), asyncio.Event()
    rotation = estate.rotation()
    usual = Client.call

    def full() -> None:
        raise OSError(28, "No space left on device")

    async def call(client: Client, name: str, **args: Any) -> dict[str, Any]:
        if name == "deauthorize":
            asked.set()
            await asyncio.Event().wait()
        return await usual(client, name, **args)

    monkeypatch.setattr(Client, "call", call)
    rotation.place = full
    run = asyncio.create_task(rotation.run())
    await asked.wait()
    run.cancel()
    with pytest.raises(asyncio.CancelledError):
        await run

    assert rotation.left == ["deploy@a", "deploy@b"]


async def test_a_fault_of_our_own_leaves_no_key_either(whole: Any) -> None:
    """Whatever is raised, the new key is taken back."""
    estate = whole()
    rotation = estate.rotation()

    def broken() -> None:
        raise ValueError

    rotation.place = broken
    with pytest.raises(ValueError):  # noqa: PT011 - it is ours
        await rotation.run()

    assert set(map(frozenset, estate.keys.values())) == {frozenset({OLD.fingerprint})}
