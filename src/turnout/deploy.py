"""READ FIRST. What a deployment is, one line a step; each word is a file in `steps/` (DESIGN 3).

Everything above `activate` leaves the serving processes as they are. From `activate` on the host carries the switch out
by itself, and undoes it if the new release cannot be proved; the deployer reads along.

Every plan that may lead users to another release is here; those that leave the running one alone are in `upkeep.py`.
"""

from __future__ import annotations

from dataclasses import replace

from turnout.plan import Plan, Step
from turnout.steps import (
    activate,
    adopt,
    again,
    backup,
    build,
    change,
    checkout,
    dotenv,
    gate,
    install,
    migrate,
    notify,
    origin,
    package,
    prune,
    rehearse,
    resume,
    save,
    stage,
    survey,
    target,
    toolchain,
    upload,
    verify,
)

DEPLOY = Plan(
    "deploy",
    (
        Step("gate", "deployer", gate.gate),
        Step("checkout", "deployer", checkout.checkout),
        Step("toolchain", "deployer", toolchain.toolchain),
        Step("build", "deployer", build.build),
        Step("package", "deployer", package.package, after=("build", "survey")),
        Step("survey", "each host", survey.survey, after=("toolchain",)),
        Step("upload", "each host", upload.upload, after=("package", "survey")),
        Step("stage", "each host", stage.stage),
        Step("dotenv", "each host", dotenv.dotenv),
        Step("install", "each host", install.install),
        Step("backup", "once", backup.backup),
        Step("migrate", "once", migrate.migrate),
        Step("rehearse", "each host", rehearse.rehearse),
        Step("activate", "first host first", activate.activate),
        Step("verify", "first host first", verify.verify),
        Step("save", "each host", save.save),
        Step("prune", "each host", prune.prune),
        Step("notify", "deployer", notify.notify, after=("save",)),
    ),
)


def _promoted(step: Step) -> Step:
    """The steps of a promotion are those of a deployment, but nothing is built."""
    if step.name == "build":
        return Step("fetch", "deployer", origin.fetch)
    return replace(step, after=("fetch", "survey")) if step.name == "package" else step


PROMOTE = Plan("promote", tuple(_promoted(step) for step in DEPLOY.steps))
"""DEPLOY with the artifact that another environment blessed. Its `begin` is set where that environment is known."""

ROLLBACK = Plan(
    "rollback",
    (
        Step("survey", "each host", target.survey),
        Step("rehearse", "each host", target.rehearse),
        Step("activate", "first host first", activate.activate),
        Step("verify", "first host first", verify.verify),
        Step("save", "each host", save.save),
        Step("notify", "deployer", notify.notify),
    ),
    begin=target.begin,
)

ROLLBACK_KEEPING_DOTENV = Plan(
    "rollback",
    (
        Step("survey", "each host", target.survey),
        Step("stage", "each host", again.target),
        Step("dotenv", "each host", dotenv.dotenv),
        Step("install", "each host", install.install),
        Step("rehearse", "each host", rehearse.rehearse),
        Step("activate", "first host first", activate.activate),
        Step("verify", "first host first", verify.verify),
        Step("save", "each host", save.save),
        Step("notify", "deployer", notify.notify),
    ),
    begin=target.begin,
)
"""`--keep-env`: a release never changes, so the earlier artifact becomes a new release, with today's dotenv."""

CHANGE = Plan(
    "env",
    (
        Step("survey", "each host", change.survey),
        Step("stage", "each host", again.running),
        Step("dotenv", "each host", change.dotenv),
        Step("install", "each host", install.install),
        Step("backup", "once", change.backup),
        Step("migrate", "once", change.migrate),
        Step("rehearse", "each host", change.rehearse),
        Step("activate", "first host first", activate.activate),
        Step("verify", "first host first", verify.verify),
        Step("save", "each host", save.save),
        Step("prune", "each host", prune.prune),
        Step("notify", "deployer", notify.notify, after=("save",)),
    ),
)
"""`env set`, `unset` and `push`: the running artifact as a new release, proved like any other.

Its `name` and `begin` are set where the change is known."""

ADOPT = Plan(
    "host adopt",
    (
        Step("survey", "each host", adopt.survey),
        Step("adopt", "each host", adopt.adopt),
        Step("verify", "first host first", adopt.verify),
        Step("notify", "deployer", notify.notify),
    ),
    begin=adopt.begin,
)

RESUME = Plan(
    "resume",
    (
        Step("resume", "each host", resume.resume),
        Step("conclude", "deployer", resume.conclude),
        Step("notify", "deployer", notify.notify),
    ),
    begin=resume.begin,
)
"""`turnout resume`: taking the leases ends what was left open; the steps say what that was."""
