"""The door loads what its role needs and no more: a zipapp is compiled at every start."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

START = """
import json, sys
from turnout_host.__main__ import main
try:
    main()
except BaseException:
    pass
loaded = [name for name in sys.modules if name.startswith("turnout_host.")]
print(json.dumps(loaded), file=open("loaded.json", "w"))
"""


@pytest.mark.parametrize(
    "words, needed, needless",
    [
        (["pointsman", "app", "9", "1"], "pointsman", {"server", "calls"}),
        (["pointsman-worker", "app", "9", "1"], "pointsman", {"server", "calls"}),
        (["boot", "app"], "recovery", {"server", "calls"}),
        (["parse-dotenv"], "dotenv", {"server", "calls", "pointsman"}),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_a_role_loads_its_own_part(words: list[str], needed: str, needless: set[str], tmp_path: Path) -> None:
    """The pointsman is started twice in every switch, while users wait for the new release."""
    argv = [sys.executable, "-c", START, *words]
    subprocess.run(argv, capture_output=True, check=True, stdin=subprocess.DEVNULL, cwd=tmp_path)
    loaded = {name.split(".")[1] for name in json.loads((tmp_path / "loaded.json").read_text())}
    assert needed in loaded
    assert not needless & loaded
