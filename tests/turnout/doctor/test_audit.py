"""What `npm audit` says, as a finding: real npm against a small registry on this machine."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from turnout.doctor import audit

HOLE = {
    "id": 1,
    "url": "https://example.com/GHSA-1",
    "title": "Prototype Pollution",
    "severity": "high",
    "vulnerable_versions": "<2.0.0",
    "cwe": [],
    "cvss": {"score": 0, "vectorString": None},
}
LOCK = {
    "name": "api",
    "lockfileVersion": 3,
    "packages": {
        "": {"name": "api", "dependencies": {"leaky": "1.0.0"}, "devDependencies": {"tool": "1.0.0"}},
        "node_modules/leaky": {"version": "1.0.0"},
        "node_modules/tool": {"version": "1.0.0", "dev": True},
    },
}


class Registry(BaseHTTPRequestHandler):
    """Tells of a hole in `leaky` and one in `tool`, which only developers use."""

    def do_POST(self) -> None:
        self._answer({"leaky": [HOLE], "tool": [HOLE]} if "bulk" in self.path else {})

    def do_GET(self) -> None:
        name = self.path.strip("/")
        versions = {number: {"name": name, "version": number} for number in ("1.0.0", "2.0.0")}
        self._answer({"name": name, "dist-tags": {"latest": "2.0.0"}, "versions": versions})

    def _answer(self, value: Any) -> None:
        body = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Registry)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    address = f"http://127.0.0.1:{server.server_address[1]}/"
    monkeypatch.setenv("npm_config_registry", address)
    monkeypatch.setenv("npm_config_cache", str(tmp_path / "npm"))
    try:
        yield address
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def app(folder: Path) -> Path:
    made = folder / "app"
    made.mkdir()
    (made / "package-lock.json").write_text(json.dumps(LOCK))
    package = {"name": "api", "dependencies": {"leaky": "1.0.0"}, "devDependencies": {"tool": "1.0.0"}}
    (made / "package.json").write_text(json.dumps(package))
    return made


async def test_a_hole_is_a_warning_with_its_address(registry: str, tmp_path: Path) -> None:
    """Only of what goes to production; never a refusal."""
    (found,) = await audit.look(app(tmp_path))

    assert (found.level, found.exit_code) == ("warning", 0)
    assert found.message == "known holes in the production dependencies: 1 high"
    assert found.why == ("leaky (high): Prototype Pollution, https://example.com/GHSA-1",)
    assert found.remedy[0].startswith("npm audit")


async def test_a_registry_that_does_not_answer_is_said(
    registry: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody listens there: a warning with npm's reason."""
    monkeypatch.setenv("npm_config_registry", "http://127.0.0.1:1/")

    (found,) = await audit.look(app(tmp_path))

    assert (found.level, found.exit_code) == ("warning", 0)
    assert "does not tell" in found.message
    assert "ECONNREFUSED" in found.why[0]


async def test_without_a_lock_file_nothing_is_asked(tmp_path: Path) -> None:
    """There is nothing to ask about."""
    assert await audit.look(tmp_path) == []


@pytest.mark.parametrize(
    "said, level, words",
    [
        ('{"vulnerabilities": {}, "metadata": {"vulnerabilities": {}}}', "ok", "no known holes"),
        ("", "warning", "does not tell"),
        ("no answer within 20 s", "warning", "does not tell"),
        ('{"message": "405 Method Not Allowed"}', "warning", "does not tell"),
        ("[]", "warning", "does not tell"),
    ],
)
def test_every_kind_of_answer(said: str, level: str, words: str) -> None:
    """Good news, and everything that is no answer."""
    found = audit.judge(said)
    assert (found.level, words in found.message) == (level, True)


def test_many_packages_are_counted_the_worst_first() -> None:
    """Five are named; what comes only through others names them."""
    found = {
        f"p{number}": {"name": f"p{number}", "severity": "low", "via": ["p9"], "fixAvailable": False}
        for number in range(6)
    }
    found["p9"] = {"name": "p9", "severity": "critical", "via": [HOLE, HOLE], "fixAvailable": False}
    counts = {"critical": 1, "high": 0, "low": 6, "total": 7}

    told = audit.judge(json.dumps({"vulnerabilities": found, "metadata": {"vulnerabilities": counts}}))

    assert told.message.endswith("1 critical, 6 low")
    assert told.why[0].startswith("p9 (critical): Prototype Pollution")
    assert "and 1 more" in told.why[0]
    assert told.why[1] == "p0 (low): through p9"
    assert told.why[-1] == "and 2 packages more"
