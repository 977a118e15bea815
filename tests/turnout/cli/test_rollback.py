"""What `turnout rollback` takes, and what it says beforehand."""

from __future__ import annotations

import io

import pytest

from turnout.cli.plain import Plain
from turnout.cli.rollback import why
from turnout.errors import UsageError
from turnout.events import Bus


@pytest.mark.parametrize(
    "force,reason", [(True, None), (True, "  "), (True, "a\nb"), (False, "\x1b[2J"), (True, "x" * 501)]
)
def test_a_reason_that_is_none_is_refused(force: bool, reason: str | None) -> None:
    """It goes into the journal and on other people's screens: one line, and not empty."""
    with pytest.raises(UsageError):
        why(force, reason)


@pytest.mark.parametrize("force,reason", [(False, None), (True, "the bank calls"), (False, "grüße")])
def test_a_reason_that_is_one(force: bool, reason: str | None) -> None:
    """It may also be given without need."""
    assert why(force, reason) == reason


def test_what_is_foretold_is_shown_at_once_and_made_harmless() -> None:
    """Before the switch, not with the notes at the end."""
    out = io.StringIO()
    bus = Bus("d")
    bus.listen(Plain(out).feed)
    bus.emit(
        "rollback.foretold",
        host="a@b",
        step="survey",
        release="v1",
        lines=["these stay in:", "  m\x1b[31m: x"],
    )

    assert out.getvalue().splitlines() == ["going back to v1 on a@b", "  these stay in:", "    m: x"]
