"""The call of `turnout verify`: it only looks, and ends nothing that was left open."""

from __future__ import annotations

from turnout_host.calls.common import Answer, newer
from turnout_host.checkup import Checkup
from turnout_host.host import Args, Host, Say


def call_verify(host: Host, args: Args, say: Say) -> Answer:
    """Every release's digests, links, journal and processes; each finding with its remedy."""
    host.journal.refresh()
    return Checkup(host.layout, host.journal.state, newer(args)).look()
