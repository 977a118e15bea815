"""What was held once does not count for the rest of the run."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import sys
from turnout_host import memory

def resident():
    return int(next(line for line in open("/proc/self/status") if line.startswith("VmRSS")).split()[1]) >> 10

memory.give_back()
before = resident()
longest = b"x" * (30 << 20)
del longest
text = b"x" * (20 << 20)
behind = [b"y" * 100_000 for _ in range(20)]
del text
print(resident() - before)
"""


def test_a_long_text_is_given_back_though_a_longer_one_was_freed_before() -> None:
    """And though something that stays lies behind it: of 20 MB none is kept (glibc alone would keep them)."""
    ran = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    assert int(ran.stdout) < 10
