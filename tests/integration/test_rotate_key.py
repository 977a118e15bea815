"""`turnout host rotate-key` against real sshds: at every moment, however it ends, at least one key logs in."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.client import Run, Turnout
from tests.support.sshd import RealSshd, make_key

pytestmark = pytest.mark.integration
OTHERS = '# people\nfrom="10.0.0.0/8",command="echo \\"x y\\"" ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAAQDd bob\n'


class Estate:
    """A person with a key, and servers that take it."""

    def __init__(self, folder: Path, count: int) -> None:
        self.home, self.work = folder / "home", folder / "work"
        for made in (self.home / ".ssh", self.work):
            made.mkdir(parents=True)
        self.file = self.home / ".ssh/id_ed25519"
        make_key(self.file)
        self.first = self.file.read_text()
        self.servers = [RealSshd(folder / f"server{number}") for number in range(count)]
        for server in self.servers:
            self.authorize(server, OTHERS + self.public)
        hosts = ", ".join(f'"{server.address}"' for server in self.servers)
        text = f'app = "api"\n[environments.production]\nhosts = [{hosts}]\npath = "{folder}/app{{}}"\n'
        (self.work / "turnout.toml").write_text(text.replace("{}", ""))
        known = "".join(server.host_key_line for server in self.servers)
        self.env = {"HOME": str(self.home), "PATH": "/usr/bin:/bin", "VPS_KNOWN_HOSTS": known}

    @property
    def public(self) -> str:
        return self.file.with_name("id_ed25519.pub").read_text()

    def authorize(self, server: RealSshd, text: str) -> None:
        """Write the file that sshd reads; the login's own name for it is a link."""
        self.authorized(server).write_text(text)
        own = server.home / ".ssh/authorized_keys"
        own.parent.mkdir(exist_ok=True)
        if not own.is_symlink():
            own.symlink_to(self.authorized(server))

    def authorized(self, server: RealSshd) -> Path:
        return server.folder / "authorized_keys"

    def rotate(self, *arguments: str, check: int = 0, **env: str) -> Run:
        return Turnout(self.work, self.env).run(
            "host", "rotate-key", "--yes", "--json", *arguments, check=check, **env
        )

    def logs_in(self, server: RealSshd, key: str) -> bool:
        """What OpenSSH itself says of a key."""
        file, known = self.work / "probe", self.work / "known"
        file.unlink(missing_ok=True)
        file.touch(0o600)
        file.write_text(key)
        known.write_text(server.host_key_line)
        options = ["-o", "BatchMode=yes", "-o", "IdentitiesOnly=yes", "-o", f"UserKnownHostsFile={known}"]
        where = ["-p", str(server.port), f"{server.user}@127.0.0.1", "true"]
        argv = ["ssh", "-F", "none", "-i", str(file), *options, *where]
        return subprocess.run(argv, capture_output=True, check=False).returncode == 0

    def journal(self) -> str:
        return (self.work.parent / "app/.turnout/journal.jsonl").read_text()


@pytest.fixture
def one(tmp_path: Path) -> Iterator[Estate]:
    yield from estate(tmp_path, 1)


@pytest.fixture
def two(tmp_path: Path) -> Iterator[Estate]:
    yield from estate(tmp_path, 2)


def estate(folder: Path, count: int) -> Iterator[Estate]:
    made = Estate(folder, count)
    try:
        yield made
    finally:
        for server in made.servers:
            server.stop()


def test_the_new_key_logs_in_and_the_old_one_does_not(two: Estate) -> None:
    """On both hosts; the rest of authorized_keys is as it was; the key file has a backup, both 0600."""
    old = two.public

    told = two.rotate().json

    new, backup = two.file.read_text(), Path(told["backup"])
    for server in two.servers:
        assert two.logs_in(server, new)
        assert not two.logs_in(server, two.first)
        assert two.authorized(server).read_text() == OTHERS + two.public
    assert two.public != old
    assert backup.read_text() == two.first
    for file in (two.file, backup):
        assert file.stat().st_mode & 0o777 == 0o600
    assert not two.file.with_name("id_ed25519.new").exists()
    assert told["new"] in two.journal()
    assert told["old"] in two.journal()
    assert "PRIVATE" not in two.journal()
    assert "PRIVATE" not in json.dumps(told)


