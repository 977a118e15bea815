"""How asyncssh is loaded."""

from __future__ import annotations

import subprocess
import sys

import pytest

WATCHED = """
import sys
sys.addaudithook(lambda event, args: event in ("subprocess.Popen", "os.system") and print(args[0]))
import %s
"""
USERS = ["ssh", "identity", "known_hosts", "keyfile", "sshconfig", "refusals"]


@pytest.mark.parametrize("module", [f"turnout.hosts.{name}" for name in USERS])
def test_loading_asyncssh_starts_no_process(module: str) -> None:
    """By itself it would ask ldconfig, gcc and ld for libraries that Turnout has no use for, in every command."""
    code = WATCHED % module
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == ""


def test_the_search_for_libraries_works_as_before() -> None:
    """For everybody else in the process."""
    code = "import ctypes.util as u; before = u.find_library; import turnout.hosts.ssh; assert u.find_library is before"
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("host, loaded", [("203.0.113.5", True), ("local", False)])
def test_only_hosts_behind_ssh_load_its_library(host: str, loaded: bool) -> None:
    """It is loaded beforehand, by a thread, and takes longer than all else."""
    code = "import sys; from turnout.hosts import load; from turnout.model import Address;"
    code += "load([Address(sys.argv[1])]); print('asyncssh' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code, host], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str(loaded)
