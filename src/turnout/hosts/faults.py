"""Errors of the host program as errors of the deployer (docs/protocol.md, Error codes)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from turnout import errors

if TYPE_CHECKING:
    from turnout.model import Address

CODES: dict[str, type[errors.TurnoutError]] = {
    "survey": errors.SurveyRefused,
    "lease_held": errors.LeaseHeld,
    "lease_lost": errors.LeaseLost,
    "migration": errors.MigrationFailed,
    "unhealthy": errors.Unhealthy,
    "install": errors.TurnoutError,
    "store": errors.PackageError,
    "usage": errors.UsageError,
    "unexpected": errors.TurnoutError,
}


def fault(error: dict[str, Any], address: Address) -> errors.TurnoutError:
    """The exception for an `error` of the host; its raw detail stays in `.detail`."""
    detail = error.get("detail") or {}
    kind = CODES.get(str(error.get("code")), errors.TurnoutError)
    raised = kind(
        str(error.get("message") or "the host program failed"),
        where=str(detail.get("where") or ""),
        why=[*_lines(detail.get("reason")), *_lines(detail.get("tail"))],
        remedy=[typed(line, address) for line in _lines(detail.get("remedy"))],
    )
    raised.detail = dict(detail)
    return raised


def _lines(value: object) -> list[str]:
    if isinstance(value, list):
        return [str(line) for line in value]
    return [str(value)] if value else []


def typed(remedy: str, address: Address) -> str:
    """A remedy of the host as one types it here: `ssh {host} …` and `scp … {host}:…` with user, port, or neither."""
    if not address.port:  # this machine
        return re.sub(r"\bssh (-t )?\{host\} ", "", re.sub(r"\bscp\b", "cp", remedy)).replace("{host}:", "")
    if address.port != 22:
        remedy = re.sub(r"\bssh (?=(-t )?\{host\})", f"ssh -p {address.port} ", remedy)
        remedy = re.sub(r"\bscp (?=.*\{host\})", f"scp -P {address.port} ", remedy)
    host = f"[{address.host}]" if ":" in address.host and "scp" in remedy else address.host
    return remedy.replace("{host}", f"{address.user}@{host}" if address.user else host)
