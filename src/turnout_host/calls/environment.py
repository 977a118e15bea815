"""Calls of `turnout env`: the dotenv read, and a change of it as a new release of the same code.

The new dotenv goes to the new release only. `shared/.env` follows when that release is blessed
(`apps.take_over_dotenv`), so a deployer or host that dies on the way, and a revert, leave it as it was.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
from typing import Any, Dict, List, NamedTuple, Optional

from turnout_host import disk, dotenv, dotenv_edit, survey
from turnout_host.calls.common import Answer, record_of
from turnout_host.errors import SurveyError, UsageError
from turnout_host.host import Args, Host, Say
from turnout_host.protocol import LIMIT


class Change(NamedTuple):
    """What a request asks for: the new dotenv, and what differs.

    `keys` are the names that the request changes, `waiting` those that a hand changed before without deploying them;
    `database` tells whether one of all these leads to a database.
    """

    after: bytes
    keys: List[str]
    waiting: List[str]
    database: bool


def call_read_dotenv(host: Host, args: Args, say: Say) -> Answer:
    """Names and fingerprints of the environment's dotenv; with `values`, the whole text for whoever asked to see it."""
    host.journal.refresh()
    running = survey.running(host.layout)
    base = _base(host, running)
    values, secret = dotenv.parse(_text(base)), _secret(host)
    answer: Dict[str, Any] = {
        "running": running,
        "digest": dotenv.digest(base),
        "keys": {key: _fingerprint(secret, key, value) for key, value in values.items()},
        "waiting": dotenv_edit.changed_keys(_text(_serving(host, running)), _text(base)) if running else [],
    }
    if args.flag("values"):
        answer["text"] = base64.b64encode(base).decode()
    return answer


def call_try_dotenv(host: Host, args: Args, say: Say) -> Answer:
    """What a change would do; nothing is written. Raises SurveyError for what the app could not run with."""
    change = _change(host, args)
    running = survey.running(host.layout)
    record = host.journal.state.releases.get(running or "") or {}
    recorded = (record.get("dotenv") or {}).get("base_digest")
    return {
        "keys": change.keys,
        "waiting": change.waiting,
        "same": running is not None and dotenv.digest(change.after) == recorded,
        "database": change.database,
    }


def call_keep_dotenv(host: Host, args: Args, say: Say) -> Answer:
    """Where nothing runs yet there is nothing to prove: the first deployment takes it from `shared/.env`."""
    if survey.running(host.layout) is not None:
        raise UsageError("a release runs here: its dotenv changes with a new release")
    change = _change(host, args)
    disk.write(host.layout.dotenv, change.after, 0o600, host.layout.tmp)
    host.journal.append("dotenv.kept", host.deployment, keys=change.keys)
    return {"keys": change.keys}


def call_change_dotenv(host: Host, args: Args, say: Say) -> Answer:
    """Give the staged release the changed dotenv. With the same database, what is known of migrations holds on."""
    record, change = record_of(host, args), _change(host, args)
    name = str(record["release"])
    release_id = f"{name}-{record['artifact'][:12]}"
    dotenv.write(host.layout, name, change.after, release_id)
    found = {
        "base_digest": dotenv.digest(change.after),
        "keys": sorted(dotenv.parse(_text(change.after))),
        "taken_over": [],
        "changed": change.keys,
        "shared": dotenv.shared_digest(host.layout),
    }
    known = host.journal.state.releases.get(str(record.get("again")), {}).get("migrated")
    more = {"migrated": known} if known and not change.database else {}
    host.journal.append(
        "release.prepared", host.deployment, release=name, release_id=release_id, dotenv=found, **more
    )
    return {"digest": found["base_digest"], "keys": found["keys"], "changed": change.keys}


def _change(host: Host, args: Args) -> Change:
    """The dotenv before and after, checked."""
    host.journal.refresh()
    running = survey.running(host.layout)
    base = _base(host, running)
    if args.optional("expected") not in (None, dotenv.digest(base)):
        raise SurveyError(
            "the .env on the host was changed since you looked at it",
            where=str(host.layout.dotenv),
            remedy=["the same command again begins from what is there now"],
        )
    before, serving = _text(base), _text(_serving(host, running))
    if args.values.get("text") is not None:
        after = dotenv_edit.checked(base64.b64decode(args.text("text", LIMIT)))
    else:
        after = dotenv_edit.change(before, args.table("changes"))
    keys = dotenv_edit.changed_keys(before, after)
    waiting = dotenv_edit.changed_keys(serving, before) if running else []
    if running:
        _fits(host, before, after, running)
    database = dotenv_edit.is_database(serving, after, [*keys, *waiting])
    return Change(dotenv.base_of(after.encode("utf-8", "surrogateescape")), keys, waiting, database)


def _base(host: Host, running: Optional[str]) -> bytes:
    """The dotenv that the next release would get; empty where there is none yet."""
    if running is None and not host.layout.dotenv.exists():
        return b""
    return dotenv.choose(host.layout, survey.recorded(host.journal.state, running)).base


def _serving(host: Host, running: Optional[str]) -> bytes:
    """The dotenv of the running release."""
    try:
        return dotenv.base_of((host.layout.release(running or "") / ".env").read_bytes())
    except (OSError, UsageError):
        return b""


def _text(base: bytes) -> str:
    return base.decode("utf-8", "surrogateescape")


def _fits(host: Host, before: str, after: str, running: str) -> None:
    """Refuse what the survey of the next deployment would refuse."""
    record, values = host.journal.state.releases.get(running) or {}, dotenv.parse(after)
    example = host.layout.release(running) / ".env.example"
    wanted = dotenv.parse(example.read_text(encoding="utf-8", errors="replace")) if example.is_file() else {}
    missing = [
        key for key in dotenv.missing_keys(after, wanted) if key not in dotenv.missing_keys(before, wanted)
    ]
    if missing:
        raise SurveyError(
            f"the .env would lack keys that .env.example names: {', '.join(missing)}",
            where=f"{running}/.env.example",
            remedy=[
                "give them a value (an empty one is one)",
                "or take them out of .env.example, and deploy that first",
            ],
        )
    relative = dotenv.relative_file_values(values, list(record.get("shared") or []))
    if relative:
        raise SurveyError(
            f"a relative `file:` would give each release its own empty database: {', '.join(relative)}",
            remedy=[f"write an absolute path, such as file:{host.layout.shared}/app.db"],
        )


def _secret(host: Host) -> bytes:
    """A key of this host's own for fingerprints: without it, short values could be guessed from them."""
    file = host.layout.own / "fingerprints"
    if not file.exists():
        disk.write(file, os.urandom(32), 0o600, host.layout.tmp)
    return file.read_bytes()


def _fingerprint(secret: bytes, key: str, value: str) -> str:
    """8 digits that tell whether a value changed, and nothing else of it."""
    return hmac.new(secret, f"{key}={value}".encode("utf-8", "replace"), hashlib.sha256).hexdigest()[:8]
