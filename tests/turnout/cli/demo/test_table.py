"""The demo's last picture."""

from collections import Counter

from turnout.cli.demo.acts import ACTS, Played
from turnout.cli.demo.table import table
from turnout.cli.demo.traffic import Figures
from turnout.model import Outcome

PLAYED = [
    Played(
        ACTS[0],
        Outcome("succeeded", 0, "v1", None, 102.4, 95_844_000),
        {
            "build": ("done", 31.8),
            "upload": ("done", 13.0),
            "rehearse": ("done", 0.9),
            "verify": ("done", 3.1),
        },
    ),
    Played(
        ACTS[2],
        Outcome("failed", 50, "v3", "v2", 5.0, 6_000),
        {"build": ("reused", 0.0), "rehearse": ("failed", 1.04), "activate": ("skipped", 0.0)},
        traffic=Figures(2957, 1, Counter({"answered 500": 1}), Counter({"v2": 986})),
    ),
]


def test_a_column_an_act() -> None:
    """Figures end together; a step that did not run, and requests before there were any, are a dash."""
    assert [line for _, line in table(PLAYED)] == [
        "            first    crash",
        "  release      v1       v3",
        "  result     live  stopped",
        "  build      32 s    0.0 s",
        "  upload     13 s        -",
        "  migrate       -        -",
        "  rehearse  0.9 s    1.0 s",
        "  activate      -        -",
        "  verify    3.1 s        -",
        "  in all    102 s    5.0 s",
        "  sent      96 MB     6 kB",
        "  requests      -    2,958",
        "  failed        -        1",
    ]
