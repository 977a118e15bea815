"""What `prisma migrate deploy` does on PostgreSQL, with psql: Prisma's own engine cannot be fetched here (FACTS).

Its table, its lock and its words are Prisma's. Usage: prisma_standin.py PSQL [statements], in the release's folder;
with `statements` each statement of a file is one transaction of its own, else a file is one.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import uuid
from pathlib import Path

TABLE = """CREATE TABLE IF NOT EXISTS _prisma_migrations (id VARCHAR(36) PRIMARY KEY,
checksum VARCHAR(64) NOT NULL,
finished_at TIMESTAMPTZ, migration_name VARCHAR(255) NOT NULL, logs TEXT, rolled_back_at TIMESTAMPTZ,
started_at TIMESTAMPTZ NOT NULL DEFAULT now(), applied_steps_count INTEGER NOT NULL DEFAULT 0)"""


def psql(*words: str) -> subprocess.CompletedProcess[str]:
    """Run psql on the database of the dotenv."""
    found = re.search(r'^DATABASE_URL="(.*)"$', Path(".env").read_text(), re.MULTILINE)
    assert found
    argv = [sys.argv[1], "-XqAt", "-v", "ON_ERROR_STOP=1", "-d", found[1], *words]
    return subprocess.run(argv, capture_output=True, text=True, check=False, env=os.environ)


def fail(text: str) -> None:
    """As Prisma ends."""
    print(text, flush=True)
    sys.exit(1)


def main() -> None:
    """Apply what is not in, in order."""
    made = psql("-c", "SET client_min_messages = error", "-c", TABLE)
    if made.returncode:
        fail(f"Error: P1001: Can't reach database server\n{made.stderr}")
    lock = psql("-c", "SET lock_timeout = '1s'", "-c", "SELECT pg_advisory_lock(72707369)")
    if lock.returncode:
        fail("Error: P1002\n\nThe database server was reached but timed out.\n")
    failed = psql("-c", "SELECT migration_name, started_at FROM _prisma_migrations WHERE finished_at IS NULL")
    for row in failed.stdout.splitlines():
        name, at = row.split("|")
        fail(
            f"Error: P3009\n\nmigrate found failed migrations\nThe `{name}` migration started at {at} failed\n"
        )
    there = psql("-c", "SELECT migration_name FROM _prisma_migrations").stdout.splitlines()
    for file in sorted(Path("prisma/migrations").glob("*/migration.sql")):
        if file.parent.name not in there:
            apply(file)


def apply(file: Path) -> None:
    """One migration."""
    name = file.parent.name
    print(f"Applying migration `{name}`", flush=True)
    row = f"INSERT INTO _prisma_migrations (id, checksum, migration_name) VALUES ('{uuid.uuid4()}', '', '{name}')"
    psql("-c", row)
    done = psql(*([] if "statements" in sys.argv else ["-1"]), "-f", str(file))
    if done.returncode:
        psql("-c", f"UPDATE _prisma_migrations SET logs = 'it failed' WHERE migration_name = '{name}'")
        fail(f"Error: P3018\n\nA migration failed to apply.\n\nMigration name: {name}\n\n{done.stderr}")
    psql("-c", f"UPDATE _prisma_migrations SET finished_at = now() WHERE migration_name = '{name}'")


main()
