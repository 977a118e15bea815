"""Where in a TOML text a key stands, so that a message can say `turnout.toml:LINE:COLUMN`.

tomllib gives values without places. This scanner walks a text that tomllib has accepted, so it need not judge.
"""

from __future__ import annotations

import os
import pathlib
import re
import tomllib
from typing import NamedTuple

Path = tuple[str | int, ...]


class Place(NamedTuple):
    """Line and column, both counted from 1."""

    line: int
    column: int


_STRING = re.compile(r'"""(?:\\.|[^\\])*?"{3,5}|\'\'\'.*?\'{3,5}|"(?:\\.|[^"\\\n])*"|\'[^\'\n]*\'', re.DOTALL)
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_SCALAR = re.compile(r"[^,\]}\s#]+(?: [0-9][^,\]}\s#]*)?")
_SPACE = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_BLANK = re.compile(r"[ \t]*")


class _Scanner:
    """One pass over the text; `places` fills up with the first place of every key and item."""

    def __init__(self, text: str) -> None:
        self.text, self.at = text, 0
        self.places: dict[Path, Place] = {}
        self.counts: dict[Path, int] = {}

    def run(self) -> None:
        table: Path = ()
        while self.skip(_SPACE) < len(self.text):
            if self.text[self.at] == "[":
                table = self.header()
            else:
                self.pair(table)

    def skip(self, pattern: re.Pattern[str]) -> int:
        match = pattern.match(self.text, self.at)
        self.at = match.end() if match else self.at
        return self.at

    def mark(self, path: Path, at: int) -> None:
        line = self.text.count("\n", 0, at) + 1
        self.places.setdefault(path, Place(line, at - self.text.rfind("\n", 0, at)))

    def header(self) -> Path:
        start, many = self.at, self.text.startswith("[[", self.at)
        self.at += 2 if many else 1
        path = self.key(())
        if many:
            count = self.counts[path] = self.counts.get(path, -1) + 1
            path = (*path, count)
        self.places.pop(path, None)
        self.mark(path, start)
        self.skip(_BLANK)
        self.at += 2 if many else 1
        return path

    def key(self, base: Path) -> Path:
        """A dotted key below `base`; tables in arrays get the index of their newest item."""
        path = base
        while True:
            start = self.skip(_BLANK)
            quoted = _STRING.match(self.text, start)
            match = quoted or _BARE_KEY.match(self.text, start)
            assert match, "tomllib accepted this text"
            self.at = match.end()
            part = _unquoted(match[0]) if quoted else match[0]
            path = (*path, part)
            self.mark(path, start)
            if self.text[self.skip(_BLANK)] != ".":
                return path
            self.at += 1
            path = (*path, self.counts[path]) if path in self.counts else path

    def pair(self, base: Path) -> None:
        path = self.key(base)
        self.at += 1
        self.skip(_BLANK)
        self.value(path)

    def value(self, path: Path) -> None:
        opening = self.text[self.at]
        if opening in "[{":
            self.at += 1
            self.items(path, "]" if opening == "[" else "}")
        elif not (_STRING.match(self.text, self.at) and self.skip(_STRING)):
            self.skip(_SCALAR)

    def items(self, path: Path, closing: str) -> None:
        index = 0
        while self.text[self.skip(_SPACE)] != closing:
            if closing == "]":
                self.mark((*path, index), self.at)
                self.value((*path, index))
            else:
                self.pair(path)
            if self.text[self.skip(_SPACE)] == ",":
                self.at += 1
            index += 1
        self.at += 1


def _unquoted(text: str) -> str:
    return str(next(iter(tomllib.loads(f"{text} = 0"))))


def places(text: str) -> dict[Path, Place]:
    """The place of every key and every array item in a text that tomllib accepts."""
    scanner = _Scanner(text.replace("\r\n", "\n"))
    scanner.run()
    return scanner.places


def place(text: str, path: Path) -> Place:
    """The place of `path`, or of the nearest table above it; the first line when there is none."""
    found = places(text)
    for length in range(len(path), 0, -1):
        if path[:length] in found:
            return found[path[:length]]
    return Place(1, 1)


def shown(file: pathlib.Path, path: Path) -> str:
    """`turnout.toml:LINE:COLUMN` of a key as the file is now; only its name when it cannot be read any more."""
    name = os.path.relpath(file)
    try:
        text = file.read_text(encoding="utf-8-sig")
        tomllib.loads(text)
    except (OSError, ValueError):
        return name
    found = place(text, path)
    return f"{name}:{found.line}:{found.column}"
