from __future__ import annotations

import io
import os
import subprocess
import sys
import zipfile
from pathlib import Path

from tests.support.standin import standin
from turnout.hosts.zipapp import packed


def test_the_same_sources_give_the_same_bytes(tmp_path: Path) -> None:
    """Neither the folder nor the times of the files are part of the digest."""
    one, two = standin(tmp_path / "one"), standin(tmp_path / "two")
    for file in (tmp_path / "two").rglob("*.py"):
        os.utime(file, (1, 1))
    assert one == two


def test_another_source_gives_another_digest(tmp_path: Path) -> None:
    """One changed letter is another program."""
    assert standin(tmp_path / "one", "a = 1\n").digest != standin(tmp_path / "two", "a = 2\n").digest


def test_only_python_files_travel() -> None:
    """Caches and settings of tools stay at home; the entry point is at the root."""
    names = zipfile.ZipFile(io.BytesIO(packed().content)).namelist()
    assert names[0] == "__main__.py"
    assert all(name.endswith(".py") for name in names)
    assert "turnout_host/protocol.py" in names
    assert names[1:] == sorted(names[1:])


def test_packing_does_not_import_the_host_program() -> None:
    """The two programs share no code (DESIGN 8)."""
    code = "import sys; from turnout.hosts.zipapp import packed; packed(); sys.exit('turnout_host' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_packed_program_runs(tmp_path: Path) -> None:
    """python3 can execute what was packed."""
    program = tmp_path / "host.pyz"
    program.write_bytes(packed().content)
    done = subprocess.run(
        [sys.executable, "-I", program, "nonsense"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "usage" in done.stderr
