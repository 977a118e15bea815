"""Writes docs/performance.md below its mark, and its charts, from what was measured. Pure but for `write`.

`charts_in` is the folder of the charts, beside the page and named like it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.benchmarks import chart, uploads
from tests.benchmarks.cases import CASES
from tests.benchmarks.results import Key, Results
from tests.benchmarks.targets import said, targets
from turnout import text

MARK = "<!-- what follows is written by `make bench` -->\n"
NAMES = {"turnout": "Turnout", "spec": "the spec's script", "rsync": "rsync script", "pm2": "`pm2 deploy`"}
APPS = {"sample": "The sample", "large": "A large app: 18,000 files, 270 MB of node_modules"}
STEPS = ("first", "code", "dependency", "prisma", "migration", "rollback", "promote")
GROWTH = {"files": "files of 1 kB", "bytes": "in ten files", "hosts": "hosts"}
UPLOAD_TEXT = """\
The tree of the large app with its production dependencies, to a host that has an older version of it, and no deployment
around it. Turnout's time is that of a process that connects while it hashes the tree, asks, sends and has it laid out;
rsync's that of `rsync -az --link-dest`. Bytes are those both ways."""
UPLOADS = {
    "first": "first",
    "code": "four files of code",
    "dependency": "one dependency",
    "prisma": "Prisma patch release",
    "fresh": "four files of code, all with new times",
}
DASH = "-"


def page(found: Results, charts_in: str = "performance") -> str:
    """The generated part."""
    parts = [*_machine(found)]
    for app, title in APPS.items():
        links = list(dict.fromkeys(key.link for key in found.measured() if key.app == app))
        if links:
            parts += [f"## {title}", "", *_targets(found, app)]
        for link in links:
            parts += [
                f"### {title.partition(':')[0]}, {link}",
                "",
                *_against(found, app, link, charts_in),
                *_figures(found, app, link),
            ]
        if links:
            parts += [*_steps(found, app, links[0])]
    return "\n".join([*parts, *_uploads(found), *_growth(found, charts_in)])


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """A table of Markdown, and a blank line; nothing where there are no rows."""
    found = list(rows)
    lines = [head, ["---"] * len(head), *found] if found else []
    return [*(f"| {' | '.join(row)} |" for row in lines), *([""] if found else [])]


def _machine(found: Results) -> list[str]:
    if not found.machine:
        return []
    return ["## The machine", "", *table(["what", "here"], [list(pair) for pair in found.machine.items()])]


def _targets(found: Results, app: str) -> list[str]:
    rows = []
    for one in targets(found, app):
        met = {True: "yes", False: "**no**", None: "not measured"}[one.met]
        rows.append(
            [
                one.what,
                f"{'≤' if one.most else '≥'} {said(one.limit, one.unit)}",
                said(one.measured, one.unit),
                met,
            ]
        )
    return table(["aim", "wanted", "measured", "met"], rows)


def _against(found: Results, app: str, link: str, charts_in: str) -> list[str]:
    """Wall time of each case: Turnout's, and how many times more each rival takes."""
    rivals = [
        name
        for name in NAMES
        if name != "turnout" and any(key[:3] == (app, link, name) for key in found.measured())
    ]
    rows = []
    for case in CASES.values():
        ours = Key(app, link, "turnout", case.name)
        if not found.runs(ours):
            continue
        theirs = [Key(app, link, name, case.rival or case.name) for name in rivals]
        rows.append(
            [case.title, _seconds(found, ours, "wall"), *(_rival(found, ours, key) for key in theirs)]
        )
    wall, size = (_file(charts_in, app, link, what) for what in ("wall", "bytes"))
    picture = [f"![wall times]({wall}) ![bytes]({size})", ""]
    return [*table(["wall time", "Turnout", *(NAMES[name] for name in rivals)], rows), *picture]


