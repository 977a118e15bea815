"""How old the SSH key is that logs in: by the host's own journal of rotations, else by the date of its file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from turnout.doctor.finding import many
from turnout.errors import TurnoutError
from turnout.model import LOCAL

if TYPE_CHECKING:
    from turnout.config import Reach
    from turnout.doctor.finding import Finding, Place
    from turnout.hosts.client import HostClient

DAYS = 180
"""The spec's limit."""
DAY = 86400.0


class Mine(NamedTuple):
    """One of our keys: `changed` is when its file was, in seconds since 1970; None for VPS_SSH_KEY."""

    fingerprint: str
    name: str
    changed: float | None = None


async def look(client: HostClient, reach: Reach, environment: str, at: Place, now: float) -> list[Finding]:
    """One finding, or none for this machine. Never a problem."""
    if client.address.host == LOCAL:
        return []
    try:
        answer = await client.call("keys")
        mine = await _mine(client, reach)
    except TurnoutError as error:
        return [at.warn("key age", "the age of the SSH key cannot be told", (), [error.message])]
    since = {str(one["fingerprint"]): float(one["since"]) for one in answer["keys"]}
    return [judge(mine, since, environment, at, now)]


async def _mine(client: HostClient, reach: Reach) -> list[Mine]:
    from turnout.hosts import keyfile
    from turnout.hosts.identity import WHERE, identity

    if reach.key:
        return [Mine(keyfile.Pair.of(identity(reach.key)).fingerprint, WHERE)]
    files = await keyfile.candidates(client.address)
    return [Mine(keyfile.read(file).fingerprint, str(file), file.stat().st_mtime) for file in files]


def judge(
    mine: Sequence[Mine], since: Mapping[str, float], environment: str, at: Place, now: float
) -> Finding:
    """A warning from DAYS on; a key that the host saw come counts from then, whatever the date of its file says."""
    rotated = [(since[key.fingerprint], key) for key in mine if key.fingerprint in since]
    dated = [(key.changed, key) for key in mine if key.changed is not None]
    if not rotated and not dated:
        return at.ok("key age", f"not known: the first `turnout host rotate-key {environment}` notes it")
    when, key = max(rotated) if rotated else dated[0]
    days = int(max(0.0, now - when) / DAY)
    how = "rotated" if rotated else "its file was written"
    if days <= DAYS:
        return at.ok("key age", f"{how} {many(days, 'day')} ago" if days else f"{how} today")
    return at.warn(
        "key age",
        f"the SSH key is older than {DAYS} days: {how} {days} days ago",
        [f"turnout host rotate-key {environment}"],
        [f"{key.name}, {key.fingerprint}"],
    )
