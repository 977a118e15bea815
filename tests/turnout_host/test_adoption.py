"""What is in the way of adopting a host, and what would happen; PM2 and its processes are in the integration test."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from turnout_host import adoption, facts
from turnout_host.adoption import Adoption
from turnout_host.layout import Layout
from turnout_host.state import State


@pytest.fixture
def layout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Layout:
    """A folder that the old workflow deployed; no PM2 runs."""
    monkeypatch.setattr(facts, "_env", {"PATH": os.environ["PATH"], "PM2_HOME": str(tmp_path / "pm2")})
    made = Layout(str(tmp_path / "app"))
    made.prepare()
    (made.current / "logs").mkdir(parents=True)
    (made.current / "package.json").write_text("{}")
    (made.current / ".env").write_text("PORT=3000\n")
    return made


def look(layout: Layout, state: State | None = None, **args: Any) -> dict[str, Any]:
    """One look, with the args of the call."""
    asked = {"known": ["package.json"], "include": ["dist"], "shared": ["logs"], "ignore": []}
    settings = {"processes": {"app": "api", "config": "ecosystem.config.js", "process_env": "production"}}
    return Adoption(layout, state or State(), {**asked, **settings, "health": {}, **args}, 1).look()


def whys(seen: dict[str, Any], what: str) -> list[str]:
    """The findings of one kind."""
    return [found["why"] for found in seen["findings"] if found["what"] == what]


def test_what_does_not_serve_cannot_be_proved(layout: Layout) -> None:
    """Without a process of the app: fatal, with the old way to start it and the way to begin anew."""
    (found,) = look(layout)["findings"]

    assert found["fatal"]
    assert "PM2 runs no api" in found["why"]
    assert any("pm2 start ecosystem.config.js --env production" in line for line in found["remedy"])
    assert any("mv " in line for line in found["remedy"])


@pytest.mark.parametrize(
    "current, shared, told",
    [
        ("PORT=1", None, []),
        (None, "PORT=1", []),
        ("PORT=1", 'PORT="1"\n', ["current/.env and shared/.env differ"]),
        ("PORT=1\n", "PORT=1", []),
        (None, None, ["there is no .env, neither in current/ nor in shared/"]),
    ],
)
def test_one_dotenv_is_needed_and_only_one(
    layout: Layout, current: str | None, shared: str | None, told: list[str]
) -> None:
    """Two that differ are for a person to choose from; a last newline makes no difference."""
    for file, text in ((layout.current / ".env", current), (layout.dotenv, shared)):
        file.unlink(missing_ok=True)
        if text is not None:
            file.write_text(text)

    assert whys(look(layout), "dotenv") == told


def test_shared_names_move_and_sqlite_takes_its_side_files_along(layout: Layout) -> None:
    """What lies beside the database goes first: whoever opens the moved file finds its journal there."""
    (layout.current / "prisma").mkdir()
    for name in ("dev.db", "dev.db-wal"):
        (layout.current / "prisma" / name).write_text("x")

    shared = ["logs", "prisma/dev.db", "uploads"]
    seen = look(layout, shared=shared)

    moves = Adoption(layout, State(), {"shared": shared}, 1).moves()
    assert [move.name for move in moves] == ["logs", "prisma/dev.db-wal", "prisma/dev.db"]
    assert seen["moves"] == ["logs", "prisma/dev.db"]
    assert (seen["reload"], whys(seen, "unexplained")) == ("prisma/dev.db moves", [])


def test_what_is_there_twice_is_not_merged(layout: Layout) -> None:
    """A shared folder that holds something, and a link whose meaning would change, are refused."""
    for folder in (layout.current / "uploads", layout.shared / "uploads"):
        folder.mkdir()
        (folder / "a").write_text("a")
    (layout.current / "cache").symlink_to("../cache")

    seen = look(layout, shared=["logs", "uploads", "cache"])

    assert whys(seen, "shared") == [
        "current/cache is a relative link",
        "current/uploads and shared/uploads are both there",
    ]


@pytest.mark.parametrize(
    "link, target, told",
    [
        (".env", "../env", "current/.env is a relative link that leads out of current/, which moves"),
        (".env", "/etc/hostname", None),
        ("node_modules/.bin/tool", "../tool/cli.js", None),
        (
            "node_modules/lib",
            "../../lib",
            "current/node_modules/lib is a relative link that leads out of current/",
        ),
        ("uploads/a", "../public/a", "current/uploads/a is a relative link that leads out of uploads/"),
        ("logs/gone", "../../gone", None),
    ],
)
def test_relative_links_that_would_lead_elsewhere_are_refused(
    layout: Layout, link: str, target: str, told: str | None
) -> None:
    """releases/v1 lies deeper than current/: the app that runs would lose its .env in the moment of the exchange."""
    for file in ("env", "lib/a", "current/node_modules/tool/cli.js", "current/public/a"):
        (layout.path / file).parent.mkdir(parents=True, exist_ok=True)
        (layout.path / file).write_text("PORT=3000\n")
    place = layout.current / link
    place.parent.mkdir(parents=True, exist_ok=True)
    place.unlink(missing_ok=True)
    place.symlink_to(target)

    found = whys(look(layout, shared=["logs", "uploads"], ignore=["public", "node_modules"]), "link")

    assert [why for why in found if not told or told not in why] == []
    assert bool(found) == bool(told)


def test_a_folder_that_cannot_be_read_is_named(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    """Uploads of another user: nobody could say what is in it, so it is not adopted."""

    def refuse(*_: Any) -> Any:
        raise PermissionError(13, "Permission denied", "/app/current/uploads")

    monkeypatch.setattr(adoption, "unexplained", refuse)

    assert whys(look(layout), "current") == ["/app/current/uploads cannot be read by this user"]


def test_unexplained_files_are_named_with_both_ways_out(layout: Layout) -> None:
    """The lines for turnout.toml are whole: what is shared already stays in."""
    (layout.current / "uploads").mkdir()
    (layout.current / "uploads/a.png").write_text("a")
    seen = look(layout)

    (found,) = [found for found in seen["findings"] if found["what"] == "unexplained"]
    assert 'shared = ["logs", "uploads"]' in found["remedy"][0]
    assert 'adopt_ignore = ["uploads"]' in found["remedy"][1]
    assert seen["unexplained"] == [{"path": "uploads/", "files": 1, "size": 1}]


def test_real_backups_are_counted_and_links_are_not(layout: Layout) -> None:
    """Links under backups/ are Turnout's own."""
    (layout.backups / "backup-20241023-120000").mkdir()
    (layout.backups / "backup-20241023-140000").symlink_to(layout.current)

    assert look(layout)["backups"] == ["backup-20241023-120000"]