def _rival(found: Results, ours: Key, theirs: Key) -> str:
    wall, ratio = found.figure(theirs, "wall"), found.ratio(ours, theirs)
    return DASH if wall is None or ratio is None else f"{wall:.1f} s ({said(ratio, 'x')})"


FIGURES = {
    "first new answer": ("first_new", "s"),
    "last old answer": ("last_old", "s"),
    "sent": ("up", "B"),
    "received": ("down", "B"),
    "turns": ("turns", ""),
    "processes here": ("processes_here", ""),
    "processes there": ("processes_there", ""),
    "processor here": ("cpu_all", "s"),
    "memory here": ("memory_all", "B"),
}
OWN = {
    "processor of `turnout`": ("cpu_own", "s"),
    "processor of the host program": ("cpu_there", "s"),
    "memory of `turnout`": ("memory_own", "B"),
    "memory of the host program": ("memory_there", "B"),
}
"""Turnout's two programs without what they start."""


def _figures(found: Results, app: str, link: str) -> list[str]:
    """Everything else, for everybody; and what only Turnout has."""
    keys = [Key(app, link, name, case) for case in CASES for name in NAMES]
    ours = [Key(app, link, "turnout", case) for case in CASES]
    own = [
        [CASES[key.case].title, *(said(found.figure(key, name), unit) for name, unit in OWN.values())]
        for key in ours
        if found.runs(key)
    ]
    return [
        *table(
            ["deployment", "by", *FIGURES, "failed requests"],
            [_figures_of(found, key) for key in keys if found.runs(key)],
        ),
        *table(["deployment", *OWN], own),
    ]


def _figures_of(found: Results, key: Key) -> list[str]:
    """A row; a rival's figures also as how many times Turnout's they are."""
    ours = key._replace(contender="turnout")

    def of(name: str, unit: str) -> str:
        ratio = found.ratio(ours, key, name) if key != ours else None
        return said(found.figure(key, name), unit) + (f" ({said(ratio, 'x')})" if ratio else "")

    failed, requests = (sum(run[name] for run in found.runs(key)) for name in ("failed", "requests"))
    told = f"{failed} of {requests:,}" if requests else DASH
    return [CASES[key.case].title, NAMES[key.contender], *(of(*what) for what in FIGURES.values()), told]


def _steps(found: Results, app: str, link: str) -> list[str]:
    """Turnout's steps in each case, and the scripts' in a change of code."""
    cases = [case for case in STEPS if found.runs(Key(app, link, "turnout", case))]
    columns = {CASES[case].title: found.steps(Key(app, link, "turnout", case)) for case in cases}
    names = list(dict.fromkeys(name for steps in columns.values() for name in steps))
    rows = [[name, *(said(steps.get(name), "s") for steps in columns.values())] for name in names]
    scripts = {NAMES[name]: found.steps(Key(app, link, name, "code")) for name in NAMES if name != "turnout"}
    told = [
        [name, ", ".join(f"{step} {took:.1f} s" for step, took in steps.items())]
        for name, steps in scripts.items()
        if steps
    ]
    if not rows:
        return []
    return [
        f"Time per step over {link}; steps that do not need one another run at the same time.",
        "",
        *table(["step", *columns], rows),
        *(table(["a code change by", "its steps"], told) if told else []),
    ]


def _uploads(found: Results) -> Iterator[str]:
    links = list(dict.fromkeys(key.link for key in found.measured() if key.app == uploads.APP))
    if not links:
        return
    yield from ("## An upload by itself", "")
    yield from (UPLOAD_TEXT, "")
    rows = [
        [UPLOADS[case], link, *_beside(found, link, case)]
        for case in uploads.CASES
        for link in links
        if found.runs(Key(uploads.APP, link, "rsync", case))
    ]
    yield from table(["upload", "link", "Turnout", "rsync", "Turnout", "rsync"], rows)


