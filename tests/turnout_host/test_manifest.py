"""Manifests are read as docs/protocol.md says, and nothing else is let through."""

import base64
import zlib
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.turnout_host.goods import Link, Program, Tree, entries, pack, parse, sha, text, trees
from turnout_host import manifest
from turnout_host.errors import StoreError
from turnout_host.manifest import Entry

A = sha(b"a")


def test_every_kind_of_line_is_read() -> None:
    """Folders, files of both modes and links come out as entries, in order."""
    tree: Tree = {"bin/x": Program(b"a"), "bin/y": Link("../z"), "z": b"a"}
    assert entries(tree) == [
        Entry("d", "bin"),
        Entry("f", "bin/x", 0o755, A, 1),
        Entry("l", "bin/y", target="../z"),
        Entry("f", "z", 0o644, A, 1),
    ]


def test_contents_of_two_modes_are_two_blobs() -> None:
    """Modes belong to inodes, so 755 has a name of its own; sizes are in bytes."""
    assert manifest.blobs(entries({"x": Program(b"a"), "y": b"a", "z": b"a"})) == {
        manifest.key(A): 1,
        manifest.key(A + ".x"): 1,
    }


@pytest.mark.parametrize(
    "wrong",
    [
        "x\tfile\n",
        "\n",
        "d\n",
        "d\t\n",
        "d\ta\tb\n",
        "d\ta",
        f"f\t600\t{A}\t1\tx\n",
        f"f\t644\t{A[:-1]}\t1\tx\n",
        f"f\t644\t{A.upper()}\t1\tx\n",
        f"f\t644\t{A}\t01\tx\n",
        f"f\t644\t{A}\t-1\tx\n",
        f"f\t644\t{A}\t٣\tx\n",
        f"f\t644\t{A}\t1\t/x\n",
        f"f\t644\t{A}\t1\t../x\n",
        f"f\t644\t{A}\t1\t./x\n",
        f"f\t644\t{A}\t1\tx\0\n",
        f"f\t644\t{A}\t1\ta/x\n",
        f"f\t644\t{A}\t1\ta\nf\t644\t{A}\t1\ta/x\n",
        f"f\t644\t{A}\t1\tx\nf\t644\t{A}\t2\ty\n",
        "d\ta\nd\ta//b\n",
        "d\ta\nd\ta/\n",
        "d\ta\nd\ta/..\n",
        "d\tb\nd\ta\n",
        "d\ta\nd\ta\n",
        "l\tx\ta\nd\ta/b\n",
        "l\t/etc/passwd\tx\n",
        "l\t../x\tx\n",
        "l\t\tx\n",
        "l\ta\0b\tx\n",
        "d\ta\nl\t../../x\ta/y\n",
        "d\ta\nl\t./../../x\ta/y\n",
        "d\ta\nl\tb/../../../x\ta/y\n",
        "d\ta\nl\t..\ta/l\nl\ta/l/..\tm\n",
    ],
)
def test_what_the_protocol_does_not_allow_is_refused(wrong: str) -> None:
    """Malformed, unsorted, doubled, or leaving the tree by a path, a link, or a link through a link."""
    with pytest.raises(StoreError):
        parse(wrong)


def test_the_order_is_that_of_bytes() -> None:
    """U+FF5E sorts below U+1F600 in bytes, though UTF-16 says otherwise; `a-b` stands between `a` and `a/b`."""
    assert [entry.path for entry in parse("d\ta\nd\ta-b\nd\ta/b\nd\t\uff5e\nd\t\U0001f600\n")][:3] == [
        "a",
        "a-b",
        "a/b",
    ]


@given(trees)
def test_a_manifest_travels_unharmed(tree: dict[str, bytes]) -> None:
    """Packed and unpacked it is the same text, and names every file of the tree."""
    there = manifest.unpack(pack(text(tree))).decode()
    assert there == text(tree)
    assert {entry.path for entry in parse(there) if entry.kind == "f"} == set(tree)


@given(st.text("dfl\t/.ab\n0", max_size=40))
def test_nonsense_is_refused_in_one_way(nonsense: str) -> None:
    """Whatever arrives, it is either a list of entries or a StoreError."""
    with suppress(StoreError):
        parse(nonsense)


@pytest.mark.parametrize(
    "packed",
    [
        "",
        "%%%",
        "é",
        base64.b64encode(b"not zlib").decode(),
        base64.b64encode(zlib.compress(b"d\ta\n")[:-3]).decode(),
        base64.b64encode(zlib.compress(b"d\ta\n") + b"more").decode(),
        base64.b64encode(zlib.compress(bytes(manifest.LIMIT + 1))).decode(),
    ],
    ids=["empty", "no base64", "no ascii", "no zlib", "cut", "goes on", "bomb"],
)
def test_what_cannot_be_unpacked_is_refused(packed: str) -> None:
    """Broken packing is a StoreError, and a bomb is not blown up."""
    with pytest.raises(StoreError):
        manifest.unpack(packed)


def test_a_name_that_is_no_utf8_is_refused() -> None:
    """The text is bytes until a line is read."""
    with pytest.raises(StoreError, match="line 2 of a manifest"):
        list(manifest.parse([b"d\ta\n", b"d\t\xff\n"]))


def test_two_manifests_of_a_request_agree_on_sizes() -> None:
    """Contents have one size, whichever tree they are in."""
    found = manifest.blobs(entries({"x": b"a"}))
    with pytest.raises(StoreError, match="two sizes"):
        manifest.blobs(parse(f"f\t755\t{A}\t2\ty\n"), found)


@pytest.mark.parametrize("blob", [A, A + ".x"])
def test_a_name_comes_back_from_its_key(blob: str) -> None:
    """Contents of two modes have two keys."""
    assert manifest.name(manifest.key(blob)) == blob
    assert len(manifest.key(blob)) < len(blob) / 1.9
