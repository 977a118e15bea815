"""What the host program refuses or fails with. Codes are those of docs/protocol.md.

HostError
├── UsageError        "usage"       a malformed or unknown request
├── SurveyError       "survey"      the host cannot take this release (space, runtime, drift, dotenv)
├── LeaseHeld         "lease_held"  someone else deploys
├── LeaseLost         "lease_lost"  the caller's token is old
├── StoreError        "store"       contents that do not match their digest
├── InstallError      "install"     dependencies could not be made
├── MigrationError    "migration"   a migration failed
└── Unhealthy         "unhealthy"   a release could not be proved
"""

from __future__ import annotations

from typing import Any, Dict


class HostError(Exception):
    """An expected failure; travels to the deployer as code, message and detail."""

    code = "unexpected"

    def __init__(self, message: str, **detail: Any) -> None:
        super().__init__(message)
        self.message = message
        self.detail: Dict[str, Any] = detail


class UsageError(HostError):
    """The request is malformed, unknown, or names something that is not there."""

    code = "usage"


class SurveyError(HostError):
    """The host cannot take this release as it is."""

    code = "survey"


class LeaseHeld(HostError):
    """Another deployment holds the lease; detail has `holder`."""

    code = "lease_held"


class LeaseLost(HostError):
    """The caller's fencing token is not the newest one."""

    code = "lease_lost"


class StoreError(HostError):
    """Contents do not match the digest they were announced with."""

    code = "store"


class InstallError(HostError):
    """The dependency layer could not be made; detail has `tail`."""

    code = "install"


class MigrationError(HostError):
    """A migration failed; detail has `migration` and `tail`."""

    code = "migration"


class Unhealthy(HostError):
    """A release could not be proved; detail has `reason` and `tail`."""

    code = "unhealthy"
