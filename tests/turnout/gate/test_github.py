"""Required checks, asked of a small HTTP server that stands in for GitHub and looks at every request."""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from turnout.gate import github
from turnout.gate.model import Check

COMMIT = "3f2a1bc45d" * 4
TOKEN = "ghs_not-to-be-seen"


class Fake:
    """What it answers by path, and the requests that it got."""

    def __init__(self) -> None:
        self.answers: dict[str, Any] = {}
        self.requests: list[tuple[str, str, dict[str, list[str]]]] = []
        fake = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                parts = urlsplit(self.path)
                query = parse_qs(parts.query)
                fake.requests.append((self.headers["Authorization"], parts.path, query))
                name = (query.get("check_name") or [""])[0]
                found = fake.answers.get(f"{parts.path}?{name}", fake.answers.get(parts.path, (404, {})))
                status, body = found if isinstance(found, tuple) else (200, found)
                data = body.encode() if isinstance(body, str) else json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.variables = {
            "GITHUB_TOKEN": TOKEN,
            "GITHUB_REPOSITORY": "acme/api",
            "GITHUB_API_URL": f"http://127.0.0.1:{self.server.server_port}/api/v3",
        }

    def path(self, rest: str) -> str:
        return f"/api/v3/repos/acme/api/commits/{COMMIT}/{rest}"

    def run(self, name: str, *runs: tuple[str, str | None]) -> None:
        """Check runs of a name: status and conclusion."""
        found = [
            {"name": name, "status": status, "conclusion": conclusion, "html_url": "https://x/1"}
            for status, conclusion in runs
        ]
        self.answers[self.path(f"check-runs?{name}")] = {"total_count": len(found), "check_runs": found}


