"""What a person may write wrongly or maliciously is refused at the border: 2, and no host is contacted."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from tests.support.site import Site
from tests.support.told import told

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def bare() -> Iterator[Site]:
    """A VPS that nothing is ever deployed to: what is refused at the border must not even reach its sshd."""
    made = Site()
    try:
        yield made
        assert contacts(made) == []
    finally:
        made.close()


def contacts(site: Site) -> list[str]:
    """Lines of sshd's log about connections."""
    return [line for line in site.sshd.log.read_text().splitlines() if line.startswith("Connection from")]


WRONG = [
    pytest.param('branches = ["main"]', 'brnaches = ["main"]', "did you mean `branches`?", id="typo"),
    pytest.param('node = "20"', "node = 20", "must be text, in quotes", id="number for a text"),
    pytest.param('node = "20"', 'bake = "1s"', "`bake` belongs in [health]", id="key of another table"),
    pytest.param('bake = "0.5s"', 'bake = "soon"', "must be a time with its unit", id="no duration"),
    pytest.param('source = "backend"', 'source = "a"\nsource = "b"', "is not valid TOML", id="twice"),
]


@pytest.mark.parametrize("right, wrong, words", WRONG)
def test_a_wrong_key_is_shown_with_its_place_and_what_was_meant(
    bare: Site, right: str, wrong: str, words: str
) -> None:
    """Line and column of the key, and what to write instead."""
    text = edited(bare, right, wrong)

    block = told(bare.deploy(check=2), 2)

    line = text[: text.index(wrong)].count("\n") + wrong.count("\n") + 1
    assert re.fullmatch(rf"turnout\.toml:{line}:\d+", block.where[0]), block
    assert words in block.text


def edited(site: Site, right: str, wrong: str) -> str:
    """Write turnout.toml with one line changed; gives its text."""
    site.write_toml()
    file = site.repo / "turnout.toml"
    assert file.read_text().count(f"\n{right}\n") + file.read_text().startswith(f"{right}\n") == 1, right
    file.write_text(file.read_text().replace(f"{right}\n", f"{wrong}\n"))
    return file.read_text()


TRICKS = [
    pytest.param('app = "blue-video-backend"', 'app = "a;touch {mark}"', id="app with ;"),
    pytest.param('app = "blue-video-backend"', 'app = "../x"', id="app with .."),
    pytest.param('app = "blue-video-backend"', 'app = "-oProxyCommand=touch {mark}"', id="app with -"),
    pytest.param('source = "backend"', 'source = "../x"', id="source with .."),
    pytest.param('source = "backend"', 'source = "$(touch {mark})"', id="source with $"),
    pytest.param("[environments.production]", '[environments."../x"]', id="environment with .."),
    pytest.param('hosts = ["{address}"]', 'hosts = ["-oProxyCommand=touch {mark}"]', id="host with -"),
    pytest.param('hosts = ["{address}"]', 'hosts = ["root@-oProxyCommand=touch {mark}"]', id="host with @-"),
    pytest.param('hosts = ["{address}"]', 'hosts = ["-lroot@127.0.0.1"]', id="user with -"),
    pytest.param('hosts = ["{address}"]', 'hosts = ["127.0.0.1;touch {mark}"]', id="host with ;"),
    pytest.param('hosts = ["{address}"]', 'hosts = ["127.0.0.1\\ntouch {mark}"]', id="host with newline"),
    pytest.param('path = "{path}"', 'path = "{path}/../../x"', id="path with .."),
    pytest.param('path = "{path}"', 'path = "{path};touch {mark}"', id="path with ;"),
    pytest.param('path = "{path}"', 'path = "-x"', id="path with -"),
    pytest.param('branches = ["main"]', 'branches = ["--upload-pack=touch {mark}"]', id="branch with -"),
    pytest.param('branches = ["main"]', 'branches = ["../x"]', id="branch with .."),
    pytest.param('bake = "0.5s"', 'path = "/health;touch {mark} x"', id="health path with space"),
    pytest.param('bake = "0.5s"', 'port_env = "PORT=1;touch {mark}"', id="variable with ;"),
]


@pytest.mark.parametrize("right, wrong", TRICKS)
def test_a_name_with_a_trick_in_turnout_toml_is_refused(bare: Site, right: str, wrong: str) -> None:
    """Shell and path tricks are no names; the block points at the line."""
    values = {"address": str(bare.sshd.address), "path": str(bare.path), "mark": str(bare.root / "mark")}
    text = edited(bare, right.format(**values), wrong.format(**values))

    block = told(bare.deploy(check=2), 2)

    line = text[: text.index(wrong.format(**values))].count("\n") + 1
    assert block.where[0].startswith(f"turnout.toml:{line}:"), block
    assert not (bare.root / "mark").exists()


ARGUMENTS = [
    ("rollback", "../x"),
    ("rollback", "production", "../x"),
    ("rollback", "production", "v1;touch MARK"),
    ("rollback", "production", "v01"),
    ("deploy", "../x"),
    ("deploy", "a;touch MARK"),
    ("deploy", "--ref=-oX"),
    ("deploy", "--ref=--upload-pack=touch MARK"),
    ("deploy", "--ref", "main;touch MARK"),
    ("deploy", "--ref", "../x"),
    ("deploy", "--ref", ""),
    ("rollback", "staging", "v1"),
]


@pytest.mark.parametrize("arguments", ARGUMENTS, ids=" ".join)
def test_an_argument_with_a_trick_is_refused(bare: Site, arguments: tuple[str, ...]) -> None:
    """Environment, release and revision are names too."""
    bare.write_toml()
    mark = bare.root / "mark"
    command, *words = (word.replace("MARK", str(mark)) for word in arguments)

    run = bare.turnout(command, "--json", *words, check=2)

    told(run, 2)
    assert not mark.exists()


VARIABLES = [
    ("VPS_HOST", "-oProxyCommand=touch MARK"),
    ("VPS_HOST", "127.0.0.1;touch MARK"),
    ("VPS_USER", "-lroot"),
    ("VPS_USER", "a;touch MARK"),
    ("VPS_PORT", "22 -oProxyCommand=touch MARK"),
    ("VPS_PORT", "99999"),
    ("VPS_SSH_KEY", "/etc/passwd"),
    ("VPS_KNOWN_HOSTS", "nonsense"),
]


@pytest.mark.parametrize("name, value", VARIABLES)
def test_a_variable_with_a_trick_is_refused_by_its_name(bare: Site, name: str, value: str) -> None:
    """What CI hands over is checked like what the file says."""
    bare.write_toml()
    mark = bare.root / "mark"

    block = told(bare.deploy(check=2, **{name: value.replace("MARK", str(mark))}), 2)

    assert name in block.text
    assert not mark.exists()


def test_an_unknown_option_is_refused(bare: Site) -> None:
    """Before anything is read; the help is what to type."""
    run = bare.turnout("deploy", "--acept-drift", check=2)

    assert "--accept-drift" in run.err