def test_options_of_the_old_key_are_those_of_the_new_one(one: Estate) -> None:
    """And the screen says which."""
    (server,) = one.servers
    one.authorize(server, OTHERS + 'from="127.0.0.1,::1",no-pty ' + one.public)

    run = one.rotate()

    assert 'with its options from="127.0.0.1,::1",no-pty' in run.err
    assert one.authorized(server).read_text() == OTHERS + 'from="127.0.0.1,::1",no-pty ' + one.public
    assert one.logs_in(server, one.file.read_text())


def untouched(estate: Estate, public: str) -> None:
    """Files here and there are those of before, and the old key logs in everywhere."""
    assert estate.file.read_text() == estate.first
    assert sorted(path.name for path in estate.file.parent.iterdir()) == ["id_ed25519", "id_ed25519.pub"]
    for server in estate.servers:
        assert estate.authorized(server).read_text() == OTHERS + public
        assert estate.logs_in(server, estate.first)


def test_one_host_that_cannot_be_reached_leaves_all_as_they_were(two: Estate) -> None:
    """Nothing is begun before every host has answered."""
    two.servers[1].stop()

    run = two.rotate("--key", str(two.file), check=20)

    assert "nothing was changed" in run.err
    two.servers[1].start()
    untouched(two, two.public)


def test_one_host_that_does_not_take_the_new_key_takes_it_back_from_all(two: Estate) -> None:
    """Its sshd reads another file than the login's own: the proof fails, and every host is as before."""
    bad = two.servers[1]
    own = bad.home / ".ssh/authorized_keys"
    own.unlink()
    own.write_text(OTHERS + two.public)

    run = two.rotate(check=22)

    assert "does not take the new key" in run.err
    assert "the old key logs in everywhere, as before; the new one was taken back" in run.err
    assert own.read_text() == OTHERS + two.public
    untouched(two, two.public)


def test_a_key_that_sshd_has_from_elsewhere_is_refused(one: Estate) -> None:
    """The old key is not in the login's own file: nothing could be removed there."""
    (server,) = one.servers
    own = server.home / ".ssh/authorized_keys"
    own.unlink()
    own.write_text(OTHERS)

    assert "sshd takes it from somewhere else" in one.rotate(check=23).err
    untouched(one, one.public)


def test_a_new_key_that_cannot_be_put_in_place_is_taken_back(one: Estate) -> None:
    """The name that it needs on the way is a folder's: the hosts are as before, and so is the file."""
    one.file.with_name("id_ed25519.new.pub").mkdir()
    (server,) = one.servers
    before = one.authorized(server).read_text()

    run = one.rotate(check=1)

    assert "could not be put in its place" in run.err
    assert one.authorized(server).read_text() == before
    assert one.logs_in(server, one.first)
    assert one.file.read_text() == one.first


def test_an_old_key_that_still_logs_in_is_said(one: Estate) -> None:
    """The sshd has it from a second file as well: no success is claimed, and the new key logs in."""
    (server,) = one.servers
    second = server.folder / "second_keys"
    second.write_text(one.public)
    server.stop()
    server.extra = f"AuthorizedKeysFile {one.authorized(server)} {second}\n"
    server.start()

    run = one.rotate(check=1)

    assert "still takes the old key" in run.err
    assert one.logs_in(server, one.file.read_text())


def test_what_a_killed_rotation_left_is_taken_up(one: Estate) -> None:
    """A key that was on its way is used, and one that was to go goes with the next rotation."""
    (server,) = one.servers
    one.rotate()
    second = one.file.read_text()
    one.authorize(server, one.authorized(server).read_text() + "# end\n")
    on_its_way = one.file.with_name("id_ed25519.new")
    make_key(on_its_way)
    on_its_way.with_name("id_ed25519.new.pub").unlink()
    third = on_its_way.read_text()

    one.rotate()

    assert one.file.read_text() != second
    assert one.logs_in(server, third)
    assert not one.logs_in(server, second)