def _beside(found: Results, link: str, case: str) -> Iterator[str]:
    ours, theirs = (Key(uploads.APP, link, name, case) for name in ("turnout", "rsync"))
    yield _seconds(found, ours, "wall")
    yield _rival(found, ours, theirs)
    mine, rival = (_both(found, key) for key in (ours, theirs))
    yield text.size(mine)
    yield f"{text.size(rival)} ({said(rival / mine, 'x')})"


def _both(found: Results, key: Key) -> float:
    return sum(found.figure(key, name) or 0.0 for name in ("up", "down"))


def _growth(found: Results, charts_in: str) -> Iterator[str]:
    if not found.growth:
        return
    yield from ("## How it grows", "")
    for what, known in found.growth.items():
        amounts = sorted(known, key=int)
        said_amounts = [text.size(int(one)) if what == "bytes" else f"{int(one):,}" for one in amounts]
        cases = [
            case for case in ("first", "code", "dependency") if any(case in known[one] for one in amounts)
        ]
        rows = [
            [CASES[case].title, *(said(known[one].get(case, {}).get("wall"), "s") for one in amounts)]
            for case in cases
        ]
        yield from table([GROWTH[what], *said_amounts], rows)
        yield from (f"![{what}]({charts_in}/grows-{what}.svg)", "")


def _seconds(found: Results, key: Key, name: str) -> str:
    return said(found.figure(key, name), "s")


def _file(charts_in: str, app: str, link: str, what: str) -> str:
    plain = "".join(letter if letter.isalnum() else "-" for letter in link.replace(",", "")).replace(
        "--", "-"
    )
    return f"{charts_in}/{app}-{plain.lower()}-{what}.svg"


def charts(found: Results, charts_in: str = "performance") -> dict[str, str]:
    """Each chart by its name beside the page."""
    drawn = {}
    for app, link in dict.fromkeys((key.app, key.link) for key in found.measured() if key.app in APPS):
        for what, names, says in (("wall", ("wall",), _s), ("bytes", ("up", "down"), text.size)):
            groups = dict(_bars(found, app, link, names))
            unit = "seconds" if what == "wall" else "bytes both ways"
            title = f"{APPS.get(app, app).partition(':')[0]}, {link}: {unit}"
            drawn[_file(charts_in, app, link, what)] = chart.bars(title, groups, says, log=what == "bytes")
    for what, known in found.growth.items():
        drawn[f"{charts_in}/grows-{what}.svg"] = _line(what, known)
    return drawn


def _bars(
    found: Results, app: str, link: str, names: Sequence[str]
) -> Iterator[tuple[str, dict[str, float]]]:
    for case in CASES.values():
        keys = {NAMES[name].strip("`"): Key(app, link, name, case.name) for name in NAMES}
        known = {
            name: sum(found.figure(key, one) or 0.0 for one in names)
            for name, key in keys.items()
            if found.runs(key)
        }
        if known:
            yield case.title, known


def _line(what: str, known: Mapping[str, Any]) -> str:
    series = {
        CASES[case].title: [
            (float(one), known[one][case]["wall"]) for one in sorted(known, key=int) if case in known[one]
        ]
        for case in ("first", "code", "dependency")
    }
    across = text.size if what == "bytes" else lambda value: f"{value:,.0f}"
    return chart.lines(
        f"Seconds by {what}", {name: line for name, line in series.items() if line}, across, _s
    )


def _s(value: float) -> str:
    return f"{value:.1f} s" if value < 100 else f"{value:,.0f} s"


def write(found: Results, target: Path) -> None:
    """Replace what stands behind the mark, and all charts."""
    head = target.read_text().partition(MARK)[0]
    folder = target.with_suffix("")
    target.write_text(f"{head}{MARK}\n{page(found, folder.name)}")
    folder.mkdir(exist_ok=True)
    for old in folder.glob("*.svg"):
        old.unlink()
    for name, svg in charts(found, folder.name).items():
        (target.parent / name).write_text(svg)
