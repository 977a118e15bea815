from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import asyncssh
import pytest

from turnout.errors import UsageError
from turnout.hosts.identity import identity
from turnout.model import Secret

KEY = asyncssh.generate_private_key("ssh-ed25519")
TEXT = KEY.export_private_key("openssh").decode()
PEM_LOCKED = (
    asyncssh.generate_private_key("ssh-rsa").export_private_key("pkcs8-pem", passphrase="secret").decode()
)


@pytest.mark.parametrize(
    "text",
    [TEXT, TEXT.rstrip("\n"), TEXT.replace("\n", "\r\n"), f"\n\n  {TEXT}  \n\n", TEXT.replace("\n", " \n")],
    ids=["as it is", "without the last newline", "CRLF", "surrounded by space", "spaces at line ends"],
)
def test_a_key_is_read_however_it_was_pasted(text: str) -> None:
    """CI systems store secrets with all kinds of line ends."""
    assert identity(Secret(text)).public_data == KEY.public_data


@pytest.mark.parametrize(
    "text, reason",
    [
        pytest.param(PEM_LOCKED, "passphrase", id="PEM with passphrase"),
        pytest.param(KEY.export_public_key("openssh").decode(), "public key", id="public"),
        pytest.param("", "no private key", id="empty"),
        pytest.param("hunter2", "no private key", id="a password"),
        pytest.param("\n".join(TEXT.splitlines()[:3]), "cut off", id="cut off"),
        pytest.param(TEXT.replace(TEXT.splitlines()[2], "AAAA"), "cannot be read", id="damaged"),
    ],
)
def test_what_is_no_usable_key_is_refused_without_showing_it(text: str, reason: str) -> None:
    """The reason is named; no line of the text is."""
    with pytest.raises(UsageError, match=reason) as caught:
        identity(Secret(text))
    shown = " ".join([caught.value.message, caught.value.where, *caught.value.why, *caught.value.remedy])
    assert not any(line in shown for line in text.splitlines() if line and not line.startswith("-----"))
    assert caught.value.__context__ is None


@pytest.mark.skipif(not shutil.which("ssh-keygen"), reason="no ssh-keygen here")
def test_an_openssh_key_with_a_passphrase_is_named_as_such(tmp_path: Path) -> None:
    """Nobody is there to type it; asyncssh alone says something of bcrypt."""
    file = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "secret", "-f", str(file)], check=True)
    with pytest.raises(UsageError, match="has a passphrase"):
        identity(Secret(file.read_text()))
