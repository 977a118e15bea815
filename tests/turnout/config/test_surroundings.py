"""VPS_HOST and its siblings against turnout.toml."""

import pytest

from turnout.config import Environment, reach
from turnout.errors import UsageError
from turnout.model import Address, Secret

KEY = "-----BEGIN OPENSSH PRIVATE KEY-----\nYWJj\n-----END OPENSSH PRIVATE KEY-----"

FILE = "from turnout.toml"


def environment(*hosts: str) -> Environment:
    return Environment(name="production", path="/srv/a", hosts=tuple(Address.parse(host) for host in hosts))


@pytest.mark.parametrize(
    "hosts, variables, found, origin",
    [
        (["deploy@a"], {}, "deploy@a", "from turnout.toml"),
        (["deploy@a"], {"VPS_HOST": "", "VPS_USER": "", "VPS_PORT": ""}, "deploy@a", "from turnout.toml"),
        (["deploy@a"], {"VPS_HOST": "b"}, "deploy@b", "from VPS_HOST"),
        (["deploy@a:2222"], {"VPS_HOST": "b\n", "VPS_USER": "root"}, "root@b:2222", "from VPS_HOST"),
        (["deploy@a"], {"VPS_HOST": "x@b:23", "VPS_PORT": "24"}, "x@b:24", "from VPS_HOST"),
        ([], {"VPS_HOST": "203.0.113.5", "VPS_USER": "me", "VPS_PORT": "23"}, "me@203.0.113.5:23", "from VPS_HOST"),
        (["deploy@a"], {"VPS_USER": "root", "VPS_PORT": "23"}, "root@a:23", FILE + ", with VPS_USER and VPS_PORT"),
        (["local"], {"VPS_USER": "root"}, "local", "from turnout.toml, with VPS_USER"),
    ],
)  # fmt: skip
def test_one_host(hosts: list[str], variables: dict[str, str], found: str, origin: str) -> None:
    """Each variable replaces its part of the only host, and the origin says so."""
    result = reach(environment(*hosts), variables)
    assert [str(address) for address in result.hosts] == [found]
    assert result.origins == {found: origin}


@pytest.mark.parametrize(
    "variables", [{}, {"VPS_HOST": "b"}, {"VPS_HOST": "a", "VPS_USER": "deploy", "VPS_PORT": "22"}]
)
def test_several_hosts_are_those_of_the_file(variables: dict[str, str]) -> None:
    """With several hosts, variables that agree with one of them change nothing."""
    result = reach(environment("deploy@a", "deploy@b"), variables)
    assert [str(address) for address in result.hosts] == ["deploy@a", "deploy@b"]
    assert set(result.origins.values()) == {"from turnout.toml"}


@pytest.mark.parametrize("variables", [{"VPS_HOST": "c"}, {"VPS_USER": "root"}, {"VPS_PORT": "23"}])
def test_several_hosts_and_another_one_is_refused(variables: dict[str, str]) -> None:
    """With several hosts, a variable that says something else is refused instead of passed over."""
    with pytest.raises(UsageError, match="contradicts"):
        reach(environment("deploy@a", "deploy@b"), variables)


@pytest.mark.parametrize(
    "variables",
    [
        {},
        {"VPS_HOST": "-oProxyCommand=id"},
        {"VPS_HOST": "a;id"},
        {"VPS_HOST": "a", "VPS_USER": "a b"},
        {"VPS_HOST": "a", "VPS_USER": "-l"},
        {"VPS_HOST": "a", "VPS_PORT": "0"},
        {"VPS_HOST": "a", "VPS_PORT": "22; id"},
        {"VPS_HOST": "a", "VPS_PORT": "²²"},
        {"VPS_HOST": "a", "VPS_SSH_KEY": "~/.ssh/id_ed25519"},
        {"VPS_HOST": "a", "VPS_SSH_KEY": "ssh-ed25519 AAAA sekret"},
        {"VPS_HOST": "a", "VPS_KNOWN_HOSTS": "a b"},
    ],
)
def test_bad_surroundings_are_refused_at_the_border(variables: dict[str, str]) -> None:
    """A wrong value is refused by its variable's name, and a key's text is in no message."""
    with pytest.raises(UsageError) as caught:
        reach(environment(), variables)
    error = caught.value
    assert error.exit_code == 2
    assert "sekret" not in repr((error.message, error.where, error.why, error.remedy))


def test_the_key_is_a_secret_with_one_last_newline() -> None:
    """The key is taken with or without its last newline, and cannot be printed."""
    results = [reach(environment("a"), {"VPS_SSH_KEY": KEY + end}) for end in ("", "\n", "\n\n", "\r\n")]
    assert {result.key for result in results} == {Secret(KEY + "\n")}
    assert "YWJj" not in repr(results)


def test_known_hosts_lines() -> None:
    """Comments and blank lines are dropped, lines are kept."""
    text = "# hi\n\na ssh-ed25519 AAAA\r\n@cert-authority *.b ssh-rsa BBBB c\n"
    assert (
        reach(environment("a"), {"VPS_KNOWN_HOSTS": text}).known_hosts
        == "a ssh-ed25519 AAAA\n@cert-authority *.b ssh-rsa BBBB c\n"
    )
