"""The plans that leave the running release as it is: pin, backup, restore.

They are functions, since each is about one thing that a person named. Every plan that may lead users to another release
is in `deploy.py`.
"""

from __future__ import annotations

from functools import partial

from turnout.plan import Plan, Step
from turnout.steps import backup, connect, notify, restore
from turnout.steps import pin as pins

BEGIN = partial(connect.connect, step="survey")
NOTIFY = Step("notify", "deployer", notify.notify)


def pin(release: str, remove: bool) -> Plan:
    """`turnout pin`."""
    return Plan("pin", (Step("pin", "each host", partial(pins.pin, release, remove)), NOTIFY), begin=BEGIN)


def keep(name: str | None) -> Plan:
    """`turnout backup`; without a name the host finds one."""
    return Plan("backup", (Step("backup", "once", partial(backup.by_hand, name)), NOTIFY), begin=BEGIN)


def bring_back(name: str, backup_first: bool) -> Plan:
    """`turnout restore`."""
    return Plan(
        "restore",
        (
            Step("check", "once", partial(restore.check, name)),
            Step("backup", "once", partial(backup.before_restore, backup_first)),
            Step("restore", "once", partial(restore.restore, name)),
            NOTIFY,
        ),
        begin=BEGIN,
    )
