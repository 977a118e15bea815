from __future__ import annotations

import base64
import hashlib
import os
import socket
import time
import zlib

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from turnout.artifact import manifest, tree
from turnout.artifact.manifest import Manifest, check_target
from turnout.errors import PackageError


def test_a_tree_as_the_protocol_writes_it(tmp_path):
    """Folders, files with mode, digest and size, and links; sorted by the bytes of their paths."""
    (tmp_path / "a.d").mkdir()
    (tmp_path / "a").mkdir()
    (tmp_path / "a/run").write_bytes(b"x")
    (tmp_path / "a/run").chmod(0o700)
    (tmp_path / "é").write_bytes(b"")
    (tmp_path / "é").chmod(0o664)
    (tmp_path / "link").symlink_to("a/run")
    digest, empty = hashlib.sha256(b"x").hexdigest(), hashlib.sha256(b"").hexdigest()

    made = manifest.of(tmp_path)

    lines = f"d\ta\nd\ta.d\nf\t755\t{digest}\t1\ta/run\nl\ta/run\tlink\nf\t644\t{empty}\t0\té\n"
    assert made.text.decode() == lines
    assert made.count == 5
    assert made.digest == hashlib.sha256(made.text).hexdigest()
    assert made.blobs == {f"{digest}.x": ("a/run", 1), empty: ("é", 0)}
    assert made.size == 1
    assert zlib.decompress(base64.b64decode(made.packed)) == made.text


def test_large_files_stand_where_they_belong_though_threads_hash_them(tmp_path, monkeypatch):
    """Between small ones, and as if one thread had hashed all."""
    for number in range(9):
        (tmp_path / f"f{number}").write_bytes(b"%d" % number * (1 if number % 3 else 4000))
    expected = manifest.of(tmp_path)
    monkeypatch.setattr(manifest, "LARGE", 4000)
    monkeypatch.setattr(manifest, "READ", 1000)
    assert manifest.of(tmp_path) == expected
    assert [entry.path for entry in expected.files] == [f"f{number}" for number in range(9)]
    large = [entry for entry in expected.files if entry.size == 4000]
    assert [one.sha256 for one in large] == [hashlib.sha256(b"%d" % n * 4000).hexdigest() for n in (0, 3, 6)]


def test_a_file_that_cannot_be_read_ends_it_without_the_large_ones(tmp_path, monkeypatch):
    """They may take minutes; what is under way in a thread is finished."""
    for number in range(40):
        (tmp_path / f"f{number:02}").write_bytes(b"%d" % number * 4000)
    (tmp_path / "small").write_bytes(b"x")
    hashed, line = [], manifest._line

    def fails(root, entry):
        if entry.path == "small":
            raise OSError(5, "input/output error")
        time.sleep(0.01)
        hashed.append(entry.path)
        return line(root, entry)

    monkeypatch.setattr(manifest, "LARGE", 4000)
    monkeypatch.setattr(manifest, "_line", fails)
    with pytest.raises(OSError, match="input/output"):
        manifest.of(tmp_path)
    assert len(hashed) < 40


def test_an_empty_folder_is_an_empty_text(tmp_path):
    """No lines, no contents."""
    assert manifest.of(tmp_path) == Manifest(b"")
    assert list(Manifest(b"").entries) == []


NAMES = st.text(
    st.characters(blacklist_categories=["Cs"], blacklist_characters="/\0\t\n"), min_size=1, max_size=8
).filter(lambda name: name not in (".", ".."))


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    files=st.dictionaries(
        st.lists(NAMES, min_size=1, max_size=3).map(tuple), st.binary(max_size=40), max_size=8
    )
)
def test_entries_are_what_was_written(tmp_path_factory, files):
    """Whatever the names (carriage returns, line separators), the text reads back as the tree."""
    root = tmp_path_factory.mktemp("tree")
    written = {}
    for parts, contents in files.items():
        path = root.joinpath(*parts)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(contents)
            written["/".join(parts)] = hashlib.sha256(contents).hexdigest()
        except OSError:
            continue  # one name is a file and a folder, or too long
    made = manifest.of(root)
    assert {entry.path: entry.sha256 for entry in made.entries if entry.kind == "f"} == written
    assert "".join(entry.line() for entry in made.entries).encode() == made.text
    paths = [os.fsencode(entry.path) for entry in made.entries]
    assert paths == sorted(paths)


