"""Lines of several hosts in one order."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from turnout.watch.merge import PATIENCE, Line, Merge


def line(host: str, key: float) -> Line:
    return Line(host, key, key, "out", f"{host}{key:g}")


def texts(merge: Merge, now: float = 0.0) -> list[str]:
    return [one.text for one in merge.ready(now)]


def test_an_older_line_of_another_host_comes_first() -> None:
    """A line waits until the other host has told all that is older."""
    merge = Merge(["a", "b"])
    merge.put("a", [line("a", 5)], 5, 0)
    assert texts(merge) == []
    merge.put("b", [line("b", 3)], 4, 0)
    assert texts(merge) == ["b3"]
    merge.put("b", [], 6, 0)
    assert texts(merge) == ["a5"]


def test_no_line_waits_for_ever() -> None:
    """A host that hangs, or whose clock is behind, holds the others up for a moment only."""
    merge = Merge(["a", "b"])
    merge.put("a", [line("a", 5)], 5, 0)
    assert texts(merge, PATIENCE / 2) == []
    assert texts(merge, PATIENCE) == ["a5"]


def test_a_host_that_ended_is_not_waited_for() -> None:
    """Nor is there anything to wait for with one host alone."""
    merge = Merge(["a", "b"])
    merge.put("a", [line("a", 5)], 5, 0)
    merge.forget("b")
    assert texts(merge) == ["a5"]
    alone = Merge(["a"])
    alone.put("a", [line("a", 5), line("a", 4)], 5, 0)
    assert texts(alone) == ["a5", "a4"], "the order of one host is its own"


KEYS = st.lists(st.integers(0, 20)).map(sorted)


@given(KEYS, KEYS, KEYS)
def test_all_lines_come_out_once_in_order(first: list[int], second: list[int], third: list[int]) -> None:
    """However they arrive, as long as nobody is late."""
    merge, found = Merge("abc"), []
    waiting = {"a": first, "b": second, "c": third}
    while any(waiting.values()):
        for host, keys in waiting.items():
            batch, waiting[host] = keys[:2], keys[2:]
            told = float(batch[-1]) if waiting[host] else float("inf")
            merge.put(host, [line(host, key) for key in batch], told if batch else float("inf"), 0)
        found += merge.ready(0)
    found += merge.ready(PATIENCE)
    assert [one.key for one in found] == sorted([*first, *second, *third])
