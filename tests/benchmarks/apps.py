"""What is deployed: the sample, and the same with as many files in node_modules as large apps have."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from dataclasses import dataclass

from tests.support.site import Site

MANY = ("core-js@3.46.0", "date-fns@4.1.0", "rxjs@7.8.2")
"""11,289 files: with the sample's own 6,755 files and 240 MB they make 18,000 and 270 MB."""


@dataclass(frozen=True)
class App:
    """`add` makes it from the sample in a site's repository."""

    name: str
    add: Callable[[Site], None] = lambda site: None


def lock(site: Site, *packages: str) -> None:
    """Write the lock file anew, with these versions, and commit."""
    words = ["npm", "install", "--package-lock-only", "--save-exact", *packages]
    subprocess.run(
        words, cwd=site.repo / "backend", env=site._deployer_env(), check=True, capture_output=True
    )
    site.commit({}, f"Take {' '.join(packages)}")


APPS = {"sample": App("sample"), "large": App("large", lambda site: lock(site, *MANY))}
