"""What an old `current/` holds that no release would have."""

from __future__ import annotations

from pathlib import Path

import pytest

from turnout_host.unexplained import Rules, unexplained

KNOWN = frozenset({"package.json", "README.md", "prisma/schema.prisma", "assets/logo.png"})
INCLUDE = ("dist", "prisma", "package.json", "prisma.config.*")


def found(folder: Path, files: str, shared: str = "logs", ignore: str = "") -> list[str]:
    """The names, for a folder with these files."""
    for name in files.split():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("x")
    rules = Rules(KNOWN, INCLUDE, shared.split(), ignore.split())
    return [one.path for one in unexplained(str(folder), rules)]


@pytest.mark.parametrize(
    "files, names",
    [
        ("package.json README.md assets/logo.png", []),
        ("dist/a.js dist/old/b.js.map dist/c.d.ts prisma/migrations/1/migration.sql", []),
        (".env node_modules/x/y.bin logs/out.log", []),
        ("prisma.config.mjs", []),
        ("prisma/dev.db prisma/schema.prisma", ["prisma/dev.db"]),
        ("prisma/dev.db prisma/dev.db-wal prisma/dev.db-shm prisma/schema.prisma", ["prisma/dev.db"]),
        ("uploads/1/a.png uploads/2/b.png", ["uploads/"]),
        ("dist/a.js dist/uploads/a.png", ["dist/uploads/"]),
        ("assets/logo.png assets/mine.png", ["assets/mine.png"]),
        ("backup.tar.gz .env.bak", [".env.bak", "backup.tar.gz"]),
        ("sub/node_modules/x.bin", ["sub/"]),
    ],
)
def test_only_what_nobody_explains_is_named(tmp_path: Path, files: str, names: list[str]) -> None:
    """Git, code in the package's folders, node_modules, .env and shared names explain; data is named."""
    assert found(tmp_path, files) == names


@pytest.mark.parametrize("rule", ["shared", "ignore"])
def test_what_a_person_named_is_explained(tmp_path: Path, rule: str) -> None:
    """A file, a folder or a pattern; with a SQLite file what lies beside it."""
    files = "prisma/dev.db prisma/dev.db-journal uploads/a.png"
    named = "prisma/dev.db uploads" if rule == "shared" else "prisma/*.db* up*"

    assert found(tmp_path, files, **{rule: named}) == []


def test_shared_are_names_and_a_name_may_look_like_a_pattern(tmp_path: Path) -> None:
    """A pattern in `shared` would link nothing in the next release; `cat[1].png` is what Turnout said to write."""
    assert found(tmp_path, "uploads/a.png", shared="up*") == ["uploads/"]
    assert found(tmp_path / "b", "uploads/cat[1].png", ignore="uploads/cat[1].png") == []


def test_links_and_empty_folders_are_seen_as_they_are(tmp_path: Path) -> None:
    """A link is not followed, and is named; an empty folder holds nothing to lose."""
    (tmp_path / "empty/inside").mkdir(parents=True)
    (tmp_path / "uploads").symlink_to("/")

    assert found(tmp_path, "package.json") == ["uploads"]
