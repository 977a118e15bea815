"""The same artifact once more, for another dotenv."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from turnout.errors import UsageError
from turnout.steps import again
from turnout.steps.work import Target

RECORD = {
    "release": "v3", "manifest": "m", "artifact": "a", "revision": "r", "subject": "s", "shared": ["logs"],
    "inputs": "i", "build": "b", "turnout": "1", "promoted": None, "dependencies": "deps-1",
    "toolchain": {"node": "node-20", "pm2": None, "path": "/bin"},
}  # fmt: skip
WORK: Any = SimpleNamespace(id="d", by="ann", environment=SimpleNamespace(name="production"))


class Client:
    """A host that stages v9."""

    def __init__(self) -> None:
        self.staged: dict[str, Any] = {}

    async def call(self, name: str, **args: Any) -> dict[str, Any]:
        assert name == "stage"
        self.staged = args
        return {"release": "v9"}


def host(**record: Any) -> Any:
    return Target(None, Client(), state={"running": "v3", "releases": [RECORD | record]}, release="v3")  # type: ignore[arg-type]


@pytest.mark.parametrize("act,why", [(again.running, {}), (again.target, {"back_to": "v3"})])
async def test_nothing_that_is_known_of_the_artifact_is_lost(act: Any, why: dict[str, str]) -> None:
    """Its inputs and its build too, or the next push of the same code, and a promotion, would not know it."""
    found = host()

    await act(WORK, found)

    known = {key: RECORD[key] for key in again.OF_THE_ARTIFACT}
    assert found.client.staged == {"deployment": "d", "by": "ann", "again": "v3", **known, **why}
    assert found.release == "v9"
    assert found.layers == {"dependencies": "deps-1", "node": "node-20", "pm2": None}


@pytest.mark.parametrize("act", [again.running, again.target])
async def test_an_adopted_release_cannot_be_laid_out_again(act: Any) -> None:
    """Its contents were never ours: a plain refusal with what to type, and nothing is asked of the host."""
    found = host(manifest=None)

    with pytest.raises(UsageError, match="adopted") as caught:
        await act(WORK, found)

    assert caught.value.remedy == ["deploy first: turnout deploy production"]
    assert found.client.staged == {}
