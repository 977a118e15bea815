"""When a build is skipped because the hosts have what it would give."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from turnout.artifact.manifest import Manifest
from turnout.errors import PackageError
from turnout.steps.known import known
from turnout.steps.work import Target

LISTED = Manifest(b"f\t644\t" + b"a" * 64 + b"\t1\tpackage.json\n")
OTHER = Manifest(b"")


class Client:
    """A host that answers `known`."""

    def __init__(self, answer: dict[str, Any] | Exception) -> None:
        self.answer, self.asked = answer, []

    async def call(self, name: str, **args: Any) -> dict[str, Any]:
        self.asked.append((name, args))
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def record(release: str, **more: Any) -> dict[str, Any]:
    return {"release": release, "state": "blessed", "build": "build-1", "artifact": LISTED.digest, **more}


def host(*records: dict[str, Any], answer: dict[str, Any] | Exception | None = None) -> Any:
    sound = {"whole": True, "hurt": [], "manifest": LISTED.packed}
    return Target(None, Client(sound if answer is None else answer), state={"releases": list(records)})  # type: ignore[arg-type]


HURT = {"whole": False, "hurt": ["a" * 64], "manifest": LISTED.packed}
FOREIGN = {"whole": True, "hurt": [], "manifest": OTHER.packed}


@pytest.mark.parametrize(
    "hosts,release",
    [
        ([host(record("v3"), record("v1"))], "v3"),
        ([host(record("v4", state="failed"), record("v1"))], "v1"),
        ([host(record("v2", build="build-2"), record("v1"))], "v1"),
        ([host(record("v1")), host(record("v7"))], "v1"),
        ([], None),
        ([host()], None),
        ([host(record("v1", build=None))], None),
        ([host(record("v1")), host()], None),
        ([host(record("v1")), host(record("v1", artifact=OTHER.digest))], None),
        ([host(record("v1"), answer=HURT)], None),
        ([host(record("v1"), answer=FOREIGN)], None),
        ([host(record("v1"), answer=PackageError("its manifest is hurt"))], None),
        ([host(record("v1")), host(record("v1"), answer=HURT)], None),
    ],
)
async def test_only_what_every_host_has_whole_and_blessed_is_not_built(
    hosts: list[Any], release: str | None
) -> None:
    """One key, one artifact, all contents sound, and the manifest is the one of the journal."""
    found = await known(SimpleNamespace(targets=hosts), "build-1")  # type: ignore[arg-type]

    assert (found.release if found else None) == release
    assert found is None or (found.built.artifact.digest, found.built.reused) == (LISTED.digest, True)
