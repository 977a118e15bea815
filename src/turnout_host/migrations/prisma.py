"""`prisma migrate deploy`: what is pending, how it is run, and what its output means (FACTS, Prisma 6.19.3)."""

from __future__ import annotations

import re
import shlex
import time
from pathlib import Path
from typing import Callable, Dict, List, Mapping, NamedTuple, Optional, Sequence, Set, Tuple

from turnout_host import children
from turnout_host.dotenv import parse
from turnout_host.errors import MigrationError
from turnout_host.hiding import hide, secrets
from turnout_host.layout import Layout

LOCK = 72707369
"""Prisma's advisory lock, of every database that it migrates (FACTS)."""
_NAME = r"([A-Za-z0-9][A-Za-z0-9._-]{0,250})"
_APPLYING = re.compile(rf"^\s*Applying migration `{_NAME}`\s*$")
_APPLIED = re.compile(rf"^\s*└─ {_NAME}/\s*$")
"""In the list at the end; all that engine 'js' says of those that went well."""
_NONE = "No pending migrations to apply"
_FAILED = (
    re.compile(rf"^\s*Migration name: {_NAME}\s*$"),  # P3018, the native engine
    re.compile(rf"The `{_NAME}` migration started at .* failed"),  # P3009: it failed earlier
    re.compile(rf'with migration_name="{_NAME}"'),  # the trace of engine 'js'
    _APPLYING,  # the last one that was begun
)
_QUIET = {"npm_config_update_notifier": "false", "PRISMA_HIDE_UPDATE_MESSAGE": "1"}
"""Advice to update would push the reason out of the last lines."""
_CODE = re.compile(r"\b(P[13]\d{3})\b")


class Explained(NamedTuple):
    """What went wrong in one line, and what to type, one a line."""

    message: str
    remedy: List[str]


def pending_by_journal(wanted: Mapping[str, str], known: Optional[Mapping[str, str]]) -> List[str]:
    """The migrations that the journal does not know as applied with these contents, in order; all without a journal.

    One whose file was changed later counts, too: Prisma itself then says what it thinks of that.
    """
    return sorted(name for name, sha in wanted.items() if (known or {}).get(name) != sha)


def telling(line: str) -> bool:
    """Does this line of output say anything about a migration that `applied` looks for?"""
    return bool(_APPLYING.search(line) or _APPLIED.search(line)) or _NONE in line


def applied(lines: Sequence[str], pending: Sequence[str]) -> List[str]:
    """Those of `pending` that a run which ended well put in, from Prisma's output; all where it says nothing of them.

    The journal counts all as pending when the dotenv changed, and with it perhaps the database.
    """
    found = _named(lines)
    if found or any(_NONE in line for line in lines):
        return [name for name in pending if name in found]
    return list(pending)


def went_in(lines: Sequence[str], pending: Sequence[str], failed: Optional[str]) -> List[str]:
    """Those of `pending` that are in the database although the run failed at `failed`: Prisma keeps to their order.

    Engine 'js' names none of them, so where the output is silent all before `failed` are meant.
    """
    found = _named(lines) - {failed}
    if failed is None or found or _begun(lines, failed):
        return [name for name in pending if name in found]
    return [name for name in pending if name < failed]


def _named(lines: Sequence[str]) -> Set[str]:
    matches = (pattern.search(line) for line in lines for pattern in (_APPLYING, _APPLIED))
    return {match.group(1) for match in matches if match}


def _begun(lines: Sequence[str], name: str) -> bool:
    return any(match.group(1) == name for match in map(_APPLYING.search, lines) if match)


def failed_name(lines: Sequence[str]) -> Optional[str]:
    """The name of the migration that failed, from Prisma's output; None when none is named."""
    for pattern in _FAILED:
        for line in reversed(lines):
            found = pattern.search(line)
            if found:
                return found.group(1)
    return None


def explain(lines: Sequence[str], command_prefix: str = "") -> Explained:
    """Read Prisma's output of a failed `migrate deploy`. `command_prefix` goes before commands (`cd … && `)."""
    text = "\n".join(lines)
    codes, name = _CODE.findall(text), failed_name(lines)
    for code in codes:
        if code in _BY_CODE:
            return Explained(*_BY_CODE[code])
    if name is None:
        return _nameless(text)
    earlier = "P3009" in codes
    message = f"migration {name} failed" + (
        " in an earlier run; Prisma applies nothing until that is resolved" if earlier else ""
    )
    return Explained(message, _resolve(name, "driver adapter" in text, command_prefix))


def left(name: str, adapter: bool, prefix: str) -> Explained:
    """A migration that Prisma's table has as begun and not ended: it applies nothing until that is resolved (P3009)."""
    message = (
        f"migration {name} failed in an earlier run; Prisma applies nothing until that is resolved (P3009)"
    )
    return Explained(message, _resolve(name, adapter, prefix))


def timed_out(lines: Sequence[str]) -> bool:
    """Did it wait in vain, perhaps for Prisma's lock?"""
    return "P1002" in _CODE.findall("\n".join(lines))


def locked(pid: int) -> List[str]:
    """What to type against a session that keeps Prisma's lock."""
    return [
        "if that is a migration at work, wait for it and deploy again",
        f"if it was left by a killed one, in PostgreSQL: SELECT pg_terminate_backend({pid});",
    ]


