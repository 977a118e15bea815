"""The plans beside DEPLOY and ROLLBACK: pin, backup, restore, resume, and a change of the dotenv."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from turnout.plan import Plan, Step
from turnout.steps import activate, backup, change, notify, prune, restore, resume, save, verify
from turnout.steps import pin as pins

if TYPE_CHECKING:
    from turnout.steps.change import Change

NOTIFY = Step("notify", "deployer", notify.notify)

RESUME = Plan(
    "resume",
    (
        Step("resume", "each host", resume.resume),
        Step("conclude", "deployer", resume.conclude),
        NOTIFY,
    ),
    begin=resume.begin,
)
"""`turnout resume`: taking the leases ends what was left open; the steps say what that was."""


def pin(release: str, remove: bool) -> Plan:
    """`turnout pin`."""
    return Plan(
        "pin", (Step("pin", "each host", partial(pins.pin, release, remove)), NOTIFY), begin=change.begin
    )


def keep(name: str | None) -> Plan:
    """`turnout backup`; without a name the host finds one."""
    return Plan("backup", (Step("backup", "once", partial(backup.by_hand, name)), NOTIFY), begin=change.begin)


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
        begin=change.begin,
    )


def change_dotenv(command: str, wanted: Change) -> Plan:
    """`turnout env set`, `unset` and `push`: a new release of the same code, proved like any other."""
    bound = change.bound(wanted)
    return Plan(
        f"env {command}",
        (
            Step("survey", "each host", bound["survey"]),
            Step("stage", "each host", change.stage),
            Step("dotenv", "each host", bound["dotenv"]),
            Step("install", "each host", change.install),
            Step("backup", "once", bound["backup"]),
            Step("migrate", "once", bound["migrate"]),
            Step("rehearse", "each host", bound["rehearse"]),
            Step("activate", "host by host", activate.activate),
            Step("verify", "host by host", verify.verify),
            Step("save", "each host", save.save),
            Step("prune", "each host", prune.prune),
            NOTIFY,
        ),
        begin=change.begin,
    )
