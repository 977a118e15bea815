"""The app's .env is read as npm dotenv reads it, copied for each release, and a hand's edit is noticed."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.support import npm
from tests.turnout_host.goods import Host, host, listing
from turnout_host import dotenv
from turnout_host.errors import SurveyError

TABLE: list[tuple[str, dict[str, str]]] = [
    ("", {}),
    ("A=1", {"A": "1"}),
    ("A=1\nB=2\n", {"A": "1", "B": "2"}),
    ("A=1\r\nB=2\r\n", {"A": "1", "B": "2"}),
    ("A=1\rB=2", {"A": "1", "B": "2"}),
    ("A=1\nA=2", {"A": "2"}),
    ("A=", {"A": ""}),
    ("A=\nB=2", {"A": "", "B": "2"}),
    ("  A  =  1  ", {"A": "1"}),
    ("export A=1", {"A": "1"}),
    ("export  A = 1", {"A": "1"}),
    ("exportA=1", {"exportA": "1"}),
    ("A: 1", {"A": "1"}),
    ("A:1", {}),
    ("A.B-C_9=1", {"A.B-C_9": "1"}),
    ("Ä=1", {}),
    ("# A=1\n#B=2", {}),
    ("A=1 # one", {"A": "1"}),
    ("A=1#one", {"A": "1"}),
    ("A='1#one' # two", {"A": "1#one"}),
    ('A="1#one"', {"A": "1#one"}),
    ("A=`1#one`", {"A": "1#one"}),
    ("A='1'", {"A": "1"}),
    ("A=' 1 '", {"A": " 1 "}),
    ('A="a\\nb"', {"A": "a\nb"}),
    ('A="a\\rb\\tc"', {"A": "a\rb\\tc"}),
    ("A='a\\nb'", {"A": "a\\nb"}),
    ("A=a\\nb", {"A": "a\\nb"}),
    ('A="one\ntwo\nthree"\nB=2', {"A": "one\ntwo\nthree", "B": "2"}),
    ("A='one\ntwo'\nB=2", {"A": "one\ntwo", "B": "2"}),
    ("A=`one\n\ntwo`", {"A": "one\n\ntwo"}),
    ('A="one\nB=2', {"A": '"one', "B": "2"}),
    ("A='it\\'s'", {"A": "it\\'s"}),
    ('A="say \\"yes\\""', {"A": 'say \\"yes\\"'}),
    ("A=it's", {"A": "it's"}),
    ('A={"json": "yes"}', {"A": '{"json": "yes"}'}),
    ("A='\"'", {"A": '"'}),
    ("A=a=b=c", {"A": "a=b=c"}),
    ("A=a b  c", {"A": "a b  c"}),
    ("no equals sign\nB=2", {"B": "2"}),
    ("\ufeffA=1", {"A": "1"}),
    ("A=\u00a01\u00a0", {"A": "1"}),
    ("A=1\x1c", {"A": "1\x1c"}),
    ('A="1" trailing\nB=2', {"A": '"1" trailing', "B": "2"}),
    ("A\n=1", {"A": "1"}),
    ("A=\n'1'\nB=2", {"A": "1", "B": "2"}),
    ("A:\nB=2", {"A": "B=2"}),
    (
        "DATABASE_URL=postgresql://u:p@h:5432/db?schema=public",
        {"DATABASE_URL": "postgresql://u:p@h:5432/db?schema=public"},
    ),
    ("A=${B}\nB=$C", {"A": "${B}", "B": "$C"}),
]

WORDS = [
    "A",
    "B",
    "RELEASE_ID",
    "=",
    ":",
    " ",
    "\n",
    "\r\n",
    "'",
    '"',
    "`",
    "#",
    "\\",
    "\\n",
    "export ",
    "x",
    "é",
    "\u2028",
    "\t",
    "$",
]


@pytest.mark.parametrize("source, values", TABLE)
def test_it_reads_what_npm_dotenv_reads(source: str, values: dict[str, str]) -> None:
    """Prefix, quotes, many lines, comments: the rules of dotenv 16, one a line."""
    assert dotenv.parse(source) == values


@pytest.fixture(scope="session")
def npm_dotenv() -> Callable[[list[str]], list[dict[str, str]]]:
    cache = npm.installed("dotenv@16.6.1").parent
    script = (
        "console.log(JSON.stringify(JSON.parse(require('fs').readFileSync(0)).map(require('dotenv').parse)))"
    )

    def parse(sources: list[str]) -> list[dict[str, str]]:
        done = subprocess.run(
            ["node", "-e", script],
            cwd=cache,
            input=json.dumps(sources).encode(),
            capture_output=True,
            check=True,
        )
        found: list[dict[str, str]] = json.loads(done.stdout)
        return found

    return parse


@pytest.mark.integration
def test_the_table_is_what_npm_dotenv_says(npm_dotenv: Callable[[list[str]], list[dict[str, str]]]) -> None:
    """The expectations above come from the real parser."""
    assert npm_dotenv([source for source, _ in TABLE]) == [values for _, values in TABLE]


@pytest.mark.integration
@settings(deadline=None, max_examples=8)
@given(
    sources=st.lists(st.lists(st.sampled_from(WORDS), max_size=25).map("".join), min_size=150, max_size=300)
)
def test_generated_files_are_read_alike(
    npm_dotenv: Callable[[list[str]], list[dict[str, str]]], sources: list[str]
) -> None:
    """Any mixture of its signs gives the same keys and values in both."""
    assert [dotenv.parse(source) for source in sources] == npm_dotenv(sources)


@example("A:")
@example("export")
@example("RELEASE_ID:")
@example("A\u2028RELEASE_ID=")
@example("A='")
@example("RELEASE_ID:\nTURNOUT_RELEASE=1\n'")
@given(st.lists(st.sampled_from(WORDS), max_size=30).map("".join))
def test_a_release_copy_says_the_same_but_for_our_keys(source: str) -> None:
    """The copy reads as the base plus the two keys, and gives the base back; whoever set them before."""
    base = dotenv.base_of(source.encode())
    copy = base + f"{dotenv.MARK}RELEASE_ID=v1-abc\nTURNOUT_RELEASE=v1\n".encode()
    assert dotenv.base_of(base) == dotenv.base_of(copy) == base
    assert "RELEASE_ID" not in dotenv.parse(base.decode())
    assert dotenv.parse(copy.decode()) == {
        **dotenv.parse(base.decode()),
        "RELEASE_ID": "v1-abc",
        "TURNOUT_RELEASE": "v1",
    }
    assert dotenv.digest(copy) == dotenv.digest(base) == dotenv.digest(source.encode())


@pytest.mark.parametrize(
    "data, base",
    [
        (b"", b""),
        (b"A=1", b"A=1\n"),
        (b"A=1\r\nB=2", b"A=1\nB=2\n"),
        (b"A=1\nRELEASE_ID=v1\n# kept\nB=2\n", b"A=1\n# kept\nB=2\n"),
        (b"\n# kept\n\n  export RELEASE_ID = 'v1\nmore' # gone\n\n# kept\n", b"\n# kept\n\n\n# kept\n"),
        (b"RELEASE_ID=\nTURNOUT_RELEASE=v1", b""),
        (b"TURNOUT_RELEASE=a\nTURNOUT_RELEASE=b\nA=1\n", b"A=1\n"),
        (b"A='\nRELEASE_ID=inside\n'\n", b"A='\nRELEASE_ID=inside\n'\n"),
        (b"#RELEASE_ID=v1\nMY_RELEASE_ID=2\n", b"#RELEASE_ID=v1\nMY_RELEASE_ID=2\n"),
        (b"A=\xff\xfe\n", b"A=\xff\xfe\n"),
    ],
)
def test_only_our_own_lines_are_dropped(data: bytes, base: bytes) -> None:
    """Comments, blank lines and bytes that are no UTF-8 stay; a value that only looks like our line stays, too."""
    assert dotenv.base_of(data) == base


@pytest.fixture
def there(tmp_path: Path) -> Host:
    """A host where v1 runs."""
    there = host(tmp_path)
    there.layout.release("v1").mkdir()
    there.layout.current.symlink_to(there.layout.release("v1"))
    return there


def test_a_release_gets_its_own_private_copy(there: Host) -> None:
    """Mode 0600 and our keys at the end, also over an earlier copy."""
    dotenv.write(there.layout, "v1", b"A=1", "v1-0123456789ab")
    dotenv.write(there.layout, "v1", b"A=2\nRELEASE_ID=other", "v1-0123456789ab")
    copy = there.layout.release("v1") / ".env"
    assert copy.read_bytes() == f"A=2\n{dotenv.MARK}RELEASE_ID=v1-0123456789ab\nTURNOUT_RELEASE=v1\n".encode()
    assert copy.stat().st_mode & 0o777 == 0o600
    assert listing(there.layout.tmp) == []


OLD, NEW, OTHER = b"A=old\nB=1\n", b"A=new\nB=1\nC=3\n", b"A=other\nB=1\n"
FINE = "fine"


@pytest.mark.parametrize(
    "recorded, current, shared, chosen, taken_over",
    [
        (None, None, OLD, OLD, []),
        (None, None, None, None, []),
        (None, OLD, None, OLD, ["A", "B"]),
        (None, OLD, NEW, NEW, []),
        (OLD, OLD, OLD, OLD, []),
        (OLD, OLD, NEW, NEW, []),
        (OLD, OLD, None, OLD, []),
        (OLD, NEW, OLD, NEW, ["A", "C"]),
        (OLD, NEW, None, NEW, ["A", "B", "C"]),
        (OLD, NEW, NEW, NEW, []),
        (OLD, NEW, OTHER, None, []),
        (OLD, None, OLD, OLD, []),
        (OLD, None, NEW, NEW, []),
        (OLD, None, None, None, []),
    ],
)
def test_the_dotenv_of_the_next_release_is_chosen(
    there: Host, recorded: bytes, current: bytes, shared: bytes, chosen: bytes | None, taken_over: list[str]
) -> None:
    """Every combination of what was recorded, what is in current, and what is in shared (DESIGN 5)."""
    if current is not None:
        dotenv.write(there.layout, "v1", current, "v1-abc")
    if shared is not None:
        there.layout.dotenv.write_bytes(shared)
    known = {"base_digest": dotenv.digest(recorded), "release": "v1"} if recorded else None
    if chosen is None:
        with pytest.raises(SurveyError):
            dotenv.choose(there.layout, known)
    else:
        assert dotenv.choose(there.layout, known) == (chosen, taken_over)


def test_a_missing_dotenv_is_told_with_the_scp_to_type(there: Host) -> None:
    """The deployer puts the host's name where {host} stands."""
    with pytest.raises(SurveyError) as caught:
        dotenv.choose(there.layout, None)
    assert caught.value.detail["remedy"] == [f"scp .env {{host}}:{there.layout.dotenv}"]


