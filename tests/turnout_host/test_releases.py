"""Releases are numbered trees with links to what they share; they come and go whole."""

import os
import shutil
import tempfile
from pathlib import Path

import pytest

from tests.turnout_host.goods import Host, Tree, as_nobody, host, listing, sha
from turnout_host import dotenv, layers, releases
from turnout_host.errors import StoreError, UsageError

TREE: Tree = {
    "dist/server.js": b"serve()",
    "logs/.gitkeep": b"",
    "prisma/migrations/2_b/migration.sql": b"B",
    "prisma/migrations/1_a/migration.sql": b"A",
    "prisma/migrations/migration_lock.toml": b"sqlite",
}


@pytest.fixture
def there(tmp_path: Path) -> Host:
    return host(tmp_path / "app")


def stage(there: Host, name: str = "v1", shared: tuple[str, ...] = ("logs",)) -> Path:
    releases.stage(there.layout, there.store, name, there.send(TREE), shared)
    return there.layout.release(name)


def test_shared_names_lead_to_shared(there: Host) -> None:
    """They win over what the artifact has there; folders are made, a name with an ending is a file of the app's."""
    shutil.rmtree(there.layout.logs)
    folder = stage(there, shared=("logs", "data/uploads", "data/app.db", "data/uploads/deeper", "logs"))
    for name in ("logs", "data/uploads", "data/app.db"):
        assert str((folder / name).readlink()) == str(there.layout.shared / name)
    assert (folder / "data/uploads").is_dir()
    (folder / "data/app.db").write_bytes(b"made by the app")
    assert (there.layout.shared / "data/app.db").read_bytes() == b"made by the app"
    assert listing(there.layout.shared / "data/uploads") == []
    ignore = ("logs", "data/uploads", "data/app.db")
    assert there.store.verify(there.send(TREE), folder, ignore) == []


@pytest.mark.parametrize(
    "name", ["", ".", "..", "../x", "/x", "a/../../x", ".env", "node_modules", "node_modules/x"]
)
def test_names_that_cannot_be_shared_are_refused(there: Host, name: str) -> None:
    """Nothing outside the release, and not what has a place of its own."""
    with pytest.raises(UsageError):
        stage(there, shared=(name,))
    assert releases.names(there.layout) == []


def test_a_release_is_never_staged_twice(there: Host) -> None:
    """What is there is never changed."""
    stage(there)
    with pytest.raises(StoreError):
        stage(there)
    assert listing(there.layout.tmp) == []


def test_the_dependency_layer_is_one_link(there: Host) -> None:
    """It leads to the layer's node_modules, is replaced in one step, and a layer that is not there is refused."""
    folder = stage(there)
    for key in ("deps-1", "deps-2"):
        layers.lay(there.layout, there.store, key, there.send({"node_modules/x/index.js": key.encode()}))
        releases.install(there.layout, "v1", key)
        assert (folder / "node_modules/x/index.js").read_text() == key
    with pytest.raises(UsageError):
        releases.install(there.layout, "v1", "deps-3")
    assert listing(there.layout.tmp) == []


def test_names_are_sorted_by_number(there: Host) -> None:
    """Ten comes after nine; what is no release is not one."""
    for name in ("v10", "v9", "v1", "v0", "v01", "backup", ".tmp"):
        (there.layout.releases / name).mkdir()
    (there.layout.releases / "v2").symlink_to("v1")
    assert releases.names(there.layout) == ["v1", "v9", "v10"]


def test_the_size_is_what_removing_gives_back(there: Host) -> None:
    """Links into the store give nothing back; folders and own files do; layers and shared are not counted."""
    big = b"x" * 100_000
    releases.stage(there.layout, there.store, "v1", there.send({"big": big}), ("logs",))
    (there.layout.logs / "out.log").write_bytes(big)
    before = releases.size(there.layout.release("v1"))
    assert before < 100_000
    (there.layout.release("v1") / "own").write_bytes(big)
    os.sync()  # blocks are counted when they are given, which some file systems put off
    assert releases.size(there.layout.release("v1")) >= before + 100_000


def test_migrations_are_known_by_their_contents(there: Host) -> None:
    """Name to digest, in order; other files in that folder are none; no folder means none."""
    folder = stage(there)
    assert list(releases.migrations(folder).items()) == [("1_a", sha(b"A")), ("2_b", sha(b"B"))]
    assert releases.migrations(folder / "dist") == {}


def test_a_sealed_release_is_shut_but_can_be_removed() -> None:
    """Without being root: no file can be added, changed or replaced, but the dotenv edited and the release removed."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o777)

    def work() -> None:
        there = host(folder / "app")
        release = stage(there)
        dotenv.write(there.layout, "v1", b"A=1\n", "v1-abc")
        layers.lay(there.layout, there.store, "deps", there.send({"node_modules/x": b"x"}))
        releases.install(there.layout, "v1", "deps")
        releases.seal(there.layout, "v1")
        for path in ("new", "dist/new", "dist/server.js"):
            with pytest.raises(PermissionError):
                (release / path).write_text("edited")
        with pytest.raises(PermissionError):
            (release / "dist/server.js").unlink()
        (release / ".env").write_text("A=2")
        (release / "logs/out.log").write_text("the app writes here")
        copied = there.layout.path / "copy"
        shutil.copytree(release, copied, symlinks=True)
        releases.unlock(copied)
        shutil.rmtree(copied)
        releases.remove(there.layout, "v1")
        assert releases.names(there.layout) == []
        assert listing(there.layout.tmp) == []
        assert (there.layout.logs / "out.log").exists()
        assert layers.exists(there.layout, "deps")

    try:
        as_nobody(work)
    finally:
        shutil.rmtree(folder)