def begun() -> State:
    """A journal in which an adoption was asked for."""
    state = State()
    entry = {"seq": 1, "ts": 1.0, "type": "adoption.asked", "release": "v1", "adopted": True, "reload": True}
    state.apply(entry)
    return state


def test_an_interrupted_adoption_is_known_at_every_moment(layout: Layout) -> None:
    """Before the exchange, between two renames, and after it; no longer when it is blessed."""
    state, first = begun(), layout.releases / "v1"
    assert look(layout, state)["interrupted"]
    assert adoption.needed(layout, state)

    layout.current.rename(first)
    assert adoption.needed(layout, state)
    assert look(layout, state)["release"] == "v1"

    layout.current.symlink_to(first)
    assert adoption.needed(layout, state)
    assert look(layout, state)["reload"] == "an adoption was interrupted"

    state.apply({"seq": 2, "ts": 2.0, "type": "release.blessed", "release": "v1"})
    assert not adoption.needed(layout, state)
    assert (state.serving, state.unfinished(), state.below(None)) == ("v1", [], "v1")


def test_a_host_of_ours_or_an_empty_one_needs_none(tmp_path: Path) -> None:
    """`current` missing, or our link: nothing to adopt."""
    layout = Layout(str(tmp_path))
    layout.prepare()
    assert not adoption.needed(layout, State())
    (layout.releases / "v1").mkdir()
    layout.current.symlink_to(layout.releases / "v1")
    assert not adoption.needed(layout, State())
