"""Neither program's memory grows with the size of what is sent, and with the number of files only a little."""

from __future__ import annotations

import hashlib
import json
import random
import subprocess
import sys
import tracemalloc
from collections.abc import Callable, Iterator
from itertools import count as count_from
from pathlib import Path

import pytest

from tests.sending import kept, packed, upload
from turnout.artifact import patch, tree
from turnout_host import manifest as host_manifest
from turnout_host import stamps
from turnout_host.digests import Digests
from turnout_host.host import Host

HOST, DEPLOYER = 64 << 20, 200 << 20
"""Bytes that each may take."""
BIG = 300 << 20
MANY = 100_000
EACH, BUFFER = 300, 1 << 20
"""Bytes that the host may remember of a file: a list of entries takes 330; what it reads at once to hash one."""

PROGRAM = """
from {package} import memory

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


def test_a_file_of_300_mb_fits_into_little_memory(tmp_path: Path) -> None:
    """One that is many times longer than both limits, beside patches of the greatest length there is."""
    long = random.Random(1).randbytes(patch.LIMIT)
    kept(tmp_path / "old", {"long.js": long, "other.js": long[::-1]})
    kept(tmp_path / "new", {"long.js": b"x" + long[:-1], "other.js": long[:0:-1] + b"x"})
    with (tree.folder_of(tmp_path / "new") / "big").open("wb") as file:
        file.write(random.Random(2).randbytes(60 << 20))
        file.truncate(BIG)
    tree.seal(tmp_path / "new")
    found = sent(tmp_path)
    assert found["stored"] == 4 * patch.LIMIT + BIG
    assert found["host"] < HOST
    assert found["deployer"] < DEPLOYER


def test_a_tree_of_100_000_files_fits_into_little_memory(tmp_path: Path) -> None:
    """Two manifests of 12 MB, the second as a patch on the first; all contents are lacking."""
    for name, edited in (("old", 0), ("new", MANY // 10)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "manifest").write_text("".join(listed(MANY, edited)))
    found = sent(tmp_path)
    assert found["host"] < HOST
    assert found["deployer"] < DEPLOYER


def test_a_host_remembers_little_of_each_file(tmp_path: Path) -> None:
    """To lay a tree, to compare it and to look for what is hurt takes far less than its list of entries would."""
    count, host = 2000, Host(str(tmp_path / "app"))
    tree_ = kept(tmp_path / "tree", {f"folder-{i // 50}/file-{i}.js": b"%d" % i for i in range(count)})
    upload(host, [packed(host, tree_)])
    folder, digests, numbers = host.layout.release("v1"), Digests(host.layout), count_from(1)
    looks: dict[str, Callable[[], object]] = {
        "lay": lambda: host.store.lay(
            host.store.manifest(tree_.digest), host.layout.release(f"v{next(numbers)}")
        ),
        "compare": lambda: host.store.verify(host.store.manifest(tree_.digest), folder),
        "stamp": lambda: stamps.look(folder),
        "verify": lambda: (list(digests.hurt()), digests.tree(tree_.digest, folder, ())),
        "unsound": lambda: host.store.unsound(
            map(host_manifest.name, host_manifest.blobs(host.store.manifest(tree_.digest)))
        ),
    }
    # the smaller of two: threads that other tests left in this process remember things, too
    took = {name: (min(taken(look), taken(look)) - BUFFER) / count for name, look in looks.items()}
    assert {name: size for name, size in took.items() if size > EACH} == {}


@pytest.mark.parametrize("package", ["turnout_host", "turnout.hosts"])
def test_a_long_text_is_given_back_though_a_longer_one_was_freed_before(package: str) -> None:
    """And though something that stays lies behind it: of 20 MB none is kept (glibc alone would keep them)."""
    program = PROGRAM.format(package=package)
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert int(ran.stdout) < 10


def sent(folder: Path) -> dict[str, int]:
    """Upload `old` and `new` in processes of their own: peaks of memory in bytes."""
    words = [
        sys.executable,
        "-m",
        "tests.support.bulk",
        *(str(folder / name) for name in ("old", "new", "app")),
    ]
    ran = subprocess.run(words, cwd=Path(__file__).parents[1], capture_output=True, text=True, check=True)
    return dict(json.loads(ran.stdout))


def listed(count: int, edited: int) -> Iterator[str]:
    """Lines of a manifest like that of node_modules; its first `edited` files are others."""
    yield "d\tnode_modules\n"
    for number in range(count):
        package = f"node_modules/package-{number // 100:04d}"
        if number % 100 == 0:
            yield f"d\t{package}\nd\t{package}/dist\n"
        sha = hashlib.sha256(b"%d %d" % (number, number < edited)).hexdigest()
        yield f"f\t644\t{sha}\t{1000 + number}\t{package}/dist/file-{number:06d}.d.ts\n"


def taken(work: Callable[[], object]) -> int:
    """Bytes of Python's memory at the peak of this."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
