"""The call that asks the app's database before anything is sent: what is in, what failed, who holds Prisma's lock."""

from __future__ import annotations

import shlex
import time
from typing import Any, Dict, List, Mapping, Optional

from turnout_host import dotenv, survey
from turnout_host.calls.common import Answer
from turnout_host.databases.look import look
from turnout_host.errors import SurveyError
from turnout_host.host import Args, Host, Say
from turnout_host.migrations import prisma

PATIENCE = 10.0
"""Seconds that a held lock is waited for: as long as Prisma's own wait (P1002)."""
AGAIN = 0.5
"""Seconds between two looks at it."""


def call_database(host: Host, args: Args, say: Say) -> Answer:
    """Look, with the dotenv that the next release will get. A fault is told with its remedy; nothing is changed."""
    host.journal.refresh()
    state, keys = host.journal.state, args.texts("keys")
    try:
        base = dotenv.choose(host.layout, survey.recorded(state, survey.running(host.layout))).base
    except SurveyError as error:
        return {"asked": False, "why": error.message, "fault": None, "applied": [], "interrupted": None}
    values = dotenv.parse(base.decode("utf-8", "replace"))
    answer = _patiently(values, keys, say)
    answer["fault"] = answer["fault"] or _held(answer["lock"]) or _failed(host, answer["failed"], args)
    answer["interrupted"] = _interrupted(state.migration)
    return answer


def _patiently(values: Mapping[str, str], keys: List[str], say: Say) -> Answer:
    until, answer = time.monotonic() + PATIENCE, look(values, keys)
    if answer["lock"]:
        say({"kind": "note", "text": f"waiting for Prisma's lock: {told(answer['lock'])}"})
    while answer["lock"] and time.monotonic() < until:
        time.sleep(AGAIN)
        answer = look(values, keys)
    return answer


def told(lock: Mapping[str, Any]) -> str:
    """The session that holds it, for people."""
    program = f" ({lock['application']})" if lock["application"] else ""
    words = [f"session {lock['pid']} of {lock['user']}{program} from {lock['client']}"]
    if lock["since"] is not None:
        words.append(f"connected since {time.strftime('%H:%M:%S', time.localtime(float(lock['since'])))}")
    return f"{', '.join(words)}, {lock['state'] or 'of another user'}: {lock['query']}"


def _held(lock: Optional[Dict[str, Any]]) -> Optional[Dict[str, Any]]:
    if not lock:
        return None
    message = f"another session holds Prisma's lock {prisma.LOCK}, and no migration can run (P1002)"
    return {"message": message, "why": [told(lock)], "remedy": prisma.locked(lock["pid"])}


def _failed(host: Host, failed: List[Dict[str, Any]], args: Args) -> Optional[Dict[str, Any]]:
    if not failed:
        return None
    prefix = f"cd {shlex.quote(str(host.layout.current))} && "
    explained = prisma.left(failed[0]["name"], args.flag("adapter"), prefix)
    why = [f"it was begun at {failed[0]['started']}", *failed[0]["logs"].strip().splitlines()[:5]]
    return {"message": explained.message, "why": why, "remedy": explained.remedy}


def _interrupted(migration: Optional[Dict[str, Any]]) -> Optional[Dict[str, Any]]:
    """The last run of migrations, if the journal has its begin and not its end: it was killed, or the host was."""
    if not migration or migration["type"] != "migration.started":
        return None
    return {key: migration.get(key) for key in ("release", "deployment", "ts", "pending")}
