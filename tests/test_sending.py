"""What the deployer sends, the host understands: patches, manifests as patches, and uploads that are cut."""

from __future__ import annotations

import base64
import random
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import sending
from tests.sending import Files, call, edited, kept, laid, packed, upload, words
from tests.turnout_host.goods import lacking
from turnout.artifact import patch
from turnout.artifact.tree import Tree
from turnout_host import patching
from turnout_host.calls import goods, planning
from turnout_host.digests import Digests
from turnout_host.errors import StoreError
from turnout_host.host import Host
from turnout_host.protocol import Gone

OLD: Files = {"a": words(1), "b": words(2), "same": b"same"}
NEW: Files = {"a": edited(1, 7), "b": edited(2, 9), "same": b"same", "new": words(3)}
SMALL = 700
"""Bytes: less than one of the changed files takes compressed by itself."""


class Scene:
    """A host that has OLD, a deployer that has OLD and NEW."""

    def __init__(self, folder: Path) -> None:
        self.host = Host(str(folder / "app"))
        self.old, self.new = kept(folder / "old", OLD), kept(folder / "new", NEW)
        upload(self.host, [packed(self.host, self.old)])


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path)


@given(old=sending.trees, new=sending.trees, compression=st.sampled_from(["zstd", "zlib"]))
@settings(max_examples=25, deadline=None)
def test_any_tree_follows_any_other(old: Files, new: Files, compression: str) -> None:
    """Whatever changed, the release that is laid out is the new tree, byte for byte."""
    with tempfile.TemporaryDirectory() as folder:
        host = Host(folder + "/app")
        before, after = kept(Path(folder, "old"), old), kept(Path(folder, "new"), new)
        upload(host, [packed(host, before)])
        base = before if compression == "zstd" else None
        upload(host, [packed(host, after, base, compression)], compression)
        assert laid(host, after) == new


def test_a_changed_file_costs_little(scene: Scene) -> None:
    """Two of 2 kB that changed by a word go as patches, and with them the manifest."""
    two = kept(scene.new.folder.parent, {**OLD, "a": NEW["a"], "b": NEW["b"]})
    assert len(packed(scene.host, two, scene.old)) < SMALL / 2
    offer = patch.offer(two.manifest, scene.old.manifest)
    assert len(str(offer["patch"])) < len(two.manifest.packed)


def test_what_a_patch_would_not_make_smaller_goes_whole(scene: Scene) -> None:
    """Contents that have nothing of the old ones are not sent as a patch."""
    other = kept(scene.new.folder.parent, {"a": words(9)})
    base = patch.pairs(scene.old, other.manifest)[next(iter(other.manifest.blobs))]
    assert patch.if_smaller(base, words(9), 66) is None
    assert patch.if_smaller(base, edited(1, 3), 66) is not None


@pytest.mark.parametrize("hurt", ["gone", "changed", "unreadable"])
def test_a_base_that_is_hurt_on_the_host_is_told_apart(scene: Scene, hurt: str) -> None:
    """The error names the base, so that the deployer sends the contents whole; then they arrive."""
    chunks = packed(scene.host, scene.new, scene.old)
    for name in scene.old.manifest.blobs:
        blob = scene.host.layout.blob(name)
        blob.unlink()
        if hurt == "changed":
            blob.write_bytes(words(8))
        elif hurt == "unreadable":
            blob.mkdir()
    with pytest.raises(StoreError) as caught:
        upload(scene.host, [chunks])
    for blob in map(scene.host.layout.blob, scene.old.manifest.blobs) if hurt == "unreadable" else ():
        blob.rmdir()
    assert caught.value.detail["bases"][0] in scene.old.manifest.blobs
    again = packed(scene.host, scene.new)
    upload(scene.host, [again])
    assert lacking(scene.host.store, scene.new.manifest.blobs) == []


def test_a_base_that_changed_here_is_not_leaned_on(scene: Scene) -> None:
    """The deployer's own cache was hurt: it sends whole, and the host never hears of it."""
    for path in scene.old.folder.iterdir():
        path.write_bytes(path.read_bytes() + b"x")
    upload(scene.host, [packed(scene.host, scene.new, scene.old)])
    assert laid(scene.host, scene.new) == NEW


