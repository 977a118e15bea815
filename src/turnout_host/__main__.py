"""The door of the host program: `serve` for a deployer, `pointsman` for a switch, `boot` for a boot.

`parse-dotenv` is for the deployer's own machine, so that there is one reader of dotenvs only.
"""

from __future__ import annotations

import sys


def main() -> int:
    """Dispatch on the first word; only our own programs call this, so a wrong call is one line.

    Each loads its own part only: the calls of `serve` are half of the program.
    """
    words = sys.argv[1:]
    if len(words) == 2 and words[0] == "serve":
        from turnout_host import server

        return server.serve(words[1])
    if len(words) == 2 and words[0] == "boot":
        from turnout_host import recovery

        return recovery.at_boot(words[1])
    if len(words) == 4 and words[0] in ("pointsman", "pointsman-worker"):
        from turnout_host import pointsman

        act = pointsman.parent if words[0] == "pointsman" else pointsman.worker
        return act(words[1], int(words[2]), int(words[3]))
    if words == ["parse-dotenv"]:
        from turnout_host import dotenv

        return dotenv.parse_stdin()
    sys.stderr.write("usage: turnout_host serve PATH | boot PATH\n")
    return 2


if __name__ == "__main__":
    sys.exit(main())
