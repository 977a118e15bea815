"""The call of `turnout plan`: what would have to be sent, and how long deployments took. Keeps and changes nothing."""

from __future__ import annotations

from turnout_host import history
from turnout_host.calls import manifests
from turnout_host.calls.common import Answer
from turnout_host.host import Args, Host, Say


def call_outlook(host: Host, args: Args, say: Say) -> Answer:
    """Which contents of these manifests are lacking, what they take, the disk, and the deployments so far."""
    host.journal.refresh()
    offered = manifests.offered(host, args, keep=False)
    lacking = manifests.lacking(host, offered.blobs)
    return {
        "lacking": lacking.marks,
        "bytes": lacking.bytes,
        "based": manifests.based(host, offered),
        "begun": lacking.begun,
        "disk": host.store.disk(),
        "deployments": history.rows(host.journal.state.deployments),
    }
