"""Whoever reads may go away (`| head`, a push that was stopped, a full disk below a log): no deployment fails by it.

What is written afterwards goes to nowhere; else Python would try it once more at its end, and exit with 120.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import ParamSpec, TextIO

Given = ParamSpec("Given")


def forget(stream: TextIO) -> None:
    """Let a stream that nobody reads lead to nowhere."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


def begin() -> None:
    """Streams that were closed from the start (`2>&-`) lead to nowhere: else the next file would take their number."""
    for name in ("stdin", "stdout", "stderr"):
        if getattr(sys, name) is None:
            nowhere = os.open(os.devnull, os.O_RDWR)
            setattr(sys, name, os.fdopen(nowhere, "r" if name == "stdin" else "w"))


def settle() -> None:
    """Write what is left in both streams, and forget the one where that fails."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            forget(stream)


def outlasted(show: Callable[Given, None]) -> Callable[Given, None]:
    """The same function, which no longer fails when it cannot write."""

    def showing(*given: Given.args, **named: Given.kwargs) -> None:
        try:
            show(*given, **named)
        except OSError:
            settle()

    return showing
