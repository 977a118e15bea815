from __future__ import annotations

import json

import pytest

from turnout.builder import installed
from turnout.config.schema import Dependencies
from turnout.errors import BuildError

from .test_build import _build
from .test_dependencies import _make

ONE = {"node_modules/x": {"version": "1.0.0"}}
DEV = {"node_modules/x": {"version": "1.0.0", "dev": True}}


@pytest.mark.parametrize(
    "command, packages, there, empty",
    [
        ("npm ci", ONE, [], True),
        ("npm  install --no-audit", ONE, [], True),
        ("npm ci", ONE, [".cache/y", ".bin/x"], True),
        ("npm ci", ONE, [".package-lock.json"], False),
        ("npm ci", ONE, ["x/package.json"], False),
        ("npm ci", DEV, [], True),
        ("npm ci --omit=dev", DEV, [], False),  # then npm makes no folder, and is right
        ("npm ci", {"": {"name": "app"}}, [], False),
        ("npm ci", {"node_modules/x": {"optional": True}}, [], False),
        ("npm ci", None, [], False),
        ("npm run install-all", ONE, [], False),
        ("yarn install", ONE, [], False),
    ],
)
def test_nothing_installed_is_found(tmp_path, command, packages, there, empty):
    """Where the lock file lists packages that npm should have brought, and none is there."""
    if packages is not None:
        (tmp_path / "package-lock.json").write_text(json.dumps({"packages": packages}))
    for path in there:
        (tmp_path / "node_modules" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "node_modules" / path).touch()
    if empty:
        with pytest.raises(BuildError, match="ended well, but installed nothing"):
            installed.check(command, tmp_path)
    else:
        installed.check(command, tmp_path)


def silent(app):
    """An npm whose registry is out of reach."""
    app.write("package-lock.json", json.dumps({"packages": ONE}))
    (app.tmp / "bin/npm").write_text("#!/bin/sh\nmkdir -p node_modules\n")


async def test_a_build_does_not_keep_an_empty_install(app):
    """It would be reused for as long as its key lives."""
    silent(app)
    with pytest.raises(BuildError, match="`npm ci` ended well, but installed nothing"):
        await _build(app)
    assert not any((app.cache.root / "installs").glob("*"))


async def test_a_layer_is_never_empty_by_accident(app):
    """It would be shipped, and the app would not boot."""
    silent(app)
    with pytest.raises(BuildError, match="`npm ci --omit=dev` ended well, but installed nothing"):
        await _make(app, dependencies=Dependencies())
    assert not any((app.cache.root / "layers").glob("*"))
