"""Which GitHub the surroundings speak of."""

from __future__ import annotations

import pytest

from turnout.config.github import Access, access

GOOD = {"GITHUB_TOKEN": "ghs_x", "GITHUB_REPOSITORY": "acme/api"}


@pytest.mark.parametrize("more", [{}, {"GITHUB_API_URL": ""}])
def test_the_public_address_is_the_default(more: dict[str, str]) -> None:
    """GITHUB_API_URL may be missing or empty; the token cannot be printed."""
    found = access(GOOD | more)
    assert isinstance(found, Access)
    assert found.api == "https://api.github.com"
    assert "ghs_x" not in repr(found)


@pytest.mark.parametrize("around", ["{}\n", " {}\r\n"])
def test_white_space_around_a_pasted_token_does_not_count(around: str) -> None:
    """A secret often comes with its last line break."""
    found = access(GOOD | {"GITHUB_TOKEN": around.format("ghs_x")})
    assert isinstance(found, Access)
    assert found.token.reveal() == "ghs_x"


@pytest.mark.parametrize(
    "name, value",
    [
        ("GITHUB_TOKEN", ""),
        ("GITHUB_TOKEN", "ghs_x\nghs_y"),
        ("GITHUB_TOKEN", "ghs_\N{LATIN SMALL LETTER E WITH ACUTE}"),
        ("GITHUB_REPOSITORY", "acme"),
        ("GITHUB_REPOSITORY", "../../user"),
        ("GITHUB_REPOSITORY", "acme/.."),
        ("GITHUB_API_URL", "http://api.github.example.com"),
        ("GITHUB_API_URL", "https://a:b@api.github.example.com"),
    ],
)
def test_what_is_wrong_is_named(name: str, value: str) -> None:
    """Before the library sees it: its own error would quote the token."""
    assert access(GOOD | {name: value}) == name
