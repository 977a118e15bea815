"""Layers are made once per key, whole or not at all, and nobody changes them afterwards."""

import json
import shutil
import tempfile
from pathlib import Path

import pytest

from tests.turnout_host.goods import Host, Link, Program, Tree, as_nobody, entries, host, listing
from turnout_host import layers
from turnout_host.errors import InstallError, StoreError, UsageError
from turnout_host.migrations import schema

TREE: Tree = {"node_modules/pkg/cli.js": Program(b"#!node"), "node_modules/.bin/pkg": Link("../pkg/cli.js")}
INSTALL = "mkdir -p node_modules/pkg && cat package.json > node_modules/pkg/index.js"


@pytest.fixture
def there(tmp_path: Path) -> Host:
    """A host with a release folder to take inputs from."""
    there = host(tmp_path / "app")
    release = there.layout.release("v1")
    (release / "prisma/migrations/1_a").mkdir(parents=True)
    (release / "prisma/migrations/1_a/migration.sql").touch()
    (release / "prisma/schema.prisma").write_text("schema")
    for name in ("package.json", "package-lock.json", "prisma.config.ts", ".npmrc", ".env"):
        (release / name).write_text("{}")
    return there


def make(
    there: Host, *commands: str, inputs: tuple[str, ...] = ("package.json",), path: tuple[str, ...] = ()
) -> list[str]:
    said: list[str] = []
    layers.make(there.layout, "deps-1", there.layout.release("v1"), commands, inputs, list(path), said.append)
    return said


def test_a_sent_layer_is_laid_once(there: Host) -> None:
    """The second time nothing is done, not even a look at the store."""
    wanted = there.send(TREE)
    assert layers.lay(there.layout, there.store, "deps-1", wanted) is True
    there.store.collect([])
    assert layers.lay(there.layout, there.store, "deps-1", wanted) is False
    assert there.store.verify(wanted, there.layout.layer("deps-1")) == []
    assert layers.keys(there.layout) == ["deps-1"]
    folders = [there.layout.layer("deps-1") / inside for inside in ("", "node_modules", "node_modules/.bin")]
    assert {folder.stat().st_mode & 0o777 for folder in folders} == {0o555}


def test_a_layer_with_hurt_contents_is_not_there(there: Host) -> None:
    """It is whole, or it does not exist."""
    with pytest.raises(StoreError):
        layers.lay(there.layout, there.store, "deps-1", entries(TREE))
    assert not layers.exists(there.layout, "deps-1")
    assert listing(there.layout.tmp) == []


def test_a_made_layer_holds_node_modules_only(there: Host) -> None:
    """Made from a copy of the inputs, in a folder of its own; the release is not touched."""
    before = listing(there.layout.release("v1"))
    assert make(there, INSTALL, "echo done") == ["done"]
    assert listing(there.layout.layer("deps-1")) == ["node_modules"]
    assert (there.layout.layer("deps-1") / "node_modules/pkg/index.js").read_text() == "{}"
    assert listing(there.layout.release("v1")) == before
    assert listing(there.layout.tmp) == []


def test_the_inputs_are_copied_and_npmrc_with_them(there: Host) -> None:
    """Patterns find files and folders; the dotenv is never among them."""
    inputs = ("package.json", "package-lock.json", "prisma/schema.prisma", "prisma.config.*", "not-there.*")
    said = make(there, "mkdir node_modules; find . -type f | sort", inputs=inputs)
    assert said == [
        "./.npmrc",
        "./package-lock.json",
        "./package.json",
        "./prisma.config.ts",
        "./prisma/schema.prisma",
    ]


def test_an_input_may_be_a_folder(there: Host) -> None:
    """Such as a schema in several files."""
    said = make(there, "mkdir node_modules; find prisma -type f", inputs=("prisma",))
    assert sorted(said) == ["prisma/migrations/1_a/migration.sql", "prisma/schema.prisma"]


@pytest.mark.parametrize("pattern", ["/etc/passwd", "../x", "a/../../x", ""])
def test_inputs_from_elsewhere_are_refused(there: Host, pattern: str) -> None:
    """A pattern cannot leave the release."""
    with pytest.raises(UsageError):
        make(there, INSTALL, inputs=(pattern,))
    assert listing(there.layout.tmp) == []


