"""What a rollback does not bring back: migrations that went in since, and the dotenv as it is today. Only looks.

Which migrations are in is what the journal proves; their SQL is taken from a release that is still here, else
from the store.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Dict, List, Optional

from turnout_host import apps, dotenv, survey
from turnout_host.errors import StoreError, SurveyError, UsageError
from turnout_host.layout import Layout
from turnout_host.migrations import schema as schemas
from turnout_host.state import Record, State
from turnout_host.store import Store

_LOCK = re.compile(r'^\s*provider\s*=\s*"([a-z]+)"', re.MULTILINE)


def since(layout: Layout, state: State, store: Store, name: str) -> Dict[str, Any]:
    """For release `name`: `migrations` that it does not have, its own (`earlier`), its `schema`, `provider`, `dotenv`.

    Migrations are `{"name", "sql"}`, in order, `sql` null where its text is gone. `dotenv` has the names of the keys
    whose values are others in the release's own copy than in today's; `shared_goes_back` tells whether `shared/.env`
    follows the release, so that the next deployment gets the dotenv of then, too.
    """
    record = state.releases[name]
    own = dict(record.get("migrations") or {})
    later = sorted({one for each in state.releases.values() for one in _applied(each)} - set(own))
    folder = layout.release(name)
    schema = schemas.read(folder)
    return {
        "migrations": [{"name": one, "sql": _sql(layout, state, store, one)} for one in later],
        "earlier": [{"name": one, "sql": schemas.text(_path(folder, one))} for one in sorted(own)],
        "schema": schema,
        "provider": _provider(folder, schema),
        "dotenv": _dotenv(layout, state, folder),
        "shared_goes_back": apps.goes_back(layout, record, state, survey.running(layout)),
    }


def _applied(record: Record) -> List[str]:
    """A release that was migrated to its end has all of its migrations in; else those that are named.

    Where a run was killed nobody knows: what it had begun counts, so that no way back is called safe that is not.
    """
    if record.get("migrated") == "finished":
        return list(record.get("migrations") or {})
    if record.get("migrated") == "started":
        return list(record.get("begun") or [])
    return list(record.get("applied") or [])


def _path(folder: Path, name: str) -> Path:
    return folder / "prisma" / "migrations" / name / "migration.sql"


def _sql(layout: Layout, state: State, store: Store, name: str) -> Optional[str]:
    for record in state.by_number():
        if name not in (record.get("migrations") or {}):
            continue
        found = schemas.text(_path(layout.release(str(record["release"])), name))
        if found is None:
            found = _stored(
                layout, store, str(record.get("manifest")), f"prisma/migrations/{name}/migration.sql"
            )
        if found is not None:
            return found
    return None


def _stored(layout: Layout, store: Store, digest: str, path: str) -> Optional[str]:
    try:
        blobs = [entry.blob for entry in store.manifest(digest) if entry.path == path]
    except (StoreError, UsageError):  # UsageError: an adopted release has no manifest
        return None
    return schemas.text(layout.blob(blobs[0])) if blobs else None


def _provider(folder: Path, schema: str) -> str:
    lock = _LOCK.search(schemas.text(folder / "prisma" / "migrations" / "migration_lock.toml") or "")
    return lock.group(1) if lock else schemas.provider(schema)


def _dotenv(layout: Layout, state: State, folder: Path) -> List[str]:
    try:
        return dotenv.differing((folder / ".env").read_bytes(), _today(layout, state))
    except OSError:
        return []


def _today(layout: Layout, state: State) -> bytes:
    """The dotenv that the next release would get; where a hand edited both so that nobody can say, the shared one."""
    try:
        return dotenv.choose(layout, survey.recorded(state, survey.running(layout))).base
    except SurveyError:
        return layout.dotenv.read_bytes()
