"""One contender, one app, one link: the cases one after the other on one server."""

from __future__ import annotations

from collections.abc import Iterable

from tests.benchmarks.apps import APPS
from tests.benchmarks.cases import CASES, Case
from tests.benchmarks.census import Census
from tests.benchmarks.contenders import CONTENDERS, Contender
from tests.benchmarks.facts import zstd9
from tests.benchmarks.link import LINKS
from tests.benchmarks.measure import Measured, measured
from tests.benchmarks.results import Key, Results

SLOW = {"spec"}
"""Measured once: a minute or more each time, most of which is npm."""


def run(app: str, link: str, name: str, cases: Iterable[str], results: Results, again: bool) -> None:
    """Measure what `results` lacks; the cases before it are what it stands on, and are measured anew."""
    wanted = [case for case in CASES if case in cases]
    missing = [case for case in wanted if again or not results.runs(Key(app, link, name, case))]
    if not missing:
        print(f"{app} / {link} / {name}: all there", flush=True)
        return
    contender = CONTENDERS[name](APPS[app], LINKS[link])
    try:
        with Census() as census:
            for case in wanted[: wanted.index(missing[-1]) + 1]:
                key = Key(app, link, name, case)
                results.put(key, [one.to_json() for one in _case(contender, CASES[case], census, key)])
                if (case, name, link) == ("first", "turnout", "loopback"):
                    results.facts[f"zstd -9 of {app}"] = zstd9(contender.site)
                    results.save()
    finally:
        contender.close()


def _case(contender: Contender, case: Case, census: Census, key: Key) -> list[Measured]:
    found = []
    for _ in range(1 if contender.name in SLOW else case.times):
        case.change(contender)
        contender.prepare()
        # a script deploys anew what is there already, so there is a new release whatever changed
        new = case.new or contender.name != "turnout"
        where, served = case.place(contender), case.name != "first"
        found.append(measured(case.command(contender), where, census, new=new, served=served))
        _say(key, found[-1])
    return found


def _say(key: Key, one: Measured) -> None:
    first = f", first new answer after {one.first_new:.2f} s" if one.first_new else ""
    failed = f", {one.failed} of {one.requests} requests failed"
    print(f"{' / '.join(key)}: {one.wall:.2f} s{first}, {one.up:,} bytes sent{failed}", flush=True)
