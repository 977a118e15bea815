"""What is deployed in a benchmark is the same each time."""

from __future__ import annotations

import io
import tarfile
import time

import pytest

from tests.benchmarks import apps


def test_the_large_apps_package_is_the_same_at_any_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else its digest in the lock file, and with it the layer's key, would differ from run to run."""
    monkeypatch.setattr(apps, "FILES", 3)
    monkeypatch.setattr(time, "time", lambda: 1.0e9)
    once = apps.filler()
    monkeypatch.setattr(time, "time", lambda: 1.1e9)

    assert apps.filler() == once
    with tarfile.open(fileobj=io.BytesIO(once)) as tar:
        assert tar.getnames()[:2] == ["package/package.json", "package/lib/000/00000.js"]
