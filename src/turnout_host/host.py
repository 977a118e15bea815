"""What one run of the host program holds: layout, lease, journal, store; and the typed way to a request's arguments."""

from __future__ import annotations

import threading
import traceback
from typing import Any, Callable, Dict, List, Optional, Tuple

from turnout_host.errors import HostError, UsageError
from turnout_host.journal import Journal
from turnout_host.layout import DIGEST, Layout
from turnout_host.lease import Lease
from turnout_host.notes import Notes
from turnout_host.pointsman import Pointsman
from turnout_host.sample import Sampler
from turnout_host.store import Store

Say = Callable[[Dict[str, Any]], None]


class Host:
    """One app on this host, as one deployer's connection sees it."""

    def __init__(self, path: str) -> None:
        self.layout = Layout(path)
        self.layout.prepare()
        self.lease = Lease(self.layout)
        self.journal = Journal(self.layout, self.lease.check)
        self.store = Store(self.layout)
        self.deployment: Optional[str] = None
        self.leaving = threading.Event()
        """Set when the deployer is gone: nobody reads along any more."""
        self.pointsman: Optional[Pointsman] = None
        self.notes: Optional[Notes] = None
        self.sampler = Sampler(self.layout)
        self.keys_before: Optional[Tuple[bytes, bytes]] = None
        self.later: List[Callable[[], None]] = []
        """What a call leaves for after its answer, which does not wait for it; the next call does."""

    def do_later(self) -> None:
        """Do what was left for later. Nobody is told how it went, so nothing may depend on it."""
        later, self.later = self.later, []
        for act in later:
            try:
                act()
            except (HostError, OSError):
                pass
            except Exception:  # noqa: BLE001 - a bug here must not end the thread that answers
                traceback.print_exc()


class Args:
    """The arguments of a request, checked at the border: a wrong type is a UsageError, never a surprise further in."""

    def __init__(self, values: Dict[str, Any]) -> None:
        self.values = values

    def text(self, key: str, limit: int = 1 << 16) -> str:
        """A string of at most `limit` characters."""
        value = self.values.get(key)
        if not isinstance(value, str) or len(value) > limit:
            raise UsageError(f"{key} must be a text")
        return value

    def digest(self, key: str) -> str:
        """A SHA-256 in hexadecimal digits."""
        value = self.text(key)
        if not DIGEST.match(value):
            raise UsageError(f"{key} must be a digest")
        return value

    def optional(self, key: str) -> Optional[str]:
        """A string, or None."""
        return None if self.values.get(key) is None else self.text(key)

    def texts(self, key: str) -> List[str]:
        """A list of strings; an absent one is empty."""
        value = self.values.get(key) or []
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise UsageError(f"{key} must be a list of texts")
        return list(value)

    def table(self, key: str) -> Dict[str, Any]:
        """An object; an absent one is empty."""
        value = self.values.get(key) or {}
        if not isinstance(value, dict):
            raise UsageError(f"{key} must be an object")
        return value

    def number(self, key: str, default: float = 0.0) -> float:
        """A number that is not negative."""
        value = self.values.get(key, default)
        if isinstance(value, bool) or not isinstance(value, (int, float)) or value < 0:
            raise UsageError(f"{key} must be a number")
        return float(value)

    def flag(self, key: str) -> bool:
        """A yes or no; an absent one is no."""
        return self.values.get(key) is True
