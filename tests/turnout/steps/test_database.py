"""What is refused, told and journalled of pending migrations, before anything is sent."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from turnout.errors import GateRefused, MigrationFailed
from turnout.events import Bus, Event
from turnout.model import LOCAL, Address
from turnout.steps.database import adapter, keys, look

MADE = 'CREATE TABLE "A" ("id" INTEGER, "b" TEXT);'
DROP = 'ALTER TABLE "A" DROP COLUMN "b";'
SCHEMA = "model A {\n id Int @id\n b String?\n}\n"
FINE = {
    "asked": True,
    "why": None,
    "key": "URL",
    "exists": True,
    "fault": None,
    "applied": ["m1"],
    "interrupted": None,
}


class Client:
    """A host that answers `database` and `since`."""

    def __init__(self, answer: dict[str, Any]) -> None:
        self.answer, self.calls = answer, []  # type: ignore[var-annotated]

    async def call(self, name: str, **args: Any) -> dict[str, Any]:
        self.calls.append(name)
        return {"database": self.answer, "since": {"schema": SCHEMA}}[name]


class Stage:
    """A tree with two migrations, of which the database has the first."""

    def __init__(
        self, tree: Path, sql: str, running: str | None = "v1", allow: bool = False, **answer: Any
    ) -> None:
        for name, text in {"m1": MADE, "m2": sql}.items():
            (tree / "prisma/migrations" / name).mkdir(parents=True)
            (tree / "prisma/migrations" / name / "migration.sql").write_text(text)
        (tree / "prisma/migrations/migration_lock.toml").write_text('provider = "postgresql"\n')
        self.client, self.events = Client({**FINE, **answer}), list[Event]()
        bus = Bus("d")
        bus.listen(self.events.append)
        record = {"release": running} if running else {}
        self.said: list[str] = []
        self.host: Any = SimpleNamespace(
            client=self.client, name="a@b", address=Address(LOCAL), running=running, dotenv={"digest": "d"},
            state={"serving": running}, record=lambda name: record if name else {}, allowed=None,
        )  # fmt: skip
        self.work: Any = SimpleNamespace(
            targets=[self.host], source=tree, bus=bus, notes=[], by="ann", typed="turnout deploy production",
            config=SimpleNamespace(migrate=SimpleNamespace(commands=["x"])), listen=lambda *_: None,
            note=lambda text, *_: self.said.append(text),
            deploy=SimpleNamespace(allow_breaking=allow),
        )  # fmt: skip


async def test_what_breaks_is_refused_with_both_ways_out(tmp_path: Path) -> None:
    """10: it is the commit that is refused, not the host."""
    stage = Stage(tmp_path, DROP)
    with pytest.raises(GateRefused) as caught:
        await look(stage.work, stage.host)
    assert caught.value.exit_code == 10
    assert caught.value.why == ["m2: drop column A.b; v1 uses A.b"]
    assert any("turnout deploy production --allow-breaking" in line for line in caught.value.remedy)
    assert any("m2/migration.sql" in line and "-- turnout: contract" in line for line in caught.value.remedy)
    assert [event.data["migrations"][0]["class"] for event in stage.events] == ["breaks"]


@pytest.mark.parametrize(
    "sql,allow,how",
    [(DROP, True, "--allow-breaking"), (f"-- turnout: contract\n{DROP}", False, "-- turnout: contract")],
)
async def test_what_is_allowed_goes_into_the_journal(tmp_path: Path, sql: str, allow: bool, how: str) -> None:
    """How, by whom, and what it goes over."""
    stage = Stage(tmp_path, sql, allow=allow)
    await look(stage.work, stage.host)
    assert stage.host.allowed == {"allowed": how, "by": "ann", "over": ["m2: drop column A.b; v1 uses A.b"]}
    assert any("v1 uses A.b" in note for note in stage.work.notes)


async def test_a_first_deployment_breaks_nothing(tmp_path: Path) -> None:
    """Nothing runs; what the database has already is left out."""
    stage = Stage(tmp_path, DROP, running=None)
    assert [one.partition(":")[0] for one in await look(stage.work, stage.host)] == ["m2"]
    assert stage.client.calls == ["database"]
    assert stage.host.allowed is None


@pytest.mark.parametrize("applied,calls", [(["m1", "m2"], ["database"]), ([], ["database", "since"])])
async def test_the_database_knows_better_than_the_journal(
    tmp_path: Path, applied: list[str], calls: list[str]
) -> None:
    """With another dotenv the journal counts all as pending; those that are in need no permission."""
    stage = Stage(tmp_path, MADE.replace('"A"', '"C"'), applied=applied)
    assert await look(stage.work, stage.host) == []  # one that only adds is told meanwhile, not in the end
    assert len(stage.said) == 2 - len(applied)
    assert stage.client.calls == calls


async def test_a_fault_ends_it_with_40(tmp_path: Path) -> None:
    """A failed migration, a held lock, a server that is down: as if Prisma had said so, but earlier."""
    fault = {"message": "migration m1 failed", "why": ["because"], "remedy": ["do this"]}
    stage = Stage(tmp_path, DROP, fault=fault)
    with pytest.raises(MigrationFailed) as caught:
        await look(stage.work, stage.host)
    assert (caught.value.exit_code, caught.value.why) == (40, ["because"])
    assert caught.value.remedy == ["do this", "then: turnout deploy production"]


@pytest.mark.parametrize(
    "answer,word",
    [
        (
            {"asked": False, "why": "it is MySQL", "applied": []},
            "could not be asked beforehand (it is MySQL)",
        ),
        ({"exists": False, "applied": []}, "that URL names does not exist yet"),
        ({"interrupted": {"release": "v2", "pending": ["m2"]}}, "v2 were begun and never ended (m2)"),
    ],
)
async def test_what_cannot_be_seen_is_told(tmp_path: Path, answer: dict[str, Any], word: str) -> None:
    """And does not refuse."""
    stage = Stage(tmp_path, 'ALTER TABLE "A" ADD COLUMN "c" TEXT;', **answer)
    assert word in (await look(stage.work, stage.host))[0]


async def test_only_the_first_host_is_asked(tmp_path: Path) -> None:
    """Migrations run once, there."""
    stage = Stage(tmp_path, DROP)
    assert await look(stage.work, SimpleNamespace()) == []  # type: ignore[arg-type]
    assert stage.client.calls == []


def test_keys_and_adapter_are_read_from_prismas_own_files(tmp_path: Path) -> None:
    """DirectUrl is what `migrate` uses; DATABASE_URL where nothing is named."""
    assert (keys(tmp_path), adapter(tmp_path)) == (["DATABASE_URL"], False)
    (tmp_path / "prisma").mkdir()
    schema = 'datasource db {\n  url = env("POOL")\n  directUrl = env("DIRECT")\n}\n'
    (tmp_path / "prisma/schema.prisma").write_text(schema)
    (tmp_path / "prisma.config.ts").write_text("export default { engine: 'js' }")
    assert (keys(tmp_path), adapter(tmp_path)) == (["DIRECT", "POOL", "DATABASE_URL"], True)