def test_the_key_of_ci_goes_to_a_file_with_what_to_do_next(one: Estate) -> None:
    """The secret cannot be set from here; the key itself is not printed."""
    (server,) = one.servers
    out = one.work / "new_key"

    run = one.rotate("--out", str(out), VPS_SSH_KEY=one.first)

    assert one.logs_in(server, out.read_text())
    assert out.stat().st_mode & 0o777 == 0o600
    assert f"gh secret set VPS_SSH_KEY < {out}" in run.err
    assert "PRIVATE" not in run.err + run.out
    assert one.file.read_text() == one.first


def test_a_runner_is_refused(one: Estate) -> None:
    """The new key would be lost with it."""
    assert "would be lost" in one.rotate(check=2, VPS_SSH_KEY=one.first, CI="true").err
    untouched(one, one.public)


def killed(estate: Estate, point: str, *arguments: str, **env: str) -> None:
    """Kill a rotation at one of its failpoints."""
    fault = estate.work / "fault"
    fault.write_text(json.dumps({"point": f"deployer:rotate-key:{point}", "act": "kill"}))
    run = Turnout(estate.work, estate.env | {"TURNOUT_FAULTS": str(fault)}).run(
        "host", "rotate-key", "--yes", *arguments, **env
    )
    assert run.code == -signal.SIGKILL


@pytest.mark.parametrize(
    "count, point",
    [
        (1, "added"),
        (1, "proved"),
        (1, "placed"),
        (1, "removed"),
        (1, "retired"),
        (
            2,
            "proved",
        ),  # not later: two servers of one machine share a journal, and one forgets what the other removed
    ],
)
def test_a_rotation_that_is_killed_leaves_a_key_that_works_and_the_same_again_ends_it(
    request: pytest.FixtureRequest, count: int, point: str
) -> None:
    """Twice, so that a second old key is left; in the end each host has one key, and it is the one that is here."""
    some: Estate = request.getfixturevalue("one" if count == 1 else "two")
    known = [some.first]
    for _ in range(2):
        killed(some, point)
        here = [file.read_text() for file in some.file.parent.iterdir() if file.suffix != ".pub"]
        assert all(any(some.logs_in(server, key) for key in here) for server in some.servers)
        known += [key for key in here if key not in known]

    some.rotate()

    for server in some.servers:
        assert some.authorized(server).read_text() == OTHERS + some.public
        assert some.logs_in(server, some.file.read_text())
        for key in set(known) - {some.file.read_text()}:
            assert not some.logs_in(server, key)


@pytest.mark.parametrize("count, point", [(1, "placed"), (1, "removed"), (1, "retired"), (2, "placed")])
def test_a_rotation_to_another_file_that_is_killed_is_ended_by_the_same_command(
    request: pytest.FixtureRequest, count: int, point: str
) -> None:
    """Also when the old key, which the variable still holds, is refused already."""
    some: Estate = request.getfixturevalue("one" if count == 1 else "two")
    out = some.work / "new_key"
    arguments, env = ("--out", str(out)), {"VPS_SSH_KEY": some.first}
    killed(some, point, *arguments, **env)

    some.rotate(*arguments, **env)
    some.rotate(*arguments, **env)  # nothing is left to do, and that is no failure

    for server in some.servers:
        assert some.logs_in(server, out.read_text())
        assert not some.logs_in(server, some.first)


def test_a_file_that_is_no_part_of_this_rotation_is_left_alone(one: Estate) -> None:
    """A key that is there already, and logs in: the old one would go for nothing."""
    out = one.work / "another_key"
    make_key(out)
    (server,) = one.servers
    one.authorize(server, OTHERS + one.public + out.with_name("another_key.pub").read_text())

    assert "is there already" in one.rotate("--out", str(out), check=2, VPS_SSH_KEY=one.first).err
    assert one.logs_in(server, one.first)
