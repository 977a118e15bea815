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

BASIS = ("first", "code")
"""What the other cases need: something that serves, and releases to go back to."""


def run(
    app: str, link: str, name: str, cases: Iterable[str], results: Results, *, again: bool, once: bool
) -> None:
    """Measure what `results` lacks; for that a server is set up anew, so its BASIS is measured anew, too."""
    missing = [case for case in cases if again or not results.runs(Key(app, link, name, case))]
    wanted = [case for case in cases if case in {*missing, *BASIS}]
    if not missing:
        print(f"{app} / {link} / {name}: all there", flush=True)
        return
    contender = CONTENDERS[name](APPS[app], LINKS[link])
    try:
        with Census() as census:
            for case in wanted[: wanted.index(missing[-1]) + 1]:
                key, times = Key(app, link, name, case), 1 if once else CASES[case].times
                results.put(key, [one.to_json() for one in _case(contender, CASES[case], census, key, times)])
                if (case, name, link) == ("first", "turnout", "loopback"):
                    results.facts[f"zstd -9 of {app}"] = zstd9(contender.site)
                    results.save()
    finally:
        contender.close()


def _case(contender: Contender, case: Case, census: Census, key: Key, times: int) -> list[Measured]:
    found = []
    for _ in range(times):
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
