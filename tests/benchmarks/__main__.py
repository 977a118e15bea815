"""`python -m tests.benchmarks`: measure what is not measured yet, then write the page. See CONTRIBUTING.md."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

ROOT = Path(__file__).parents[2]
"""Of the repository."""


def arguments() -> argparse.Namespace:
    """What was typed."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="the sample over loopback, few cases: about five minutes")
    parser.add_argument("--again", action="store_true", help="measure also what is there already")
    for name in ("app", "link", "contender", "case"):
        parser.add_argument(f"--{name}", action="append", help=f"only this {name} (may be repeated)")
    parser.add_argument("--no-growth", action="store_true", help="leave out how it grows")
    parser.add_argument("--page", action="store_true", help="measure nothing, only write the page")
    parser.add_argument("--results", type=Path, default=ROOT / ".cache/bench.json")
    return parser.parse_args()


def main() -> None:
    """Measure and write."""
    told = arguments()
    os.environ.setdefault("TURNOUT_TEST_CACHE", str(ROOT / ".cache/bench-downloads"))
    from tests.benchmarks import chain, plan
    from tests.benchmarks.results import Results

    results = Results(told.results)
    for part in plan.parts(told):
        chain.run(*part, results, told.again)


if __name__ == "__main__":
    main()
