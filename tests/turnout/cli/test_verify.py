"""`turnout verify`: what people and programs see."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from turnout import inspect
from turnout.cli import main, verify
from turnout.model import Address

CHECKED = {"releases": 2, "layers": 1, "entries": 40, "processes": 2, "bytes": 61_000_000}
FINDING = {
    "what": "release",
    "where": "/srv/api/releases/v1",
    "why": "v1 is not as it was laid: changed: dist/a.js",
    "remedy": ["turnout deploy {env} --ref 3f2a1bc45d    lays it anew", "ssh {host} ls /srv/api"],
}
WELL = {"host": "deploy@a", "release": "v2", "findings": [], "checked": CHECKED, "lease": None}


def test_a_well_host_is_one_line() -> None:
    """With how much was looked at, since silence proves nothing."""
    ((style, line),) = verify.screen([WELL])
    assert style == "green"
    assert "all is well · 2 releases, 1 layer, 40 journal entries, 2 processes, 61 MB hashed" in line


def test_a_finding_says_where_why_and_what_to_type() -> None:
    """And who is at work, if somebody is."""
    lines = [line for _, line in verify.screen([{**WELL, "findings": [FINDING], "lease": {"by": "bob"}}])]
    assert lines[0].startswith("! deploy@a · 1 finding")
    text = "\n".join(lines)
    for part in (*FINDING["remedy"], str(FINDING["why"]), str(FINDING["where"]), "bob is at work there"):
        assert part in text


@pytest.mark.parametrize("findings, code", [([], 0), ([FINDING], 23)])
def test_the_exit_code_says_whether_there_is_a_finding(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    findings: list[Any],
    code: int,
) -> None:
    """On any host; remedies come as one types them here."""

    async def each(*_: Any) -> list[dict[str, Any]]:
        return [{**WELL, "findings": [dict(one) for one in findings]}]

    monkeypatch.setattr(inspect, "_each", each)
    monkeypatch.setattr(
        "turnout.config.reach", lambda *_: type("R", (), {"hosts": [Address("a", "deploy", 2222)]})
    )
    monkeypatch.chdir(tmp_path)
    (tmp_path / "turnout.toml").write_text(
        'app = "api"\n[environments.production]\npath = "/srv/api"\nhosts = ["deploy@a:2222"]\n'
    )
    assert main.run(["verify", "--json"]) == code
    (host,) = json.loads(capsys.readouterr().out)["hosts"]
    for one in host["findings"]:
        assert one["remedy"] == [
            "turnout deploy production --ref 3f2a1bc45d    lays it anew",
            "ssh -p 2222 deploy@a ls /srv/api",
        ]
