"""One key changes, and nothing else: neither another key, nor a comment, nor the order."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from turnout_host.dotenv import parse
from turnout_host.dotenv_edit import change, changed_keys, checked, is_database, set_key, unset_key
from turnout_host.errors import UsageError

FILE = """\
# the database
export DATABASE_URL="file:/srv/app.db" # absolute

PORT=3000
NAME = 'Blue Video'
PORT=3001
EMPTY=
# the end
"""
KEYS = st.sampled_from(["A", "B", "DATABASE_URL", "PORT", "x_1"])
VALUES = st.text(st.sampled_from("ab 1#'\"`=\\\n\r\t$:ü…"), max_size=8)
LINES = st.lists(
    st.one_of(
        st.sampled_from(
            ["# a comment", "", "  # another", "export OTHER='x # y'", 'MULTI="one\ntwo"', "C: 1"]
        ),
        st.builds(
            lambda key, value: f"{key}={value}", KEYS, st.sampled_from(["", "1", "'a b'", '"c" # d', "`e`"])
        ),
    ),
    max_size=6,
)


@pytest.mark.parametrize(
    "key, value, old, new",
    [
        ("PORT", "4000", "PORT=3001", "PORT=4000"),
        ("NAME", "Red Video", "'Blue Video'", "'Red Video'"),
        ("DATABASE_URL", "file:/new.db", '"file:/srv/app.db"', '"file:/new.db"'),
        ("EMPTY", "no more", "EMPTY=", 'EMPTY="no more"'),
        ("NAME", "it's", "'Blue Video'", '"it\'s"'),
        ("NAME", "two\nlines", "'Blue Video'", "'two\nlines'"),
        ("PORT", "a # b", "PORT=3001", 'PORT="a # b"'),
        ("NEW", "value", "# the end\n", "# the end\nNEW=value\n"),
        ("NEW", "all of '\"`", "# the end\n", None),
    ],
)
def test_a_value_is_written_where_it_stands(key: str, value: str, old: str, new: str | None) -> None:
    """The quotes that are there stay where they can; what stands behind a value stays; a new key goes to the end."""
    after = set_key(FILE, key, value)

    assert parse(after) == {**parse(FILE), key: value}
    if new is not None:
        assert after == FILE.replace(old, new)


def test_taking_a_key_out_takes_all_its_lines_and_no_other() -> None:
    """PORT stands twice."""
    assert unset_key(FILE, "PORT") == FILE.replace("PORT=3000\n", "").replace("PORT=3001\n", "")


@given(LINES, KEYS, VALUES)
def test_what_goes_in_comes_out_and_the_rest_is_as_before(lines: list[str], key: str, value: str) -> None:
    """Whatever the value, and whatever else the file has; or it is refused."""
    text = "".join(line + "\n" for line in lines)
    try:
        after = set_key(text, key, value)
    except UsageError:
        assert {"'", '"', "`"} <= set(value) or "\r" in value or "\\" in value
        return
    assert parse(after) == {**parse(text), key: value}
    comments = [line for line in lines if line.lstrip().startswith("#")]
    assert [line for line in after.split("\n") if line in comments and line] == comments


@given(LINES, KEYS)
def test_set_and_unset_go_round(lines: list[str], key: str) -> None:
    """A key that was not there leaves no trace."""
    text = "".join(line + "\n" for line in lines)
    if key in parse(text):
        assert key not in parse(unset_key(text, key))
    else:
        assert unset_key(set_key(text, key, "v"), key) == text


@pytest.mark.parametrize(
    "key, value",
    [
        ("1A", "x"),
        ("A-B", "x"),
        ("A=B", "x"),
        ("", "x"),
        ("RELEASE_ID", "x"),
        ("A", "\0"),
        ("A", "x" * 70000),
    ],
)
def test_what_cannot_be_set_is_refused_without_its_value(key: str, value: str) -> None:
    """Names that no shell takes, Turnout's own keys, and NUL."""
    with pytest.raises(UsageError) as refused:
        change("", {key: value})
    assert value not in str(refused.value) or value == "x"


def test_a_key_that_is_not_there_cannot_be_taken_out() -> None:
    """It is named: perhaps a slip of the pen."""
    with pytest.raises(UsageError, match="no PROT"):
        unset_key(FILE, "PROT")


@pytest.mark.parametrize("data", [b"", b"# only a comment\n", b"\xff\xfe", b"A=1\0"])
def test_what_is_no_dotenv_is_refused(data: bytes) -> None:
    """An empty file would take everything away."""
    with pytest.raises(UsageError):
        checked(data)


@pytest.mark.parametrize(
    "before, after, expected",
    [
        ("A=1\nB=2\n", "A=1\nB=3\n", ["B"]),
        ("A=1\n", "B=1\n", ["A", "B"]),
        ("A=1\n", "# new\nA='1'\n", []),
    ],
)
def test_changed_keys_are_those_whose_values_differ(before: str, after: str, expected: list[str]) -> None:
    """Comments and quotes are no change."""
    assert changed_keys(before, after) == expected


@pytest.mark.parametrize(
    "before, after, expected",
    [
        ("URL=postgres://a/b\n", "URL=postgres://c/d\n", True),
        ("URL=file:/a\n", "URL=gone\n", True),
        ("URL=x\n", "URL=https://a\n", False),
        ("A=1\nURL=postgresql://a\n", "A=2\nURL=postgresql://a\n", False),
    ],
)
def test_a_changed_address_of_a_database_is_seen(before: str, after: str, expected: bool) -> None:
    """The other one may lack migrations."""
    assert is_database(before, after, changed_keys(before, after)) is expected
