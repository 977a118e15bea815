"""authorized_keys: one key added and removed, every other byte left as it was."""

import base64
import hashlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from turnout_host import authorized
from turnout_host.errors import SurveyError


def key(seed: int, comment: str = "") -> str:
    """A line of ssh-ed25519, as ssh-keygen writes it."""
    blob = b"\x00\x00\x00\x0bssh-ed25519\x00\x00\x00 " + bytes([seed]) * 32
    return f"ssh-ed25519 {base64.b64encode(blob).decode()} {comment}".rstrip()


def mark(seed: int) -> str:
    return str(authorized.fingerprint(key(seed).encode()))


NEW = key(9, "turnout-production-20261125")


def test_the_fingerprint_is_that_of_ssh_keygen() -> None:
    """SHA256 of the key itself, in base64 without padding."""
    blob = base64.b64decode(key(1).split()[1])
    assert mark(1) == "SHA256:" + base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")


@pytest.mark.parametrize(
    "front, options",
    [
        ("", ""),
        ("  ", ""),
        ('from="10.0.0.0/8" ', 'from="10.0.0.0/8"'),
        ('command="echo \\"hi there\\" # x",no-pty ', 'command="echo \\"hi there\\" # x",no-pty'),
        ("restrict,pty\t", "restrict,pty"),
        ('environment="A=ssh-ed25519 AAAA" ', 'environment="A=ssh-ed25519 AAAA"'),
    ],
)
def test_options_are_found_and_taken_over(front: str, options: str) -> None:
    """The new key may do exactly what the old one may."""
    data = f"# mine\n{front}{key(1, 'ann@laptop')}\n{key(2)}\n".encode()

    assert authorized.options(data, mark(1)) == options
    made = authorized.add(data, NEW, mark(1)).decode().splitlines()
    assert made[2] == f"{options} {NEW}".strip()
    assert authorized.options(authorized.add(data, NEW, mark(1)), mark(9)) == options


@pytest.mark.parametrize(
    "line",
    [
        b"# " + key(1).encode(),
        b"",
        b"cert-authority " + key(1).encode(),
        b'principals="a",cert-authority ' + key(1).encode(),
        b"ssh-ed25519",
        b"ssh-ed25519 !!!!",
        b"ssh-ed25519 AAA",
        b"no key at all",
        b"\xff\xfe",
    ],
)
def test_other_lines_are_no_keys(line: bytes) -> None:
    """Comments, authorities, and what sshd would skip."""
    assert authorized.fingerprint(line) is None


lines = st.lists(
    st.one_of(
        st.sampled_from([key(3), key(4, "bob"), 'from="a b" ' + key(5), "# c", "", "  ", "nonsense \xff"]),
        st.text(st.characters(blacklist_characters="\n", blacklist_categories=("Cs",)), max_size=30),
    ),
    max_size=6,
)


@given(
    before=lines, after=lines, end=st.sampled_from(["", "\n", "\n\n"]), eol=st.sampled_from(["\n", "\r\n"])
)
def test_adding_and_removing_gives_the_same_bytes(
    before: list[str], after: list[str], end: str, eol: str
) -> None:
    """Whatever else is in the file, with or without a last newline."""
    data = (eol.join([*before, key(1, "old"), *after]) + end).encode("utf-8")

    made = authorized.add(data, NEW, mark(1))

    assert authorized.has(made, mark(9))
    assert authorized.has(made, mark(1))
    assert authorized.remove(made, mark(9)) == (data, 1)
    left, count = authorized.remove(made, mark(1))
    assert count == 1
    assert authorized.has(left, mark(9))
    assert [line for line in left.splitlines() if NEW.encode() not in line] == [
        line for line in data.splitlines() if key(1, "old").encode() not in line
    ]


def test_the_same_key_twice_is_removed_twice() -> None:
    """Or it would still log in."""
    data = f'{key(1)}\nfrom="x" {key(1, "again")}\n{key(2)}\n'.encode()
    assert authorized.remove(data, mark(1)) == (f"{key(2)}\n".encode(), 2)


def test_mode_and_link_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that is a link into somewhere else is changed there; no temporary file is left."""
    monkeypatch.setenv("HOME", str(tmp_path))
    real = tmp_path / "elsewhere/keys"
    for folder in (real.parent, tmp_path / ".ssh"):
        folder.mkdir()
    real.write_bytes(b"old\n")
    real.chmod(0o640)
    (tmp_path / ".ssh/authorized_keys").symlink_to(real)

    authorized.write(authorized.path(), b"new\n", b"old\n")

    assert (tmp_path / ".ssh/authorized_keys").is_symlink()
    assert real.read_bytes() == b"new\n"
    assert real.stat().st_mode & 0o777 == 0o640
    assert list(real.parent.iterdir()) == [real]


def test_a_change_by_somebody_else_is_not_lost(tmp_path: Path) -> None:
    """The file is not what was read: refused, and nothing is written."""
    file = tmp_path / "keys"
    file.write_bytes(b"theirs\n")
    with pytest.raises(SurveyError, match="somebody else"):
        authorized.write(file, b"ours\n", b"read\n")
    assert file.read_bytes() == b"theirs\n"
    assert list(tmp_path.iterdir()) == [file]


def test_a_file_that_is_missing_is_said(tmp_path: Path) -> None:
    """By its path."""
    with pytest.raises(SurveyError, match="cannot be read"):
        authorized.read(tmp_path / "keys")