def migrate(
    layout: Layout,
    release_folder: Path,
    commands: Sequence[str],
    path_dirs: List[str],
    say: Callable[[str], None],
) -> float:
    """Run the user's `commands` in the release; seconds. Each runs to its end even when the deployer goes away.

    Raises MigrationError with `migration` (or None), `tail`, `remedy`. Secrets of the dotenv are hidden in all output.
    """
    started = time.monotonic()
    hidden = _secrets(release_folder)
    env = children.clean_env([str(release_folder / "node_modules" / ".bin"), *path_dirs], **_QUIET)
    for command in commands:
        argv = ["/bin/sh", "-c", command]
        finished = children.run(argv, release_folder, env, lambda line: say(hide(line, hidden)), finish=True)
        if finished.status != 0:
            tail = [hide(line, hidden) for line in finished.tail]
            raise _error(tail, finished.status, command, f"cd {shlex.quote(str(layout.current))} && ")
    return time.monotonic() - started


def _error(lines: List[str], status: int, command: str, prefix: str) -> MigrationError:
    message, remedy = explain(lines, prefix)
    if status < 0:
        message = f"`{command}` was killed by signal {-status}; {message}"
    return MigrationError(message, migration=failed_name(lines), tail=lines, remedy=remedy, where=command)


def _secrets(release_folder: Path) -> List[str]:
    try:
        return secrets(parse((release_folder / ".env").read_bytes().decode("utf-8", "replace")))
    except FileNotFoundError:
        return []


def _resolve(name: str, adapter: bool, prefix: str) -> List[str]:
    """`migrate resolve` wants the native engine, which is missing where `engine: 'js'` is used (FACTS)."""
    if not re.fullmatch(_NAME, name):  # it came out of the database, and is to be typed
        return ["see _prisma_migrations for a row without finished_at, undo what it did, and delete the row"]
    if adapter:
        # `name` is one of _NAME's characters: no quote can be in it
        done = f"DELETE FROM _prisma_migrations WHERE migration_name = '{name}' AND finished_at IS NULL;"  # noqa: S608
        clear = f"then, in the database's own client: {done}"
    else:
        clear = f"then: {prefix}npx --no-install prisma migrate resolve --rolled-back {name}"
    return [f"undo by hand what {name} did before it failed", clear, "correct the migration and deploy again"]


def _nameless(text: str) -> Explained:
    for sign, message, remedy in _BY_SIGN:
        if sign in text:
            return Explained(message, [remedy])
    last = next((line.strip() for line in reversed(text.split("\n")) if line.strip()), "it said nothing")
    return Explained(
        f"the migration command failed: {last}", ["see its output above, mend that, and deploy again"]
    )


_ENGINE = (
    'let the build\'s install scripts fetch it, or use an engine that needs none (engineType = "client")'
)
_UNLOCK = "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND objid = 72707369;"
URL = "check DATABASE_URL in shared/.env on the host"
_BY_CODE: Dict[str, Tuple[str, List[str]]] = {
    "P1000": ("the database refused the login of DATABASE_URL", [URL]),
    "P1001": ("the database server cannot be reached", ["see that it runs and listens", URL]),
    "P1002": (
        "the database server was reached but timed out, perhaps on Prisma's lock 72707369 of a killed deployment",
        [
            "deploy again in a minute",
            f"if it stays, in PostgreSQL: {_UNLOCK}",
        ],
    ),
    "P1003": ("the database that DATABASE_URL names does not exist", ["create it", URL]),
    "P1010": ("the user of DATABASE_URL may not use the database", [URL]),
    "P1012": (
        "Prisma's schema or a value that it reads from the dotenv is not valid",
        [URL, "npx prisma validate"],
    ),
    "P3005": (
        "the database has tables already but no record of migrations",
        ["see `prisma migrate resolve --applied NAME` for those that it holds (Prisma calls it baselining)"],
    ),
}
_BY_SIGN = (
    # engine 'js' says these without their codes when it connects
    ("Can't reach database server", "the database server cannot be reached", URL),
    ("Server has closed the connection", "the database server went away", "see that it runs and listens"),
    ("Authentication failed against database server", "the database refused the login of DATABASE_URL", URL),
    ("Error: Database `", "the database that DATABASE_URL names does not exist", f"create it, or {URL}"),
    ("External error id#", "the database cannot be opened", URL),
    ("SQLITE_CANTOPEN", "the database file cannot be opened", URL),
    ("SQLITE_NOTADB", "the file that DATABASE_URL names is not a database", URL),
    ("SQLITE_BUSY", "the database is locked by another process", "deploy again in a minute"),
    ("SQLITE_READONLY", "the database file may not be written", URL),
    ("Environment variable not found", "a value that Prisma's schema reads is not in the dotenv", URL),
    ("binaries.prisma.sh", "Prisma's engine is missing here and cannot be downloaded", _ENGINE),
    ("missing packages", "prisma is not installed in the release", "name it in the app's dependencies"),
    (
        "could not determine executable",
        "prisma is not installed in the release",
        "name it in the app's dependencies",
    ),
)
