from __future__ import annotations

import os
from pathlib import Path

import pytest

from turnout.artifact.package import is_dotenv, package
from turnout.config.schema import Package
from turnout.errors import PackageError

DEFAULT = Package().include
CONFIG = "ecosystem.config.js"


@pytest.fixture
def app(tmp_path):
    source = tmp_path / "backend"
    for path in (
        "dist/server.js",
        "dist/node_modules/x.js",
        "dist/.env",
        "prisma/schema.prisma",
        "prisma.config.ts",
        "package.json",
        CONFIG,
        ".env",
        ".env.example",
        "node_modules/x/index.js",
        "src/server.ts",
        "public/css/a.css",
    ):
        file = source / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(path)
    return source


def test_the_specs_list(app, tmp_path):
    """What the spec's tarball holds, without node_modules and without any dotenv; absent names do not matter."""
    chosen = package(app, tmp_path / "out", DEFAULT, CONFIG)
    assert chosen == [
        ".env.example",
        "dist/server.js",
        CONFIG,
        "package.json",
        "prisma.config.ts",
        "prisma/schema.prisma",
    ]
    assert (tmp_path / "out/dist/server.js").read_text() == "dist/server.js"
    assert _names(tmp_path / "out/dist") == ["server.js"]


def test_modes_links_and_empty_folders_survive(app, tmp_path):
    """A program stays one, a link stays a link."""
    (app / "dist/run").write_text("x")
    (app / "dist/run").chmod(0o755)
    (app / "dist/link").symlink_to("run")
    (app / "dist/empty").mkdir()
    package(app, tmp_path / "out", DEFAULT, CONFIG)
    assert os.access(tmp_path / "out/dist/run", os.X_OK)
    assert (tmp_path / "out/dist/link").readlink() == Path("run")
    assert (tmp_path / "out/dist/empty").is_dir()


def test_the_users_patterns(app, tmp_path):
    """Globs choose files and folders; package.json and the processes' file come along unasked."""
    chosen = package(app, tmp_path / "out", ["public/**/*.css", "src"], CONFIG, written=True)
    assert chosen == [CONFIG, "package.json", "public/css/a.css", "src/server.ts"]


@pytest.mark.parametrize("pattern", ["**/*", "*", "."])
def test_no_pattern_brings_node_modules_along(app, tmp_path, pattern):
    """However wide: a layer is no part of the artifact."""
    for dotenv in (".env", "dist/.env"):
        (app / dotenv).unlink()
    chosen = package(app, tmp_path / "out", [pattern], CONFIG, written=True)
    assert "src/server.ts" in chosen
    assert not [path for path in chosen if "node_modules" in path]


def test_a_pattern_for_nothing_is_named(app, tmp_path):
    """What the user wrote must match."""
    with pytest.raises(PackageError, match="'publik' matches nothing"):
        package(app, tmp_path / "out", ["publik"], CONFIG, written=True)


@pytest.mark.parametrize("pattern", [".env", ".env*", "**/.env"])
def test_a_dotenv_that_is_asked_for_is_refused(app, tmp_path, pattern):
    """Secrets stay on the host (DESIGN 9.8)."""
    with pytest.raises(PackageError, match="may hold secrets"):
        package(app, tmp_path / "out", [pattern], CONFIG, written=True)


@pytest.mark.parametrize(
    "name, secret",
    [
        (".env", True),
        (".env.production", True),
        (".env.local", True),
        (".env.example", False),
        ("a.env", False),
        (".envrc", False),
    ],
)
def test_which_names_are_dotenvs(name, secret):
    """Examples may travel, values may not."""
    assert is_dotenv(name) is secret


@pytest.mark.parametrize("pattern", ["../other", "/etc/passwd", "dist/../../x"])
def test_patterns_stay_in_the_app(app, tmp_path, pattern):
    """Nothing from outside the app's folder."""
    with pytest.raises(PackageError, match="leaves the app's folder"):
        package(app, tmp_path / "out", [pattern], CONFIG, written=True)


@pytest.mark.parametrize("missing", ["package.json", CONFIG])
def test_what_every_app_needs(app, tmp_path, missing):
    """Without these nothing could run."""
    (app / missing).unlink()
    with pytest.raises(PackageError, match=f"{missing} is missing"):
        package(app, tmp_path / "out", DEFAULT, CONFIG)


@pytest.mark.parametrize("left", [[], ["dist"]])
def test_a_build_without_a_dist_is_told(app, tmp_path, left):
    """Missing or empty: the build succeeded, and made nothing to run."""
    for path in ("dist/server.js", "dist/.env", "dist/node_modules/x.js"):
        (app / path).unlink()
    (app / "dist/node_modules").rmdir()
    if not left:
        (app / "dist").rmdir()
    with pytest.raises(PackageError, match="the build made no dist"):
        package(app, tmp_path / "out", DEFAULT, CONFIG)


def test_an_app_without_a_build_needs_no_dist(app, tmp_path):
    """Plain JavaScript has no build commands, and no dist."""
    (app / "dist").rename(app / "lib")
    assert "package.json" in package(app, tmp_path / "out", DEFAULT, CONFIG, built=False)


@pytest.mark.parametrize(
    "text, taken",
    [
        ("ignore-scripts=true\n", True),
        ("//npm.example.com/:_authToken=${NPM_TOKEN}\n", True),
        ("; _authToken=old\n", True),
        ("//npm.example.com/:_authToken=s3cret\n", False),
        ("//npm.example.com/:_password = s3cret\n", False),
        ("_auth=s3cret", False),
    ],
)
def test_npmrc_travels_unless_it_holds_a_credential(app, tmp_path, text, taken):
    """Dependencies made on the host need its settings; a token must not lie there."""
    (app / ".npmrc").write_text(text)
    assert (".npmrc" in package(app, tmp_path / "out", DEFAULT, CONFIG)) is taken


def _names(folder):
    return sorted(path.name for path in folder.iterdir())
