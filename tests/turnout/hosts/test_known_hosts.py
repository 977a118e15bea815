from __future__ import annotations

import base64
import hmac
import stat
from hashlib import sha1
from pathlib import Path

import asyncssh
import pytest

from turnout.errors import HostKeyError
from turnout.hosts.known_hosts import KnownHosts, fingerprint, trust


def new_key(kind: str) -> asyncssh.SSHKey:
    return asyncssh.import_public_key(asyncssh.generate_private_key(kind).export_public_key("openssh"))


ED, OTHER_ED, EC = new_key("ssh-ed25519"), new_key("ssh-ed25519"), new_key("ecdsa-sha2-nistp256")


def line(names: str, key: asyncssh.SSHKey = ED, marker: str = "") -> str:
    return f"{marker}{names} {key.export_public_key('openssh').decode().strip()}\n"


def hashed(name: str) -> str:
    salt = b"0123456789abcdefghij"
    digest = hmac.new(salt, name.encode(), sha1).digest()
    return f"|1|{base64.b64encode(salt).decode()}|{base64.b64encode(digest).decode()}"


@pytest.mark.parametrize(
    "text, host, port, trusted",
    [
        pytest.param(line("vps"), "vps", 22, True, id="plain"),
        pytest.param(line("a,vps,b"), "vps", 22, True, id="a list"),
        pytest.param(line("[vps]:2222"), "vps", 2222, True, id="with port"),
        pytest.param(line("[vps]:2222"), "vps", 22, False, id="another port"),
        pytest.param(line("vps"), "vps", 2222, True, id="the name alone counts for any port"),
        pytest.param(line(hashed("vps")), "vps", 22, True, id="hashed"),
        pytest.param(line(hashed("[vps]:2222")), "vps", 2222, True, id="hashed with port"),
        pytest.param(line("*.example.com"), "vps.example.com", 22, True, id="wildcard"),
        pytest.param(line("*,!vps"), "vps", 22, False, id="negated"),
        pytest.param(line("203.0.113.5"), "203.0.113.5", 22, True, id="address"),
        pytest.param("what is this\n@marker\n" + line("vps"), "vps", 22, True, id="bad lines are skipped"),
        pytest.param("", "vps", 22, False, id="nothing"),
    ],
)
def test_a_host_is_found_as_openssh_finds_it(text: str, host: str, port: int, trusted: bool) -> None:
    """Names, lists, ports, hashes and wildcards."""
    assert (ED in KnownHosts(text).match(host, port).trusted) is trusted


def test_a_revoked_key_is_never_trusted() -> None:
    """Also when another line trusts it."""
    known = KnownHosts(line("vps") + line("*", marker="@revoked ")).match("vps", 22)
    assert known.trusted == []
    assert known.revoked == [ED]


def test_known_types_come_first() -> None:
    """A server with several keys is asked for the one that is known, and others are not ruled out."""
    algorithms = KnownHosts(line("vps", EC)).match("vps", 22).algorithms()
    assert algorithms[0] == "ecdsa-sha2-nistp256"
    assert "ssh-ed25519" in algorithms
    assert not any("cert" in name for name in algorithms)


def test_a_certificate_authority_makes_certificates_welcome() -> None:
    """@cert-authority lines are honoured."""
    known = KnownHosts(line("*", marker="@cert-authority ")).match("vps", 22)
    assert known.ca == [ED]
    assert "cert" in known.algorithms()[0]


def test_a_given_text_replaces_all_files(home: Path) -> None:
    """VPS_KNOWN_HOSTS is the only truth where it is set."""
    trust("vps", 22, ED)
    assert KnownHosts().match("vps", 22).trusted
    assert not KnownHosts("").match("vps", 22).trusted


def test_trust_writes_once_and_for_its_owner_only(home: Path) -> None:
    """The same key twice is one line; folder 0700, file 0600."""
    file = trust("vps", 2222, ED)
    assert trust("vps", 2222, ED) == file == home / ".ssh" / "known_hosts"
    assert file.read_text() == line("[vps]:2222")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert [kept.name for kept in file.parent.iterdir()] == ["known_hosts"]


def test_trust_keeps_what_is_there(home: Path) -> None:
    """Comments, other hosts, a missing last newline, and bytes that are no text stay as they were."""
    file = home / ".ssh" / "known_hosts"
    file.parent.mkdir()
    before = b"# \xff mine\n" + line("other").encode().rstrip(b"\n")
    file.write_bytes(before)
    trust("vps", 22, ED)
    assert file.read_bytes() == before + b"\n" + line("vps").encode()


def test_trust_of_another_type_only_adds(home: Path) -> None:
    """A host may have several keys."""
    trust("vps", 22, ED)
    trust("vps", 22, EC)
    assert len(KnownHosts().match("vps", 22).trusted) == 2


def test_a_changed_key_is_not_replaced_unasked(home: Path) -> None:
    """Both fingerprints are named, and the file stays."""
    file = trust("vps", 22, ED)
    before = file.read_text()
    with pytest.raises(HostKeyError) as caught:
        trust("vps", 22, OTHER_ED)
    assert fingerprint(ED) in caught.value.why[0]
    assert fingerprint(OTHER_ED) in caught.value.why[1]
    assert file.read_text() == before


@pytest.mark.parametrize(
    "names, left",
    [("vps", ""), (hashed("vps"), ""), ("a,vps", line("a")), ("*", line("*"))],
    ids=["plain", "hashed", "a list", "a pattern stays"],
)
def test_a_changed_key_is_replaced_when_asked(home: Path, names: str, left: str) -> None:
    """Only this host's part of the old entry goes."""
    file = home / ".ssh" / "known_hosts"
    file.parent.mkdir()
    file.write_text(line("zzz") + line(names))
    trust("vps", 22, OTHER_ED, replace=True)
    assert file.read_text() == line("zzz") + left + line("vps", OTHER_ED)


def test_a_revoked_key_cannot_be_trusted(home: Path) -> None:
    """Not even with replace."""
    file = home / ".ssh" / "known_hosts"
    file.parent.mkdir()
    file.write_text(line("vps", marker="@revoked "))
    with pytest.raises(HostKeyError, match="revoked"):
        trust("vps", 22, ED, replace=True)


def test_a_linked_file_stays_a_link(home: Path) -> None:
    """People keep their dotfiles elsewhere."""
    (home / "dotfiles").write_text("")
    (home / ".ssh").mkdir()
    (home / ".ssh" / "known_hosts").symlink_to(home / "dotfiles")
    trust("vps", 22, ED)
    assert (home / ".ssh" / "known_hosts").is_symlink()
    assert (home / "dotfiles").read_text() == line("vps")
