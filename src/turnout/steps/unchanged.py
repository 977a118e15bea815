"""Not a step: does every host serve exactly this already, and well?"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from turnout.steps.work import Target, Work


async def unchanged(work: Work) -> str:
    """Why there is nothing to do, or "" when there is something. A host that serves it badly is something to do."""
    answers = await asyncio.gather(*(same(work, host) for host in work.targets))
    return f"{work.targets[0].running} is exactly this and serves well" if all(answers) else ""


async def same(work: Work, host: Target) -> bool:
    """Does this host serve exactly this already, and well?"""
    record = host.record(host.running)
    wanted = {
        "artifact": work.artifact.digest,
        "dependencies": host.layers["dependencies"],
        "processes": work.settings["processes"],
        "state": "blessed",
    }
    lacked = set(filter(None, host.layers.values())) - set(host.state["layers"])
    if host.drifted or lacked:
        return False
    if record.get("migrated") == "unknown":  # the database was restored since
        return False
    runs, dotenv = record.get("toolchain") or {}, record.get("dotenv") or {}
    if any(record.get(key) != value for key, value in wanted.items()) or host.dotenv.get(
        "digest"
    ) != dotenv.get("base_digest"):
        return False
    if (
        host.running != host.state["serving"]
        or {key: runs.get(key) for key in ("node", "pm2")} != host.toolchain()
    ):
        return False
    answer = await host.client.call("health", look=True, **work.settings)
    return not answer["needs_a_look"]
