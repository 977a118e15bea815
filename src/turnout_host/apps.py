"""What is needed to run, ask and prove one release: its folder, names, toolchain, port, PM2."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, List, NamedTuple, Optional, Tuple

from turnout_host import disk, dotenv
from turnout_host.errors import SurveyError
from turnout_host.layout import Layout
from turnout_host.probe import Probe
from turnout_host.processes.pm2 import PM2
from turnout_host.processes.wrapper import apps as ecosystem_apps
from turnout_host.state import Record, State
from turnout_host.toolchain import Toolchain


class Facts(NamedTuple):
    """All that the proof and the process manager must know of one release."""

    folder: Path
    names: Tuple[str, str]
    toolchain: Toolchain
    settings: Dict[str, Any]
    health: Dict[str, Any]
    dotenv_keys: List[str]
    probe: Probe
    pm2: PM2


def facts(layout: Layout, state: State, release: str, asked: Optional[Record] = None) -> Facts:
    """Gather them from its record; `asked` (an activation of it) may bring newer settings of health and processes."""
    record = state.releases.get(release)
    if not record or "toolchain" not in record:
        raise SurveyError(f"the journal knows no complete release {release}", where=str(layout.releases))
    newer = asked if asked and asked.get("release") == release else {}
    settings = dict(newer.get("processes") or record["processes"])
    health = dict(newer.get("health") or record["health"])
    runs = record["toolchain"]
    toolchain = Toolchain(layout, runs.get("node"), runs.get("pm2"), str(runs.get("path") or ""))
    folder = layout.release(release)
    values = values_of(folder)
    health["port"] = health.get("port") or port(toolchain, folder, settings, values, str(health["port_env"]))
    return Facts(
        folder=folder,
        names=(release, str(record["release_id"])),
        toolchain=toolchain,
        settings=settings,
        health=health,
        dotenv_keys=sorted(values),
        probe=Probe(int(health["port"]), str(health["path"]), float(health["timeout"])),
        pm2=PM2(layout, settings, toolchain, str(runs["pm2_home"])),
    )


def values_of(folder: Path) -> Dict[str, str]:
    """The dotenv of a release; {} where there is none."""
    try:
        return dotenv.parse((folder / ".env").read_bytes().decode("utf-8", "replace"))
    except FileNotFoundError:
        return {}


def port(
    toolchain: Toolchain, folder: Path, settings: Dict[str, Any], values: Dict[str, str], key: str
) -> int:
    """The app's port: `key` of the dotenv, else of the ecosystem file (DESIGN 7 [health] port)."""
    found = values.get(key)
    if not found:
        app = app_of(ecosystem_apps(toolchain, folder, settings), str(settings["app"]))
        found = app["turnout"]["env"].get(key)
    if not found or not found.isdigit() or not 0 < int(found) < 65536:
        raise SurveyError(
            f"the app's port is not known: {key} is neither in the .env nor in {settings['config']}",
            remedy=[
                f"add {key}=3000 (your app's port) to the .env on the host",
                "or set `port` in [health] of turnout.toml",
            ],
        )
    return int(found)


def app_of(found: List[Dict[str, Any]], name: str) -> Dict[str, Any]:
    """The app that answers for health: the one with our name, else the first."""
    for app in found:
        if app.get("name") == name:
            return app
    return found[0]


def take_over_dotenv(layout: Layout, record: Record, state: State, job: Record) -> None:
    """`shared/.env` follows the release that was just blessed: after a hand's edit in `current/`, and `turnout env`.

    The same when a rollback crosses a release that `turnout env` made, unless a hand edited `shared/.env` since. With
    `--keep-env` the rollback's own release is new, so it is like a deployment's.
    """
    made = record.get("dotenv") or {}
    earlier = job.get("why") == "rollback" and record.get("deployment") != job.get("deployment")
    if earlier:  # that no hand edited it since is part of the rule
        follows = goes_back(layout, record, state, job.get("previous"))
    else:
        follows = bool(made.get("taken_over")) or made.get("changed") is not None
    if follows:
        base = dotenv.base_of((layout.release(str(record["release"])) / ".env").read_bytes())
        if not earlier:
            _must_be_ours(layout, made, base)
        disk.write(layout.dotenv, base, 0o600, layout.tmp)


def _must_be_ours(layout: Layout, made: Record, base: bytes) -> None:
    """Raises SurveyError where a hand edited `shared/.env` while the release was on its way: that would be lost."""
    if made.get("shared") is None or not layout.dotenv.exists():
        return
    if dotenv.digest(layout.dotenv.read_bytes()) not in (made["shared"], dotenv.digest(base)):
        raise SurveyError(
            "shared/.env was edited by hand meanwhile and stays so: the next deployment takes it, not the change",
            where=str(layout.dotenv),
        )


def goes_back(layout: Layout, record: Record, state: State, previous: Optional[str]) -> bool:
    """Does `shared/.env` go with a rollback from `previous` to this release?

    It does where a change by `turnout env` lies between the two, and it is as the one before had it.
    """
    before = state.releases.get(previous or "") or {}
    if not before or not layout.dotenv.exists():
        return False
    low, high = sorted((int(before["number"]), int(record["number"])))
    changed = any(
        (one.get("dotenv") or {}).get("changed") is not None
        for one in state.releases.values()
        if low < int(one["number"]) <= high and one["state"] == "blessed"
    )
    digest = (before.get("dotenv") or {}).get("base_digest")
    return changed and dotenv.digest(layout.dotenv.read_bytes()) == digest
