"""What a survey tells of a host that it does not refuse."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from turnout.steps import database
from turnout.steps.survey import survey


class Client:
    """A host where an app in fork mode serves."""

    async def call(self, name: str, **_: Any) -> dict[str, Any]:
        assert name == "survey"
        return {"findings": [], "dotenv": {}, "gap_seconds": 0.62}


@pytest.mark.parametrize("rehearse", [False, True])
async def test_the_gap_of_fork_mode_is_said_where_no_rehearsal_will(
    rehearse: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    """With a rehearsal it is said once, there, with the new release's own figure."""

    async def nothing(*_: Any) -> list[str]:
        return []

    monkeypatch.setattr(database, "look", nothing)
    health = SimpleNamespace(rehearse=rehearse, port_env="PORT")
    config = SimpleNamespace(health=health, release=SimpleNamespace(shared=[]))
    work: Any = SimpleNamespace(
        config=config,
        settings={},
        source=tmp_path,
        notes=[],
        origin="what is promoted, so that nothing goes ahead",
        runs=SimpleNamespace(node="20"),
        deploy=SimpleNamespace(accept_drift=False, restart_pm2=False),
        environment=SimpleNamespace(name="production"),
    )
    host: Any = SimpleNamespace(
        client=Client(), name="a@b", pm2="7", platform="linux-x64", facts={"disk": {"free": 1e9}}
    )

    await survey(work, host)

    said = "a@b: fork mode: nobody will answer for about 0.62 s during the switch; `exec_mode: 'cluster'`"
    assert [said in note for note in work.notes] == ([] if rehearse else [True])
