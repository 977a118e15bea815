from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from turnout.builder import versions
from turnout.errors import UsageError

REGISTRY = [
    "0.12.18",
    "18.20.8",
    "20.1.0",
    "20.1.9",
    "20.11.1",
    "20.20.2",
    "21.7.3",
    "22.9.0",
    "23.1.0",
    "24.0.0-rc.1",
]


@pytest.mark.parametrize(
    "spec, expected",
    [
        ("20", ["20.1.0", "20.1.9", "20.11.1", "20.20.2"]),
        ("v20", ["20.1.0", "20.1.9", "20.11.1", "20.20.2"]),
        ("20.x", ["20.1.0", "20.1.9", "20.11.1", "20.20.2"]),
        ("20.1", ["20.1.0", "20.1.9"]),
        ("20.1.9", ["20.1.9"]),
        ("=20.1.9", ["20.1.9"]),
        ("^20.11", ["20.11.1", "20.20.2"]),
        ("~20.1.5", ["20.1.9"]),
        ("~20", ["20.1.0", "20.1.9", "20.11.1", "20.20.2"]),
        ("^0.12.3", ["0.12.18"]),
        (">= 21", ["21.7.3", "22.9.0", "23.1.0"]),
        (">=20.11.1 <22", ["20.11.1", "20.20.2", "21.7.3"]),
        (">20 <=22", ["21.7.3", "22.9.0"]),
        ("18 - 20.1", ["18.20.8", "20.1.0", "20.1.9"]),
        ("^18 || >=23", ["18.20.8", "23.1.0"]),
        (">=24 <20", []),
        ("*", REGISTRY[:-1]),
        ("", REGISTRY[:-1]),
    ],
)
def test_ranges(spec, expected):
    """Ranges mean what they mean to npm; pre-releases never count."""
    assert [version for version in REGISTRY if versions.satisfies(version, versions.parse(spec))] == expected


@pytest.mark.parametrize("spec", ["lts/*", "latest", "20.1.3-rc.1", "20;rm", ">=", "20 | 22", "node 20"])
def test_what_is_no_range_is_the_users_error(spec):
    """Aliases are not ranges: the answer shows what is."""
    with pytest.raises(UsageError, match="not a version or range"):
        versions.parse(spec)


@pytest.mark.parametrize(
    "spec, host, own, kept, newest, version",
    [
        ("20", "20.1.0", "20.20.2", "20.11.1", None, "20.1.0"),  # the host's comes first
        ("20", "18.20.8", "20.20.2", "20.11.1", None, "20.20.2"),  # it does not satisfy
        ("20", None, "v20.20.2", None, None, "20.20.2"),
        ("20", None, "22.9.0", "20.11.1", REGISTRY, "20.11.1"),  # asked once, and then kept
        ("20", None, "22.9.0", None, REGISTRY, "20.20.2"),
        ("20", None, None, None, None, None),  # only the registry could tell
        ("20.1.3", "20.1.0", "20.20.2", None, None, "20.1.3"),  # exact: nobody is asked
        (">=20", None, None, None, REGISTRY, "22.9.0"),  # an even major before a newer odd one
        (">=23", None, None, None, REGISTRY, "23.1.0"),
    ],
)
def test_the_order_of_the_choice(spec, host, own, kept, newest, version):
    """What the host runs, else the deployer's own, else what was kept, else the newest (DESIGN 7)."""
    choice = versions.resolve(spec, host, own, kept, newest)
    assert (choice and choice.version) == version
    assert choice is None or choice.why


def test_a_range_that_nothing_satisfies_is_refused():
    """After the registry was asked there is no one else."""
    with pytest.raises(UsageError, match="no Node that satisfies '>=99'"):
        versions.resolve(">=99", "20.1.0", None, None, REGISTRY)


@pytest.mark.parametrize(
    "configured, package, spec",
    [
        ("20", {"engines": {"node": ">=18"}}, "20"),
        (None, {"engines": {"node": ">=18"}}, ">=18"),
        (None, {"engines": {"npm": "10"}}, "*"),
        (None, {"engines": []}, "*"),
        (None, {}, "*"),
    ],
)
def test_where_the_range_comes_from(configured, package, spec):
    """turnout.toml, else package.json's engines, else any."""
    assert versions.wanted(configured, package) == spec


FIELD = st.integers(0, 3).map(str)
PARTIAL = st.builds(
    lambda fields, tail: ".".join(fields) + tail,
    st.lists(FIELD, min_size=1, max_size=3),
    st.sampled_from(["", ".x"]),
)
TERM = st.builds(
    lambda operator, rest: operator + rest,
    st.sampled_from(["", ">=", "<=", ">", "<", "^", "~", "="]),
    PARTIAL,
)
RANGE = st.one_of(
    st.lists(TERM, min_size=1, max_size=2).map(" ".join), st.tuples(PARTIAL, PARTIAL).map(" - ".join)
)


@given(spec=st.lists(RANGE, min_size=1, max_size=2).map(" || ".join))
def test_any_range_is_read_or_refused(spec):
    """No input ends in another exception; spans that overlap nothing satisfy nothing."""
    try:
        spans = versions.parse(spec)
    except UsageError:
        return
    for version in ("0.0.0", "1.2.3", "3.3.3"):
        assert versions.satisfies(version, spans) == any(
            low <= versions.number(version) < high for low, high in spans
        )


@pytest.mark.integration
def test_ranges_agree_with_npms_own_semver(tmp_path):
    """Many ranges on a grid of versions, judged by the semver package inside npm."""
    npm = shutil.which("npm")
    assert npm
    semver = Path(npm).resolve().parent.parent / "node_modules/semver"
    fields = [
        "0",
        "1",
        "2",
        "0.0",
        "0.1",
        "1.0",
        "1.2",
        "0.0.0",
        "0.0.2",
        "0.1.2",
        "1.0.0",
        "1.2.1",
        "1.x",
        "0.x",
        "x",
        "*",
    ]
    specs = [operator + field for operator in ("", ">=", "<=", ">", "<", "^", "~", "=") for field in fields]
    specs += [f"{a} - {b}" for a in fields[:12] for b in fields[:12]] + [">=0.1 <1.2", "^0.1 || 2", ">1 <2"]
    grid = [f"{a}.{b}.{c}" for a in range(3) for b in range(3) for c in range(3)]
    script = (
        f"const s=require({json.dumps(str(semver))});const [p,g]=JSON.parse(require('fs').readFileSync(0));"
    )
    script += "console.log(JSON.stringify(p.map(r=>g.filter(v=>s.satisfies(v,r)))))"
    out = subprocess.run(
        ["node", "-e", script], input=json.dumps([specs, grid]), capture_output=True, text=True, check=True
    )
    for spec, expected in zip(specs, json.loads(out.stdout), strict=True):
        assert [
            version for version in grid if versions.satisfies(version, versions.parse(spec))
        ] == expected, spec
