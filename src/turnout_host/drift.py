"""What is no longer as the running release was deployed: its files, its dotenv, what PM2 holds of it. Only looks."""

from __future__ import annotations

from typing import List

from turnout_host import dotenv, dotenv_edit
from turnout_host.errors import HostError
from turnout_host.layout import Layout
from turnout_host.state import State
from turnout_host.store import Store
from turnout_host.survey import Survey

KINDS = ("drift", "dotenv", "pm2-env")
"""Findings of the survey that are drift; what `current` leads to is among the doubts of the status already."""


def drift(layout: Layout, state: State) -> List[str]:
    """Sentences, none when all is as it was deployed."""
    survey = Survey(layout, state, Store(layout), {"accept_drift": True})
    record = state.releases.get(survey.running or "") or {}
    if not record:
        return []
    try:
        found = [str(one["why"]) for one in survey.look()["findings"] if one["what"] in KINDS]
    except (HostError, OSError) as error:
        return [f"could not be looked for: {error}"]
    said = [sentence[len("drift: ") :] if sentence.startswith("drift: ") else sentence for sentence in found]
    was, now = (record.get("dotenv") or {}).get("base_digest"), survey.dotenv["digest"]
    if was and now and was != now and not survey.dotenv["taken_over"]:
        names = _changed(layout, str(record["release"]))
        said.append(f"the .env was changed since {record['release']}{names}: the next deployment takes it up")
    return said


def _changed(layout: Layout, name: str) -> str:
    """The keys whose values differ, by name; order, quotes and comments may differ without that."""
    try:
        texts = [
            dotenv.base_of(file.read_bytes()).decode("utf-8", "surrogateescape")
            for file in (layout.release(name) / ".env", layout.dotenv)
        ]
    except (HostError, OSError):
        return ""
    return f" ({', '.join(dotenv_edit.changed_keys(*texts)) or 'no value'})"
