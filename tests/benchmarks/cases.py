"""The deployments that are measured, in the order in which one server goes through them."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from dataclasses import dataclass

from tests.benchmarks.apps import lock
from tests.benchmarks.contenders import Contender, Turnout
from tests.benchmarks.measure import Command, Place

MIGRATION = "backend/prisma/migrations/20261120090000_add_note/migration.sql"


SCHEMA = "  views     Int      @default(0)\n"


@dataclass(frozen=True)
class Case:
    """`change` is made before each run and not measured; `new`: another release answers afterwards.

    `times` is how often Turnout and the quicker rivals are measured, for a median. `rival` names the case that rivals
    are compared by where they know nothing of the kind.
    """

    name: str
    title: str
    change: Callable[[Contender], None]
    command: Callable[[Contender], Command] = lambda contender: contender.deploy()
    place: Callable[[Contender], Place] = lambda contender: contender.place()
    new: bool = True
    times: int = 1
    rival: str = ""


def _nothing(contender: Contender) -> None:
    pass


def _code(contender: Contender) -> None:
    """Four files, one of them new."""
    contender.changes += 1
    number = contender.changes
    site = contender.site
    site.greet(f"Hello number {number}")
    for name in ("utils/http-error.ts", "middleware/errors.ts"):
        file = site.repo / "backend/src" / name
        file.write_text(f"{file.read_text()}\nexport const change{number} = {number};\n")
    site.commit(
        {f"backend/src/utils/new-{number}.ts": f"export const added = {number};\n"}, f"Change {number}"
    )


def _revert(contender: Contender) -> None:
    """Both commits of the last change of code: the tree is that of the release before."""
    contender.site.git("revert", "--no-edit", "HEAD~2..HEAD")


def _dependency(contender: Contender) -> None:
    lock(contender.site, "dotenv@16.5.0")


def _prisma(contender: Contender) -> None:
    lock(
        contender.site, *(f"{name}@6.19.2" for name in ("prisma", "@prisma/client", "@prisma/adapter-libsql"))
    )


def _fresh(contender: Contender) -> None:
    contender.forget()
    _code(contender)


def _migration(contender: Contender) -> None:
    contender.site.change("prisma/schema.prisma", SCHEMA, f"{SCHEMA}  note      String?\n", "A note")
    contender.site.commit({MIGRATION: 'ALTER TABLE "Video" ADD COLUMN "note" TEXT;\n'}, "Videos have a note")


def _second(contender: Contender) -> None:
    """The second environment serves an older revision; production serves the newest."""
    assert isinstance(contender, Turnout)
    _run(contender.open_second())
    _code(contender)
    _run(contender.deploy())


def _promote(contender: Contender) -> Command:
    assert isinstance(contender, Turnout)
    return contender.promote()


def _second_place(contender: Contender) -> Place:
    assert isinstance(contender, Turnout)
    return contender.second_place()


def _bake(contender: Contender) -> None:
    """No script has one: shown apart."""
    assert isinstance(contender, Turnout)
    contender.bake()
    _code(contender)


def _run(command: Command) -> None:
    subprocess.run(command.argv, cwd=command.cwd, env=dict(command.env), check=True, capture_output=True)


CASES = {
    case.name: case
    for case in (
        Case("first", "first deployment", _nothing),
        Case("nothing", "nothing changed", _nothing, new=False, times=3),
        Case("code", "code change (four files)", _code, times=3),
        Case("revert", "commits that take the last change back", _revert),
        Case("rollback", "rollback", _nothing, lambda contender: contender.rollback(), times=3),
        Case("dependency", "one dependency bumped", _dependency),
        Case("prisma", "Prisma patch release", _prisma),
        Case("fresh", "code change, built on a new runner", _fresh),
        Case("migration", "one migration", _migration),
        Case(
            "promote",
            "promote",
            _second,
            _promote,
            _second_place,
            rival="code",
        ),
        Case("baked", "code change, with the default bake", _bake, rival="code"),
    )
}
