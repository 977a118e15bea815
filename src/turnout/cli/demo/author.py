"""The author of the demo: changes files of the sample and commits them, as a person would."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from turnout.errors import TurnoutError
from turnout.source.process import git

NAME, MAIL = "Turnout Demo", "demo@turnout.invalid"


@dataclass(frozen=True)
class Edit:
    """One replacement in one file of the app; `old` must be there exactly once."""

    file: str
    old: str
    new: str


@dataclass(frozen=True)
class Change:
    """A commit: its subject, and what it changes."""

    subject: str
    edits: tuple[Edit, ...]


class Author:
    """Works in one repository, and needs no git settings of the user's."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    async def begin(self, subject: str) -> None:
        """Make the repository and the first commit, with all that is in the folder."""
        await self._git("init", "--quiet", "--initial-branch=main", "--template=")
        # for commits from a second terminal; the user's own settings may sign, or be missing
        for key, value in (("user.name", NAME), ("user.email", MAIL), ("commit.gpgSign", "false")):
            await self._git("config", key, value)
        await self._git("add", "--all")
        await self._git("commit", "--quiet", "--message", subject)

    async def commit(self, change: Change) -> None:
        """Carry out the edits and commit them."""
        for edit in change.edits:
            file = self.folder / "backend" / edit.file
            file.write_text(replaced(file.read_text(), edit))
        await self._git("commit", "--quiet", "--all", "--message", change.subject)

    async def take_back(self) -> None:
        """Revert the last commit."""
        await self._git("revert", "--no-edit", "HEAD")

    async def last(self) -> str:
        """The last commit: its short hash and its subject."""
        return (await self._git("log", "-1", "--format=%h %s", "--abbrev=10")).strip()

    async def _git(self, *args: str) -> str:
        answer = await git(args, self.folder)
        if answer.status:
            raise TurnoutError(f"git {args[0]} failed", where=str(self.folder), why=answer.err.splitlines())
        return answer.out


def replaced(text: str, edit: Edit) -> str:
    """The text after an edit. Raises TurnoutError where the sample is not what the demo was written for."""
    if text.count(edit.old) != 1:
        raise TurnoutError("the sample is not the one that the demo knows", where=edit.file, why=edit.old)
    return text.replace(edit.old, edit.new)