@given(at=st.integers(0, 10_000), bit=st.integers(0, 7))
@settings(max_examples=25, deadline=None)
def test_a_hurt_upload_never_becomes_contents(at: int, bit: int) -> None:
    """Whatever bit is turned over, an error or the true contents come of it."""
    with tempfile.TemporaryDirectory() as folder:
        scene = Scene(Path(folder))
        data = bytearray(packed(scene.host, scene.new, scene.old))
        data[at % len(data)] ^= 1 << bit
        try:
            upload(scene.host, [bytes(data)])
        except StoreError:
            upload(scene.host, [packed(scene.host, scene.new, scene.old)])
        assert laid(scene.host, scene.new) == NEW


@given(at=st.integers(0, 10_000))
@settings(max_examples=25, deadline=None)
def test_an_upload_that_is_cut_goes_on_where_it_stopped(at: int) -> None:
    """Cut at any byte, what arrived whole stays, and only the rest is sent."""
    with tempfile.TemporaryDirectory() as folder:
        scene = Scene(Path(folder))
        data = packed(scene.host, scene.new, scene.old)
        with pytest.raises(Gone):
            upload(scene.host, _cut(data, at % len(data)))
        rest = packed(scene.host, scene.new, scene.old)
        assert len(rest) <= len(data)
        upload(scene.host, [rest])
        assert laid(scene.host, scene.new) == NEW


def _cut(data: bytes, at: int) -> Iterator[bytes]:
    yield data[:at]
    raise Gone("the link was cut")


LONG: Files = {"a": b"first", "long": random.Random(1).randbytes(3 << 20), "z": b"last"}


def long_upload(folder: Path, at: int) -> tuple[Host, Tree, bytes]:
    """A host to which the link was cut at this byte, and all that would have come."""
    host, new = Host(str(folder / "app")), kept(folder / "long", LONG)
    data = packed(host, new)
    with pytest.raises(Gone):
        upload(host, _cut(data, at))
    return host, new, data


@pytest.mark.parametrize("at", [5 << 18, 2 << 20, 3 << 20])
def test_a_long_file_goes_on_in_its_middle(tmp_path: Path, at: int) -> None:
    """What came of it is kept, and only the rest is sent."""
    host, new, data = long_upload(tmp_path, at)
    rest = packed(host, new)
    assert len(rest) < len(data) - at + (300 << 10)
    with pytest.raises(Gone):
        upload(host, _cut(rest, 0))
    upload(host, [packed(host, new)])
    assert laid(host, new) == LONG
    assert [path.name for path in host.layout.store.rglob("*.part")] == []


