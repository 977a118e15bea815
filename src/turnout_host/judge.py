"""When do answers make a release well, and when sick? A state machine without I/O (DESIGN 7, the health keys)."""

from __future__ import annotations

from typing import Any, Dict, Optional, Sequence

from turnout_host.probe import Answer

GOOD, WAIT, BAD = "good", "wait", "bad"
WAITING, WELL, SICK = "waiting", "well", "sick"


class Judge:
    """Feed it verdicts; `state` is `waiting`, `well` or `sick`, and then `reason` says why. Times: seconds, one clock.

    Until the first good answer, WAIT is waited for up to `start_period`, and `retries` BAD in a row are too many.
    `passes` good ones in a row make it well. From the first good one on, `retries` in a row that are not good make it
    sick, and so does getting nowhere for another `start_period`.
    """

    def __init__(self, health: Dict[str, Any], began: float, well: bool = False) -> None:
        self._passes, self._retries = max(1, int(health["passes"])), max(1, int(health["retries"]))
        self._period = float(health["start_period"])
        self._began, self._heard = began, well
        self._good = self._bad = 0
        self.state, self.reason = WELL if well else WAITING, ""

    def feed(self, verdict: str, reason: str, now: float) -> str:
        """Take one verdict in and return the state; a sick release stays sick."""
        if self.state == SICK:
            return self.state
        if verdict == GOOD:
            self._take_good(now)
        else:
            self._take_other(verdict, reason)
        if self.state == WAITING and now - self._began >= self._period:
            self._late(reason)
        return self.state

    @property
    def steady(self) -> bool:
        """Was the last verdict a good one?"""
        return self._good > 0

    def _take_good(self, now: float) -> None:
        if not self._heard:
            self._heard, self._began = True, now
        self._good, self._bad = self._good + 1, 0
        if self._good >= self._passes:
            self.state = WELL

    def _take_other(self, verdict: str, reason: str) -> None:
        self._good = 0
        self._bad = 0 if verdict == WAIT and not self._heard else self._bad + 1
        if self._bad >= self._retries:
            self.state, self.reason = SICK, f"{reason} ({self._bad} times in a row)"

    def _late(self, reason: str) -> None:
        flaps = "it answers now well, now not" if self._heard else "no good answer"
        self.state, self.reason = SICK, f"{flaps} within {self._period:g} s{': ' + reason if reason else ''}"


def verdict(answer: Answer) -> str:
    """GOOD for 2xx; WAIT for no answer and 503, which an app that is starting gives; BAD for everything else."""
    if answer.ok:
        return GOOD
    return WAIT if answer.status in (None, 503) else BAD


def wrong_release(answer: Answer, names: Sequence[str]) -> Optional[str]:
    """The release in the body when it is none of `names` (v43, or its RELEASE_ID); None when right or not said."""
    said = (answer.body or {}).get("release")
    return None if said is None or str(said) in names else str(said)[:80]


def body_pid(answer: Answer) -> Optional[int]:
    """The pid in the body, where there is one."""
    said = (answer.body or {}).get("pid")
    return said if isinstance(said, int) and not isinstance(said, bool) else None