@pytest.mark.parametrize(
    "path, target",
    [
        ("a", "b"),
        ("a", "./b//c"),
        ("x/y/link", "../../z"),
        ("node_modules/.bin/tsc", "../typescript/bin/tsc"),
        ("a", "..b"),
    ],
)
def test_links_inside_the_tree_are_taken(path, target):
    """A link may climb as far as the root."""
    check_target(path, target)


@pytest.mark.parametrize(
    "path, target",
    [
        ("a", "/etc/passwd"),
        ("a", ".."),
        ("x/a", "../../b"),
        ("x/a", "b/../../../c"),
        ("x/a", "d/.."),
        ("a", "b\tc"),
    ],
)
def test_links_out_of_the_tree_are_refused(path, target):
    """Absolute, climbing out, or `..` behind a name that may be a link itself."""
    with pytest.raises(PackageError):
        check_target(path, target)


def test_a_tree_with_a_link_out_of_it_is_refused(tmp_path):
    """The walk looks at every link."""
    (tmp_path / "a").mkdir()
    (tmp_path / "a/link").symlink_to("../../b")
    with pytest.raises(PackageError, match="the link a/link leaves the tree"):
        manifest.of(tmp_path)


@pytest.mark.parametrize("name", [b"a\tb", b"a\nb", b"\xff"])
def test_names_that_a_manifest_cannot_hold_are_refused(tmp_path, name):
    """Tab, newline, and what is not UTF-8."""
    (tmp_path / os.fsdecode(name)).touch()
    with pytest.raises(PackageError, match="the name"):
        manifest.of(tmp_path)


def test_a_name_in_an_odd_folder_is_refused_too(tmp_path):
    """A folder's name counts like a file's."""
    (tmp_path / "a\nb").mkdir()
    with pytest.raises(PackageError, match="tab or a newline"):
        manifest.of(tmp_path)


@pytest.mark.parametrize("kind", ["pipe", "socket"])
def test_what_is_neither_file_nor_folder_is_refused(tmp_path, kind, monkeypatch):
    """Pipes and sockets do not travel."""
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as one:
        os.mkfifo("odd") if kind == "pipe" else one.bind("odd")
        with pytest.raises(PackageError, match="odd is a socket, a pipe or a device"):
            manifest.of(tmp_path)


def test_a_sealed_tree_is_loaded_without_reading_it(tmp_path):
    """The manifest beside the tree is the same, byte for byte, with odd names too."""
    folder = tree.folder_of(tmp_path)
    folder.mkdir()
    (folder / "a\rb\u2028c").write_text("x")
    sealed = tree.seal(tmp_path)
    (folder / "a\rb\u2028c").unlink()
    loaded = tree.Tree.load("key", tmp_path)
    assert (loaded.manifest, loaded.digest, loaded.folder) == (sealed, sealed.digest, folder)


@pytest.mark.parametrize(
    "line",
    [
        "f\t644\t" + "a" * 64 + "\t1\t../out",
        "f\t644\t" + "a" * 64 + "\t1\t/etc/passwd",
        "f\t644\t" + "a" * 64 + "\t1\ta//b",
        "f\t777\t" + "a" * 64 + "\t1\ta",
        "f\t644\tzz\t1\ta",
        "f\t644\t" + "a" * 64 + "\t-1\ta",
        "f\t644\t" + "a" * 64 + "\tx\ta",
        "l\t/etc\ta",
        "l\t../..\ta/b",
        "d\t..",
        "x\ta",
        "d\ta\tb",
        "nothing",
    ],
)
def test_a_manifest_of_a_host_that_would_lead_out_of_its_folder_is_refused(line: str) -> None:
    """What a host sends is checked before anything is written by it."""
    with pytest.raises(PackageError):
        manifest.unpack(Manifest(f"{line}\n".encode()).packed)


@pytest.mark.parametrize(
    "packed", ["no base64!", "", Manifest(b"d\ta\n").packed[:-4], Manifest(b"d\ta").packed]
)
def test_a_manifest_that_is_cut_or_no_manifest_is_refused(packed: str) -> None:
    """Also an empty text that is no stream at all."""
    with pytest.raises(PackageError):
        manifest.unpack(packed)


def test_a_manifest_comes_back_as_it_was_sent() -> None:
    """The digest is the same."""
    sent = Manifest(b"d\ta\nf\t644\t" + b"a" * 64 + b"\t1\ta/b\nl\tb\ta/c\n")
    assert manifest.unpack(sent.packed) == sent
