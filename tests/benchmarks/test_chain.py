"""What a run measures, what it skips, and how it is taken up again."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import pytest

from tests.benchmarks import chain, plan
from tests.benchmarks.cases import CASES
from tests.benchmarks.link import LINKS
from tests.benchmarks.measure import Measured
from tests.benchmarks.results import Key, Results

FAR = list(LINKS)[-1]


def told(**what: Any) -> argparse.Namespace:
    """A command line."""
    nothing: dict[str, Any] = dict.fromkeys(("app", "link", "contender", "case"))
    return argparse.Namespace(**nothing | {"quick": False, "again": False} | what)


SCRIPTED = [case for case in CASES if not CASES[case].rival]
LARGE = ["first", "nothing", "code", "rollback", "dependency"]


@pytest.mark.parametrize(
    "app, contender, link, cases",
    [
        ("sample", "turnout", FAR, list(CASES)),
        ("sample", "spec", "loopback", SCRIPTED),
        ("sample", "rsync", FAR, SCRIPTED),
        ("sample", "spec", FAR, ["first", "code", "rollback"]),
        ("large", "turnout", FAR, LARGE),
        ("large", "pm2", FAR, LARGE),
    ],
)
def test_all_are_measured_in_each_case_where_it_tells_more(
    app: str, contender: str, link: str, cases: list[str]
) -> None:
    """No script knows a promotion or a bake, and the spec's sends all of it over a slow link whatever changed."""
    (part,) = plan.parts(told(app=[app], link=[link], contender=[contender]))
    assert part == (app, link, contender, cases)


def test_quick_is_the_sample_over_loopback() -> None:
    """Four cases of Turnout's, two of each rival."""
    parts = list(plan.parts(told(quick=True)))
    assert {part[:2] for part in parts} == {("sample", "loopback")}
    assert [len(cases) for _, _, _, cases in parts] == [4, 2, 2, 2]


def test_what_is_named_is_measured_and_what_it_stands_on() -> None:
    """Something must have been deployed before anything can be rolled back."""
    (part,) = plan.parts(told(app=["large"], link=[FAR], contender=["rsync"], case=["rollback"]))
    assert part[3] == ["first", "rollback"]


class Stub:
    """Stands for a contender; `ran` is what was measured, over all of them."""

    name = "turnout"
    ran: list[str] = []  # noqa: RUF012 - the test empties it

    def __init__(self, *_: object) -> None:
        self.closed = False

    def prepare(self) -> None:
        pass

    def place(self) -> None:
        pass

    def deploy(self) -> None:
        pass

    def close(self) -> None:
        Stub.ran.append("closed")


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A chain of three cases, the last of which fails at first."""
    Stub.ran = []
    cases = {
        name: chain.Case(name, name, lambda _, name=name: Stub.ran.append(name))  # type: ignore[misc]
        for name in ("first", "nothing", "code", "prisma")
    }
    monkeypatch.setattr(chain, "CASES", cases)
    monkeypatch.setattr(chain, "CONTENDERS", {"turnout": Stub})
    monkeypatch.setattr(chain, "zstd9", lambda _: 1)
    monkeypatch.setattr(chain, "measured", lambda *_, **__: Measured(wall=1.0))
    monkeypatch.setattr(Stub, "site", None, raising=False)
    return Stub.ran


def carry_out(results: Results, *, again: bool = False) -> None:
    chain.run("sample", FAR, "turnout", list(chain.CASES), results, again=again, once=False)


def test_a_chain_goes_on_with_what_is_missing(
    ran: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a server that is set up anew: what the missing case needs is measured once more, what it does not is not."""
    results = Results(tmp_path / "bench.json")
    works = chain.measured
    monkeypatch.setattr(chain, "measured", lambda *_, **__: works() if ran[-1] != "prisma" else 1 / 0)
    with pytest.raises(ZeroDivisionError):
        carry_out(results)
    assert ran == ["first", "nothing", "code", "prisma", "closed"]

    monkeypatch.setattr(chain, "measured", works)
    ran.clear()
    carry_out(Results(tmp_path / "bench.json"))
    assert ran == ["first", "code", "prisma", "closed"]


def test_what_is_there_is_not_measured_again_unless_told(ran: list[str], tmp_path: Path) -> None:
    """`--again` measures all of it."""
    results = Results(tmp_path / "bench.json")
    carry_out(results)
    assert results.figure(Key("sample", FAR, "turnout", "prisma"), "wall") == 1.0

    ran.clear()
    carry_out(results)
    assert ran == []
    carry_out(results, again=True)
    assert ran == ["first", "nothing", "code", "prisma", "closed"]
