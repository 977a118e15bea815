"""What a rollback says beforehand, and when it refuses."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from turnout.errors import GateRefused
from turnout.events import Bus, Event
from turnout.model import RollbackOptions
from turnout.steps.going_back import look
from turnout.steps.save import save

MADE = {"name": "m1", "sql": 'CREATE TABLE "A" ("id" INTEGER, "b" TEXT);'}
SCHEMA = "model A {\n id Int @id\n b String?\n}\n"
DROPS = {"name": "m2", "sql": 'ALTER TABLE "A" DROP COLUMN "b";'}
ADDS = {"name": "m2", "sql": 'ALTER TABLE "A" ADD COLUMN "c" TEXT;'}


class Client:
    """A host that answers `since`."""

    def __init__(self, migrations: list[dict[str, Any]], dotenv: list[str], shared: bool) -> None:
        self.found = {
            "migrations": migrations, "earlier": [MADE], "schema": SCHEMA, "provider": "sqlite", "dotenv": dotenv,
            "shared_goes_back": shared,
        }  # fmt: skip

    async def call(self, name: str, **args: Any) -> dict[str, Any]:
        assert (name, args) == ("since", {"release": "v1"})
        return self.found


async def said(
    migrations: list[dict[str, Any]],
    dotenv: list[str],
    options: RollbackOptions,
    host: Any = None,
    shared: bool = False,
    events: list[Event] | None = None,
) -> Event:
    events = [] if events is None else events
    bus = Bus("d")
    bus.listen(events.append)
    work = SimpleNamespace(
        bus=bus, rollback=options, notes=[], environment=SimpleNamespace(name="production")
    )
    host = host or SimpleNamespace()
    host.client, host.release, host.running, host.name, host.because = (
        Client(migrations, dotenv, shared),
        "v1",
        "v3",
        "a@b",
        None,
    )
    await look(work, host)  # type: ignore[arg-type]
    assert not [note for note in work.notes if "undo" in note], "it has not gone ahead yet"
    return events[0]


@pytest.mark.parametrize(
    "migrations,dotenv,options,parts",
    [
        ([], [], RollbackOptions(), ["no migration", "as it was", "turnout rollback production v3"]),
        ([ADDS], [], RollbackOptions(), ["m2: only adds (add column A.c)"]),
        ([{"name": "m2", "sql": None}], [], RollbackOptions(), ["nobody can say"]),
        ([], ["KEY"], RollbackOptions(), ["its own dotenv of then", "KEY", "--keep-env keeps today's"]),
        ([], ["KEY"], RollbackOptions(keep_env=True), ["stays as it is today", "KEY"]),
    ],
)
async def test_what_stays_as_it_is_is_said(
    migrations: list[dict[str, Any]], dotenv: list[str], options: RollbackOptions, parts: list[str]
) -> None:
    """Migrations, dotenv, and the way to undo it; each in plain words."""
    text = "\n".join((await said(migrations, dotenv, options)).data["lines"])
    assert all(part in text for part in parts), text


@pytest.mark.parametrize(
    "shared,keep,part",
    [
        (False, False, "takes, stays as it is"),
        (True, False, "takes, goes back too"),
        (True, True, "as it is today"),
    ],
)
async def test_what_becomes_of_the_environments_dotenv_is_said(shared: bool, keep: bool, part: str) -> None:
    """It goes back only where the host says so, and never with --keep-env."""
    event = await said([], ["KEY"], RollbackOptions(keep_env=keep), shared=shared)
    assert part in "\n".join(event.data["lines"])
    assert event.data["shared_goes_back"] is (shared and not keep)


@pytest.mark.parametrize(
    "options", [RollbackOptions(), RollbackOptions(reason="why"), RollbackOptions(force=True)]
)
async def test_what_would_break_is_refused(options: RollbackOptions) -> None:
    """Neither a reason alone nor force alone is enough; the line to type is given, and none to undo it."""
    events: list[Event] = []
    with pytest.raises(GateRefused) as caught:
        await said([DROPS], [], options, events=events)
    assert "undo" not in "\n".join(events[0].data["lines"])
    assert caught.value.exit_code == 10
    assert caught.value.why == ["m2: drop column A.b; the older code uses A.b"]
    assert '--force --reason "…"' in caught.value.remedy[-1]


async def test_force_with_a_reason_goes_on_and_is_kept_for_the_journal() -> None:
    """With what it went over, if there was anything."""
    host = SimpleNamespace()
    await said([DROPS], [], RollbackOptions(force=True, reason="fire"), host)
    assert host.because == {"reason": "fire", "over": ["m2: drop column A.b; the older code uses A.b"]}
    await said([ADDS], [], RollbackOptions(force=True, reason="fire"), host)
    assert host.because == {"reason": "fire", "over": []}


@pytest.mark.parametrize("command, noted", [("rollback", True), ("deploy", False)])
async def test_how_to_undo_it_is_noted_when_it_went_ahead(command: str, noted: bool) -> None:
    """`save` is the first step behind the blessing."""
    work: Any = SimpleNamespace(command=command, notes=[], environment=SimpleNamespace(name="production"))
    host: Any = SimpleNamespace(
        name="a@b", running="v3", ended={"result": "succeeded"}, facts={"boot": "cron"}
    )
    await save(work, host)
    assert work.notes == (["to undo this rollback: turnout rollback production v3"] if noted else [])
