"""The app's deploy.sh, for `VPS_HOST=… ./backend/deploy.sh rollback` of the spec: it hands all to turnout."""

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
{mark}. It hands everything to turnout, which reads {up}/{config}.
#   deploy.sh [deploy|rollback|status|logs|health] [ENVIRONMENT] [OPTIONS]
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

CDPATH='' cd -- "$(dirname -- "$0")"/{up}
exec turnout "$command"{option} "$@"
"""


def text(file: Path, folder: Path) -> str:
    """The script in the app's `folder` for a turnout.toml."""
    up = Path(os.path.relpath(file.parent, folder)).as_posix()
    option = "" if file.name == "turnout.toml" else f" -c {shlex.quote(file.name)}"
    return TEXT.format(mark=MARK, config=file.name, up=shlex.quote(up), option=option)


def write(file: Path, folder: Path, *, force: bool = False) -> list[str]:
    """Put it into the app's folder, executable; what a person should know. One that is not ours is left alone."""
    target = folder / NAME
    shown = Path(os.path.relpath(target, file.parent)).as_posix()
    if target.exists() and not (force and MARK in target.read_text("utf-8", "replace")):
        return [f"{shown} is there already: it was left alone"]
    temporary = target.with_name(f".{NAME}.{os.getpid()}")
    try:
        temporary.write_text(text(file, folder), encoding="utf-8")
        temporary.chmod(0o755)
        temporary.replace(target)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise UsageError(f"{shown} cannot be written", why=error.strerror or str(error)) from None
    return [f"{shown} is written, for people: deploy, rollback, status, logs, health"]


def only(file: Path, *, force: bool, as_json: bool, quiet: bool) -> None:
    """`turnout init --deploy-sh`: nothing but the script, for the app of a turnout.toml that is there."""
    from turnout import config

    source = config.load(file, file.parent).source
    above = [file.parent, *file.parent.resolve().parents]
    folder = next((one / source for one in above if (one / source).is_dir()), None)
    if folder is None:
        raise UsageError(f"there is no folder {source}", where=file.name, remedy="correct `source` in it")
    notes = write(file, folder, force=force)
    if as_json:
        from turnout.cli import jsonlines

        jsonlines.write({"file": str(file), "choices": {}, "notes": notes})
    elif not quiet:
        say([("", note) for note in notes])
