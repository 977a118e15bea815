"""Asks GitHub for the required checks of a revision: check runs and commit statuses, by name."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from turnout.config.github import access
from turnout.gate.model import Check, CheckState

if TYPE_CHECKING:
    from githubkit import GitHub

PATIENCE = 10.0
"""Seconds for all answers about one check, however slowly they come: the hosts' leases are held meanwhile."""

STATES: dict[str, CheckState] = {
    "success": "passed",
    "neutral": "passed",
    "skipped": "passed",
    "failure": "failed",
    "error": "failed",
    "timed_out": "failed",
    "cancelled": "failed",
    "startup_failure": "failed",
}
"""Conclusions of check runs and states of statuses, as branch protection judges them; all others are unfinished."""


async def ask(commit: str, names: Iterable[str], variables: Mapping[str, str]) -> tuple[Check, ...]:
    """The state of each named check of a commit. What GitHub does not say is `unknown`, with the reason."""
    wanted, found = tuple(names), access(variables)
    if not wanted:
        return ()
    if isinstance(found, str):
        remedy = (
            "export GITHUB_TOKEN=…  GITHUB_REPOSITORY=owner/name   (in GitHub Actions both can be set)",
        )
        return tuple(Check(name, "unknown", f"{found} is not set or not right", remedy) for name in wanted)
    from githubkit import GitHub, TokenAuthStrategy

    strategy = TokenAuthStrategy(found.token.reveal())
    async with GitHub(
        strategy, base_url=found.api, auto_retry=False, http_cache=False, timeout=PATIENCE
    ) as github:
        return tuple(await asyncio.gather(*(_one(github, found.repository, commit, name) for name in wanted)))


async def _one(github: GitHub[Any], repository: str, commit: str, name: str) -> Check:
    """The state of one check; `unknown` when GitHub does not say it in time."""
    from githubkit.exception import GitHubException

    try:
        async with asyncio.timeout(PATIENCE):
            return await _asked(github, repository, commit, name)
    except (GitHubException, TimeoutError, ValueError) as error:
        return Check(
            name, "unknown", _why(error), ("look whether GitHub can be reached, then the same command again",)
        )


async def _asked(github: GitHub[Any], repository: str, commit: str, name: str) -> Check:
    """The newest check run of that name, else the status of that name."""
    base = f"/repos/{repository}/commits/{commit}"
    wanted: dict[str, str | int] = {"check_name": name, "filter": "latest", "per_page": 100}
    runs = _list((await github.arequest("GET", f"{base}/check-runs", params=wanted)).json(), "check_runs")
    mine = [run for run in runs if run.get("name") == name]
    if mine:
        return _worst([_run(name, run) for run in mine])
    answer = (await github.arequest("GET", f"{base}/status", params={"per_page": 100})).json()
    for status in _list(answer, "statuses"):
        if status.get("context") == name:
            return _judged(name, str(status.get("state")), str(status.get("target_url") or ""))
    return Check(name, "unfinished", "GitHub has not seen it begin for this revision")


def _list(answer: Any, key: str) -> list[dict[str, Any]]:
    """The objects of an answer, whatever else it may hold."""
    found = answer.get(key) if isinstance(answer, dict) else None
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def _run(name: str, run: dict[str, Any]) -> Check:
    word = str(run.get("conclusion")) if run.get("status") == "completed" else str(run.get("status"))
    return _judged(name, word, str(run.get("html_url") or ""))


def _judged(name: str, word: str, link: str) -> Check:
    detail = " ".join(part for part in (word.replace("_", " "), link) if part)
    return Check(name, STATES.get(word, "unfinished"), detail[:300])


def _worst(found: list[Check]) -> Check:
    """Several apps may report under one name: all of them must have passed."""
    order = ("failed", "unfinished", "unknown", "passed")
    return min(found, key=lambda check: order.index(check.state))


def _why(error: Exception) -> str:
    from githubkit.exception import RequestFailed, RequestTimeout

    if isinstance(error, RequestFailed):
        return f"GitHub answered {error.response.status_code}"
    if isinstance(error, RequestTimeout | TimeoutError):
        return f"GitHub did not answer within {PATIENCE:.0f} s"
    return "GitHub cannot be reached" if not isinstance(error, ValueError) else "GitHub's answer is no JSON"
