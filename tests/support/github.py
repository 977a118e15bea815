"""A GitHub that lives on 127.0.0.1: keeps deployments, their statuses and commit statuses, and every request."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

TOKEN = "ghs_this-is-not-to-be-seen"
REPOSITORY = "acme/blue-video"
ROOT = f"/repos/{REPOSITORY}/"


class Asked(NamedTuple):
    """One request; `path` is below the repository, `body` its JSON."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: Any


class GitHub:
    """Listens when it is made. `broken` may answer a request with a status and a body of its own."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.deployments: list[dict[str, Any]] = []
        self.statuses: dict[int, list[dict[str, Any]]] = {}
        self.commits: list[tuple[str, dict[str, Any]]] = []
        self.broken: Callable[[Asked], tuple[int, Any] | None] = lambda asked: None
        github = self

        class Handler(BaseHTTPRequestHandler):
            def handle_any(self) -> None:
                url = urlsplit(self.path)
                length = int(self.headers.get("content-length") or 0)
                body = json.loads(self.rfile.read(length)) if length else None
                assert url.path.startswith(ROOT), self.path
                query = {key: values[0] for key, values in parse_qs(url.query).items()}
                headers = {key.lower(): value for key, value in self.headers.items()}
                asked = Asked(self.command, url.path[len(ROOT) :], query, headers, body)
                github.asked.append(asked)
                status, answer = github.broken(asked) or github.answer(asked)
                raw = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(raw)))
                self.end_headers()
                self.wfile.write(raw)

            do_GET = do_POST = handle_any  # noqa: N815 - the names that http.server calls

            def log_message(self, *words: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def url(self) -> str:
        """Where its API is."""
        return f"http://127.0.0.1:{self.server.server_address[1]}"

    @property
    def variables(self) -> dict[str, str]:
        """What a runner sets for it."""
        return {
            "GITHUB_API_URL": self.url,
            "GITHUB_SERVER_URL": "https://github.example.com",
            "GITHUB_REPOSITORY": REPOSITORY,
            "GITHUB_RUN_ID": "4711",
            "GITHUB_ACTOR": "ann",
        }

    def answer(self, asked: Asked) -> tuple[int, Any]:
        """What GitHub's documentation says of these requests."""
        words = asked.path.split("/")
        if asked.method == "GET" and words == ["deployments"]:
            mine = [one for one in self.deployments if one["environment"] == asked.query["environment"]]
            return 200, mine[::-1][: int(asked.query["per_page"])]
        if words == ["deployments"]:
            made = {"id": 100 + len(self.deployments), **asked.body}
            self.deployments.append(made)
            return 201, made
        if words[0] == "deployments":
            told = self.statuses.setdefault(int(words[1]), [])
            if asked.method == "GET":
                return 200, told[::-1][: int(asked.query["per_page"])]
            told.append(asked.body)
            return 201, asked.body
        assert words[0] == "statuses", asked
        self.commits.append((words[1], asked.body))
        return 201, asked.body

    def states(self, deployment: int) -> list[str]:
        """The states of a deployment, in the order in which they were told."""
        return [one["state"] for one in self.statuses.get(deployment, [])]

    def close(self) -> None:
        """Stop listening."""
        self.server.shutdown()
        self.server.server_close()