def test_commands_run_with_the_toolchain_in_a_small_environment(
    there: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    """node_modules/.bin first, then the given folders; DATABASE_URL is a dummy; nothing of the session leaks."""
    monkeypatch.setenv("LEAK", "secret")
    monkeypatch.setenv("DATABASE_URL", "secret")
    said = make(
        there,
        "mkdir node_modules; echo $PATH; echo $DATABASE_URL; echo [$LEAK]; pwd",
        path=("/toolchain/bin",),
    )
    bins, _, rest = said[0].partition("/node_modules/.bin:")
    assert rest.startswith("/toolchain/bin:/usr/local")
    assert said[1:] == [schema.SQLITE, "[]", bins]


@pytest.mark.parametrize(
    "commands, message, tail",
    [
        (["echo out; echo err >&2; exit 3"], "exit status 3", ["out", "err"]),
        ([INSTALL, "echo second; false"], "`echo second; false` failed", ["second"]),
        (["kill -9 $$"], "killed by signal 9", []),
        (["true"], "made no node_modules", []),
        (["chmod 0 . && touch node_modules"], "made no node_modules", []),
    ],
)
def test_a_failure_is_told_and_leaves_nothing(
    there: Host, commands: list[str], message: str, tail: list[str]
) -> None:
    """The command, how it ended, and its last lines."""
    with pytest.raises(InstallError, match=message) as caught:
        make(there, *commands)
    assert caught.value.detail["tail"] == tail
    assert layers.keys(there.layout) == []
    assert listing(there.layout.tmp) == []


FAKE_NPM = """#!/bin/sh
echo "npm $*"
mkdir -p node_modules/prisma
"""


@pytest.mark.parametrize(
    "lock, install, added",
    [
        ({"node_modules/prisma": {"version": "6.19.3", "dev": True}}, INSTALL, True),
        ({"node_modules/prisma": {"version": "6.19.3"}}, "mkdir -p node_modules/prisma", False),
        ({"node_modules/prisma": {"version": "x; rm -rf /"}}, INSTALL, False),
        ({"node_modules/prisma": {}}, INSTALL, False),
        ({}, INSTALL, False),
    ],
)
def test_prisma_that_is_only_a_dev_dependency_is_added(
    there: Host, tmp_path: Path, lock: dict[str, object], install: str, added: bool
) -> None:
    """At the lock file's version and before the second command, where the first left it out (DESIGN 7)."""
    (there.layout.release("v1") / "package-lock.json").write_text(json.dumps({"packages": lock}))
    (tmp_path / "npm").write_text(FAKE_NPM)
    (tmp_path / "npm").chmod(0o755)
    said = make(there, install, "echo generate", inputs=("package*.json",), path=(str(tmp_path),))
    line = "npm install --no-save --omit=dev prisma@6.19.3"
    assert [one for one in said if one.startswith("npm")] == ([line] if added else [])
    assert said[-1] == "generate"


def test_no_hand_changes_a_layer_and_it_can_be_removed() -> None:
    """Without being root: nothing in a made layer can be written, added or replaced, yet `remove` works."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o777)

    def work() -> None:
        there = host(folder / "app")
        release = there.layout.release("v1")
        release.mkdir()
        (release / "package.json").write_text("{}")
        make(there, INSTALL + " && ln -s pkg node_modules/link && chmod 755 node_modules/pkg/index.js")
        layer = there.layout.layer("deps-1")
        for path in ("new", "node_modules/new", "node_modules/pkg/new", "node_modules/pkg/index.js"):
            with pytest.raises(PermissionError):
                (layer / path).write_text("edited")
        assert (layer / "node_modules/pkg/index.js").stat().st_mode & 0o777 == 0o555
        layers.remove(there.layout, "deps-1")
        assert layers.keys(there.layout) == []
        assert listing(there.layout.tmp) == []

    try:
        as_nobody(work)
    finally:
        shutil.rmtree(folder)
