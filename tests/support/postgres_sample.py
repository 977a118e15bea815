"""The sample on PostgreSQL, migrated by the real Prisma: the files of `on_postgres/` laid over its own.

After a change of the sample's package.json, its twin there needs the same one, and `npm install --package-lock-only`.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from tests.support.postgres import BIN, PASSWORD, Postgres
from tests.support.site import Site, until

OVER = Path(__file__).with_name("on_postgres")
HELD = 4711
"""An advisory lock that `WAITS` wants; nobody else does."""
WAITS = f"SELECT pg_advisory_xact_lock({HELD});\n"


def onto_postgres(site: Site, server: Postgres) -> None:
    """The sample of the repository and the dotenv lead to this server."""
    shutil.copytree(OVER, site.repo / "backend", dirs_exist_ok=True)
    site.change("prisma/schema.prisma", '"sqlite"', '"postgresql"', "The sample on PostgreSQL")
    lead(site, server)


def lead(site: Site, server: Postgres, password: str = PASSWORD) -> None:
    """The dotenv leads to this server."""
    site.write_dotenv(DATABASE_URL=f"postgresql://owner:{password}@127.0.0.1:{server.port}/postgres")


@contextlib.contextmanager
def session(server: Postgres, lock: int, name: str) -> Iterator[None]:
    """A session that holds an advisory lock, as long as it is let; `name` is its program."""
    words = [str(BIN / "psql" if BIN else ""), "-Xqc", f"SELECT pg_advisory_lock({lock}), pg_sleep(600)"]
    environment = {**os.environ, **server.env, "PGAPPNAME": name}
    with subprocess.Popen(words, env=environment, stderr=subprocess.DEVNULL) as process:
        try:
            until(lambda: server.sql(_locks(lock, "granted")) == "1")
            yield
            server.sql(
                f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = '{name}'"
            )
        finally:
            process.kill()


def waiting(server: Postgres) -> bool:
    """Is a migration at work that wants HELD?"""
    return server.sql(_locks(HELD, "NOT granted")) == "1"


def _locks(lock: int, which: str) -> str:
    return f"SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = {lock} AND {which}"
