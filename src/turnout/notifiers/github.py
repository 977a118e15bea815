"""GitHub's deployments and commit statuses: who looks at the repository sees what runs where, and what failed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from turnout import text
from turnout.config import border
from turnout.config.github import Access, access
from turnout.events import Event
from turnout.notifiers.courier import Courier

SERVER = "https://github.com"
RUN = re.compile(r"[0-9]{1,20}")
WANTED = frozenset({"deployment.started", "deployment.revision", "step.started", "deployment.finished"})
DESCRIPTION = 140
"""Characters; GitHub refuses more."""
TIMEOUT = 5.0
"""Seconds for one request."""
EARLIER = 30
"""Earlier deployments that are looked at; they are sought only up to the first that is inactive already."""
LIVE = {"success", "in_progress", "queued", "pending"}
"""States that end when a later deployment serves; one that was killed never told its end."""
STATES = {"succeeded": "success", "unchanged": "success", "skipped": "inactive", "failed": "failure"}
CANCELLED = 130


class NotTold(Exception):
    """GitHub did not take it; the text is for people."""


@dataclass(frozen=True)
class Place:
    """The repository with its API and the token for it, and the page of this run."""

    access: Access
    log_url: str | None = None

    @classmethod
    def of(cls, variables: Mapping[str, str]) -> Place:
        """Read GITHUB_REPOSITORY, GITHUB_TOKEN, GITHUB_API_URL, GITHUB_SERVER_URL and GITHUB_RUN_ID. Raises NotTold."""
        found = access(variables)
        if isinstance(found, str):
            raise NotTold(f"{found} is not set or not right")
        try:
            server = border.url(variables.get("GITHUB_SERVER_URL") or SERVER)
        except ValueError as error:
            raise NotTold(f"GITHUB_SERVER_URL {error}") from None
        run = variables.get("GITHUB_RUN_ID", "")
        page = f"{server.rstrip('/')}/{found.repository}/actions/runs/{run}" if RUN.fullmatch(run) else None
        return cls(found, page)


def listener(variables: Mapping[str, str]) -> Courier:
    """One for the bus; what is wrong with the variables is told at its end, like every other problem."""
    telling: list[Telling] = []

    def tell(event: Event) -> None:
        if not telling:
            telling.append(Telling(Api(Place.of(variables))))
        telling[0].feed(event)

    return Courier("GitHub", tell, WANTED)


class Api:
    """The requests that are made of GitHub, each tried twice."""

    def __init__(self, place: Place) -> None:
        from githubkit import GitHub

        self.place = place
        github = GitHub(
            place.access.token.reveal(),
            base_url=place.access.api,
            timeout=TIMEOUT,
            auto_retry=False,
            http_cache=False,
        )
        self._github = ExitStack().enter_context(
            github
        )  # one connection for all requests; it ends with the thread

    def request(self, method: str, path: str, **more: Any) -> Any:
        """The JSON of the answer. Raises NotTold with GitHub's own words."""
        from githubkit.exception import GitHubException, RequestFailed

        for last in (False, True):
            try:
                return self._github.request(
                    method, f"/repos/{self.place.access.repository}/{path}", **more
                ).json()
            except RequestFailed as error:
                if last or error.response.status_code < 500:
                    raise NotTold(_refusal(error.response.status_code, error.response.text)) from None
            except (GitHubException, ValueError) as error:
                if last:
                    raise NotTold(_cause(error)) from None
        raise AssertionError("unreachable")


def _refusal(status: int, body: str) -> str:
    found = re.search(r'"message"\s*:\s*"([^"]{0,200})', body)
    why = f"{status} {text.harmless(found[1]) if found else ''}".strip()
    if status in {401, 403, 404}:
        why += "; the token needs `deployments: write` and `statuses: write`"
    return why


def _cause(error: Exception) -> str:
    inner = getattr(error, "exc", error)
    return text.harmless(f"{type(inner).__name__}: {inner}")


class Telling:
    """What of a deployment is told when: queued in the gate, in progress behind it, then how it ended."""

    def __init__(self, api: Api) -> None:
        self.api, self.started, self.state = api, Event("", "", 0, 0.0), ""
        self.id, self.commit = 0, ""

    def feed(self, event: Event) -> None:
        """Tell what this event means for GitHub. Raises NotTold."""
        if event.type == "deployment.started":
            self.started = event
        elif event.type == "deployment.revision":
            self.create(event)
        elif event.type == "step.started" and self.state == "queued":
            self.tell("in_progress", "pending", f"turnout {self.started.data.get('command')} is under way")
        elif event.type == "deployment.finished" and self.commit:
            self.end(event)

    def create(self, event: Event) -> None:
        """Make the deployment; GitHub shall neither merge anything nor wait for checks, which the gate has done."""
        self.commit = str(event.data["revision"])
        answer = self.api.request(
            "POST",
            "deployments",
            json={
                "ref": self.commit,
                "task": str(self.started.data.get("command") or "deploy"),
                "auto_merge": False,
                "required_contexts": [],
                "environment": event.environment,
                "description": short(str(event.data.get("subject") or "")),
                "payload": {"turnout": event.deployment},
            },
        )
        self.id = int(answer["id"])
        self.tell("queued", "pending", "in the gate")

    def tell(self, state: str, commit: str, description: str, **more: Any) -> None:
        """One state: of the deployment, and of the commit."""
        self.state = state
        page = {"log_url": self.api.place.log_url} if self.api.place.log_url else {}
        if self.id:
            told = {"state": state, "description": short(description), "auto_inactive": False, **page, **more}
            self.api.request("POST", f"deployments/{self.id}/statuses", json=told)
        target = {"target_url": self.api.place.log_url} if self.api.place.log_url else {}
        context = f"turnout/{self.started.environment}"
        told = {"state": commit, "context": context, "description": short(description), **target}
        self.api.request("POST", f"statuses/{self.commit}", json=told)

    def end(self, event: Event) -> None:
        """How it ended; where a release serves now, the earlier deployments of the environment are inactive."""
        result, cancelled = str(event.data.get("result")), event.data.get("exit_code") == CANCELLED
        state = "error" if cancelled else STATES.get(result, "failure")
        commit = "success" if state == "inactive" else state
        url = self.started.data.get("url")
        more = {"environment_url": url} if url and state == "success" else {}
        self.tell(state, commit, _words(event), **more)
        if state == "success" and self.id:
            self.retire(str(event.environment))

    def retire(self, environment: str) -> None:
        """Say `inactive` of those before; GitHub itself does so only where it is not production."""
        query = {"environment": environment, "per_page": EARLIER}
        for one in self.api.request("GET", "deployments", params=query):
            if int(one["id"]) >= self.id:
                continue
            path = f"deployments/{int(one['id'])}/statuses"
            newest = self.api.request("GET", path, params={"per_page": 1})
            state = newest[0]["state"] if newest else "pending"
            if state == "inactive":
                return
            if state in LIVE:
                told = {
                    "state": "inactive",
                    "description": "a later deployment serves",
                    "auto_inactive": False,
                }
                self.api.request("POST", path, json=told)


def _words(event: Event) -> str:
    data = event.data
    if error := data.get("error"):
        return f"{data.get('result')}: {error.get('message')}; {error.get('state') or ''}"
    if data.get("reason"):
        return f"nothing to do: {data['reason']}"
    return f"{data.get('release')} is live, in {text.took(event.seconds or 0.0)}"


def short(words: str) -> str:
    """One line that GitHub takes."""
    line = text.harmless(words.replace("\n", " "))
    return line if len(line) <= DESCRIPTION else line[: DESCRIPTION - 1] + "…"
