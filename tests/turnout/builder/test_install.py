from __future__ import annotations

import pytest

from turnout.builder import install

USUAL = ["npm ci", "npx --no-install prisma generate"]


@pytest.mark.parametrize(
    "wanted, package, expected",
    [
        (USUAL, {"name": "app", "scripts": {"build": "tsc"}, "dependencies": {"x": "1.0.0"}}, False),
        (["npm ci --ignore-scripts"], {}, False),
        (USUAL, {"scripts": {"prepare": "husky"}}, False),
        (USUAL, {"scripts": {"prepare": "husky install || true"}}, False),
        (USUAL, {"scripts": {"prepare": "tsc"}}, True),
        (USUAL, {"scripts": {"postinstall": "patch-package"}}, True),
        (USUAL, {"workspaces": ["packages/*"]}, True),
        (USUAL, {"dependencies": {"shared": "file:../shared"}}, True),
        (USUAL, {"devDependencies": {"shared": "../shared"}}, True),
        (["npm ci", "node scripts/generate.js"], {}, True),
        (["npm ci && ./generate.sh"], {}, True),
    ],
)
def test_when_an_install_may_read_anything(wanted, package, expected):
    """Unknown commands, install scripts and local packages make all files part of the key."""
    assert install.reads_anything(wanted, package) is expected


@pytest.mark.parametrize(
    "wanted, package, expected",
    [
        (["npm run build"], {"scripts": {"build": "tsc"}}, False),
        (["npm run build"], {"scripts": {"build": "prisma generate && tsc"}}, True),
        (["npm run build"], {"scripts": {"prebuild": "npm ci"}}, True),
        (["npx prisma generate"], {}, True),
    ],
)
def test_when_a_build_writes_into_node_modules(wanted, package, expected):
    """Such a build gets a copy of its own."""
    assert install.writes_modules(wanted, package) is expected


@pytest.mark.parametrize(
    "path",
    [
        "package.json",
        "package-lock.json",
        ".npmrc",
        "prisma/schema.prisma",
        "prisma/schema/user.prisma",
        "prisma.config.ts",
        "patches/x.patch",
    ],
)
def test_each_input_file_makes_a_new_key(app, path):
    """A change of what the install reads is a new install."""
    before = install.key(USUAL, app.source, "t", node="20")
    app.write(path, '{"name": "changed"}')
    assert install.key(USUAL, app.source, "t", node="20") != before


def test_other_files_do_not(app):
    """A code change keeps the install; unless its commands may read the code."""
    before = install.key(USUAL, app.source, "t1", node="20")
    app.write("src.ts", "changed")
    assert install.key(USUAL, app.source, "t2", node="20") == before
    assert install.key(USUAL[:1], app.source, "t1", node="20") != before
    assert install.key(USUAL, app.source, "t1", node="22") != before
    assert install.key(["make"], app.source, "t1", node="20") != install.key(
        ["make"], app.source, "t2", node="20"
    )
