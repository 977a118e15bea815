"""Known holes in the production dependencies, as `npm audit` tells them. Only ever a warning."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

from turnout.builder import commands
from turnout.doctor.finding import APP, Finding, Place, many

AT = Place(APP)
PATIENCE = 20.0
"""Seconds; npm itself would try for minutes."""
SHOWN = 5
"""Packages that are named; the others are counted."""
GRAVE = ("critical", "high", "moderate", "low", "info")
AGAIN = "npm audit --omit=dev"


async def look(folder: Path) -> list[Finding]:
    """Ask the registry about the lock file in `folder`; nothing is said of an app without one."""
    if not (folder / "package-lock.json").is_file():
        return []
    return [judge(await _asked(folder))]


def judge(said: str) -> Finding:
    """What npm wrote, as a finding. An answer that is none is said, too."""
    try:
        report: Any = json.loads(said)
        counts = report["metadata"]["vulnerabilities"]
        found = list(report["vulnerabilities"].values())
    except (ValueError, KeyError, TypeError, AttributeError):
        return AT.warn("npm audit", "the registry does not tell of known holes", [AGAIN], _reason(said))
    if not found:
        return AT.ok("npm audit", "no known holes in the production dependencies")
    told = ", ".join(f"{counts[level]} {level}" for level in GRAVE if counts.get(level))
    found.sort(
        key=lambda one: (GRAVE.index(one["severity"]) if one.get("severity") in GRAVE else 9, one["name"])
    )
    why = [_words(one) for one in found[:SHOWN]]
    why += [f"and {many(len(found) - SHOWN, 'package')} more"] if len(found) > SHOWN else []
    mends = any(one.get("fixAvailable") for one in found)
    remedy = ["npm audit fix --omit=dev, then test and commit"] if mends else [AGAIN]
    return AT.warn("npm audit", f"known holes in the production dependencies: {told}", remedy, why)


def _words(one: dict[str, Any]) -> str:
    """`lodash (high): Prototype Pollution, https://…`; what comes only through others names them."""
    name = f"{one['name']} ({one.get('severity')})"
    own = [hole for hole in one.get("via") or () if isinstance(hole, dict)]
    if own:
        more = f", and {len(own) - 1} more" if len(own) > 1 else ""
        return f"{name}: {own[0].get('title')}, {own[0].get('url')}{more}"
    return f"{name}: through {', '.join(str(hole) for hole in one.get('via') or ())}"


def _reason(said: str) -> list[str]:
    try:
        message = json.loads(said).get("message")
    except (ValueError, AttributeError):
        message = said.strip().splitlines()[-1:] and said.strip().splitlines()[-1]
    return [str(message)] if message else []


async def _asked(folder: Path) -> str:
    """Standard output of npm, else why there is none."""
    env = {key: value for key, value in commands.environment([]).items() if key != "npm_config_audit"}
    argv = ["npm", "audit", "--omit=dev", "--json", "--fetch-retries=0"]
    try:
        process = await asyncio.create_subprocess_exec(
            *argv,
            cwd=folder,
            env=env,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            start_new_session=True,
        )
    except OSError as error:
        return f"npm: {error.strerror}"
    try:
        async with asyncio.timeout(PATIENCE):
            return (await process.communicate())[0].decode("utf-8", "replace")
    except TimeoutError:
        return f"no answer within {PATIENCE:.0f} s"
    finally:
        if process.returncode is None:
            commands.kill(process.pid)
            await process.wait()
