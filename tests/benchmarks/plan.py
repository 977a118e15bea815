"""What a run measures: which app goes over which link, by whom, and in which cases."""

from __future__ import annotations

import argparse
import sys
import traceback
from collections.abc import Iterable, Iterator

from tests.benchmarks import chain
from tests.benchmarks.apps import APPS
from tests.benchmarks.cases import CASES
from tests.benchmarks.contenders import CONTENDERS
from tests.benchmarks.link import LINKS
from tests.benchmarks.results import Results

SLOW = {"spec"}
"""Measured once: a minute or more each time, most of which is npm."""
QUICK = ("first", "nothing", "code", "rollback")
QUICK_RIVALS = ("first", "code")
LARGE_AFAR = ("first", "nothing", "code", "rollback", "dependency")
"""The large app over a slow link, by whomever: the other cases differ as they do for the sample."""
SPEC_AFAR = ("first", "code", "rollback")
"""The spec's script sends all of it in any case, so over a slow link not all are waited for."""
Part = tuple[str, str, str, list[str]]


def carry_out(told: argparse.Namespace, results: Results) -> int:
    """Measure each; one that fails is told, keeps what it has, and leaves the others alone. 1 when any failed."""
    failed = 0
    for app, link, name, cases in parts(told):
        try:
            # over a slow link the scripts' times are those of its bytes, mostly
            once = name in SLOW or (name != "turnout" and (told.quick or link != "loopback"))
            chain.run(app, link, name, cases, results, again=told.again, once=once)
        except Exception:
            failed = 1
            traceback.print_exc(file=sys.stdout)
    return failed


def parts(told: argparse.Namespace) -> Iterator[Part]:
    """App, link, contender and cases of each chain, the quickest answers first."""
    for app in _chosen(APPS, told.app, ("sample",) if told.quick else tuple(APPS)):
        for link in _chosen(LINKS, told.link, ("loopback",) if told.quick else tuple(LINKS)):
            for name in _chosen(CONTENDERS, told.contender, tuple(CONTENDERS)):
                usual = [case for case in CASES if _belongs(case, app, name, link, told.quick)]
                yield (
                    app,
                    link,
                    name,
                    [case for case in usual if case in (told.case or usual) or case == "first"],
                )


def _belongs(case: str, app: str, name: str, link: str, quick: bool) -> bool:
    if quick and case not in (QUICK if name == "turnout" else QUICK_RIVALS):
        return False
    afar = link != "loopback"
    if afar and ((app == "large" and case not in LARGE_AFAR) or (name == "spec" and case not in SPEC_AFAR)):
        return False
    return name == "turnout" or not CASES[case].rival


def _chosen(known: Iterable[str], told: list[str] | None, usual: tuple[str, ...]) -> list[str]:
    return [name for name in known if name in (told or usual)]
