"""The door: runs a command and turns whatever happens into one clear block and an exit code."""

from __future__ import annotations

import gc
import sys
from collections.abc import Sequence

from turnout.errors import Cancelled, TurnoutError

GARBAGE = 100_000
"""New objects after which Python looks for garbage among them: at its usual 700 a sixth of a command's start goes into
looking through the modules that are loaded, where there is none."""


def main() -> None:
    """The `turnout` program."""
    gc.set_threshold(GARBAGE)
    from turnout.cli import readers
    from turnout.cli.workflow import guarded

    readers.begin()
    with guarded():
        code = run(sys.argv[1:])
        readers.settle()
    sys.exit(code)


def run(arguments: Sequence[str]) -> int:
    """Carry out one command line and give its exit code (DESIGN 7)."""
    from turnout.cli import block, readers

    show = readers.outlasted(block.show)

    try:
        return _command(arguments)
    except TurnoutError as error:
        show(block.Block.of(error))
        return error.exit_code
    except BrokenPipeError:
        return TurnoutError.exit_code  # nobody reads any more
    except KeyboardInterrupt:
        show(block.Block("stopped"))
        return Cancelled.exit_code
    except Exception as error:  # noqa: BLE001 - the last one who can tell people
        from turnout.cli import crash

        show(block.Block.of(crash.report(error)))
        return TurnoutError.exit_code


def _command(arguments: Sequence[str]) -> int:
    from turnout.cli.app import app

    try:
        app(args=list(arguments), prog_name="turnout")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 0 if end.code is None else 1
    return 0


if __name__ == "__main__":
    main()