@pytest.mark.parametrize("way", [0, 1])
def test_both_ways_out_of_two_edits_work_as_typed_and_no_value_is_told(there: Host, way: int) -> None:
    """Either `cp` makes the two agree, and the next deployment goes on with that."""
    dotenv.write(there.layout, "v1", b"KEY=hunter1\n", "v1-abc")
    there.layout.dotenv.write_bytes(b"KEY=hunter2\n")
    known = {"base_digest": dotenv.digest(b"KEY=hunter0\n"), "release": "v1"}
    with pytest.raises(SurveyError) as caught:
        dotenv.choose(there.layout, known)
    assert "KEY" in caught.value.message
    assert "hunter" not in str(caught.value.__dict__)
    command = caught.value.detail["remedy"][way].partition(": ")[2]
    subprocess.run(["/bin/sh", "-c", command], check=True)
    assert dotenv.choose(there.layout, known) == ([b"KEY=hunter1\n", b"KEY=hunter2\n"][way], [])


def test_missing_keys_are_named_in_the_order_of_the_example() -> None:
    """An empty value is a value; a commented one is not."""
    assert dotenv.missing_keys("B=\n#C=1\n", ["D", "C", "B", "C"]) == ["D", "C"]


@pytest.mark.parametrize(
    "value, refused",
    [
        ("file:./dev.db", True),
        ("file:dev.db", True),
        ("file:../dev.db", True),
        ("file:./data/../dev.db", True),
        ("file:./database/dev.db", True),
        ("file:./dev.db?connection_limit=1", True),
        ("file:/var/lib/app/dev.db", False),
        ("file:///var/lib/app/dev.db", False),
        ("file:./data/dev.db", False),
        ("file:../data/dev.db", False),
        ("file:data", False),
        ("file:data?connection_limit=1", False),
        ("file::memory:", False),
        ("file:", False),
        ("postgresql://u@h/file:./x", False),
        ("./dev.db", False),
    ],
)
def test_databases_inside_a_release_are_refused(value: str, refused: bool) -> None:
    """A relative path outside the shared names would give each release its own empty database."""
    assert dotenv.relative_file_values({"DATABASE_URL": value, "PORT": "3000"}, ["logs", "data/"]) == (
        ["DATABASE_URL"] if refused else []
    )
