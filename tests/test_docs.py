"""The pages keep what they promise: links lead somewhere, commands exist, and the README names each of them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from turnout.cli.app import COMMANDS, GROUPS

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
LINK = re.compile(r"\]\(([^)\s]+)\)")
TYPED = re.compile(r"`turnout ([a-z]+)(?: ([a-z]+(?:-[a-z]+)*))?")


def anchors(page: Path) -> set[str]:
    """The names that headings can be linked by, as GitHub makes them."""
    heads = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    """To a file of the repository, and to a heading that it has."""
    for link in LINK.findall(page.read_text()):
        file, _, anchor = link.partition("#")
        if "://" in link:
            continue
        target = (page.parent / file).resolve() if file else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_exist(page: Path) -> None:
    """What a page says to type is in the table of commands."""
    for command, second in TYPED.findall(page.read_text()):
        if page.name != "CHANGELOG.md" and command in GROUPS and second:
            assert f"{command} {second}" in COMMANDS
        else:
            assert command in {*COMMANDS, *GROUPS}


def test_the_readme_names_every_command() -> None:
    """Each once, in one table."""
    text = (ROOT / "README.md").read_text()
    table = re.search(r"^\| type \| to \|\n(?:\|.*\n)+", text, re.MULTILINE)
    assert table
    rows = [row.split("|")[1] for row in table.group().splitlines()[2:]]
    assert len(set(rows)) == len(rows)
    for words in COMMANDS:
        first, *rest = words.split()
        assert [row for row in rows if all(re.search(rf"[` ]{one}[` ]", row) for one in (first, *rest))], (
            words
        )
