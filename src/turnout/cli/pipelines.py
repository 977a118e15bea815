"""What `turnout init --github`, `--gitlab` and `--git-hook` write: the files, and why they are as they are."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from turnout.cli import filling
from turnout.cli.out import Line, say
from turnout.errors import UsageError

if TYPE_CHECKING:
    from turnout.config import Config

WORKFLOW = Path(".github/workflows/deploy-backend.yml")
GITLAB = Path(".gitlab-ci.yml")
GITLAB_BESIDE = Path(".gitlab/deploy-backend.yml")
HOOK = Path("hooks/post-receive")


@dataclass
class Planned:
    """One file to write; `next` is what a person does afterwards."""

    file: Path
    text: str
    mode: int = 0o644
    notes: list[str] = field(default_factory=list)
    next: list[str] = field(default_factory=list)


def github(config: Config) -> Planned:
    """The workflow, where GitHub looks for it: at the top of the repository."""
    top = _top(config.file.parent)
    text = filling.github(config, _inside(config.file.parent, top))
    todo = [
        f"git add {config.file.name} {WORKFLOW} && git commit -m 'Deploy with Turnout' && git push",
        "gh secret set VPS_SSH_KEY < ~/.ssh/id_ed25519    and VPS_KNOWN_HOSTS, VPS_HOST, VPS_USER likewise",
    ]
    return Planned(top / WORKFLOW, text, notes=_notes(config), next=todo)


def gitlab(config: Config) -> Planned:
    """The pipeline; beside one that is there already, as a file for it to include."""
    top = _top(config.file.parent)
    text = filling.gitlab(config, _inside(config.file.parent, top))
    if (top / GITLAB).exists() and (top / GITLAB).read_text(errors="replace") != text:
        todo = [f"add to {GITLAB}:  include: [{{local: {GITLAB_BESIDE}}}]"]
        return Planned(top / GITLAB_BESIDE, text, notes=_notes(config), next=todo)
    todo = [f"git add {config.file.name} {GITLAB} && git commit -m 'Deploy with Turnout' && git push"]
    return Planned(top / GITLAB, text, notes=_notes(config), next=todo)


def git_hook(config: Config) -> Planned:
    """The hook of a bare repository, in whose folder turnout.toml lies."""
    folder = config.file.parent
    program = Path(sys.executable).with_name("turnout")
    todo = [f"on your machine: git remote add deploy USER@SERVER:{folder} && git push deploy HEAD"]
    return Planned(folder / HOOK, filling.hook(config, str(program)), 0o755, next=todo)


def bare_is_missing(folder: Path) -> UsageError:
    """A hook makes sense only where others push to."""
    return UsageError(
        "this is no bare repository",
        where=str(folder),
        why="a post-receive hook runs where people push to, and turnout.toml lies there too",
        remedy=[
            "on the server: git init --bare app.git",
            "from here: scp turnout.toml USER@SERVER:app.git/",
            "on the server: cd app.git && turnout init --git-hook",
        ],
    )


def write(planned: list[Planned], *, force: bool, asks: bool) -> list[Planned]:
    """Write what is not there yet, all or nothing; what is there is replaced only by `force` or a person's yes."""
    wanted = [one for one in planned if not _same(one)]
    for one in wanted:
        if one.file.exists() and not force and not (asks and _yes(one.file)):
            raise UsageError(
                f"{one.file.name} is there already, and it is another one",
                where=str(one.file),
                state="it was not changed",
                remedy="the same command with --force replaces it",
            )
    for one in wanted:
        _put(one)
    return wanted


def report(planned: list[Planned], written: list[Planned]) -> list[Line]:
    """What was written, what to know, what to do next."""
    lines: list[Line] = []
    for one in planned:
        state = "is written" if one in written else "is there already, just like this"
        lines.append(("bold", f"{os.path.relpath(one.file)} {state}"))
        lines += [("yellow", f"  note       {note}") for note in one.notes]
        lines += [("", f"  next       {todo}") for todo in one.next]
    return lines


@dataclass(frozen=True)
class Files:
    """Which of them a person asked `init` for, and how."""

    github: bool
    gitlab: bool
    git_hook: bool
    config: Path | None
    force: bool
    yes: bool
    as_json: bool
    quiet: bool

    @property
    def wanted(self) -> bool:
        """Whether any was."""
        return self.github or self.gitlab or self.git_hook

    def add(self, told: dict[str, Any]) -> None:
        """Plan, write and tell; with --json, together with what `init` had to tell before."""
        planned = self._planned() if self.wanted else []
        asks = sys.stdin.isatty() and sys.stderr.isatty() and not self.as_json
        written = write(planned, force=self.force or self.yes, asks=asks)
        if self.as_json:
            from turnout.cli import jsonlines

            files = [
                {"file": str(one.file), "written": one in written, "notes": one.notes} for one in planned
            ]
            jsonlines.write(told | ({"files": files} if planned else {}))
        elif planned and not self.quiet:
            say(report(planned, written))

    def _planned(self) -> list[Planned]:
        from turnout.config import load

        folder = Path.cwd()
        if self.git_hook and _git(folder, "rev-parse", "--is-bare-repository") != "true":
            raise bare_is_missing(folder)
        read = load(self.config, folder)
        makers = {github: self.github, gitlab: self.gitlab, git_hook: self.git_hook}
        return [make(read) for make, asked in makers.items() if asked]


def _notes(config: Config) -> list[str]:
    notes = [filling.STAND_IN_NOTE] if filling.requirement()[2] else []
    first: dict[str, str] = {}
    for environment in config.environments.values():
        for branch in environment.branches:
            if branch in first:
                notes.append(f"a push to {branch} deploys to {first[branch]}; to {environment.name} by hand")
            first.setdefault(branch, environment.name)
        if environment.requires:
            other = environment.requires
            notes.append(
                f"{environment.name} asks {other}: VPS_KNOWN_HOSTS needs a line of both, and VPS_SSH_KEY must open both"
            )
    return notes


def _top(folder: Path) -> Path:
    top = _git(folder, "rev-parse", "--show-toplevel")
    if not top:
        raise UsageError(
            "this is no git repository", where=str(folder), remedy="git init, or go to the app's repository"
        )
    return Path(top)


def _inside(folder: Path, top: Path) -> str:
    return os.path.relpath(folder.resolve(), top.resolve()).replace(os.sep, "/")


def _git(folder: Path, *words: str) -> str:
    from turnout.source.process import clean

    done = subprocess.run(
        ["git", *words],
        cwd=folder,
        env=clean(os.environ),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    return done.stdout.decode("utf-8", "replace").strip() if done.returncode == 0 else ""


def _same(one: Planned) -> bool:
    return one.file.is_file() and one.file.read_bytes() == one.text.encode()


def _yes(file: Path) -> bool:
    print(
        f"{os.path.relpath(file)} is there already, and it is another one. Replace it? [y/N] ",
        end="",
        file=sys.stderr,
        flush=True,
    )
    return sys.stdin.readline().strip().lower() in {"y", "yes"}


def _put(one: Planned) -> None:
    temporary = one.file.with_name(f".{one.file.name}.{os.getpid()}")
    try:
        one.file.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_text(one.text, encoding="utf-8")
        temporary.chmod(one.mode)
        temporary.replace(one.file)
    except OSError as error:
        raise UsageError(
            f"{one.file.name} cannot be written", where=str(one.file), why=error.strerror or str(error)
        ) from None
    finally:
        temporary.unlink(missing_ok=True)
