"""Two lock files compared: added, removed, another version; the direct ones first."""

from __future__ import annotations

import json

import pytest

from turnout.planning.locks import changes


def lock(direct: str = "", **packages: str) -> str:
    """A package-lock.json; a name with `__` is nested, a version that begins with `dev ` is of a devDependency."""
    found: dict[str, object] = {"": {"dependencies": dict.fromkeys(direct.split(), "*")}}
    for name, version in packages.items():
        path = "/".join(f"node_modules/{part}" for part in name.split("__"))
        found[path] = {
            "version": version.removeprefix("dev "),
            **({"dev": True} if version.startswith("dev ") else {}),
        }
    return json.dumps({"lockfileVersion": 3, "packages": found})


@pytest.mark.parametrize(
    "old, new, told",
    [
        (lock(a="1.0.0"), lock(a="1.0.0"), []),
        (lock(a="1.0.0"), lock(a="1.1.0"), ["a 1.0.0 → 1.1.0"]),
        (lock(), lock(a="1.0.0"), ["+ a 1.0.0"]),
        (lock(a="1.0.0"), lock(), ["- a 1.0.0"]),
        (lock(z="1"), lock("z", a="1", z="2"), ["z 1 → 2", "+ a 1"]),
        (lock(a="1", b__a="2"), lock(a="1"), ["a 1, 2 → 1"]),
        (None, lock(a="1"), ["+ a 1"]),
        ("not json", lock(a="1"), ["+ a 1"]),
        ("[]", "{}", []),
    ],
)
def test_differences(old: str | None, new: str | None, told: list[str]) -> None:
    """What cannot be read counts as empty: a plan never fails for it."""
    assert [str(package) for package in changes(old, new)] == told


def test_what_only_the_build_needs_is_marked() -> None:
    """A devDependency never reaches a host; one that becomes a dependency does."""
    (package,) = changes(lock(a="dev 1"), lock(a="dev 2"))
    assert package.dev
    (package,) = changes(lock(a="dev 1"), lock(a="2"))
    assert not package.dev


def test_a_scoped_name_is_kept_whole() -> None:
    """`@prisma/client` is one name."""
    old = json.dumps({"packages": {"node_modules/@prisma/client": {"version": "1"}}})
    assert [package.name for package in changes(old, None)] == ["@prisma/client"]
