"""A host that the old workflow deployed becomes Turnout's, while it serves."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.legacy import Legacy

pytestmark = pytest.mark.integration
TRAFFIC = ("/health", "/", "/videos")


@pytest.fixture(scope="module")
def old() -> Iterator[Legacy]:
    """Deployed twice by the old workflow; nobody but it was there."""
    made = Legacy()
    try:
        yield made
    finally:
        made.close()


def test_first(old: Legacy) -> None:
    """x"""
    print(old.hand(f"ls -la {old.path} {old.path}/current {old.path}/backups; pm2 ls < /dev/null"))
    print(old.works(), old.answer())
    run = old.deploy(check=23)
    print(run.err)
    run = old.turnout("host", "adopt", "--yes")
    print(run.code, run.err)
    old.write_toml(more='[release]\nshared = ["logs", "prisma/dev.db"]')
    run = old.turnout("host", "adopt")
    print(run.code, run.err)
    run = old.turnout("host", "adopt", "--yes")
    print(run.code, run.err)
    print(old.hand(f"ls -la {old.path} {old.path}/current/ {old.path}/current/prisma {old.path}/shared {old.path}/shared/prisma; pm2 ls < /dev/null"))
    run = old.turnout("status")
    print(run.code, run.err, run.out)
    run = old.turnout("deploy")
    print(run.code, run.err)
    run = old.turnout("rollback")
    print(run.code, run.err)
    run = old.turnout("status")
    print(run.code, run.err, run.out)
