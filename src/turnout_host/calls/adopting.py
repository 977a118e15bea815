"""Calls of an adoption: look, do it, prove it (DESIGN 5). A killed one is carried on by the same command.

adoption.asked → adoption.moved → release.blessed
"""

from __future__ import annotations

from pathlib import Path

from turnout_host import adoption, apps, disk, dotenv, hiding, proc, rehearsal, relocate
from turnout_host.adoption import Adoption
from turnout_host.calls.common import Answer, next_number
from turnout_host.errors import HostError, SurveyError, Unhealthy
from turnout_host.host import Args, Host, Say
from turnout_host.layout import Layout
from turnout_host.proof import bake, prove


def call_adoption(host: Host, args: Args, say: Say) -> Answer:
    """What adopting this host would do; changes nothing."""
    host.journal.refresh()
    if not adoption.needed(host.layout, host.journal.state):
        return {"needed": False}
    return _look(host, args).look()


def call_adopt(host: Host, args: Args, say: Say) -> Answer:
    """Rehearse what runs, then make it a release: one exchange of names. No process is touched."""
    host.journal.refresh()
    if not adoption.needed(host.layout, host.journal.state):
        raise SurveyError("there is nothing to adopt here", where=str(host.layout.current))
    job = _look(host, args)
    seen = job.look()
    for found in seen["findings"]:
        if found["fatal"]:
            raise SurveyError(found["why"], where=found["where"], remedy=found["remedy"])
    name, boot_seconds = job.release, 0.0
    record = job.record()
    if not adoption.adopting(host.journal.state):
        boot_seconds = _rehearse(host, job, say) if job.serving.health.get("rehearse") else 0.0
        host.journal.append(
            "adoption.asked",
            host.deployment,
            release=name,
            by=args.text("by"),
            boot_seconds=boot_seconds,
            reload=bool(seen["reload"]),
            **record,
        )
    _keep_dotenv(host, job)
    whole = relocate.relocate(host.layout.current, host.layout.release(name), host.layout.tmp)
    for move in job.moves():
        say({"kind": "note", "text": f"moving {move.name} to shared/"})
        relocate.relocate(host.layout.release(name) / move.name, move.new, host.layout.tmp)
    host.journal.append("adoption.moved", host.deployment, release=name)
    return {"release": name, "gap": not whole, "boot_seconds": boot_seconds}


def call_prove_adopted(host: Host, args: Args, say: Say) -> Answer:
    """Reload the processes where they must be, prove each of them, watch for the bake time, bless."""
    host.journal.refresh()
    name = adoption.adopting(host.journal.state)
    if name is None:
        raise SurveyError("no adoption is under way", where=str(host.layout.current))
    found = apps.facts(host.layout, host.journal.state, name)
    note = lambda text: say({"kind": "note", "text": text})  # noqa: E731
    job, record, since = _look(host, args), host.journal.state.releases[name], 0.0
    stale = job.serving.stale()
    reload, before = bool(record.get("reload")) or bool(stale), [proc.cwd(one.pid or 0) for one in stale[:1]]
    try:
        if reload:
            since = proc.now()
            found.pm2.reload(name, found.dotenv_keys, float(record.get("boot_seconds") or 0), note)
        proof = prove(found.pm2, found.probe, found.folder, found.names, since, found.health, note)
        bake(found.pm2, found.probe, proof, found.folder, found.names, found.health, note)
    except HostError as error:
        back = [f"or start what ran before: {_start(job, folder)}" for folder in before if folder]
        error.detail.setdefault(
            "remedy", ["see what it says: pm2 logs", "the same command again goes on from here", *back]
        )
        raise hiding.conceal(error, apps.values_of(found.folder)) from None
    host.journal.append("release.blessed", host.deployment, release=name, by=args.text("by"))
    if reload:
        found.pm2.save()
    return {"release": name, "reloaded": reload, "pids": proof.pids, "proof": proof.by}


def _start(job: Adoption, folder: str) -> str:
    words = job.serving.settings
    start = f"pm2 start {words.get('config')} --env {words.get('process_env')}"
    return f"cd {folder} && pm2 delete {words.get('app')}; {start}"


def _look(host: Host, args: Args) -> Adoption:
    return Adoption(host.layout, host.journal.state, args.values, next_number(host))


def _rehearse(host: Host, job: Adoption, say: Say) -> float:
    """Boot it on a spare port as a release would be: then it can be gone back to. Seconds of the boot."""
    values = apps.values_of(job.folder)
    try:
        done = rehearsal.rehearse(
            _InPlace(str(host.layout.path)),
            job.release,
            str(job.record()["release_id"]),
            job.serving.toolchain,
            job.serving.settings,
            job.serving.health,
            values,
            lambda text: say({"kind": "note", "text": text}),
        )
    except Unhealthy as error:
        raise hiding.conceal(error, values) from None
    return float(done["boot_seconds"])


class _InPlace(Layout):
    """Where the release that is to be still lies in `current/`."""

    def release(self, name: str) -> Path:  # noqa: ARG002 - it is not there under its name yet
        """The one folder that is there."""
        return self.current


def _keep_dotenv(host: Host, job: Adoption) -> None:
    """The environment's own copy, 0600; the one in the folder stays as it is."""
    file: Path = job.folder / ".env"
    if file.exists() and not host.layout.dotenv.exists():
        disk.write(host.layout.dotenv, dotenv.base_of(file.read_bytes()), 0o600, host.layout.tmp)