def test_a_person_who_stops_an_upload_loses_nothing_of_it(tmp_path: Path) -> None:
    """The deployer ends the stream in order then; the long beginning stays as with a link that is cut."""
    host, new, data = long_upload(tmp_path, 2 << 20)
    rest = packed(host, new)
    with pytest.raises(StoreError, match="cut short"):
        upload(host, [rest[: len(rest) // 2]])
    assert len(list(host.layout.store.rglob("*.part"))) == 1
    assert len(packed(host, new)) < len(rest)
    upload(host, [packed(host, new)])
    assert laid(host, new) == LONG
    assert len(data) > 3 << 20


@pytest.mark.parametrize("hurt", ["changed", "shorter", "gone"])
def test_a_beginning_that_was_hurt_is_sent_whole(tmp_path: Path, hurt: str) -> None:
    """The error names it, and it is used once only."""
    host, new, _ = long_upload(tmp_path, 2 << 20)
    rest = packed(host, new)
    (begun,) = host.layout.store.rglob("*.part")
    if hurt == "gone":
        begun.unlink()
    else:
        begun.write_bytes(b"x" * (begun.stat().st_size if hurt == "changed" else 5))
    with pytest.raises(StoreError) as caught:
        upload(host, [rest])
    assert caught.value.detail["bases"] == [begun.name[:64]]
    upload(host, [packed(host, new)])
    assert laid(host, new) == LONG


def test_a_rest_cannot_begin_behind_the_end(tmp_path: Path) -> None:
    """What is there of it cannot be more than all of it."""
    host, new, _ = long_upload(tmp_path, 2 << 20)
    name = next(name for name, (path, _) in new.manifest.blobs.items() if path == "long")
    head = name.encode().ljust(66)
    raw = head + b"\2" + (3).to_bytes(7, "big") + head + b"\0" + (4).to_bytes(7, "big")
    with pytest.raises(StoreError, match="behind its end"):
        upload(host, [zstandard.compress(raw)])


def test_a_beginning_is_no_damage_and_is_collected(tmp_path: Path) -> None:
    """`verify` passes it over, and it goes like all that no release needs."""
    host, _, _ = long_upload(tmp_path, 2 << 20)
    assert list(host.layout.store.rglob("*.part"))
    assert list(Digests(host.layout).hurt()) == []
    host.store.collect([])
    assert list(host.layout.store.rglob("*.part")) == []


@pytest.mark.parametrize("call_it", [goods.call_lacks, planning.call_outlook])
@pytest.mark.parametrize("change", ["base", "patch", "nonsense", "size", "digest"])
def test_a_manifest_patch_that_does_not_fit_is_refused(scene: Scene, call_it: object, change: str) -> None:
    """An unknown base, a hurt or foreign patch, a wrong size or digest: all say that whole may do."""
    item = patch.offer(scene.new.manifest, scene.old.manifest)
    raw = base64.b64decode(str(item["patch"]))
    other = {
        "base": {"base": "0" * 64},
        "patch": {"patch": base64.b64encode(raw[:-1] + bytes([raw[-1] ^ 1])).decode()},
        "nonsense": {"patch": "?"},
        "size": {"size": 3},
        "digest": {"digest": "0" * 64},
    }[change]
    with pytest.raises(StoreError) as caught:
        call(scene.host, call_it, manifests=[item | other])
    assert caught.value.detail["bases"] == [(item | other)["base"]]


def test_a_hurt_base_manifest_is_set_aside(scene: Scene) -> None:
    """Its digest is checked before anything is made of it."""
    scene.host.layout.manifest(scene.old.digest).write_text("d\tother\n")
    with pytest.raises(StoreError) as caught:
        call(scene.host, goods.call_lacks, manifests=[patch.offer(scene.new.manifest, scene.old.manifest)])
    assert caught.value.detail["bases"] == [scene.old.digest]


def test_a_base_without_its_contents_is_not_offered(scene: Scene) -> None:
    """A layer that the host made has a manifest, but its contents never were in the store."""
    item = patch.offer(scene.new.manifest, scene.old.manifest)
    assert call(scene.host, goods.call_lacks, manifests=[item])["based"] == [scene.old.digest]
    scene.host.layout.blob(next(iter(scene.old.manifest.blobs))).unlink()
    assert call(scene.host, goods.call_lacks, manifests=[item])["based"] == []


@pytest.mark.parametrize(
    "base, made, size",
    [
        pytest.param(b"old", b"nonsense", 3, id="no zstd"),
        pytest.param(b"old", zstandard.compress(b"new"), 2, id="longer than it says"),
        pytest.param(b"old", zstandard.compress(b"new"), 4, id="shorter than it says"),
        pytest.param(b"old", zstandard.compress(b""), patching.LIMIT + 1, id="too long"),
        pytest.param(bytes(patching.LIMIT + 1), zstandard.compress(b"new"), 3, id="base too long"),
    ],
)
def test_a_patch_that_is_none_is_refused(base: bytes, made: bytes, size: int) -> None:
    """Nothing is written beyond what was announced, and nothing is taken that gives another length."""
    with pytest.raises(StoreError):
        patching.apply(base, made, size)


def test_without_zstd_no_patch_is_applied(monkeypatch: pytest.MonkeyPatch) -> None:
    """Such a host says so; the deployer never sends it one."""
    monkeypatch.setattr(patching, "libzstd", lambda: None)
    with pytest.raises(StoreError, match="libzstd"):
        patching.apply(b"old", patch.make(b"old", b"new"), 3)


@pytest.mark.parametrize("base", [b"\x37\xa4\x30\xec" + words(1), words(1), b"x"])
def test_any_contents_can_be_a_base(base: bytes) -> None:
    """Also those that begin as a dictionary of zstd's own would."""
    assert patching.apply(base, patch.make(base, base + b"!"), len(base) + 1) == base + b"!"
