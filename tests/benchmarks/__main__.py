"""`make bench`: measure what was not measured yet, then write docs/performance.md. `--quick` takes a few minutes."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
"""Of the repository."""


def arguments() -> argparse.Namespace:
    """What was typed."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument(
        "--quick", action="store_true", help="the sample over loopback, four cases; writes no page"
    )
    parser.add_argument("--again", action="store_true", help="measure also what is there already")
    for name in ("app", "link", "contender", "case"):
        parser.add_argument(f"--{name}", action="append", help=f"only this {name} (may be repeated)")
    parser.add_argument("--growth", choices=["all", "none", "files", "bytes", "hosts"], default="all")
    parser.add_argument("--page", action="store_true", help="measure nothing, only write the page")
    parser.add_argument("--to", type=Path, default=ROOT / "docs/performance.md", help="the page")
    parser.add_argument("--results", type=Path, help="where the figures are kept")
    return parser.parse_args()


def main() -> int:
    """Measure and write; 1 when a contender failed."""
    told = arguments()
    os.environ.setdefault("TURNOUT_TEST_CACHE", str(ROOT / ".cache/bench-downloads"))
    from tests.benchmarks import page
    from tests.benchmarks.results import Results

    results = Results(told.results or ROOT / f".cache/bench{'-quick' if told.quick else ''}.json")
    failed = 0 if told.page else _measure(told, results)
    if told.quick:
        print(page.page(results))
    else:
        page.write(results, told.to)
    return failed


def _measure(told: argparse.Namespace, results: object) -> int:
    from tests.benchmarks import check, facts, growth, plan, uploads
    from tests.benchmarks.link import LINKS
    from tests.benchmarks.results import Results

    assert isinstance(results, Results)
    results.machine = results.machine or facts.machine() | check.told()
    results.save()
    failed = plan.carry_out(told, results)
    if not told.quick and (not told.app or uploads.APP in told.app):
        uploads.run(results, told.link or LINKS, again=told.again)
    if not told.quick and told.growth != "none":
        growth.run(results, told.again, None if told.growth == "all" else told.growth)
    return failed


if __name__ == "__main__":
    sys.exit(main())
