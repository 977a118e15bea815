"""The page and its charts, from figures that were not measured."""

from __future__ import annotations

import itertools
import re
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from tests.benchmarks import chart, page
from tests.benchmarks.measure import Measured
from tests.benchmarks.results import Key, Results

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def results(tmp_path: Path) -> Results:
    """A change of code by Turnout and by the spec's script, and two fleets."""
    made = Results(tmp_path / "bench.json")
    made.machine = {"processor": "an abacus"}
    ours = Measured(
        wall=5.0, steps={"build": 2.0, "activate": 1.5}, first_new=4.0, up=18_000, down=12_000, requests=900
    )
    theirs = Measured(
        wall=60.0,
        steps={"upload": 20.0},
        first_new=48.0,
        up=70_000_000,
        down=90_000,
        requests=7000,
        failed=88,
    )
    made.put(Key("sample", "loopback", "turnout", "code"), [ours.to_json()])
    made.put(Key("sample", "loopback", "spec", "code"), [theirs.to_json()])
    one = {"code": ours.to_json()}
    made.growth = {"hosts": {"20": {"code": ours.to_json() | {"wall": 14.0}}, "1": one}}
    return made


def test_every_figure_of_a_rival_is_also_a_ratio(results: Results) -> None:
    """Wall time, and whatever else can be compared."""
    text = page.page(results)
    assert "| code change (four files) | 5.00 s | 60.0 s (12.0 x) |" in text
    assert (
        "| code change (four files) | the spec's script | 48.00 s (12.0 x) | - | 70 MB (3,889 x) | 90 kB (7.5 x) |"
        in text
    )
    assert "88 of 7,000" in text


def test_uploads_stand_beside_those_of_rsync(results: Results) -> None:
    """Each case over each link, seconds and bytes both ways; what was not measured for both is left out."""
    for name, wall, up in (("turnout", 2.0, 900), ("rsync", 5.0, 8_900)):
        results.put(Key("upload", "loopback", name, "code"), [{"wall": wall, "up": up, "down": 100}])
    results.put(Key("upload", "loopback", "turnout", "fresh"), [{"wall": 1.0, "up": 1, "down": 1}])
    text = page.page(results)
    assert "| four files of code | loopback | 2.00 s | 5.0 s (2.5 x) | 1 kB | 9 kB (9.0 x) |" in text
    assert "with new times" not in text


def test_the_page_says_steps_machine_and_growth(results: Results) -> None:
    """Fewest hosts first."""
    text = page.page(results)
    assert "| processor | an abacus |" in text
    assert "| activate | 1.50 s |" in text
    assert "| hosts | 1 | 20 |" in text
    assert "| 20 hosts beside one | ≤ 3.0 x | 2.8 x | yes |" in text


def test_tables_are_whole(results: Results) -> None:
    """Each row has as many cells as the head of its table."""
    for block in re.findall(r"(?:^\|.*\n)+", page.page(results), re.MULTILINE):
        assert len({row.count("|") for row in block.splitlines()}) == 1, block


def test_every_picture_of_the_page_is_drawn(results: Results) -> None:
    """And no other."""
    shown = re.findall(r"!\[[^]]*\]\(([^)]*)\)", page.page(results))
    assert sorted(shown) == sorted(page.charts(results))


def test_writing_keeps_what_people_wrote(results: Results, tmp_path: Path) -> None:
    """Above the mark; old charts go."""
    target = tmp_path / "performance.md"
    target.write_text(f"# By hand\n\n{page.MARK}\nold\n")
    (tmp_path / "performance").mkdir()
    (tmp_path / "performance/old.svg").touch()

    page.write(results, target)

    assert target.read_text().startswith(f"# By hand\n\n{page.MARK}\n## The machine")
    assert "\nold\n" not in target.read_text()
    names = sorted(file.name for file in (tmp_path / "performance").iterdir())
    assert names == ["grows-hosts.svg", "sample-loopback-bytes.svg", "sample-loopback-wall.svg"]


def test_a_second_page_has_charts_of_its_own(results: Results, tmp_path: Path) -> None:
    """In a folder named like it; those of the first page stay."""
    pages = [tmp_path / "performance.md", tmp_path / "other.md"]
    for target in pages:
        target.write_text(page.MARK)
    page.write(results, pages[0])
    before = sorted((tmp_path / "performance").iterdir())
    page.write(results, pages[1])
    assert sorted((tmp_path / "performance").iterdir()) == before
    shown = re.findall(r"!\[[^]]*\]\(([^)]*)\)", pages[1].read_text())
    assert sorted(shown) == sorted(f"other/{file.name}" for file in before)
    assert all((tmp_path / one).is_file() for one in shown)


def test_bars_are_as_long_as_their_values() -> None:
    """On one scale, beside their names, with what would be markup made harmless."""
    root = ET.fromstring(chart.bars("a < b", {"one": {"x&y": 10.0, "z": 5.0}}, "{:.0f} s".format))
    widths = [float(one.attrib["width"]) for one in list(root.iter(f"{SVG}rect"))[1:]]
    assert widths[0] == pytest.approx(2 * widths[1], abs=0.2)
    assert {"a < b", "x&y", "10 s"} <= {one.text for one in root.iter(f"{SVG}text")}


@pytest.mark.parametrize("value, expected", [(0, 0), (1000, 0.5), (1e6, 1.0), (0.5, 0)])
def test_a_logarithmic_bar_shows_six_powers_of_ten(value: float, expected: float) -> None:
    """What is less has no length."""
    assert chart.share(value, 1e6, log=True) == pytest.approx(expected)


def test_lines_rise_with_their_values() -> None:
    """Ten times as many and ten times as long: equal steps to the right and up."""
    drawn = chart.lines("growth", {"code": [(1, 1.0), (10, 10.0), (100, 100.0)]}, str, str)
    root = ET.fromstring(drawn)
    spots = [(float(one.attrib["cx"]), float(one.attrib["cy"])) for one in root.iter(f"{SVG}circle")]
    right, up = ([b[axis] - a[axis] for a, b in itertools.pairwise(spots)] for axis in (0, 1))
    assert right[0] == pytest.approx(right[1], abs=0.2)
    assert up[0] == pytest.approx(up[1], abs=0.2)
    assert up[0] < 0
