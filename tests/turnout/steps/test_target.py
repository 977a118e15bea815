"""The first steps of a rollback: when the earlier release is rehearsed."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from turnout.errors import SurveyRefused
from turnout.model import Address
from turnout.steps import target
from turnout.steps.work import Target


class Client:
    """A host on which every release is well after 0.4 s."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def call(self, name: str, **_: Any) -> dict[str, Any]:
        self.asked.append(name)
        return {"boot_seconds": 0.4}


def work(rehearse: bool = True) -> Any:
    return SimpleNamespace(
        config=SimpleNamespace(health=SimpleNamespace(rehearse=rehearse)),
        listen=lambda *_: None,
        settings={},
        notes=[],
    )


def host(dotenv: str, later: list[str]) -> Any:
    records = [
        {"release": "v1", "dotenv": {"base_digest": dotenv}},
        {"release": "v2", "dotenv": {"base_digest": "now"}},
    ]
    state = {"running": "v2", "releases": records}
    return Target(None, Client(), state=state, release="v1", later=later)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "dotenv,later,said",
    [
        ("now", [], ""),
        ("now", ["m2"], "migrations went in since"),
        ("then", [], "its dotenv is not that of v2"),
        ("then", ["m2"], "migrations went in since and its dotenv is not that of v2"),
    ],
)
async def test_it_is_rehearsed_where_its_surroundings_are_others(
    dotenv: str, later: list[str], said: str
) -> None:
    """Also for a migration that came with a release which failed afterwards: `later` has those, too."""
    found = host(dotenv, later)

    done = await target.rehearse(work(), found)

    assert found.client.asked == (["rehearse"] if said else [])
    assert done.detail.endswith(said or "nothing around it changed since")


async def test_one_that_is_not_rehearsed_is_said_to_be_so() -> None:
    """`rehearse = false` is shown in every result (DESIGN 7), not told as if nothing had changed."""
    asked = work(rehearse=False)

    done = await target.rehearse(asked, host("then", []))

    assert done.status == "skipped"
    assert "rehearse = false" in done.detail
    assert asked.notes == ["not rehearsed: `rehearse = false`"]


def group(*hosts: tuple[str, dict[str, str]], named: str | None = None) -> Any:
    """Hosts by what runs and the artifact of each blessed release."""
    made = work()
    made.rollback, made.environment = SimpleNamespace(release=named), SimpleNamespace(name="production")
    made.config.release = SimpleNamespace(shared=())
    made.targets = [
        Target(
            Address(f"h{number}", "ann"),
            Client(),  # type: ignore[arg-type]
            state={
                "running": running,
                "releases": [
                    {"release": name, "artifact": digest, "state": "blessed", "revision": digest * 20}
                    for name, digest in artifacts.items()
                ],
            },
        )
        for number, (running, artifacts) in enumerate(hosts)
    ]
    return made


@pytest.mark.parametrize(
    "one,other,named,agree",
    [
        ({"v2": "b", "v1": "a"}, {"v2": "b", "v1": "a"}, None, True),
        (
            {"v5": "b", "v3": "a"},
            {"v2": "b", "v1": "a"},
            None,
            True,
        ),  # a host that came later counts on its own
        ({"v3": "c", "v2": "b", "v1": "a"}, {"v3": "c", "v1": "a"}, None, False),
        ({"v3": "c", "v2": "b", "v1": "a"}, {"v4": "c", "v2": "a"}, "v2", False),
    ],
)
async def test_all_hosts_go_back_to_the_same_code_or_none_does(
    one: dict[str, str], other: dict[str, str], named: str | None, agree: bool
) -> None:
    """Users would else meet two different releases, host by host; nothing was asked for yet."""
    made = group((next(iter(one)), one), (next(iter(other)), other), named=named)

    if agree:
        target._must_agree(made)
        return
    with pytest.raises(SurveyRefused, match="not go back to the same code") as caught:
        target._must_agree(made)
    assert caught.value.why == ["ann@h0: v2, bbbbbbbbbb", f"ann@h1: {next(reversed(other))}, aaaaaaaaaa"]
