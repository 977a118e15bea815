"""The app's deploy.sh: what people and old habits type (`VPS_HOST=… ./backend/deploy.sh rollback`), handed to turnout."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

from turnout.cli.out import say
from turnout.errors import UsageError

NAME = "deploy.sh"
MARK = "# Written by `turnout init`"
TEXT = """\
#!/bin/sh
{mark}. It hands everything to turnout, which reads {config} {where}.
#   ./{path} [deploy|rollback|status|logs|health] [ENVIRONMENT] [OPTIONS]
# VPS_HOST, VPS_USER, VPS_PORT, VPS_SSH_KEY and VPS_KNOWN_HOSTS count; `turnout COMMAND --help` says the rest.
set -eu

command=deploy
if [ $# -gt 0 ]; then
    command=$1
    shift
fi

case $command in
deploy | rollback | status | logs | health) ;;
*)
    echo "usage: $0 [deploy|rollback|status|logs|health] [ENVIRONMENT] [OPTIONS]" >&2
    exit 2
    ;;
esac

if ! command -v turnout >/dev/null 2>&1; then
    echo "$0: turnout is not in PATH; it is installed with pip" >&2
    exit 127
fi

CDPATH='' cd -- "$(dirname -- "$0")/{up}"
exec turnout "$command"{option} "$@"
"""


def text(file: Path, source: str) -> str:
    """The script for a turnout.toml; `source` is the app's folder as the file names it."""
    up = "/".join(".." for part in Path(source).parts) or "."
    where = "here" if up == "." else "above this folder"
    option = "" if file.name == "turnout.toml" else f" -c {shlex.quote(file.name)}"
    path = (Path(source) / NAME).as_posix()
    return TEXT.format(mark=MARK, config=file.name, where=where, path=path, up=up, option=option)


def write(file: Path, source: str, *, force: bool = False) -> list[str]:
    """Put it into the app's folder, executable; what a person should know. One that is not ours is left alone."""
    target = file.parent / source / NAME
    shown = target.relative_to(file.parent).as_posix()
    if not target.parent.is_dir() or (target.exists() and not (force and MARK in _read(target))):
        why = "is there already" if target.exists() else "has no folder"
        return [f"{shown} {why}: it was left alone"]
    temporary = target.with_name(f".{NAME}.{os.getpid()}")
    try:
        temporary.write_text(text(file, source), encoding="utf-8")
        temporary.chmod(0o755)
        temporary.replace(target)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise UsageError(f"{shown} cannot be written", why=error.strerror or str(error)) from None
    return [f"{shown} is written: ./{shown} deploy, rollback, status, logs, health"]


def only(file: Path, *, force: bool, as_json: bool, quiet: bool) -> None:
    """`turnout init --deploy-sh`: nothing but the script, for the app of a turnout.toml that is there."""
    from turnout import config

    notes = write(file, config.load(file, file.parent).source, force=force)
    if as_json:
        from turnout.cli import jsonlines

        jsonlines.write({"file": str(file), "choices": {}, "notes": notes})
    elif not quiet:
        say([("", note) for note in notes])


def _read(path: Path) -> str:
    return path.read_text("utf-8", "replace")
