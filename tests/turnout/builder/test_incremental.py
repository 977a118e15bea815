"""`tsc --incremental` goes on from the build before, and gives what a clean build gives. With the real compiler."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support import npm
from turnout.artifact import manifest
from turnout.builder import incremental
from turnout.builder.cache import Cache

pytestmark = pytest.mark.integration
CONFIG = """{
  // as people write it
  "compilerOptions": {
    "incremental": true, "rootDir": "src", "outDir": "dist", "module": "commonjs", "declaration": true, "types": [],
  },
  "files": ["src/main.ts"],
}"""
FIRST = {
    "tsconfig.json": CONFIG,
    "package.json": "{}",
    "src/main.ts": "import { a } from './a';\nimport { b } from './deep/b';\nexport const all = a + b;\n",
    "src/a.ts": "export const a: number = 1;\n",
    "src/deep/b.ts": "export const b = 2;\n",
}
CHANGES = [
    {"src/a.ts": "export const a: number = 3;\n"},
    {"src/a.ts": "export const a = 'text';\n"},
    {
        "src/main.ts": "import { a } from './a';\nexport const all = a;\n"
    },  # b is there, and is compiled no more
    {"src/main.ts": FIRST["src/main.ts"]},
]


class App:
    """One app, built again and again, each time in a new folder, as a deployer does it."""

    def __init__(self, tmp: Path) -> None:
        self.tmp, self.cache, self.files, self.count = tmp, Cache(tmp / "cache"), dict(FIRST), 0
        self.tsc = npm.installed("typescript@5.9.3") / "typescript/bin/tsc"

    def tree(self) -> Path:
        self.count += 1
        folder = self.tmp / f"tree{self.count}"
        for name, text in self.files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text)
        return folder

    async def build(self, *, carried: bool, tied: object = "20") -> tuple[str, list[str]]:
        """The outputs' manifest, and the names of those that tsc wrote in this very run."""
        source = self.tree()
        project = incremental.project(source, tied) if carried else None
        laid = incremental.lay(self.cache, project) if project else []
        subprocess.run([str(self.tsc)], cwd=source, check=True, capture_output=True)
        written = [
            path.name for path in source.glob("dist/**/*.js") if path.stat().st_mtime != incremental.OLD
        ]
        if project:
            incremental.clear(project, laid)
            await incremental.keep(self.cache, project, f"build-{self.count}")
        made = manifest.of(source / "dist").text
        shutil.rmtree(source)
        return made, sorted(written)


@pytest.fixture
def app(tmp_path: Path) -> App:
    return App(tmp_path)


async def test_each_build_gives_what_a_clean_one_gives(app: App) -> None:
    """A change of a value, of a type, of what is imported: the same files with the same contents."""
    await app.build(carried=True)
    for change in CHANGES:
        app.files |= change
        carried, _ = await app.build(carried=True)
        clean, _ = await app.build(carried=False)
        assert carried == clean, change


async def test_only_what_changed_is_written(app: App) -> None:
    """One file of three."""
    _, first = await app.build(carried=True)
    app.files |= CHANGES[0]
    _, second = await app.build(carried=True)

    assert first == ["a.js", "b.js", "main.js"]
    assert second == ["a.js"]


@pytest.mark.parametrize("name", ["tied", "tsconfig.json", "package.json", "src/new.ts"])
async def test_with_anything_else_changed_it_begins_anew(app: App, name: str) -> None:
    """Another Node, other settings, another package.json, a file more: nothing is carried."""
    await app.build(carried=True)
    before = incremental.project(app.tree(), "20")
    if name != "tied":
        app.files[name] = app.files.get(name, "").replace('"declaration": true, ', "") + "\n"
    after = incremental.project(app.tree(), "22" if name == "tied" else "20")

    assert before
    assert after
    assert before.family != after.family
    assert incremental.lay(app.cache, after) == []


@pytest.mark.parametrize(
    "options",
    [
        {"rootDir": "src", "outDir": "dist"},
        {"incremental": True, "outDir": "dist"},
        {"incremental": True, "rootDir": "src", "outDir": "../dist"},
        {"incremental": True, "rootDir": "src", "outDir": "dist", "tsBuildInfoFile": "dist/x"},
    ],
)
def test_it_must_be_asked_for_and_be_plain(app: App, options: dict[str, object]) -> None:
    """Else every build begins in a clean tree, as ever."""
    app.files["tsconfig.json"] = json.dumps({"compilerOptions": options})
    assert incremental.project(app.tree(), "20") is None


def test_no_output_that_was_committed_is_touched(app: App) -> None:
    """A `dist` in the revision means that the build is not tsc's alone."""
    app.files["dist/main.js"] = "committed"
    source = app.tree()

    assert incremental.project(source, "20") is None
    assert (source / "dist/main.js").read_text() == "committed"
