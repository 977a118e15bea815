"""The page of a report: one file, nothing from elsewhere, and foreign text is only text."""

import re
from html.parser import HTMLParser
from typing import Any

import pytest

from tests.turnout.report.test_figures import back, row
from turnout.cli.report import screen
from turnout.report import charts, figures
from turnout.report.page import render
from turnout.report.report import Report, used

EVIL = "<script>alert(1)</script><img src=x onerror=y> & \x1b[31m"
USED = used(
    {
        "processes": [{"cpu": 3.0, "memory": 100e6}, {"cpu": 1.0, "memory": 50e6}],
        "disk": {
            "releases": 225280,
            "store": 1e6,
            "layers": 356e6,
            "logs": 4096,
            "free": 7e10,
            "total": 2.7e11,
        },
    }
)


def report(*rows: dict[str, Any], committed: dict[str, float] | None = None) -> Report:
    full = [
        {"by": "ann@laptop", "subject": f"Commit {n}", "reason": None, **one} for n, one in enumerate(rows)
    ]
    return Report("api", "production", 10 * 3600.0, full, {"deploy@a": USED}, committed or {})


MANY = report(row(1), row(2, "failed", reason="tsc failed"), row(3, bytes_sent=95e6), back(4, "v1", "v3"))


class Tags(HTMLParser):
    """Every tag, with its attributes; and whether all were closed in order."""

    VOID = ("meta", "br", "img", "line", "circle")

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, (tag, self.open)


def parsed(page: str) -> Tags:
    tags = Tags()
    tags.feed(page)
    assert tags.open == []
    return tags


def test_nothing_is_loaded_and_nothing_is_run() -> None:
    """No script, no link, no picture, no address; a policy in the page says so, too."""
    page = render(MANY)

    tags = parsed(page)
    assert {tag for tag, _ in tags.seen} & {"script", "link", "img", "iframe", "object", "a"} == set()
    assert not [
        name
        for _, attributes in tags.seen
        for name in attributes
        if name.startswith("on") or name in {"src", "href"}
    ]
    assert "url(" not in page
    assert "http://" not in page
    assert "https://" not in page
    assert "default-src 'none'" in page


def test_foreign_text_is_only_text() -> None:
    """A subject, a name, a reason and an app's name with markup in them."""
    rows = (
        row(1, subject=EVIL, by=EVIL),
        row(2, "failed", reason=EVIL, release=EVIL),
        row(3, release="v<b>"),
    )
    made = report(*rows)
    page = render(Report(EVIL, EVIL, made.made, made.rows, {EVIL: USED}, {}))

    assert "<script>" not in page
    assert "<img" not in page
    assert "\x1b" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    parsed(page)


@pytest.mark.parametrize(
    "made",
    [
        report(),
        report(row(1)),
        report(row(1, "failed", steps=None, seconds=None, bytes_sent=None, release=None)),
        report(row(1, None, finished=None, seconds=None, steps=None, bytes_sent=None)),
        report(row(1, steps={}, bytes_sent=0, seconds=0.0)),
        report(*(row(number) for number in range(1, 200))),
        MANY,
    ],
)
def test_every_history_has_a_page_a_screen_and_an_object(made: Report) -> None:
    """None yet, one, a failed one without figures, one under way, hundreds."""
    parsed(render(made))
    assert list(screen(made, verbose=True))
    assert made.as_json()["app"] == "api"


def test_the_numbers_are_readable_without_the_charts() -> None:
    """What a chart shows stands in the page as text."""
    text = re.sub(r"<svg.*?</svg>", "", render(MANY), flags=re.DOTALL)

    assert "95 MB" in text
    assert "10 s" in text
    assert "tsc failed" in text
    assert "356 MB" in text


def test_columns_fill_the_chart_in_proportion() -> None:
    """The phases of a column stand on each other, within the chart."""
    boxes, top = charts.columns(figures.arrivals(MANY.rows))

    assert top == 20
    assert [round(box.height, 2) for box in boxes[:2]] == [75.0, 37.5]
    assert boxes[0].y + boxes[0].height == charts.HEIGHT
    assert boxes[1].y + boxes[1].height == pytest.approx(boxes[0].y)
    assert all(box.x >= 0 and box.x + box.width <= charts.WIDTH for box in boxes)


@pytest.mark.parametrize(
    "value, top", [(0.0, 1.0), (0.7, 1.0), (1.0, 1.0), (3, 5.0), (51, 100.0), (200, 200.0)]
)
def test_scales_end_at_round_numbers(value: float, top: float) -> None:
    """1, 2 or 5 times a power of ten."""
    assert charts._nice(value) == pytest.approx(top)


def test_the_screen_names_what_is_over_its_budget() -> None:
    """A phase whose median is beyond the budget is marked."""
    made = report(row(1, steps={"build": 200.0, "verify": 3.0}))
    lines = [line for _, line in screen(made, verbose=False)]

    phases = {words[0]: words[-1] for words in map(str.split, lines) if words[-1] in {"over", "within"}}
    assert phases == {"build": "over", "health": "within", "all": "within"}
