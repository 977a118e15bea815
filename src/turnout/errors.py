"""Everything that Turnout refuses or fails with, and the exit codes, which never change (DESIGN 7).

TurnoutError                 1   unexpected
├── UsageError               2   wrong argument or configuration
├── GateRefused             10   the gate said wait or refuse
├── BuildError              11   the build failed
├── PackageError            12   package or digest
├── Unreachable             20   no answer
├── HostKeyError            21   unknown or changed host key
├── LoginError              22   the host refused the login
├── SurveyRefused           23   the host cannot take this release
├── LeaseHeld               30   someone else deploys
├── LeaseLost               31   someone else deployed meanwhile
├── MigrationFailed         40   a migration failed
├── Unhealthy               50   not proved; the old release serves
│   └── RevertFailed        51   not proved, and the revert failed too
├── CannotTell              52   the end of the switch was not seen
└── Cancelled              130   stopped by a person or by CI
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal

Result = Literal["succeeded", "unchanged", "skipped", "reverted", "failed", "refused"]


class TurnoutError(Exception):
    """An expected failure: one clear block on the screen.

    `message` says what failed and `where` says where (a file and line, a host); `why` are the reasons or the last
    lines of output; `state` says what serves now; `remedy` are the commands or actions to type, one a line.
    `host` and `step` are filled in by the runner.
    """

    exit_code: ClassVar[int] = 1
    result: Result = "failed"

    def __init__(
        self,
        message: str,
        *,
        where: str = "",
        why: list[str] | str = "",
        remedy: list[str] | str = "",
        state: str = "",
    ) -> None:
        super().__init__(message)
        self.message = message
        self.where = where
        self.why = [why] if isinstance(why, str) and why else list(why)
        self.remedy = [remedy] if isinstance(remedy, str) and remedy else list(remedy)
        self.state = state
        self.host = ""
        self.step = ""
        self.detail: dict[str, Any] = {}


class UsageError(TurnoutError):
    """A wrong argument, or a wrong turnout.toml; nothing was done."""

    exit_code = 2


class GateRefused(TurnoutError):
    """The gate said wait or refuse; the reasons are in `why`."""

    exit_code = 10
    result: Result = "refused"
    waits = False
    """It said wait: the same command will do later."""


class BuildError(TurnoutError):
    """Checkout, toolchain, dependencies or the app's own build commands failed."""

    exit_code = 11


class PackageError(TurnoutError):
    """The artifact is incomplete, unsafe, or does not match its digest."""

    exit_code = 12


class Unreachable(TurnoutError):
    """No connection, or no answer within 15 s."""

    exit_code = 20


class HostKeyError(TurnoutError):
    """The host key is unknown, changed or revoked; both fingerprints are in `why`."""

    exit_code = 21


class LoginError(TurnoutError):
    """The host refused every key."""

    exit_code = 22


class SurveyRefused(TurnoutError):
    """The host cannot take this release: space, runtime, drift, dotenv."""

    exit_code = 23
    result: Result = "refused"


class LeaseHeld(TurnoutError):
    """Another deployment is under way; `why` says whose and since when."""

    exit_code = 30
    result: Result = "refused"


class LeaseLost(TurnoutError):
    """Another deployment took over; nothing of ours counts any more."""

    exit_code = 31


class MigrationFailed(TurnoutError):
    """A migration failed; its name is in the message."""

    exit_code = 40


class Unhealthy(TurnoutError):
    """The release could not be proved. In a rehearsal: failed; after the switch: reverted."""

    exit_code = 50


class RevertFailed(Unhealthy):
    """The release could not be proved and neither could the one before it. People must look."""

    exit_code = 51


class CannotTell(TurnoutError):
    """The link was lost during the switch, and the host could not be asked how it ended."""

    exit_code = 52


class Cancelled(TurnoutError):
    """Stopped by a person or by CI at a safe point."""

    exit_code = 130
