"""Which word of `turnout env` is the environment, which a key; and a value is never one."""

from __future__ import annotations

from pathlib import Path

import pytest

from turnout.cli.env import words
from turnout.errors import UsageError

TOML = """
app = "api"
[environments.production]
path = "/srv/api"
[environments.staging]
path = "/srv/staging"
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A turnout.toml with two environments."""
    made = tmp_path / "turnout.toml"
    made.write_text(TOML)
    return made


@pytest.mark.parametrize(
    "given, most, environment, rest",
    [
        ([None, None], 1, None, []),
        (["production", None], 1, "production", []),
        (["PORT", None], 1, None, ["PORT"]),
        (["staging", "PORT"], 1, "staging", ["PORT"]),
        (["stagign", "PORT"], 1, "stagign", ["PORT"]),  # refused later, by name
        (["production", "staging"], 1, "production", ["staging"]),
        (["PORT", "HOST"], 100, None, ["PORT", "HOST"]),
    ],
)
def test_the_first_word_is_the_environment_if_it_names_one(
    file: Path, given: list[str | None], most: int, environment: str | None, rest: list[str]
) -> None:
    """Or if there would be a word too many otherwise."""
    assert words.split(given, file, most) == (environment, rest)


@pytest.mark.parametrize("word", ["API_KEY=hunter2", "=hunter2", "a b=hunter2"])
def test_a_value_as_an_argument_is_refused_and_not_repeated(word: str) -> None:
    """It would stay in the shell's history; the message says what to type instead."""
    with pytest.raises(UsageError) as refused:
        words.key(word)
    error = refused.value
    assert "hunter2" not in " ".join([error.message, error.where, *error.why, *error.remedy])
    assert "turnout env set" in error.remedy[0]
