"""What a plan says of each host, and in all. Values only."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from turnout.migrations.classes import Classed
    from turnout.migrations.pending import Migration
    from turnout.model import Revision
    from turnout.planning.locks import Package


@dataclass
class Outlook:
    """What one host would see."""

    host: str
    release: str
    running: str | None
    revision: str | None
    unchanged: bool = False
    adoption: dict[str, Any] | None = None
    """What `host adopt` would do first, where the old workflow deployed."""
    findings: list[dict[str, Any]] = field(default_factory=list)
    commits: list[str] = field(default_factory=list)
    files: list[tuple[str, str]] = field(default_factory=list)
    unknown: str = ""
    """Why commits and files cannot be told, "" when they can."""
    packages: list[Package] = field(default_factory=list)
    migrations: list[Migration] = field(default_factory=list)
    classed: list[Classed] = field(default_factory=list)
    """What the migrations mean for the release that runs while they are applied."""
    known_by: str = ""
    """How it is known which migrations are in: `the journal`, or why they are all listed."""
    keys_missing: list[str] = field(default_factory=list)
    runtime: dict[str, Any] = field(default_factory=dict)
    bytes_contents: int = 0
    bytes_sent: int = 0
    disk: dict[str, int] = field(default_factory=dict)
    seconds: float | None = None
    gap_seconds: float = 0.0
    """For how long nobody will answer during the switch: the app runs in fork mode."""

    @property
    def refused(self) -> bool:
        """A deployment (or the adoption before it) would be refused as things are."""
        return any(found["fatal"] for found in self.findings)

    @property
    def breaking(self) -> list[Classed]:
        """Migrations for which a deployment would want `--allow-breaking`."""
        return [one for one in self.classed if one.breaks and not one.contract]

    @property
    def broken(self) -> list[str]:
        """What of it the running release could not live with, so that going back would be refused."""
        return [f"{one.name}: {why}" for one in self.classed for why in one.breaks]

    @property
    def back_is_safe(self) -> bool:
        """Would the running release work with what the pending migrations do?"""
        return not self.broken


@dataclass
class Plan:
    """All hosts, and what the gate says."""

    revision: Revision
    verdict: str
    reasons: list[str]
    remedy: list[str]
    hosts: list[Outlook]
