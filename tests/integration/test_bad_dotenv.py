"""The environment's .env: missing, incomplete, unsafe, or edited by a hand. Names are shown, values never."""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Iterator

import pytest

from tests.support.left import nothing_left
from tests.support.site import Site
from tests.support.told import Told, told
from turnout_host.dotenv import parse

pytestmark = pytest.mark.integration
VALUE = "a-value-that-nobody-may-see"


@pytest.fixture(scope="module")
def bare() -> Iterator[Site]:
    """A VPS where nothing was ever deployed."""
    made = Site()
    try:
        yield made
    finally:
        made.close()


def refused_first(site: Site) -> Told:
    """A first deployment that the survey refuses: nothing was sent, laid out or started, and nothing is left."""
    run = site.deploy(check=23)

    block = told(run, 23, "refused")
    assert run.step("survey")["status"] == "refused"
    assert not run.step("upload")
    assert VALUE not in run.out + run.err
    assert site.processes() == []
    assert site.current() is None
    nothing_left(site, run)
    return block


def test_a_missing_dotenv_is_refused_with_the_very_scp_that_brings_it(bare: Site) -> None:
    """The line is typed as it stands, and the same deployment then finds the file."""
    file = bare.path / "shared/.env"
    file.unlink()

    block = refused_first(bare)

    assert str(file) in block.where[0]
    (line,) = block.do
    assert line == f"scp -P {bare.sshd.port} .env {bare.sshd.user}@127.0.0.1:{file}"
    (bare.repo / ".env").write_text("API_KEY=x\n")
    (bare.root / "known_hosts").write_text(bare.sshd.host_key_line)
    scp, *words = shlex.split(line)
    options = [
        "-F",
        "none",
        "-i",
        str(bare.sshd.client_key),
        "-o",
        f"UserKnownHostsFile={bare.root}/known_hosts",
    ]
    subprocess.run([scp, *options, *words], cwd=bare.repo, check=True, capture_output=True)
    assert file.read_text() == "API_KEY=x\n"
    assert "DATABASE_URL" in refused_first(bare).what[0]


def test_keys_that_the_example_names_and_the_dotenv_lacks_are_named(bare: Site) -> None:
    """All of them at once; an optional key that is commented out in the example is not asked for."""
    bare.write_dotenv()
    file = bare.path / "shared/.env"
    lines = file.read_text().splitlines()
    kept = [line for line in lines if not line.startswith(("API_KEY", "LOG_LEVEL"))]
    file.write_text("\n".join([*kept, f"OTHER={VALUE}"]))

    block = refused_first(bare)

    assert block.what == ["the .env lacks keys that .env.example names: LOG_LEVEL, API_KEY"]
    assert str(file) in block.where[0]
    assert str(file) in "\n".join(block.do)


def test_a_database_file_inside_the_release_is_refused(bare: Site) -> None:
    """With a relative `file:` each release would have its own empty database: the key is named, not the value."""
    bare.write_dotenv(DATABASE_URL=f"file:./{VALUE}.db")

    block = refused_first(bare)

    assert "DATABASE_URL" in block.what[0]
    assert "file:/" in "\n".join(block.do)


def edit(site: Site, name: str, value: str) -> None:
    """A person adds a line to current/.env."""
    site.hand(f"echo '{name}={value}' >> {site.path}/current/.env")


def keys(site: Site, name: str) -> dict[str, str]:
    """What a dotenv below the app's folder says."""
    return parse((site.path / name).read_text())


def test_a_dotenv_edited_in_current_is_taken_over_and_said(live: Site) -> None:
    """The next release has it, so has shared/.env for all later ones; the result names the key and no value."""
    before = str(live.current())
    edit(live, "BY_HAND", VALUE)

    run = live.deploy()

    end = run.finished
    assert (end["result"], end["previous"]) == ("succeeded", before)
    assert live.serving() == {end["release"]}
    assert keys(live, "current/.env")["BY_HAND"] == keys(live, "shared/.env")["BY_HAND"] == VALUE
    assert not {"RELEASE_ID", "TURNOUT_RELEASE"} & set(keys(live, "shared/.env"))
    assert any("edited by hand" in note and "BY_HAND" in note for note in end["notes"]), end
    assert VALUE not in run.out + run.err
    nothing_left(live, run)


@pytest.mark.parametrize("keep", ["current", "shared"])
def test_two_edited_dotenvs_are_refused_with_both_ways_out(live: Site, keep: str) -> None:
    """Turnout does not choose between two hands; each way out is a command that works as it stands."""
    before = live.serving()
    edit(live, "BY_HAND", f"{VALUE}-current-{keep}")
    live.hand(f"echo 'BY_HAND={VALUE}-shared-{keep}' >> {live.path}/shared/.env")

    run = live.deploy(check=23)

    block = told(run, 23, "refused")
    assert "BY_HAND" in block.what[0]
    assert VALUE not in run.out + run.err
    assert live.serving() == before
    nothing_left(live, run)
    ways = dict(line.removeprefix("keep ").split(": ", 1) for line in block.do)
    assert set(ways) == {"current/.env", "shared/.env"}
    live.hand(ways[f"{keep}/.env"])
    end = live.deploy().finished
    assert end["result"] == "succeeded"
    assert live.serving() == {end["release"]}
    assert (
        keys(live, "current/.env")["BY_HAND"]
        == keys(live, "shared/.env")["BY_HAND"]
        == f"{VALUE}-{keep}-{keep}"
    )
