"""What `turnout env` shows, and the file that it writes."""

from __future__ import annotations

from pathlib import Path

import pytest

from turnout.cli.env import diff, pull
from turnout.cli.env import list as listing
from turnout.errors import UsageError
from turnout.hosts import dotenv
from turnout.model import Secret


def secrets(**values: str) -> dict[str, Secret]:
    return {key: Secret(value) for key, value in values.items()}


ONE, TWO = secrets(A="1", B="2", C="3"), secrets(C="3", B="x", D="4")


def test_a_difference_is_shown_by_names() -> None:
    """- is in the environment only, + in the other only, ~ in both and different."""
    lines = [line for _, line in diff.screen("production", ONE, ".env", TWO, values=False)]
    assert lines == ["- production   + .env", "- A", "~ B", "+ D"]


def test_values_are_shown_on_request() -> None:
    r"""Each on a line of its own, newlines as `\\n`."""
    lines = [line for _, line in diff.screen("production", ONE, ".env", TWO, values=True)]
    assert lines[1:] == ["- A='1'", "- B='2'", "+ B='x'", "+ D='4'"]


def test_no_difference_is_said() -> None:
    """With the number of keys."""
    assert [line for _, line in diff.screen("a", ONE, "b", ONE, values=False)][1:] == [
        "the same 3 keys and values"
    ]


def test_the_list_has_names_and_fingerprints() -> None:
    """And what waits on the host for the next deployment."""
    host = {
        "host": "h",
        "running": "v3",
        "keys": {"A": "00112233", "B": "44556677"},
        "waiting": ["B", "GONE"],
    }
    lines = [" ".join(line.split()) for _, line in listing.screen([host])]
    assert lines == [
        "h · v3",
        "key fingerprint",
        "A 00112233",
        "B 44556677 edited on the host, not deployed yet",
        "GONE - taken out on the host, not deployed yet",
    ]


def test_a_pulled_file_is_for_its_owner_and_never_overwritten_unasked(tmp_path: Path) -> None:
    """0600 from its first byte on; whole or not at all."""
    file = tmp_path / ".env.production"
    pull.write(file, b"A=1\n", replace=False)
    assert (file.stat().st_mode & 0o777, file.read_bytes()) == (0o600, b"A=1\n")
    with pytest.raises(UsageError):
        pull.write(file, b"A=2\n", replace=False)
    pull.write(file, b"A=2\n", replace=True)
    assert (file.read_bytes(), list(tmp_path.iterdir())) == (b"A=2\n", [file])


def test_a_dotenv_is_read_here_as_it_is_on_the_host() -> None:
    """By the same reader; the values are secrets."""
    found = dotenv.parse(Secret("A='1 # 2' # three\nexport B=\"x\\ny\"\n"))
    assert found == secrets(A="1 # 2", B="x\ny")
