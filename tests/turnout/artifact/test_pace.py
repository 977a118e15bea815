"""The level of an upload follows the link, and a stream of several levels is one upload for the host."""

from __future__ import annotations

import itertools
import random
from pathlib import Path

import pytest

from tests.sending import kept
from tests.turnout_host.goods import lacking
from turnout.artifact.pace import BUFFERS, LEVELS, SECTION, SMALL, SMALLEST, Pace
from turnout.artifact.stream import stream
from turnout_host.layout import Layout
from turnout_host.store import Store


class Clock:
    """A clock that is set."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def levels(*sections: tuple[float, float], total: int = 100 << 20) -> list[int]:
    """The level after each section, of which the seconds of work and of waiting are given."""
    clock = Clock()
    made, found = Pace(total, clock), []
    for working, waiting in sections:
        clock.now += working
        made.made(SECTION)
        clock.now += waiting
        made.taken()
        found.append(made.level)
    return found


SLOW, FAST, EVEN = (1.0, 9.0), (1.0, 0.0), (1.0, 2.5)
"""Links: waited for most of the time; never; for less than the next level takes longer."""


@pytest.mark.parametrize(
    "sections, expected",
    [
        pytest.param([FAST] * 6, [9, 5, 5, 1, 1, 1], id="fast"),
        pytest.param([SLOW] * 4, [9] * 4, id="slow"),
        pytest.param([EVEN] * 4, [9] * 4, id="even"),
        pytest.param([FAST, *[SLOW] * 2], [9] * 3, id="buffers took the first"),
        pytest.param([FAST] * 4 + [SLOW] * 5, [9, 5, 5, 1, 1, 5, 5, 9, 9], id="it slows down"),
        pytest.param([FAST] * 2 + [EVEN] * 4, [9, 5, 5, 5, 5, 5], id="not worth a change"),
        pytest.param([FAST] * 3 + [EVEN] * 2, [9, 5, 5, 5, 5], id="buffers hide a new level"),
    ],
)
def test_the_level_follows_the_link(sections: list[tuple[float, float]], expected: list[int]) -> None:
    """High while the link is waited for, low while it waits for us, step by step; what buffers take tells nothing."""
    assert BUFFERS == 1
    assert LEVELS == (9, 5, 1)
    assert levels(*sections) == expected


def test_little_is_always_made_as_small_as_can_be() -> None:
    """A code change needs no measuring."""
    assert levels(FAST, FAST, SLOW, total=SMALL) == [SMALLEST] * 3
    assert levels(FAST, total=SMALL + 1) == [LEVELS[0]]


@pytest.mark.parametrize("compression", ["zstd", "zlib"])
def test_levels_that_change_on_the_way_are_one_upload(tmp_path: Path, compression: str) -> None:
    """Each level is a frame of its own, and the host takes all of them."""
    contents = {f"{name}": random.Random(name).randbytes(300_000) for name in range(8)}
    tree = kept(tmp_path / "tree", {str(name): data for name, data in contents.items()})
    there = Layout(str(tmp_path / "app"))
    there.prepare()
    changing = Pace(0)
    turns = itertools.cycle(LEVELS)
    changing.taken = lambda: setattr(changing, "level", next(turns))  # type: ignore[method-assign]
    chunks = list(stream([(tree.manifest, tree.folder)], tree.manifest.blobs, compression, pace=changing))
    frames = sum(chunk.count(b"\x28\xb5\x2f\xfd") for chunk in chunks)
    assert frames >= 3 or compression == "zlib"
    Store(there).receive(iter(chunks), compression)
    assert lacking(Store(there), tree.manifest.blobs) == []
