"""The plans beside deploy and rollback."""

from __future__ import annotations

from turnout import upkeep
from turnout.deploy import CHANGE, DEPLOY
from turnout.model import Change, Secret


def test_a_change_of_the_dotenv_is_proved_like_a_deployment() -> None:
    """From survey to notify the same steps in the same order, without those that build or send."""
    builds = {"gate", "checkout", "toolchain", "build", "package", "upload"}
    expected = [name for name in DEPLOY.names if name not in builds]
    assert CHANGE.names == expected


def test_a_restore_checks_and_keeps_before_it_overwrites() -> None:
    """In this order, each waiting for the one before."""
    assert upkeep.bring_back("name", True).names == ["check", "backup", "restore", "notify"]


def test_a_change_shows_no_value() -> None:
    """Not even in a traceback."""
    assert "hunter2" not in repr(Change({"KEY": Secret("hunter2")}, Secret("KEY=hunter2")))
