"""Those outside of this screen who are told how a deployment goes; they never make one fail."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from turnout import text
from turnout.events import Bus


@contextmanager
def told(bus: Bus) -> Iterator[None]:
    """Let GitHub listen where the surroundings name a repository and a token; what went wrong with it is said."""
    courier = None
    if os.environ.get("GITHUB_TOKEN") and os.environ.get("GITHUB_REPOSITORY"):
        from turnout.notifiers import github

        courier = github.listener(os.environ)
        bus.listen(courier.feed)
    try:
        yield
    finally:
        for problem in courier.close() if courier else ():
            print(f"note: {text.harmless(problem)}", file=sys.stderr, flush=True)
