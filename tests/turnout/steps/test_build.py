"""When the production layer may begin: it is made of what the build installs, but does not wait for checks."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from turnout.errors import GateRefused
from turnout.steps import build


@pytest.mark.parametrize("wanted", [("npm test",), ()])
async def test_checks_do_not_hold_up_the_production_layer(
    wanted: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """They may take minutes; without any the build installs at once, and the layer waits for that."""
    seen: list[bool] = []

    async def checks(work: Any) -> list[str]:
        seen.append(work.installed.is_set())
        raise GateRefused("a check failed")

    monkeypatch.setattr(build, "checks", checks)
    work: Any = SimpleNamespace(
        checkout=True, environment=SimpleNamespace(checks=wanted), installed=asyncio.Event()
    )
    with pytest.raises(GateRefused):
        await build.build(work)
    assert seen == [bool(wanted)]
