"""What the journal says of deployments: who, what, why, how it ended, and what it took. Pure; no I/O."""

from __future__ import annotations

from typing import Any, Dict, List, Optional

Record = Dict[str, Any]

KEYS = (
    "deployment",
    "started",
    "finished",
    "seconds",
    "by",
    "command",
    "revision",
    "subject",
    "urgent",
    "why",
    "release",
    "previous",
    "result",
    "exit_code",
    "step",
    "reason",
    "steps",
    "bytes_sent",
)
"""What a row has (docs/json.md); None where it is not known."""
ENDED = {"succeeded": "succeeded", "reverted": "reverted"}
"""The result of a deployment whose deployer did not live to see the end of its switch; else it failed (STYLE 7)."""


def note(deployments: Dict[str, Record], entry: Record) -> None:
    """Take one entry of the journal in: what it adds to the deployment that it belongs to."""
    kind, name = entry["type"], str(entry.get("deployment") or "")
    if kind == "deployment.started":
        deployments[name] = {"deployment": name, "started": entry["ts"], **_told(entry)}
        deployments[name]["why"] = deployments[name].pop("reason", None)  # `reason` says how it ended
    record = deployments.get(name)
    if record is None:
        return
    record["last"] = entry["ts"]
    if kind == "deployment.finished":
        record.update(_told(entry), finished=entry["ts"])
    elif kind == "release.staged":
        record["release"] = entry["release"]
    elif kind == "activation.asked":
        record.update(release=entry["release"], previous=entry.get("previous"))
    elif kind == "activation.ended":
        record["activation"] = {key: entry.get(key) for key in ("result", "reason")}


def _told(entry: Record) -> Record:
    return {key: value for key, value in entry.items() if key not in ("seq", "ts", "type", "token")}


def rows(deployments: Dict[str, Record], at_work: Optional[str] = None) -> List[Record]:
    """Every deployment, oldest first; `at_work` is the one that holds the lease or whose switch is open."""
    return [_row(record, at_work) for record in deployments.values()]


def _row(record: Record, at_work: Optional[str]) -> Record:
    row = {key: record.get(key) for key in KEYS}
    if row["result"] is None and record["deployment"] != at_work:
        row.update(_cut_off(record))
    if row["seconds"] is None and row["finished"] is not None and row["finished"] >= row["started"]:
        row["seconds"] = round(row["finished"] - row["started"], 3)  # not known where the clock was set back
    return row


def _cut_off(record: Record) -> Record:
    """How one ended whose deployer died: as its switch did, which the host ended alone, else before it."""
    switch = record.get("activation")
    if switch is None:
        reason = "cut off before the switch"
        return {"finished": record["last"], "result": "failed", "reason": reason}
    reason = switch["reason"] or "the host ended the switch alone"
    return {"finished": record["last"], "result": ENDED.get(switch["result"], "failed"), "reason": reason}
