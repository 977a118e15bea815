"""The call of `turnout plan`: what would have to be sent, and how long deployments took. Keeps and changes nothing."""

from __future__ import annotations

from turnout_host import history
from turnout_host.calls import manifests
from turnout_host.calls.common import Answer
from turnout_host.host import Args, Host, Say


def call_outlook(host: Host, args: Args, say: Say) -> Answer:
    """Which contents of these manifests are lacking, what they take, the disk, and the deployments so far."""
    host.journal.refresh()
    wanted = {}
    parts = manifests.offered(host, args)
    for part in parts:
        wanted.update(part.blobs)
    lacking = host.store.lacking(list(wanted))
    return {
        "lacking": lacking,
        "bytes": sum(wanted[name] for name in lacking),
        "based": manifests.based(host, parts),
        "begun": host.store.begun(lacking),
        "disk": host.store.disk(),
        "deployments": history.rows(host.journal.state.deployments),
    }