@pytest.fixture
def fake() -> Iterator[Fake]:
    made = Fake()
    made.answers[made.path("check-runs")] = {"total_count": 0, "check_runs": []}
    made.answers[made.path("status")] = {"state": "pending", "statuses": []}
    thread = threading.Thread(target=made.server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield made
    finally:
        made.server.shutdown()
        thread.join()
        made.server.server_close()


async def one(fake: Fake, name: str = "test") -> Check:
    (found,) = await github.ask(COMMIT, [name], fake.variables)
    return found


@pytest.mark.parametrize(
    "runs, state",
    [
        ([("completed", "success")], "passed"),
        ([("completed", "neutral")], "passed"),
        ([("completed", "skipped")], "passed"),
        ([("completed", "failure")], "failed"),
        ([("completed", "cancelled")], "failed"),
        ([("completed", "timed_out")], "failed"),
        ([("completed", "startup_failure")], "failed"),
        ([("completed", "action_required")], "unfinished"),
        ([("completed", "stale")], "unfinished"),
        ([("completed", None)], "unfinished"),
        ([("completed", "something new")], "unfinished"),
        ([("queued", None)], "unfinished"),
        ([("in_progress", None)], "unfinished"),
        ([("completed", "success"), ("in_progress", None)], "unfinished"),
        ([("completed", "success"), ("completed", "failure"), ("queued", None)], "failed"),
    ],
)
async def test_check_runs(fake: Fake, runs: list[tuple[str, str | None]], state: str) -> None:
    """As branch protection judges them; of several under one name the worst counts, and nothing new passes."""
    fake.run("test", *runs)
    assert (await one(fake)).state == state


@pytest.mark.parametrize(
    "word, state",
    [
        ("success", "passed"),
        ("failure", "failed"),
        ("error", "failed"),
        ("pending", "unfinished"),
        ("x", "unfinished"),
    ],
)
async def test_commit_statuses(fake: Fake, word: str, state: str) -> None:
    """A required check may also be a commit status."""
    other = {"context": "other", "state": "success"}
    mine = {"context": "ci/jenkins", "state": word, "target_url": "https://x/2"}
    fake.answers[fake.path("status")] = {"statuses": [other, mine]}
    found = await one(fake, "ci/jenkins")
    assert (found.state, found.detail) == (state, f"{word} https://x/2")


async def test_one_that_has_not_begun_is_unfinished(fake: Fake) -> None:
    """GitHub knows nothing of that name yet; a run of another name does not count."""
    other = {"name": "tests", "status": "completed", "conclusion": "success"}
    fake.answers[fake.path("check-runs?test")] = {"check_runs": [other]}
    assert (await one(fake)).state == "unfinished"


async def test_the_requests_are_for_this_revision_and_carry_the_token(fake: Fake) -> None:
    """Each name is asked for by itself, so that a hundred other checks hide none; the order is that of the file."""
    fake.run("b", ("completed", "success"))
    fake.run("a", ("completed", "success"))
    found = await github.ask(COMMIT, ["b", "a"], fake.variables)
    assert [check.name for check in found] == ["b", "a"]
    assert {header for header, _, _ in fake.requests} == {f"token {TOKEN}"}
    assert {path for _, path, _ in fake.requests} == {fake.path("check-runs")}
    assert sorted(query["check_name"][0] for _, _, query in fake.requests) == ["a", "b"]
    assert all(query["filter"] == ["latest"] for _, _, query in fake.requests)


@pytest.mark.parametrize(
    "answer, said",
    [
        ((401, {"message": TOKEN}), "GitHub answered 401"),
        ((403, {"message": "rate limit"}), "GitHub answered 403"),
        ((404, {}), "GitHub answered 404"),
        ((500, "<html>"), "GitHub answered 500"),
        ((200, "<html>"), "is no JSON"),
        ((200, []), "has not seen it begin"),
        ((200, {"check_runs": "x"}), "has not seen it begin"),
    ],
)
async def test_what_cannot_be_asked_for_is_never_passed(fake: Fake, answer: Any, said: str) -> None:
    """The reason is told without the token, and with something to do."""
    fake.answers[fake.path("check-runs?test")] = answer
    found = await one(fake)
    assert found.state in {"unknown", "unfinished"}
    assert said in found.detail
    assert TOKEN not in repr(found)
    assert bool(found.remedy) == (found.state == "unknown")


async def test_nobody_answers(fake: Fake) -> None:
    """An address where nothing listens is unknown, not an exception."""
    variables = fake.variables | {"GITHUB_API_URL": "http://127.0.0.1:9"}
    (found,) = await github.ask(COMMIT, ["test"], variables)
    assert (found.state, found.detail) == ("unknown", "GitHub cannot be reached")


async def test_an_answer_that_never_ends_is_given_up(fake: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each byte comes in time, the whole does not: leases are held meanwhile, so it is unknown."""
    monkeypatch.setattr(github, "PATIENCE", 0.5)

    async def drip(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n")
        with contextlib.suppress(ConnectionError):
            while not writer.is_closing():
                writer.write(b" ")
                await writer.drain()
                await asyncio.sleep(0.05)

    async with await asyncio.start_server(drip, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        variables = fake.variables | {"GITHUB_API_URL": f"http://127.0.0.1:{port}"}
        async with asyncio.timeout(20):
            (found,) = await github.ask(COMMIT, ["test"], variables)
    assert (found.state, found.detail) == ("unknown", "GitHub did not answer within 0 s")


@pytest.mark.parametrize(
    "changes, missing",
    [
        ({"GITHUB_TOKEN": ""}, "GITHUB_TOKEN"),
        ({"GITHUB_REPOSITORY": ""}, "GITHUB_REPOSITORY"),
        ({"GITHUB_REPOSITORY": "acme/../evil"}, "GITHUB_REPOSITORY"),
        ({"GITHUB_REPOSITORY": "acme/.."}, "GITHUB_REPOSITORY"),
        ({"GITHUB_API_URL": "http://github.example.com"}, "GITHUB_API_URL"),
        ({"GITHUB_API_URL": "https://me@github.example.com"}, "GITHUB_API_URL"),
        ({"GITHUB_API_URL": "file:///etc"}, "GITHUB_API_URL"),
    ],
)
async def test_without_a_way_to_ask_it_is_unknown(fake: Fake, changes: dict[str, str], missing: str) -> None:
    """Nothing is sent then, above all no token over a line that is not encrypted."""
    (found,) = await github.ask(COMMIT, ["test"], fake.variables | changes)
    assert found.state == "unknown"
    assert missing in found.detail
    assert "GITHUB_TOKEN" in found.remedy[0]
    assert fake.requests == []


async def test_without_required_checks_nobody_is_asked(fake: Fake) -> None:
    """Neither the network nor the library is touched."""
    assert await github.ask(COMMIT, [], fake.variables) == ()
    assert fake.requests == []
