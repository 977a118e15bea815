"""The dotenv of several hosts, before it is changed as a whole."""

from __future__ import annotations

import pytest

from turnout.cli import options
from turnout.cli.env import act
from turnout.errors import UsageError
from turnout.model import Secret


def hosts(monkeypatch: pytest.MonkeyPatch, *texts: str) -> options.Shared:
    monkeypatch.setattr(act, "_all", lambda _: [(Secret(text), text) for text in texts])
    return options.Shared(None, None)


def test_what_is_alike_can_be_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the digest that the hosts compare again."""
    assert act.alike(hosts(monkeypatch, "A=1", "A=1")) == (Secret("A=1"), "A=1")


def test_what_differs_between_hosts_would_be_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    """The keys are named, never their values; else the hosts would say "was changed since you looked" for ever."""
    with pytest.raises(UsageError) as caught:
        act.alike(hosts(monkeypatch, "A=1\nNAME=hunter2\n", "A=1\nNAME=b\nMORE=x\n"))
    assert "MORE, NAME" in caught.value.message
    assert "hunter2" not in str(caught.value.__dict__)
