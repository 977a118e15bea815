"""Secrets do not show in the output of programs that read the dotenv."""

import pytest

from turnout_host.hiding import hide, secrets


@pytest.mark.parametrize(
    "values, line, shown",
    [
        ({"API_KEY": "abc123"}, "key abc123 and abc123", "key … and …"),
        ({"JWT_SECRET": "line one\nline two"}, "found line two", "found …"),
        ({"LOG_LEVEL": "information", "PORT": "3000"}, "information on 3000", "information on 3000"),
        ({"API_KEY": "abc"}, "abc is too short to hide", "abc is too short to hide"),
        ({"DATABASE_URL": "postgresql://u:p%40ss@h/db"}, "login p@ss or p%40ss at h", "login … or … at h"),
        ({"DATABASE_URL": "libsql://h?authToken=eyJ&tls=0"}, "token eyJ, tls=0", "token …, tls=0"),
        ({"A_TOKEN": "abcdef", "B_TOKEN": "abcdefghi"}, "abcdefghi", "…"),
        ({}, "at mysql://root:toor@h:3306/db", "at mysql://root:…@h:3306/db"),
        ({}, "at http://h:3306/db", "at http://h:3306/db"),
    ],
)
def test_secret_values_are_hidden(values: dict[str, str], line: str, shown: str) -> None:
    """By the names of their keys, and passwords wherever they stand in an address."""
    assert hide(line, secrets(values)) == shown
